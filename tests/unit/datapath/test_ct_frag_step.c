// Fragments on their way through the action ct: tracked as a datagram, sent on as they came.
#include "datapath/ct_frag_step.h"

#include "datapath/execute.h"
#include "datapath/tx.h"

#include "ct_fixture.h"
#include "fragments.h"

#define SIZE  512u
#define PARTS 8

static struct {
	struct rte_mbuf *pkts[256];
	unsigned n, n_calls;
} gone;

static void take(void *arg, struct rte_mbuf **pkts, unsigned n)
{
	assert_ptr_equal(arg, &gone);
	assert_in_range(n, 1, BURST_MAX);
	memcpy(gone.pkts + gone.n, pkts, n * sizeof *pkts);
	gone.n += n;
	gone.n_calls++;
}

static const struct ct_go_on go_on = {.run = take, .arg = &gone};

static int up(void **state)
{
	int err = ct_up(state);

	memset(&gone, 0, sizeof gone);
	return err ? err : ct_frags_set_min_size(ct_frags_of(0), false, 400);
}

static int down(void **state)
{
	packet_free_bulk(gone.pkts, gone.n);
	return ct_down(state);
}

static bool step(const struct action_ct *ct, const struct frame *f)
{
	struct rte_mbuf *m = mbuf_of(f);
	bool taken = ct_frag_step(fx.pmd, ct, 0, &m, &go_on);

	if (!taken)
		packet_free(m);
	return taken;
}

static uint64_t dropped(enum drop_reason reason)
{
	return fx.pmd->ports[1].drops[reason];
}

static void check_gone(const struct frame *parts, unsigned n, uint32_t state)
{
	assert_int_equal(gone.n, n);
	for (unsigned i = 0; i < n; i++) {
		assert_bytes(gone.pkts[i], parts[i].b, parts[i].len);
		assert_state(packet_meta(gone.pkts[i])->flow.ct_state, state);
		assert_int_equal(packet_meta(gone.pkts[i])->flow.ct_zone, CT_ZONE);
	}
	packet_free_bulk(gone.pkts, gone.n);
	gone.n = 0;
}

static void all_fragments_have_the_state_of_their_datagram(void **state)
{
	struct frame parts[PARTS], f = frame_of(IPPROTO_UDP, false, FROM_A, 1700);
	unsigned n = fragments_of(&f, 1, SIZE, parts);

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(gone.n, 0);
		assert_true(step(&ct_commit, &parts[i]));
	}
	check_gone(parts, n, NEW);
	f = frame_of(IPPROTO_UDP, false, FROM_B, 1700);
	n = fragments_of(&f, 1, SIZE, parts);
	for (unsigned i = n; i-- > 0;) // in whichever order they come
		assert_true(step(&ct_look, &parts[i]));
	check_gone(parts, n, EST | RPL);
}

static void they_are_translated_as_their_datagram_is(void **state)
{
	const struct action_ct snat = {.zone = CT_ZONE,
				       .flags = ACTION_CT_COMMIT | ACTION_CT_NAT,
				       .nat = {.flags = ACTION_NAT_SRC | ACTION_NAT_IPV4 |
							ACTION_NAT_PORTS,
					       .addr_min = {{10, 9, 9, 9}},
					       .addr_max = {{10, 9, 9, 9}},
					       .port_min = 777,
					       .port_max = 777}};
	struct frame parts[PARTS], f = frame_of(IPPROTO_UDP, false, FROM_A, 1700), after = f;
	unsigned n = fragments_of(&f, 1, SIZE, parts);

	(void)state;
	for (unsigned i = 0; i < n; i++)
		assert_true(step(&snat, &parts[i]));
	memcpy(after.b + f.l3 + 12, snat.nat.addr_min.b, 4);
	put16(after.b + f.l4, 777);
	frame_fix(&after);
	fragments_of(&after, 1, SIZE, parts);
	check_gone(parts, n, NEW | CT_STATE_SRC_NAT);
}

// A list is run to its end on each, copies before ct are the fragment's own.
static void the_rest_of_the_list_is_run_on_all_of_them(void **state)
{
	struct action list[] = {{.type = ACTION_OUTPUT, .u.port = 2},
				{.type = ACTION_CT, .u.ct = ct_commit},
				{.type = ACTION_OUTPUT, .u.port = 3}};
	struct flow_actions *actions = actions_of(list, RTE_DIM(list));
	struct frame parts[PARTS], f = frame_of(IPPROTO_UDP, false, FROM_A, 1700);
	unsigned n = fragments_of(&f, 1, SIZE, parts);

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = mbuf_of(&parts[i]);

		execute(fx.pmd, actions, &m, 1);
		tx_flush(fx.pmd);
		m = fake_port_sent(&fx.ports[2]);
		assert_bytes(m, parts[i].b, parts[i].len);
		rte_pktmbuf_free(m);
		assert_int_equal(fx.pmd->ports[3].tx_packets, i == n - 1 ? n : 0);
	}
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = fake_port_sent(&fx.ports[3]);

		assert_bytes(m, parts[i].b, parts[i].len);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(dropped(DROP_FLOW_DROP), 0);
	flow_actions_free(actions);
}

// That fragments end with ct is a drop only where nothing before it has sent them.
static void fragments_that_were_sent_are_not_dropped(void **state)
{
	struct action list[] = {{.type = ACTION_OUTPUT, .u.port = 2},
				{.type = ACTION_CT, .u.ct = ct_commit}};
	struct frame parts[PARTS], f = frame_of(IPPROTO_UDP, false, FROM_A, 1700);

	(void)state;
	for (unsigned sent = 0; sent < 2; sent++) {
		struct flow_actions *actions = actions_of(list + !sent, 1 + sent);
		unsigned n = fragments_of(&f, 1 + sent, SIZE, parts);
		uint64_t before = dropped(DROP_FLOW_DROP);

		for (unsigned i = 0; i < n; i++) {
			struct rte_mbuf *m = mbuf_of(&parts[i]);

			execute(fx.pmd, actions, &m, 1);
			tx_flush(fx.pmd);
			if (sent)
				rte_pktmbuf_free(fake_port_sent(&fx.ports[2]));
		}
		assert_int_equal(dropped(DROP_FLOW_DROP) - before, sent ? 0 : n);
		flow_actions_free(actions);
	}
}

// More fragments than a burst has packets.
static void many_fragments_go_on_in_bursts(void **state)
{
	static uint8_t sum_of[65536];
	struct frame f = frame_of(IPPROTO_UDP, false, FROM_A, 1700), part = f;
	uint32_t total = 45 * 1024, sum;

	(void)state;
	memcpy(sum_of, f.b + f.l4, 8);
	put16(sum_of + 4, total);
	put16(sum_of + 6, 0);
	sum = sum_bytes(0, f.b + f.l3 + 12, 8) + IPPROTO_UDP + total;
	put16(sum_of + 6, ~sum_bytes(sum, sum_of, total));
	for (uint32_t at = 0; at < total; at += 1024) {
		memcpy(part.b + f.l4, sum_of + at, 1024);
		part.len = f.l4 + 1024;
		put16(part.b + f.l3 + 2, part.len - f.l3);
		put16(part.b + f.l3 + 6, at / 8 | (at + 1024 < total ? 0x2000 : 0));
		frame_fix_ipv4(&part);
		assert_true(step(&ct_commit, &part));
	}
	assert_int_equal(gone.n, 45);
	assert_int_equal(gone.n_calls, 2);
	assert_state(packet_meta(gone.pkts[44])->flow.ct_state, NEW);
}

static void what_no_datagram_is_made_of_is_left_or_dropped_under_a_name(void **state)
{
	struct frame f = frame_of(IPPROTO_UDP, false, FROM_A, 1700);
	struct frame first = fragment_of(&f, 1, 0, SIZE, true);
	struct frame small = fragment_of(&f, 2, 0, 200, true);
	struct frame overlapping = fragment_of(&f, 1, 8, SIZE, true);

	(void)state;
	assert_false(step(&ct_commit, &f));
	assert_false(step(&ct_commit, &small));
	assert_true(step(&ct_commit, &first));
	assert_true(step(&ct_commit, &overlapping));
	assert_int_equal(dropped(DROP_FRAGMENT_OVERLAP), 2);
	first = fragment_of(&f, 3, 0, SIZE, true);
	assert_true(step(&ct_commit, &first));
	ct_frags_tick(START_MS + CT_FRAG_TIMEOUT_MS);
	assert_true(step(&ct_commit, &first));
	ct_frags_forget(0);
	ct_frags_set_enabled(ct_frags_of(0), false, false);
	assert_false(step(&ct_commit, &first));
	assert_int_equal(gone.n, 0);
}

static void a_datagram_whose_connection_finds_no_room_is_dropped_once(void **state)
{
	const struct action_ct dnat6 = {.zone = CT_ZONE,
					.flags = ACTION_CT_COMMIT | ACTION_CT_NAT,
					.nat = {.flags = ACTION_NAT_DST | ACTION_NAT_IPV6,
						.addr_min = {{1}},
						.addr_max = {{1}}}};
	struct frame parts[PARTS], f = frame_of(IPPROTO_UDP, false, FROM_A, 1700);
	unsigned n = fragments_of(&f, 1, SIZE, parts);

	(void)state;
	for (unsigned i = 0; i < n; i++)
		assert_true(step(&dnat6, &parts[i]));
	assert_int_equal(gone.n, 0);
	assert_int_equal(dropped(DROP_ACTION_INVALID), 1);
	assert_int_equal(dropped(DROP_FRAGMENT_REST), n - 1);
}

#define S(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    S(all_fragments_have_the_state_of_their_datagram),
	    S(they_are_translated_as_their_datagram_is),
	    S(the_rest_of_the_list_is_run_on_all_of_them),
	    S(fragments_that_were_sent_are_not_dropped),
	    S(many_fragments_go_on_in_bursts),
	    S(what_no_datagram_is_made_of_is_left_or_dropped_under_a_name),
	    S(a_datagram_whose_connection_finds_no_room_is_dropped_once),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
