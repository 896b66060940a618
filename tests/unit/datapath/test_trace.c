// What a trace says of packets on their way.
#include "datapath/trace.h"

#include "fake_guest.h"
#include "pmd_fixture.h"

#include "datapath/meter.h"

#include <errno.h>

static struct trace *trace;

static int up(void **state)
{
	int err = fixture_up(state);

	traces_init(fx.rcu);
	meters_init(fx.rcu);
	trace = NULL;
	return err;
}

static int down(void **state)
{
	if (trace)
		trace_stop(trace);
	meters_fini();
	return fixture_down(state);
}

static void start(unsigned count)
{
	assert_int_equal(trace_start(&fx.ports[1].port, count, &trace), 0);
}

static void forward(void)
{
	while (forward_rx(fx.pmd, &fx.poll))
		;
}

// The record of the only packet, which came with UDP port 1000 and 100 bytes.
static const struct dp_trace_packet *traced(void)
{
	const struct dp_trace_packet *packet;
	struct rte_mbuf *m = packet_udp(1000, 100);

	start(1);
	receive(m);
	forward();
	packet = trace_packet(trace, 0);
	assert_non_null(packet);
	assert_false(packet->cut);
	return packet;
}

static void wants_event(const struct dp_trace_event *event, enum dp_trace_event_kind kind,
			uint32_t port_no, const char *reason)
{
	assert_int_equal(event->kind, kind);
	assert_int_equal(event->port_no, port_no);
	assert_string_equal(event->reason, reason);
	assert_int_equal(event->n, 1);
}

// The packet ended in one way only.
static void wants_end(const struct dp_trace_packet *packet, enum dp_trace_event_kind kind,
		      uint32_t port_no, const char *reason)
{
	assert_int_equal(packet->n_events, 1);
	wants_event(&packet->events[0], kind, port_no, reason);
}

static void a_hit_is_told_with_its_megaflow_and_outputs(void **state)
{
	const struct dp_trace_packet *packet;
	const struct dp_trace_step *step;
	struct rte_mbuf *m = packet_udp(1000, 100);

	(void)state;
	install(0, 1000, ACTIONS(OUTPUT(2), SET_DST(0x22), OUTPUT(3)));
	packet = traced();
	assert_int_equal(packet->port_no, 1);
	assert_int_equal(packet->index, 0);
	assert_int_equal(packet->frame_len, 100);
	assert_int_equal(packet->captured_len, 100);
	assert_memory_equal(packet->frame, rte_pktmbuf_mtod(m, void *), 100); // as it came in
	rte_pktmbuf_free(m);
	assert_int_equal(packet->n_steps, 1);
	step = &packet->steps[0];
	assert_true(step->hit);
	assert_int_equal(step->key.in_port, 1);
	assert_int_equal(step->key.tp_src_be, htons(1000));
	assert_int_equal(step->key.tp_dst_be, htons(53));
	assert_int_equal(step->match.key.tp_src_be, htons(1000));
	assert_int_equal(step->match.mask.tp_src_be, UINT16_MAX);
	assert_int_equal(step->match.mask.tp_dst_be, 0);
	assert_int_equal(step->n_actions, 3);
	assert_int_equal(step->actions[1].type, ACTION_SET_ETH);
	assert_int_equal(step->actions[2].u.port, 3);
	assert_int_equal(packet->n_events, 2);
	wants_event(&packet->events[0], DP_TRACE_OUTPUT, 2, "");
	wants_event(&packet->events[1], DP_TRACE_OUTPUT, 3, "");
	assert_sent(2, 1);
	assert_sent(3, 1);
}

static void a_plain_output_is_told_too(void **state)
{
	const struct dp_trace_packet *packet;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(4)));
	packet = traced();
	assert_int_equal(packet->steps[0].n_actions, 1);
	assert_int_equal(packet->steps[0].actions[0].u.port, 4);
	wants_end(packet, DP_TRACE_OUTPUT, 4, "");
	assert_sent(4, 1);
}

static void a_miss_is_told_as_an_upcall(void **state)
{
	const struct dp_trace_packet *packet = traced();
	struct rte_mbuf *m;

	(void)state;
	assert_int_equal(packet->n_steps, 1);
	assert_false(packet->steps[0].hit);
	assert_int_equal(packet->steps[0].key.tp_src_be, htons(1000));
	wants_end(packet, DP_TRACE_UPCALL, 1, "");
	assert_int_equal(upcall_drain(&m, 1, true), 1);
	rte_pktmbuf_free(m);
}

static void a_miss_without_a_controller_is_a_drop(void **state)
{
	(void)state;
	upcall_set_attached(false);
	wants_end(traced(), DP_TRACE_DROP, 1, "no-controller");
}

static void a_flow_that_drops_is_told(void **state)
{
	const struct dp_trace_packet *packet;

	(void)state;
	install(0, 0, flow_actions_alloc(0));
	packet = traced();
	assert_true(packet->steps[0].hit);
	assert_int_equal(packet->steps[0].n_actions, 0);
	wants_end(packet, DP_TRACE_DROP, 1, "flow-drop");
}

static void a_port_that_is_down_is_told(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2)));
	fx.ports[2].room = 0;
	fx.ports[2].refusal = DROP_PORT_DOWN;
	wants_end(traced(), DP_TRACE_DROP, 2, "port-down");
}

static void a_port_that_is_gone_is_told(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(OUTPUT(77)));
	wants_end(traced(), DP_TRACE_DROP, 1, "no-such-port");
}

static void a_frame_that_is_too_long_for_its_output_is_told(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2)));
	fx.ports[2].port.max_frame = 99;
	wants_end(traced(), DP_TRACE_DROP, 2, "mtu");
}

static void an_action_that_does_not_fit_is_told(void **state)
{
	struct action set = {.type = ACTION_SET_IPV6};

	(void)state;
	install(0, 0, ACTIONS(set, OUTPUT(2)));
	wants_end(traced(), DP_TRACE_DROP, 1, "action-invalid");
}

static void a_meter_that_drops_is_told(void **state)
{
	const struct action meter = {.type = ACTION_METER, .u.meter_id = 1};
	const struct dp_meter config = {
	    .id = 1,
	    .flags = DP_METER_KBPS,
	    .n_bands = 1,
	    .bands = {{.type = OVS_METER_BAND_TYPE_DROP, .rate = 1, .burst = 1}}};

	(void)state;
	assert_int_equal(meter_set(0, &config), 0);
	install(0, 0, ACTIONS(meter, OUTPUT(2)));
	receive(packet_udp(1, 1000)); // more than the burst, for seconds
	forward();
	wants_end(traced(), DP_TRACE_DROP, 1, "meter");
	assert_sent(2, 1);
}

static void a_malformed_frame_has_no_lookup(void **state)
{
	const struct dp_trace_packet *packet;
	uint8_t bytes[13] = {0};

	(void)state;
	start(1);
	receive(packet_make(bytes, sizeof bytes));
	forward();
	packet = trace_packet(trace, 0);
	assert_int_equal(packet->frame_len, 13);
	assert_int_equal(packet->n_steps, 0);
	wants_end(packet, DP_TRACE_DROP, 1, "malformed");
}

static void each_recirculation_is_a_step(void **state)
{
	const struct dp_trace_packet *packet;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2), RECIRC(5), RECIRC(6)));
	install(5, 0, ACTIONS(OUTPUT(3)));
	install(6, 0, flow_actions_alloc(0));
	packet = traced();
	assert_int_equal(packet->n_steps, 3);
	assert_int_equal(packet->steps[0].key.recirc_id, 0);
	assert_int_equal(packet->steps[1].key.recirc_id, 5);
	assert_int_equal(packet->steps[1].match.key.recirc_id, 5);
	assert_int_equal(packet->steps[2].key.recirc_id, 6);
	assert_int_equal(packet->n_events, 3);
	assert_sent(2, 1);
	assert_sent(3, 1);
}

static void too_many_recirculations_are_told(void **state)
{
	const struct dp_trace_packet *packet;

	(void)state;
	install(0, 0, ACTIONS(RECIRC(5)));
	install(5, 0, ACTIONS(RECIRC(5)));
	start(1);
	receive(packet_udp(1000, 100));
	forward();
	packet = trace_packet(trace, 0);
	assert_int_equal(packet->n_steps, DP_TRACE_STEPS_MAX);
	assert_true(packet->cut);
	wants_end(packet, DP_TRACE_DROP, 1, "recirculation-limit");
}

static void what_is_more_than_a_record_holds_is_cut(void **state)
{
	static struct action list[100];
	const struct dp_trace_packet *packet;

	(void)state;
	for (unsigned i = 0; i < 100; i++) // two ports in turn, so that no events are one
		list[i] = (struct action)OUTPUT(i % 2 ? 77 : 78);
	list[99] = (struct action)OUTPUT(2);
	install(0, 0, actions_of(list, 100));
	start(1);
	receive(packet_udp(1000, 100));
	forward();
	packet = trace_packet(trace, 0);
	assert_true(packet->cut);
	assert_int_equal(packet->steps[0].n_actions, DP_TRACE_ACTIONS_MAX);
	assert_int_equal(packet->n_events, 2); // 99 drops, one output
	assert_int_equal(packet->events[0].n, 99);
	assert_sent(2, 1);
}

// A burst goes on as it would have: nothing is lost, nothing changes its place.
static void a_burst_that_is_traced_in_part_leaves_in_order(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2)));
	start(3);
	for (uint16_t i = 0; i < 10; i++)
		receive(packet_udp(i, 100));
	forward();
	for (uint16_t i = 0; i < 10; i++) {
		struct rte_mbuf *m = fake_port_sent(&fx.ports[2]);

		assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[35], i);
		rte_pktmbuf_free(m);
	}
	for (unsigned i = 0; i < 3; i++) {
		const struct dp_trace_packet *packet = trace_packet(trace, i);

		assert_int_equal(packet->index, i);
		assert_int_equal(packet->steps[0].key.tp_src_be, htons((uint16_t)i));
		wants_end(packet, DP_TRACE_OUTPUT, 2, "");
	}
	assert_null(trace_packet(trace, 3));
	assert_int_equal(fx.pmd->ports[1].rx_packets, 10);
	assert_int_equal(fx.pmd->ports[1].rx_bytes, 1000);
	assert_int_equal(fx.pmd->ports[2].tx_packets, 10);
	assert_null(fx.pmd->trace);
}

static void packets_of_other_ports_are_not_traced(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2)));
	assert_int_equal(trace_start(&fx.ports[2].port, 1, &trace), 0);
	receive(packet_udp(1, 100));
	forward(); // out of the traced port, into another
	assert_null(trace_packet(trace, 0));
	assert_sent(2, 1);
}

static void a_lent_frame_is_kept_beyond_its_head(void **state)
{
	const struct dp_trace_packet *packet;
	struct rte_mbuf *m = packet_udp(7, 1000);
	uint8_t *bytes = rte_pktmbuf_mtod(m, uint8_t *);

	(void)state;
	for (unsigned i = 42; i < 1000; i++)
		bytes[i] = (uint8_t)(i * 7);
	fx.ports[1].port.kind = fx.ports[2].port.kind = &guest_kind;
	fx.poll.rx = guest_rx;
	fx.poll.rx_done = guest_rx_done;
	install(0, 0, ACTIONS(SET_DST(0x22), OUTPUT(2)));
	start(1);
	receive(rte_pktmbuf_copy(m, packet_pool(), 0, UINT32_MAX));
	forward_rx(fx.pmd, &fx.poll);
	packet = trace_packet(trace, 0);
	assert_int_equal(packet->frame_len, 1000);
	assert_int_equal(packet->captured_len, DP_TRACE_FRAME_MAX);
	assert_memory_equal(packet->frame, bytes, DP_TRACE_FRAME_MAX);
	wants_end(packet, DP_TRACE_OUTPUT, 2, "");
	rte_pktmbuf_free(m);
	assert_sent(2, 1);
}

static void traces_are_bounded(void **state)
{
	struct trace *others[TRACES_MAX], *more;
	struct port ports[TRACES_MAX + 1] = {{.no = 0}};

	(void)state;
	for (unsigned i = 0; i < TRACES_MAX; i++)
		assert_int_equal(trace_start(&ports[i], DP_TRACE_COUNT_MAX, &others[i]), 0);
	assert_int_equal(trace_start(&ports[0], 1, &more), -EBUSY);
	assert_int_equal(trace_start(&ports[TRACES_MAX], 1, &more), -ENOSPC);
	for (unsigned i = 0; i < TRACES_MAX; i++) {
		assert_true(trace_port_is_gone(others[i])); // none is in the table
		trace_stop(others[i]);
	}
	start(1);
	assert_false(trace_port_is_gone(trace));
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_hit_is_told_with_its_megaflow_and_outputs),
	    T(a_plain_output_is_told_too),
	    T(a_miss_is_told_as_an_upcall),
	    T(a_miss_without_a_controller_is_a_drop),
	    T(a_flow_that_drops_is_told),
	    T(a_port_that_is_down_is_told),
	    T(a_port_that_is_gone_is_told),
	    T(a_frame_that_is_too_long_for_its_output_is_told),
	    T(an_action_that_does_not_fit_is_told),
	    T(a_meter_that_drops_is_told),
	    T(a_malformed_frame_has_no_lookup),
	    T(each_recirculation_is_a_step),
	    T(too_many_recirculations_are_told),
	    T(what_is_more_than_a_record_holds_is_cut),
	    T(a_burst_that_is_traced_in_part_leaves_in_order),
	    T(packets_of_other_ports_are_not_traced),
	    T(a_lent_frame_is_kept_beyond_its_head),
	    T(traces_are_bounded),
	};

	return run_on_each_isa(tests, RTE_DIM(tests));
}
