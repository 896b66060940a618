// What connection tracking costs a packet, in one PMD without a thread, beside plain forwarding in
// the same run: cycles a packet, and the ratio. No test: make build/unit/datapath/bench_ct && it.
#include "ct_fixture.h"

#include "datapath/datapaths.h"

#define N_CONNS	     65536u // packets of as many connections come in turn
#define N_PKTS	     512u   // in as many buffers, which stay in the cache
#define ROUNDS	     40u
#define BENCH_CT_MAX (2 * N_CONNS)

// What differs between packets of two connections.
struct patch {
	uint32_t addr;
	uint16_t ip_csum, l4_csum;
};

static struct {
	struct rte_mbuf *pkts[N_PKTS];
	struct patch patches[N_CONNS];
	unsigned addr_at, ip_csum_at, l4_csum_at;
	unsigned next;
} source;

// Each packet is there for ever: who frees it only gives a reference back.
static uint16_t bench_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
			 struct rte_mbuf **pkts, uint16_t n)
{
	(void)port;
	(void)queue;
	(void)arena;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = source.pkts[source.next % N_PKTS];
		const struct patch *patch = &source.patches[source.next];
		uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *);

		memcpy(b + source.addr_at, &patch->addr, sizeof patch->addr);
		memcpy(b + source.ip_csum_at, &patch->ip_csum, sizeof patch->ip_csum);
		memcpy(b + source.l4_csum_at, &patch->l4_csum, sizeof patch->l4_csum);
		m->ol_flags = 0;
		rte_mbuf_refcnt_set(m, 2);
		source.next = (source.next + 1) % N_CONNS;
		pkts[i] = m;
	}
	return n;
}

static uint16_t bench_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
			 int *reason)
{
	(void)port;
	(void)pmd_index;
	(void)reason;
	for (uint16_t i = 0; i < n; i++)
		rte_mbuf_refcnt_set(pkts[i], 1);
	return n;
}

static const struct port_kind bench_kind = {.name = "bench", .rx = bench_rx, .tx = bench_tx};

static void patch_fill(struct patch *patch, const struct frame *f)
{
	memcpy(&patch->addr, f->b + source.addr_at, sizeof patch->addr);
	memcpy(&patch->ip_csum, f->b + source.ip_csum_at, sizeof patch->ip_csum);
	memcpy(&patch->l4_csum, f->b + source.l4_csum_at, sizeof patch->l4_csum);
}

static void packets_fill(uint8_t proto, bool from_b)
{
	const struct tcp_spec spec = {.from_b = from_b,
				      .flags = F_ACK,
				      .seq = from_b ? 5000 : 1000,
				      .ack = from_b ? 1000 : 5000};
	struct frame f =
	    proto == IPPROTO_TCP ? tcp(&spec) : frame_of(IPPROTO_UDP, false, from_b, 18);

	source.next = 0;
	source.addr_at = f.l3 + (from_b ? 16 : 12);
	source.ip_csum_at = f.l3 + 10;
	source.l4_csum_at = f.l4 + (unsigned)l4_csum_ofs(proto);
	for (unsigned i = 0; i < N_PKTS; i++) {
		rte_pktmbuf_free(source.pkts[i]);
		source.pkts[i] = mbuf_of(&f);
	}
	for (unsigned i = 0; i < N_CONNS; i++) {
		put16(f.b + source.addr_at + 2, i);
		frame_fix(&f);
		patch_fill(&source.patches[i], &f);
	}
}

static double run_once(void)
{
	uint64_t start = rte_rdtsc();
	unsigned n = 0;

	for (unsigned i = 0; i < N_CONNS / BURST_MAX; i++)
		n += forward_rx(fx.pmd, &fx.poll);
	return (double)(rte_rdtsc() - start) / n;
}

// The best of several rounds over all connections.
static double cycles(void)
{
	double best = 1e9;

	for (unsigned i = 0; i < ROUNDS; i++)
		best = RTE_MIN(best, run_once());
	return best;
}

static void flows_clear(void)
{
	uint32_t cursor = 0;
	struct megaflow *flow;

	while ((flow = flow_table_next(fx.flows, &cursor)))
		flow_table_del(fx.flows, flow, NULL);
	rcu_quiescent(fx.rcu, fx.pmd->rcu_id);
	rcu_reclaim(fx.rcu);
}

static struct action ct_action(uint8_t flags)
{
	struct action action = {.type = ACTION_CT};

	action.u.ct.zone = CT_ZONE;
	action.u.ct.flags = flags;
	return action;
}

static void conns_clear(void)
{
	fx.pmd->now_ms += 200000000;
	while (ct_table_count(0) > 0) {
		ct_turn(fx.pmd->now_ms);
		rcu_quiescent(fx.rcu, fx.pmd->rcu_id);
		rcu_reclaim(fx.rcu);
	}
}

static double bench_plain(void)
{
	flows_clear();
	install(0, 0, ACTIONS(OUTPUT(2)));
	return cycles();
}

// The same with a second lookup, and no connections.
static double bench_recirculated(void)
{
	flows_clear();
	install(0, 0, ACTIONS(RECIRC(1)));
	install(1, 0, ACTIONS(OUTPUT(2)));
	return cycles();
}

// As swd's event loop does it, memory for all connections is taken piece by piece.
static void slots_grow(void)
{
	conns_clear();
	for (unsigned i = 0; i < N_CONNS / BURST_MAX; i++) {
		forward_rx(fx.pmd, &fx.poll);
		ct_turn(fx.pmd->now_ms);
	}
}

static double bench_established(uint8_t proto)
{
	flows_clear();
	install(0, 0, ACTIONS(ct_action(ACTION_CT_COMMIT), OUTPUT(2)));
	packets_fill(proto, FROM_A);
	slots_grow();
	packets_fill(proto, FROM_B);
	run_once();
	packets_fill(proto, FROM_A);
	run_once();
	flows_clear();
	install(0, 0, ACTIONS(ct_action(0), RECIRC(1)));
	install(1, 0, ACTIONS(OUTPUT(2)));
	return cycles();
}

// Each packet opens a connection.
static double bench_commit(uint8_t proto)
{
	double best = 1e9;

	flows_clear();
	install(0, 0, ACTIONS(ct_action(ACTION_CT_COMMIT), OUTPUT(2)));
	packets_fill(proto, FROM_A);
	slots_grow();
	for (unsigned i = 0; i < 10; i++) {
		conns_clear();
		best = RTE_MIN(best, run_once());
		assert_int_equal(ct_table_count(0), N_CONNS);
	}
	conns_clear();
	return best;
}

static void bench(void **state)
{
	double plain, recirculated;

	(void)state;
	packets_fill(IPPROTO_UDP, FROM_A);
	plain = bench_plain();
	recirculated = bench_recirculated();
	printf("%-34s %7.1f cycles  1.00\n", "plain forwarding", plain);
	printf("%-34s %7.1f cycles  %.2f\n", "recirculated", recirculated, recirculated / plain);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t proto = i ? IPPROTO_TCP : IPPROTO_UDP;
		double est = bench_established(proto), commit = bench_commit(proto);

		printf("%s, established, recirculated     %7.1f cycles  %.2f\n", i ? "TCP" : "UDP",
		       est, est / plain);
		printf("%s, a new connection each         %7.1f cycles  %.2f\n", i ? "TCP" : "UDP",
		       commit, commit / plain);
	}
}

static int up(void **state)
{
	int err = fixture_up(state);

	fx.pmd->now_ms = START_MS;
	fx.poll.rx = bench_rx;
	fx.ports[2].port.kind = &bench_kind;
	if (!err)
		err = ct_init(fx.rcu, BENCH_CT_MAX);
	return err ? err : ct_prepare(0);
}

static int down(void **state)
{
	flows_clear();
	ct_fini();
	for (unsigned i = 0; i < N_PKTS; i++)
		rte_pktmbuf_free(source.pkts[i]);
	return fixture_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(bench, up, down)};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
