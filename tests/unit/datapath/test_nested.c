// Lists within lists: each output sends what a packet is at its place, whoever owns the packet, and
// nothing that a list changes is seen outside of it.
#include "datapath/execute.h"
#include "datapath/tx.h"
#include "fake_guest.h"
#include "pmd_fixture.h"

#define LEN	   300
#define ROUNDS	   3000
#define ENTRIES	   40
#define OUTPUTS	   200
#define DEPTH_MAX  5
#define FIRST_BYTE 0x02 // of packet_udp()

#define LIST(kind, n)                         \
	{                                     \
		.type = (kind), .n_more = (n) \
	}
#define ALWAYS UINT32_MAX

static uint32_t seed = 1;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)seed * n) >> 32);
}

// Ports lend what they send, or not.
static int up(void **state, bool lends)
{
	if (fixture_up(state) != 0)
		return -1;
	for (uint32_t no = 1; no <= 3 && lends; no++)
		fx.ports[no].port.kind = &guest_kind;
	if (lends) {
		fx.poll.rx = guest_rx;
		fx.poll.rx_done = guest_rx_done;
	}
	return 0;
}

static int up_own(void **state)
{
	return up(state, false);
}

static int up_lent(void **state)
{
	return up(state, true);
}

static void forward_one(struct flow_actions *actions)
{
	struct megaflow *flow = install(0, 0, actions);

	receive(packet_udp(7, LEN));
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 1);
	flow_table_del(fx.flows, flow, NULL);
	rcu_quiescent(fx.rcu, fx.pmd->rcu_id);
	rcu_reclaim(fx.rcu);
}

static void wants(uint32_t no, uint8_t first, uint32_t len)
{
	struct rte_mbuf *m = fake_port_sent(&fx.ports[no]);

	assert_non_null(m);
	assert_int_equal(*rte_pktmbuf_mtod(m, uint8_t *), first);
	assert_int_equal(m->pkt_len, len);
	rte_pktmbuf_free(m);
}

static uint64_t drops(void)
{
	uint64_t n = 0;

	for (int reason = 0; reason < N_DROP_REASONS; reason++)
		n += drops_of(1, (enum drop_reason)reason);
	return n;
}

static void a_clone_changes_its_own_packet_only(void **state)
{
	(void)state;
	forward_one(ACTIONS(OUTPUT(2), LIST(ACTION_CLONE, 2), SET_DST(0x22), OUTPUT(3), OUTPUT(4),
			    LIST(ACTION_CLONE, 2), SET_DST(0x44), OUTPUT(2)));
	wants(2, FIRST_BYTE, LEN);
	wants(3, 0x22, LEN);
	wants(4, FIRST_BYTE, LEN);
	wants(2, 0x44, LEN);
	assert_int_equal(drops(), 0);
}

static void what_recirculates_from_a_list_is_its_own(void **state)
{
	struct megaflow *flow;

	(void)state;
	flow = install(5, 0, ACTIONS(SET_DST(0x55), OUTPUT(3)));
	forward_one(ACTIONS(OUTPUT(2), LIST(ACTION_CLONE, 1), RECIRC(5), OUTPUT(2)));
	wants(2, FIRST_BYTE, LEN);
	wants(2, FIRST_BYTE, LEN);
	wants(3, 0x55, LEN);
	flow_table_del(fx.flows, flow, NULL);
}

static void a_length_decides_which_list_is_run(void **state)
{
	struct action check = LIST(ACTION_CHECK_PKT_LEN, 3);

	(void)state;
	check.u.check_pkt_len = (struct action_check_pkt_len){.pkt_len = LEN, .n_greater = 1};
	forward_one(ACTIONS(check, OUTPUT(2), SET_DST(0x33), OUTPUT(3)));
	wants(3, 0x33, LEN);
	check.u.check_pkt_len.pkt_len = LEN - 1;
	forward_one(ACTIONS(check, OUTPUT(2), SET_DST(0x33), OUTPUT(3), OUTPUT(4)));
	wants(2, FIRST_BYTE, LEN);
	wants(4, FIRST_BYTE, LEN);
	assert_sent(3, 0);
	assert_int_equal(drops(), 0);
}

static void a_sample_takes_its_share(void **state)
{
	struct action sample = LIST(ACTION_SAMPLE, 1);
	unsigned n = 0;

	(void)state;
	sample.u.probability = UINT32_MAX / 4;
	for (unsigned i = 0; i < 2000; i++) {
		struct rte_mbuf *m;

		forward_one(ACTIONS(sample, OUTPUT(2), OUTPUT(3)));
		wants(3, FIRST_BYTE, LEN);
		m = fake_port_sent(&fx.ports[2]);
		n += m != NULL;
		rte_pktmbuf_free(m);
	}
	assert_in_range(n, 350, 650);
	sample.u.probability = 0;
	forward_one(ACTIONS(sample, OUTPUT(2)));
	assert_sent(2, 0);
	assert_int_equal(drops_of(1, DROP_FLOW_DROP), 1); // it went nowhere
}

static void a_packet_that_goes_nowhere_is_dropped_by_the_flow(void **state)
{
	(void)state;
	forward_one(ACTIONS(LIST(ACTION_CLONE, 0)));
	forward_one(ACTIONS(LIST(ACTION_CLONE, 1), SET_DST(9), SET_DST(8)));
	assert_int_equal(drops_of(1, DROP_FLOW_DROP), 2);
	forward_one(ACTIONS(OUTPUT(2), LIST(ACTION_CLONE, 1), SET_DST(9)));
	wants(2, FIRST_BYTE, LEN);
	assert_int_equal(drops(), 2);
}

static void a_drop_ends_its_list_under_its_reason(void **state)
{
	static const struct {
		uint32_t code;
		enum drop_reason reason;
	} rows[] = {{0, DROP_FLOW_DROP},   {1, DROP_XLATE_BRIDGE},
		    {2, DROP_XLATE_DEPTH}, {11, DROP_XLATE_DISABLED},
		    {12, DROP_FLOW_DROP},  {UINT32_MAX, DROP_FLOW_DROP}};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		struct action drop = {.type = ACTION_DROP, .u.drop_code = rows[i].code};
		uint64_t before = drops_of(1, rows[i].reason);

		forward_one(ACTIONS(OUTPUT(2), drop, OUTPUT(3)));
		wants(2, FIRST_BYTE, LEN);
		assert_sent(3, 0);
		assert_int_equal(drops_of(1, rows[i].reason), before + 1);
	}
	struct action drop = {.type = ACTION_DROP};

	forward_one(ACTIONS(LIST(ACTION_CLONE, 2), drop, OUTPUT(3), OUTPUT(4)));
	assert_sent(3, 0);
	wants(4, FIRST_BYTE, LEN);
}

static void truncation_goes_into_the_next_list_and_not_past_it(void **state)
{
	(void)state;
	forward_one(ACTIONS(TRUNC(60), LIST(ACTION_CLONE, 2), OUTPUT(2), OUTPUT(2), OUTPUT(3)));
	wants(2, FIRST_BYTE, 60);
	wants(2, FIRST_BYTE, LEN);
	wants(3, FIRST_BYTE, LEN);
}

static void what_goes_up_is_truncated(void **state)
{
	struct action to_control = {.type = ACTION_USERSPACE, .u.userspace.pid = 1};
	struct rte_mbuf *m;

	(void)state;
	forward_one(ACTIONS(TRUNC(60), to_control, OUTPUT(2)));
	assert_int_equal(upcall_drain(&m, 1, true), 1);
	assert_int_equal(m->pkt_len, 60);
	rte_pktmbuf_free(m);
	wants(2, FIRST_BYTE, LEN);
	forward_one(ACTIONS(OUTPUT(2), TRUNC(60), to_control));
	assert_int_equal(upcall_drain(&m, 1, true), 1);
	assert_int_equal(m->pkt_len, 60);
	rte_pktmbuf_free(m);
	wants(2, FIRST_BYTE, LEN);
}

// What goes along with the packet, seen at the next lookup.
static uint32_t looked_up_hash(struct rte_mbuf *m, const struct action_hash *hash)
{
	struct action action = {.type = ACTION_HASH, .u.hash = *hash};
	struct flow_actions *actions = ACTIONS(action, RECIRC(5));
	uint32_t dp_hash;

	packet_meta(m)->in_port = 1;
	flow_meta_clear(&packet_meta(m)->flow);
	execute(fx.pmd, actions, &m, 1);
	assert_int_equal(fx.pmd->n_recirc, 1);
	fx.pmd->n_recirc = 0;
	dp_hash = packet_meta(fx.pmd->recirc[0])->flow.dp_hash;
	rte_pktmbuf_free(fx.pmd->recirc[0]);
	flow_actions_free(actions);
	return dp_hash;
}

// The same packet the other way round.
static struct rte_mbuf *turned(void)
{
	struct rte_mbuf *m = packet_udp(7, LEN);
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14), tmp[4];

	memcpy(tmp, ip + 12, 4);
	memcpy(ip + 12, ip + 16, 4);
	memcpy(ip + 16, tmp, 4);
	memcpy(tmp, ip + 20, 2);
	memcpy(ip + 20, ip + 22, 2);
	memcpy(ip + 22, tmp, 2);
	return m;
}

static void a_hash_tells_connections_apart(void **state)
{
	const struct action_hash l4 = {.alg = ACTION_HASH_L4},
				 other = {.alg = ACTION_HASH_L4, .basis = 1},
				 sym = {.alg = ACTION_HASH_SYM_L4};
	uint32_t hash = looked_up_hash(packet_udp(7, LEN), &l4);

	(void)state;
	assert_int_equal(looked_up_hash(packet_udp(7, LEN / 2), &l4), hash);
	assert_int_not_equal(looked_up_hash(packet_udp(8, LEN), &l4), hash);
	assert_int_not_equal(looked_up_hash(packet_udp(7, LEN), &other), hash);
	assert_int_not_equal(looked_up_hash(turned(), &l4), hash);
	assert_int_equal(looked_up_hash(turned(), &sym), looked_up_hash(packet_udp(7, LEN), &sym));
	assert_int_not_equal(looked_up_hash(packet_udp(8, LEN), &sym),
			     looked_up_hash(packet_udp(7, LEN), &sym));
}

// A packet's meta as a list leaves it for the next lookup.
static void run_for_meta(const struct action *list, unsigned n, struct flow_meta *meta)
{
	struct rte_mbuf *m = packet_udp(7, LEN);
	struct flow_actions *actions = actions_of(list, n);

	packet_meta(m)->in_port = 1;
	flow_meta_clear(&packet_meta(m)->flow);
	execute(fx.pmd, actions, &m, 1);
	assert_int_equal(fx.pmd->n_recirc, 1);
	fx.pmd->n_recirc = 0;
	memset(meta, 0, sizeof(*meta));
	flow_meta_copy(meta, &packet_meta(fx.pmd->recirc[0])->flow);
	rte_pktmbuf_free(fx.pmd->recirc[0]);
	flow_actions_free(actions);
}

static void marks_go_along_with_the_packet(void **state)
{
	struct action tunnel[2] = {{.type = ACTION_SET_TUNNEL,
				    .n_more = 1,
				    .u.tunnel = {.dst_be = 5, .flags = TUN_F_KEY, .opts_len = 8}}};
	const struct action mark = {.type = ACTION_SET_MARK, .u.meta = {0x12, 0xff}},
			    part = {.type = ACTION_SET_MARK, .u.meta = {0x30, 0xf0}},
			    priority = {.type = ACTION_SET_PRIORITY, .u.meta = {7, UINT32_MAX}},
			    clear = {.type = ACTION_CT_CLEAR};
	struct flow_meta meta;

	(void)state;
	memset(&tunnel[1], 0xab, 8);
	const struct action list[] = {
	    mark, part, tunnel[0], tunnel[1], priority, clear, (struct action)RECIRC(5)};

	run_for_meta(list, RTE_DIM(list), &meta);
	assert_int_equal(meta.pkt_mark, 0x32);
	assert_int_equal(meta.skb_priority, 7);
	assert_int_equal(meta.tun.dst_be, 5);
	assert_int_equal(meta.tun_opts[7], 0xab);
	assert_int_equal(meta.tun_opts[8], 0);
}

static void ct_clear_forgets_the_connection_and_not_the_mark(void **state)
{
	const struct action clear = {.type = ACTION_CT_CLEAR};
	struct rte_mbuf *m = packet_udp(7, LEN);
	struct flow_meta *flow = &packet_meta(m)->flow;
	struct flow_actions *actions = ACTIONS(clear, RECIRC(5));

	(void)state;
	packet_meta(m)->in_port = 1;
	flow_meta_clear(flow);
	flow_meta_use(flow, FLOW_COLD_CT);
	flow->pkt_mark = 3;
	flow->ct_state = flow->ct_mark = flow->ct_zone = flow->ct_nw_proto = 6;
	flow->ct.label[3] = 4;
	execute(fx.pmd, actions, &m, 1);
	flow = &packet_meta(fx.pmd->recirc[0])->flow;
	assert_int_equal(flow->pkt_mark, 3);
	assert_int_equal(flow->ct_state | flow->ct_mark | flow->ct_zone | flow->ct_nw_proto, 0);
	assert_int_equal(flow->ct.label[3], 0);
	rte_pktmbuf_free(fx.pmd->recirc[0]);
	fx.pmd->n_recirc = 0;
	flow_actions_free(actions);
}

// The model: what a packet of LEN bytes does in a list, one action after the other.
struct model {
	uint8_t first;
	uint32_t trunc;
};

struct sent {
	uint32_t port, len;
	uint8_t first;
};

static struct sent sent[OUTPUTS];
static unsigned n_sent;

static bool model_list(const struct action *list, unsigned n, struct model m);

static void model_nested(const struct action *a, struct model m)
{
	unsigned n_greater = a->u.check_pkt_len.n_greater;

	if (a->type == ACTION_CLONE || (a->type == ACTION_SAMPLE && a->u.probability == ALWAYS))
		model_list(a + 1, a->n_more, m);
	else if (a->type == ACTION_CHECK_PKT_LEN && LEN > a->u.check_pkt_len.pkt_len)
		model_list(a + 1, n_greater, m);
	else if (a->type == ACTION_CHECK_PKT_LEN)
		model_list(a + 1 + n_greater, a->n_more - n_greater, m);
}

static void model_output(uint32_t port, struct model *m)
{
	assert_true(n_sent < OUTPUTS);
	sent[n_sent++] = (struct sent){port, m->trunc ? RTE_MIN(m->trunc, LEN) : LEN, m->first};
	m->trunc = 0;
}

static bool model_list(const struct action *list, unsigned n, struct model m)
{
	for (unsigned i = 0; i < n; i += action_entries(&list[i])) {
		switch (list[i].type) {
		case ACTION_OUTPUT:
			model_output(list[i].u.port, &m);
			break;
		case ACTION_SET_ETH:
			m.first = list[i].u.eth.dst.b[0];
			break;
		case ACTION_DROP:
			return false;
		default:
			model_nested(&list[i], m);
		}
	}
	return true;
}

static unsigned random_list(struct action *list, unsigned room, unsigned depth);

static unsigned random_nested(struct action *a, unsigned room, unsigned depth)
{
	static const enum action_type types[] = {ACTION_CLONE, ACTION_SAMPLE, ACTION_CHECK_PKT_LEN};

	*a = (struct action){.type = types[rnd(3)]};
	if (a->type == ACTION_SAMPLE)
		a->u.probability = rnd(3) ? ALWAYS : 0;
	if (a->type == ACTION_CHECK_PKT_LEN) {
		a->u.check_pkt_len.pkt_len = (uint16_t)(LEN - 1 + rnd(2));
		a->n_more = random_list(a + 1, (room - 1) / 2, depth + 1);
		a->u.check_pkt_len.n_greater = (uint16_t)a->n_more;
	}
	a->n_more += random_list(a + 1 + a->n_more, room - 1 - a->n_more, depth + 1);
	return action_entries(a);
}

static unsigned random_list(struct action *list, unsigned room, unsigned depth)
{
	unsigned n = 0;

	for (unsigned left = rnd(6); left > 0 && n < room; left--) {
		switch (rnd(depth < DEPTH_MAX ? 8 : 5)) {
		case 0:
		case 1:
		case 2:
			list[n++] = (struct action)OUTPUT(2 + rnd(3));
			break;
		case 3:
			list[n++] = (struct action)SET_DST((uint8_t)rnd(256));
			break;
		case 4:
			if (rnd(8) == 0)
				list[n++] = (struct action){.type = ACTION_DROP};
			break;
		default:
			n += random_nested(&list[n], room - n, depth);
		}
	}
	return n;
}

static void each_output_sends_what_the_packet_is_there(void **state)
{
	static struct action list[ENTRIES];
	unsigned most = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = random_list(list, ENTRIES, 1);

		n_sent = 0;
		model_list(list, n, (struct model){.first = FIRST_BYTE});
		forward_one(actions_of(list, n));
		for (unsigned s = 0; s < n_sent; s++)
			wants(sent[s].port, sent[s].first, sent[s].len);
		for (uint32_t no = 2; no <= 4; no++)
			assert_sent(no, 0);
		most = RTE_MAX(most, n_sent);
	}
	assert_true(most > 8);
}

// No buffer is lost, and none is freed twice, when there are too few.
static void without_buffers_the_packet_goes_on(void **state)
{
	static struct rte_mbuf *hoard[4096];
	unsigned n = 0;
	struct rte_mbuf *m = packet_udp(1, LEN);
	struct flow_actions *actions = ACTIONS(LIST(ACTION_CLONE, 2), SET_DST(3), OUTPUT(2),
					       LIST(ACTION_CLONE, 1), OUTPUT(2), OUTPUT(3));

	(void)state;
	packet_meta(m)->in_port = 1;
	while ((hoard[n] = rte_pktmbuf_alloc(packet_pool())))
		n++;
	execute(fx.pmd, actions, &m, 1);
	tx_flush(fx.pmd);
	rte_pktmbuf_free_bulk(hoard, n);
	assert_int_equal(drops_of(1, DROP_NO_MEMORY), 2);
	assert_sent(2, 0);
	assert_sent(3, 1);
	flow_actions_free(actions);
}

#define OWN(name) cmocka_unit_test_setup_teardown(name, up_own, fixture_down)
#define LENT(name)                                                \
	{                                                         \
		"lent: " #name, name, up_lent, fixture_down, NULL \
	}
#define BOTH(name) OWN(name), LENT(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(a_clone_changes_its_own_packet_only),
	    BOTH(what_recirculates_from_a_list_is_its_own),
	    BOTH(a_length_decides_which_list_is_run),
	    BOTH(a_sample_takes_its_share),
	    BOTH(a_packet_that_goes_nowhere_is_dropped_by_the_flow),
	    BOTH(a_drop_ends_its_list_under_its_reason),
	    BOTH(truncation_goes_into_the_next_list_and_not_past_it),
	    BOTH(what_goes_up_is_truncated),
	    OWN(a_hash_tells_connections_apart),
	    OWN(marks_go_along_with_the_packet),
	    OWN(ct_clear_forgets_the_connection_and_not_the_mark),
	    BOTH(each_output_sends_what_the_packet_is_there),
	    OWN(without_buffers_the_packet_goes_on),
	};

	return run_on_each_isa(tests, RTE_DIM(tests));
}
