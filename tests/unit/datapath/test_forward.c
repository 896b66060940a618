#include "datapath/forward.h"

#include "pmd_fixture.h"

#include <poll.h>

static uint16_t src_port(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, 34);

	return (uint16_t)(p[0] << 8 | p[1]);
}

static void an_empty_queue_costs_nothing(void **state)
{
	(void)state;
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 0);
	assert_int_equal(fx.pmd->stats.rx_bursts, 0);
}

static void misses_go_to_the_ring_in_order_and_wake_once(void **state)
{
	struct rte_mbuf *pkts[8];
	struct pollfd fd = {.fd = upcall_fd(), .events = POLLIN};
	uint64_t wakes;

	(void)state;
	assert_true(upcall_arm());
	for (uint16_t i = 0; i < 5; i++)
		receive(packet_udp(100 + i, 100));
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 5);
	assert_int_equal(poll(&fd, 1, 0), 1);
	assert_int_equal(read(fd.fd, &wakes, sizeof wakes), sizeof wakes);
	assert_int_equal(wakes, 1);
	assert_false(upcall_arm()); // something waits
	assert_int_equal(upcall_drain(pkts, 8, true), 5);
	for (uint16_t i = 0; i < 5; i++) {
		const struct packet_meta *meta = packet_meta(pkts[i]);

		assert_int_equal(src_port(pkts[i]), 100 + i);
		assert_int_equal(meta->in_port, 1);
		assert_int_equal(meta->recirc_id, 0);
		assert_int_equal(meta->layout.l4_ofs, 34);
		assert_false(meta->is_action);
	}
	rte_pktmbuf_free_bulk(pkts, 5);
	assert_int_equal(fx.pmd->stats.lookup.misses, 5);
	assert_true(upcall_arm());
}

static void misses_past_the_ring_drop_and_count(void **state)
{
	static struct rte_mbuf *pkts[2 * MISS_RING_SIZE];

	(void)state;
	for (unsigned i = 0; i < MISS_RING_SIZE + 10; i++)
		receive(packet_udp((uint16_t)i, 100));
	while (forward_rx(fx.pmd, &fx.poll))
		;
	assert_int_equal(drops_of(1, DROP_UPCALL_RING_FULL), 10);
	assert_int_equal(upcall_drain(pkts, 2 * MISS_RING_SIZE, true), MISS_RING_SIZE);
	rte_pktmbuf_free_bulk(pkts, MISS_RING_SIZE);
}

static void misses_leave_buffers_for_established_flows(void **state)
{
	unsigned n = packet_pool()->size * 15 / 16;
	struct rte_mbuf **held = calloc(n, sizeof(*held));

	(void)state;
	for (unsigned i = 0; i < n; i++)
		held[i] = rte_pktmbuf_alloc(packet_pool());
	receive(packet_udp(1, 100));
	forward_rx(fx.pmd, &fx.poll);
	assert_int_equal(drops_of(1, DROP_NO_MEMORY), 1);
	install(0, 0, ACTIONS(OUTPUT(2)));
	receive(packet_udp(1, 100));
	forward_rx(fx.pmd, &fx.poll);
	assert_sent(2, 1);
	rte_pktmbuf_free_bulk(held, n);
	free(held);
}

static void misses_without_a_controller_drop_and_count(void **state)
{
	(void)state;
	upcall_set_attached(false);
	receive(packet_udp(1, 100));
	forward_rx(fx.pmd, &fx.poll);
	assert_int_equal(drops_of(1, DROP_NO_CONTROLLER), 1);
}

static void an_installed_flow_forwards_and_counts(void **state)
{
	const struct lookup_stats *hits = &fx.pmd->stats.lookup;
	struct megaflow *flow;
	struct flow_stats stats;

	(void)state;
	flow = install(0, 0, ACTIONS(OUTPUT(2)));
	fx.pmd->now_ms = 1234;
	for (unsigned i = 1; i <= 2; i++) {
		receive(packet_udp(1, 100));
		forward_rx(fx.pmd, &fx.poll);
		assert_int_equal(hits->repeats + hits->emc_hits + hits->signature_hits +
				     hits->megaflow_hits,
				 i);
	}
	assert_int_equal(hits->misses, 0);
	assert_sent(2, 2);
	flow_table_stats(fx.flows, flow, &stats);
	assert_int_equal(stats.packets, 2);
	assert_int_equal(stats.bytes, 200);
	assert_int_equal(stats.used_ms, 1234);
	assert_int_equal(fx.pmd->ports[1].rx_packets, 2);
	assert_int_equal(fx.pmd->ports[1].rx_bytes, 200);
}

static void a_deleted_flow_misses_again(void **state)
{
	struct megaflow *flow;
	struct rte_mbuf *m;

	(void)state;
	flow = install(0, 0, ACTIONS(OUTPUT(2)));
	for (int i = 0; i < 2; i++) {
		receive(packet_udp(1, 100));
		forward_rx(fx.pmd, &fx.poll);
	}
	assert_sent(2, 2);
	flow_table_del(fx.flows, flow, NULL);
	receive(packet_udp(1, 100));
	forward_rx(fx.pmd, &fx.poll);
	assert_sent(2, 0);
	assert_int_equal(upcall_drain(&m, 1, true), 1);
	rte_pktmbuf_free(m);
}

// 32 packets of 7 flows and one miss, mixed.
static void mixed_flows_keep_their_own_order(void **state)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	(void)state;
	for (uint16_t port = 1; port <= 7; port++)
		install(0, port, ACTIONS(OUTPUT(2 + port % 2)));
	for (uint16_t i = 0; i < 32; i++)
		receive(packet_udp(1 + i % 8, 100 + i));
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 32);
	for (uint32_t no = 2; no <= 3; no++) {
		uint32_t len_before[9] = {0};

		while ((m = fake_port_sent(&fx.ports[no]))) {
			uint16_t port = src_port(m);

			assert_int_equal(2 + port % 2, no);
			assert_true(rte_pktmbuf_pkt_len(m) > len_before[port]);
			len_before[port] = rte_pktmbuf_pkt_len(m);
			rte_pktmbuf_free(m);
			n++;
		}
	}
	assert_int_equal(n, 28);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(upcall_drain(&m, 1, true), 1);
		assert_int_equal(rte_pktmbuf_pkt_len(m), 107 + 8 * i);
		rte_pktmbuf_free(m);
	}
}

// Two flows in turn, of frames with and without a tag.
static void what_goes_up_with_a_packet_is_its_own(void **state)
{
	struct action up = {.type = ACTION_USERSPACE};
	struct rte_mbuf *m;

	(void)state;
	install(0, 1, ACTIONS(up, OUTPUT(2)));
	install(0, 2, ACTIONS(up, OUTPUT(2)));
	for (uint16_t i = 0; i < 8; i++) {
		m = packet_udp(1 + i % 2, 100 + i);
		if (i % 2) {
			uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(m, 4);

			memmove(frame, frame + 4, 12);
			memcpy(frame + 12, "\x81\x00\x00\x07", 4);
		}
		receive(m);
	}
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 8);
	assert_sent(2, 8);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(upcall_drain(&m, 1, true), 1);
		assert_int_equal(packet_meta(m)->layout.l4_ofs,
				 *rte_pktmbuf_mtod_offset(m, uint8_t *, 12) == 0x81 ? 38 : 34);
		rte_pktmbuf_free(m);
	}
}

// A burst of flows that only send, to one port and to several.
static void flows_that_only_send_are_counted_each(void **state)
{
	struct megaflow *flows[8];

	(void)state;
	for (unsigned n_ports = 1; n_ports <= 2; n_ports++) {
		for (uint16_t port = 0; port < 8; port++)
			flows[port] = install(0, port + 1, ACTIONS(OUTPUT(2 + port % n_ports)));
		for (uint16_t i = 0; i < 32; i++)
			receive(packet_udp(1 + i % 8, 100 + i));
		assert_int_equal(forward_rx(fx.pmd, &fx.poll), 32);
		for (uint16_t i = 0; i < 32; i++) {
			struct rte_mbuf *m = fake_port_sent(&fx.ports[2 + i % 8 % n_ports]);

			assert_int_equal(rte_pktmbuf_pkt_len(m), 100 + i);
			rte_pktmbuf_free(m);
		}
		for (uint16_t port = 0; port < 8; port++) {
			struct flow_stats stats;

			flow_table_del(fx.flows, flows[port], &stats);
			assert_int_equal(stats.packets, 4);
			assert_int_equal(stats.bytes, 4 * (100 + port) + 8 + 16 + 24);
		}
	}
	assert_int_equal(fx.pmd->ports[1].rx_bytes, 2 * (32 * 100 + 31 * 16));
}

static void malformed_frames_drop_and_the_others_go_on(void **state)
{
	uint8_t short_frame[13] = {0};
	struct rte_mbuf *big;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2)));
	receive(packet_udp(1, 100));
	receive(packet_make(short_frame, sizeof short_frame));
	big = packet_udp(1, 2000);
	for (int i = 0; i < 4; i++)
		rte_pktmbuf_chain(big, packet_udp(1, 2000));
	receive(big);
	receive(packet_udp(2, 100));
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 4);
	assert_int_equal(drops_of(1, DROP_MALFORMED), 2);
	for (uint16_t i = 1; i <= 2; i++) {
		struct rte_mbuf *m = fake_port_sent(&fx.ports[2]);

		assert_int_equal(src_port(m), i);
		rte_pktmbuf_free(m);
	}
	receive(packet_make(short_frame, sizeof short_frame)); // alone
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 1);
	assert_int_equal(drops_of(1, DROP_MALFORMED), 3);
}

static void a_frame_that_a_tag_made_too_long_came_in_once(void **state)
{
	struct action push = {.type = ACTION_PUSH_VLAN,
			      .u.vlan = {.tpid_be = htons(0x8100), .tci_be = htons(0x1001)}};
	struct rte_mbuf *longest = packet_udp(1, 2000);

	(void)state;
	install(0, 0, ACTIONS(push, RECIRC(5)));
	for (int i = 0; i < 3; i++)
		rte_pktmbuf_chain(longest, packet_udp(1, 2000));
	rte_pktmbuf_chain(longest, packet_udp(1, FRAME_MAX - 8000));
	receive(longest);
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 1);
	assert_int_equal(drops_of(1, DROP_MALFORMED), 1);
	assert_int_equal(fx.pmd->ports[1].rx_packets, 1);
	assert_int_equal(fx.pmd->ports[1].rx_bytes, FRAME_MAX);
}

static void headers_spread_over_segments_classify_the_same(void **state)
{
	struct rte_mbuf *whole = packet_udp(7, 100);

	(void)state;
	install(0, 7, ACTIONS(OUTPUT(2)));
	receive(packet_make_cut(rte_pktmbuf_mtod(whole, uint8_t *), 100, 15));
	forward_rx(fx.pmd, &fx.poll);
	assert_sent(2, 1);
	rte_pktmbuf_free(whole);
}

static void recirculated_packets_come_through_again_with_their_id(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(SET_DST(0x22), RECIRC(5)));
	install(5, 0, ACTIONS(OUTPUT(2), RECIRC(6)));
	install(6, 0, ACTIONS(OUTPUT(3)));
	for (uint16_t i = 0; i < 32; i++)
		receive(packet_udp(i, 100));
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 32);
	assert_sent(2, 32);
	assert_sent(3, 32);
	assert_int_equal(fx.pmd->stats.recirculations, 64);
	assert_int_equal(fx.pmd->ports[1].rx_packets, 32);
}

static void a_missed_recirculated_packet_carries_its_id(void **state)
{
	struct rte_mbuf *m;

	(void)state;
	install(0, 0, ACTIONS(RECIRC(5)));
	receive(packet_udp(1, 100));
	forward_rx(fx.pmd, &fx.poll);
	assert_int_equal(upcall_drain(&m, 1, true), 1);
	assert_int_equal(packet_meta(m)->recirc_id, 5);
	rte_pktmbuf_free(m);
}

static void install_no_eth(uint8_t bit, struct flow_actions *actions)
{
	const struct flow_match match = {.key = {.in_port = 1, .recirc_id = 5, .nw_frag = bit},
					 .mask = {.in_port = UINT32_MAX,
						  .recirc_id = UINT32_MAX,
						  .nw_frag = NW_NO_ETH}};
	struct megaflow *flow;

	assert_int_equal(flow_table_add(fx.flows, &match, actions, &flow), 0);
}

static void packets_without_ethernet_have_flows_of_their_own(void **state)
{
	const struct action clone = {.type = ACTION_CLONE, .n_more = 2},
			    pop = {.type = ACTION_POP_ETH}, push = {.type = ACTION_PUSH_ETH};

	(void)state;
	install(0, 0, ACTIONS(clone, pop, RECIRC(5), RECIRC(5)));
	install_no_eth(NW_NO_ETH, ACTIONS(push, OUTPUT(3)));
	install_no_eth(0, ACTIONS(OUTPUT(2)));
	receive(packet_udp(1, 100));
	forward_rx(fx.pmd, &fx.poll);
	assert_sent(2, 1);
	assert_sent(3, 1);
	assert_int_equal(fx.pmd->stats.lookup.misses, 0);
}

static void recirculation_ends_at_its_limit(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(RECIRC(5)));
	install(5, 0, ACTIONS(RECIRC(5)));
	receive(packet_udp(1, 100));
	forward_rx(fx.pmd, &fx.poll);
	assert_int_equal(fx.pmd->stats.recirculations, RECIRC_DEPTH_MAX);
	assert_int_equal(drops_of(1, DROP_RECIRC_LIMIT), 1);
}

// Each recirculation makes two of one: without a bound that would be 32 * 256 packets.
static void multiplying_recirculation_is_bounded(void **state)
{
	(void)state;
	install(0, 0, ACTIONS(RECIRC(5), RECIRC(5)));
	install(5, 0, ACTIONS(RECIRC(5), RECIRC(5)));
	for (uint16_t i = 0; i < 32; i++)
		receive(packet_udp(i, 100));
	forward_rx(fx.pmd, &fx.poll);
	assert_int_equal(fx.pmd->stats.recirculations, RECIRC_LIST_MAX);
	assert_true(drops_of(1, DROP_RECIRC_LIMIT) > 0);
}

static void inject_as(struct rte_mbuf *m, bool no_eth, uint32_t in_port,
		      struct flow_actions *actions)
{
	struct inject inject = {.m = m, .actions = actions};

	packet_meta(m)->in_port = in_port;
	packet_meta(m)->no_eth = no_eth;
	fx.pmd->n_injected++;
	assert_int_equal(rte_ring_sp_enqueue_elem(fx.pmd->inject, &inject, sizeof inject), 0);
}

static void inject(struct rte_mbuf *m, uint32_t in_port, struct flow_actions *actions)
{
	inject_as(m, false, in_port, actions);
}

static void injected_packets_without_ethernet_get_it(void **state)
{
	const struct action push = {.type = ACTION_PUSH_ETH, .u.push_eth = {.dst = {{0x22}}}};
	struct rte_mbuf *m;

	(void)state;
	inject_as(packet_udp(1, 100), true, 1, ACTIONS(push, OUTPUT(2)));
	inject_as(packet_udp(1, 100), true, 1, ACTIONS(OUTPUT(2)));
	inject_as(packet_udp(1, 100), false, 1, ACTIONS(push, OUTPUT(2)));
	assert_int_equal(forward_injected(fx.pmd), 3);
	m = fake_port_sent(&fx.ports[2]);
	assert_int_equal(*rte_pktmbuf_mtod(m, const uint8_t *), 0x22);
	rte_pktmbuf_free(m);
	assert_sent(2, 0);
	assert_int_equal(drops_of(1, DROP_ACTION_INVALID), 2);
	inject_reclaim(fx.pmd);
}

static void injected_packets_run_their_actions(void **state)
{
	uint8_t short_frame[13] = {0};
	struct rte_mbuf *m;

	(void)state;
	install(5, 0, ACTIONS(OUTPUT(3)));
	inject(packet_udp(1, 100), 1, ACTIONS(OUTPUT(2)));
	inject(packet_udp(1, 100), 1, ACTIONS(RECIRC(5)));
	inject(packet_udp(1, 100), UINT32_MAX, ACTIONS(OUTPUT(99)));
	inject(packet_make(short_frame, 13), 1, ACTIONS(OUTPUT(2)));
	inject(packet_udp(1, 100), 0, ACTIONS(OUTPUT(2), RECIRC(6)));
	assert_int_equal(forward_injected(fx.pmd), 5);
	assert_sent(2, 2);
	assert_sent(3, 1);
	assert_int_equal(drops_of(0, DROP_NO_PORT), 1);
	assert_int_equal(drops_of(1, DROP_MALFORMED), 1);
	assert_int_equal(fx.pmd->ports[1].rx_packets, 0);
	assert_int_equal(upcall_drain(&m, 1, true), 1); // what missed on its second way
	assert_int_equal(packet_meta(m)->recirc_id, 6);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_ring_count(fx.pmd->inject_done), 5);
}

static void rings_are_drained_in_turn(void **state)
{
	struct rxq other = {.upcalls = upcall_ring_create(2, MISS_RING_SIZE, SOCKET_ID_ANY)};
	struct rte_mbuf *pkts[64];
	enum drop_reason reason;
	unsigned n_other = 0;

	(void)state;
	for (uint16_t i = 0; i < 100; i++)
		assert_true(upcall_enqueue(&fx.rxq, packet_udp(1, 100), &reason));
	for (uint16_t i = 0; i < 100; i++)
		assert_true(upcall_enqueue(&other, packet_udp(2, 100), &reason));
	assert_int_equal(upcall_drain(pkts, 64, true), 64);
	for (unsigned i = 0; i < 64; i++)
		n_other += src_port(pkts[i]) == 2;
	assert_int_equal(n_other, 32);
	rte_pktmbuf_free_bulk(pkts, 64);
	upcall_ring_destroy(other.upcalls);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(an_empty_queue_costs_nothing),
	    T(misses_go_to_the_ring_in_order_and_wake_once),
	    T(misses_past_the_ring_drop_and_count),
	    T(misses_leave_buffers_for_established_flows),
	    T(misses_without_a_controller_drop_and_count),
	    T(an_installed_flow_forwards_and_counts),
	    T(a_deleted_flow_misses_again),
	    T(mixed_flows_keep_their_own_order),
	    T(what_goes_up_with_a_packet_is_its_own),
	    T(flows_that_only_send_are_counted_each),
	    T(malformed_frames_drop_and_the_others_go_on),
	    T(a_frame_that_a_tag_made_too_long_came_in_once),
	    T(headers_spread_over_segments_classify_the_same),
	    T(recirculated_packets_come_through_again_with_their_id),
	    T(a_missed_recirculated_packet_carries_its_id),
	    T(packets_without_ethernet_have_flows_of_their_own),
	    T(recirculation_ends_at_its_limit),
	    T(multiplying_recirculation_is_bounded),
	    T(injected_packets_run_their_actions),
	    T(injected_packets_without_ethernet_get_it),
	    T(rings_are_drained_in_turn),
	};

	return run_on_each_isa(tests, RTE_DIM(tests));
}
