#include "datapath/execute.h"

#include "datapath/tx.h"
#include "pmd_fixture.h"

#include <arpa/inet.h>

// Runs actions on one packet of 100 bytes that came in at port 1, and frees them.
static void run_on(struct rte_mbuf *m, struct flow_actions *actions)
{
	struct flow_key key;

	packet_meta(m)->in_port = 1;
	flow_extract(rte_pktmbuf_mtod(m, uint8_t *), 100, &key, &packet_meta(m)->layout);
	execute(fx.pmd, actions, &m, 1);
	tx_flush(fx.pmd);
	flow_actions_free(actions);
}

static void run(struct flow_actions *actions)
{
	run_on(packet_udp(1000, 100), actions);
}

static uint8_t first_byte(const struct rte_mbuf *m)
{
	return *rte_pktmbuf_mtod(m, const uint8_t *);
}

static void outputs_to_several_ports(void **state)
{
	(void)state;
	run(ACTIONS(OUTPUT(2), OUTPUT(3), OUTPUT(4)));
	for (uint32_t no = 2; no <= 4; no++) {
		struct rte_mbuf *m = fake_port_sent(&fx.ports[no]);

		assert_int_equal(rte_pktmbuf_pkt_len(m), 100);
		rte_pktmbuf_free(m);
		assert_int_equal(fx.pmd->ports[no].tx_packets, 1);
		assert_int_equal(fx.pmd->ports[no].tx_bytes, 100);
	}
}

static void outputs_share_bytes_when_nothing_changes_them(void **state)
{
	struct rte_mbuf *a, *b;

	(void)state;
	run(ACTIONS(OUTPUT(2), OUTPUT(3)));
	a = fake_port_sent(&fx.ports[2]);
	b = fake_port_sent(&fx.ports[3]);
	assert_ptr_equal(rte_pktmbuf_mtod(a, void *), rte_pktmbuf_mtod(b, void *));
	rte_pktmbuf_free(b);
	rte_pktmbuf_free(a);
}

static void a_change_between_outputs_leaves_the_earlier_copy_alone(void **state)
{
	struct rte_mbuf *a, *b, *c;

	(void)state;
	run(ACTIONS(OUTPUT(2), SET_DST(0x22), OUTPUT(3), SET_DST(0x44), OUTPUT(4)));
	a = fake_port_sent(&fx.ports[2]);
	b = fake_port_sent(&fx.ports[3]);
	c = fake_port_sent(&fx.ports[4]);
	assert_int_equal(first_byte(a), 0x02);
	assert_int_equal(first_byte(b), 0x22);
	assert_int_equal(first_byte(c), 0x44);
	rte_pktmbuf_free(a);
	rte_pktmbuf_free(b);
	rte_pktmbuf_free(c);
}

static void truncation_is_for_the_next_output_only(void **state)
{
	struct rte_mbuf *a, *b, *c;

	(void)state;
	run(ACTIONS(OUTPUT(2), TRUNC(60), OUTPUT(3), OUTPUT(4)));
	a = fake_port_sent(&fx.ports[2]);
	b = fake_port_sent(&fx.ports[3]);
	c = fake_port_sent(&fx.ports[4]);
	assert_int_equal(rte_pktmbuf_pkt_len(a), 100);
	assert_int_equal(rte_pktmbuf_pkt_len(b), 60);
	assert_int_equal(rte_pktmbuf_pkt_len(c), 100);
	rte_pktmbuf_free(a);
	rte_pktmbuf_free(b);
	rte_pktmbuf_free(c);
	run(ACTIONS(TRUNC(200), OUTPUT(2))); // longer than the packet
	a = fake_port_sent(&fx.ports[2]);
	assert_int_equal(rte_pktmbuf_pkt_len(a), 100);
	rte_pktmbuf_free(a);
}

static void an_empty_list_drops_and_counts(void **state)
{
	(void)state;
	run(flow_actions_alloc(0));
	assert_int_equal(drops_of(1, DROP_FLOW_DROP), 1);
	run(ACTIONS(SET_DST(1), TRUNC(60))); // goes nowhere either
	assert_int_equal(drops_of(1, DROP_FLOW_DROP), 2);
}

static void a_port_that_is_gone_counts_at_the_input(void **state)
{
	(void)state;
	run(ACTIONS(OUTPUT(77)));
	run(ACTIONS(OUTPUT(0)));
	run(ACTIONS(OUTPUT(UINT32_MAX), OUTPUT(2)));
	assert_int_equal(drops_of(1, DROP_NO_PORT), 3);
	assert_sent(2, 1);
}

static void what_the_output_refuses_counts_there_under_its_reason(void **state)
{
	(void)state;
	fx.ports[2].room = 0;
	fx.ports[2].refusal = DROP_PORT_DOWN;
	fx.ports[3].port.max_frame = 99;
	run(ACTIONS(OUTPUT(2), OUTPUT(3), OUTPUT(4)));
	assert_int_equal(drops_of(2, DROP_PORT_DOWN), 1);
	assert_int_equal(fx.pmd->ports[2].tx_packets, 0);
	assert_int_equal(fx.pmd->ports[2].tx_bytes, 0);
	assert_int_equal(drops_of(3, DROP_MTU), 1);
	assert_sent(4, 1);
}

static void a_partly_full_port_keeps_the_first_packets(void **state)
{
	struct flow_actions *actions = ACTIONS(OUTPUT(2));
	struct rte_mbuf *pkts[20];

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		pkts[i] = packet_udp((uint16_t)i, 100 + i);
	fx.ports[2].room = 5;
	execute(fx.pmd, actions, pkts, 20);
	tx_flush(fx.pmd);
	assert_int_equal(fx.pmd->ports[2].tx_packets, 5);
	assert_int_equal(fx.pmd->ports[2].tx_bytes, 100 + 101 + 102 + 103 + 104);
	assert_int_equal(drops_of(2, DROP_TX_FULL), 15);
	assert_sent(2, 5);
	flow_actions_free(actions);
}

static void an_action_that_does_not_fit_drops_and_counts(void **state)
{
	struct action set = {.type = ACTION_SET_IPV6};

	(void)state;
	run(ACTIONS(OUTPUT(2), set, OUTPUT(3)));
	assert_int_equal(drops_of(1, DROP_ACTION_INVALID), 1);
	assert_sent(2, 1);
	assert_sent(3, 0);
}

#define TTL_OFS 22

// Under a label and without one: what was sent before the count is as it was.
static void a_ttl_that_is_used_up_ends_the_packet_there(void **state)
{
	const struct action push = {.type = ACTION_PUSH_MPLS,
				    .u.push_mpls = {.lse_be = htonl(0x00010101),
						    .eth_type_be = htons(0x8847)}};
	const struct action dec = {.type = ACTION_DEC_TTL},
			    dec_mpls = {.type = ACTION_DEC_MPLS_TTL};

	(void)state;
	for (uint8_t ttl = 0; ttl < 4; ttl++) {
		struct rte_mbuf *m = packet_udp(1000, 100), *before, *after;

		*rte_pktmbuf_mtod_offset(m, uint8_t *, TTL_OFS) = ttl;
		run_on(m, ACTIONS(OUTPUT(2), dec, OUTPUT(3), RECIRC(7)));
		before = fake_port_sent(&fx.ports[2]);
		after = fake_port_sent(&fx.ports[3]);
		assert_int_equal(*rte_pktmbuf_mtod_offset(before, uint8_t *, TTL_OFS), ttl);
		assert_int_equal(drops_of(1, DROP_TTL_EXCEEDED), ttl < 2 ? ttl + 1 : 2);
		assert_int_equal(fx.pmd->n_recirc, ttl < 2 ? 0 : ttl - 1);
		assert_int_equal(!after, ttl < 2);
		if (after)
			assert_int_equal(*rte_pktmbuf_mtod_offset(after, uint8_t *, TTL_OFS),
					 ttl - 1);
		rte_pktmbuf_free(before);
		rte_pktmbuf_free(after);
	}
	while (fx.pmd->n_recirc > 0)
		rte_pktmbuf_free(fx.pmd->recirc[--fx.pmd->n_recirc]);
	run(ACTIONS(push, OUTPUT(2), dec_mpls, OUTPUT(3)));
	assert_int_equal(drops_of(1, DROP_TTL_EXCEEDED), 3);
	assert_int_equal(drops_of(1, DROP_ACTION_INVALID), 0);
	assert_sent(2, 1);
	assert_sent(3, 0);
}

static void userspace_gets_a_copy_with_its_cookie(void **state)
{
	struct action up = {.type = ACTION_USERSPACE,
			    .u.userspace = {.pid = 9, .cookie_len = 3, .cookie = {7, 8, 9}}};
	struct rte_mbuf *m;

	(void)state;
	run(ACTIONS(up, SET_DST(0x22), OUTPUT(2)));
	assert_int_equal(upcall_drain(&m, 1, true), 1);
	assert_true(packet_meta(m)->is_action);
	assert_int_equal(packet_meta(m)->in_port, 1);
	assert_int_equal(packet_meta(m)->userspace.pid, 9);
	assert_int_equal(packet_meta(m)->userspace.cookie_len, 3);
	assert_memory_equal(packet_meta(m)->userspace.cookie, up.u.userspace.cookie, 3);
	assert_int_equal(first_byte(m), 0x02);
	rte_pktmbuf_free(m);
	m = fake_port_sent(&fx.ports[2]);
	assert_int_equal(first_byte(m), 0x22);
	rte_pktmbuf_free(m);
	upcall_set_attached(false);
	run(ACTIONS(up));
	assert_int_equal(drops_of(1, DROP_NO_CONTROLLER), 1);
}

static void recirculation_queues_the_packet_and_goes_on(void **state)
{
	struct rte_mbuf *m;

	(void)state;
	run(ACTIONS(SET_DST(0x22), RECIRC(5), SET_DST(0x44), OUTPUT(2)));
	assert_int_equal(fx.pmd->n_recirc, 1);
	m = fx.pmd->recirc[0];
	assert_int_equal(packet_meta(m)->recirc_id, 5);
	assert_int_equal(packet_meta(m)->n_recirc, 1);
	assert_int_equal(first_byte(m), 0x22);
	rte_pktmbuf_free(m);
	fx.pmd->n_recirc = 0;
	m = fake_port_sent(&fx.ports[2]);
	assert_int_equal(first_byte(m), 0x44);
	rte_pktmbuf_free(m);
}

static void no_buffer_for_a_copy_counts_and_the_original_goes_on(void **state)
{
	static struct rte_mbuf *hoard[4096];
	unsigned n = 0;
	struct rte_mbuf *m = packet_udp(1, 100);
	struct flow_actions *actions = ACTIONS(OUTPUT(2), OUTPUT(3));

	(void)state;
	while ((hoard[n] = rte_pktmbuf_alloc(packet_pool())))
		n++;
	execute(fx.pmd, actions, &m, 1);
	tx_flush(fx.pmd);
	rte_pktmbuf_free_bulk(hoard, n);
	assert_int_equal(drops_of(1, DROP_NO_MEMORY), 1);
	assert_sent(2, 0);
	assert_sent(3, 1);
	flow_actions_free(actions);
}

static void more_than_a_burst_to_one_port_all_leaves_in_order(void **state)
{
	struct action list[ACTIONS_MAX];
	struct flow_actions *actions;

	(void)state;
	for (unsigned i = 0; i < ACTIONS_MAX; i += 2) {
		list[i] = (struct action)SET_DST((uint8_t)(i / 2));
		list[i + 1] = (struct action)OUTPUT(i == ACTIONS_MAX / 2 ? 3 : 2);
	}
	actions = actions_of(list, ACTIONS_MAX);
	run(actions);
	for (unsigned i = 0; i < ACTIONS_MAX / 2; i++) {
		struct rte_mbuf *m = fake_port_sent(&fx.ports[i == ACTIONS_MAX / 4 ? 3 : 2]);

		assert_int_equal(first_byte(m), i);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(fx.pmd->ports[2].tx_packets, ACTIONS_MAX / 2 - 1);
	assert_int_equal(fx.pmd->ports[2].tx_bytes, (ACTIONS_MAX / 2 - 1) * 100);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(outputs_to_several_ports),
	    T(outputs_share_bytes_when_nothing_changes_them),
	    T(a_change_between_outputs_leaves_the_earlier_copy_alone),
	    T(truncation_is_for_the_next_output_only),
	    T(an_empty_list_drops_and_counts),
	    T(a_port_that_is_gone_counts_at_the_input),
	    T(what_the_output_refuses_counts_there_under_its_reason),
	    T(a_partly_full_port_keeps_the_first_packets),
	    T(an_action_that_does_not_fit_drops_and_counts),
	    T(a_ttl_that_is_used_up_ends_the_packet_there),
	    T(userspace_gets_a_copy_with_its_cookie),
	    T(recirculation_queues_the_packet_and_goes_on),
	    T(no_buffer_for_a_copy_counts_and_the_original_goes_on),
	    T(more_than_a_burst_to_one_port_all_leaves_in_order),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
