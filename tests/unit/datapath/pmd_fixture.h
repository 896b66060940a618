// A PMD without a thread, with ports 1 to 4 around it: the test calls its steps itself.
#ifndef TESTS_UNIT_DATAPATH_PMD_FIXTURE_H
#define TESTS_UNIT_DATAPATH_PMD_FIXTURE_H

#include "datapath/forward.h"
#include "datapath/pmd_private.h"
#include "datapath/upcall.h"
#include "fake_port.h"

#include <arpa/inet.h>

#define MISS_RING_SIZE 256 // packets: less than the buffers that there are here

#define FIXTURE_PORTS 4

static struct {
	struct rcu *rcu;
	struct flow_table *flows;
	struct pmd *pmd;
	struct rxq rxq, inject_rxq;
	struct fake_port ports[FIXTURE_PORTS + 1]; // by number
	struct rxq_poll poll;			   // port 1, queue 0
} fx;

static inline int fixture_up(void **state)
{
	char err[128];

	(void)state;
	memset(&fx, 0, sizeof fx);
	assert_int_equal(upcall_init(), 0);
	upcall_set_attached(true);
	fx.rcu = rcu_create();
	fx.flows = flow_table_create(fx.rcu, 1024, SOCKET_ID_ANY);
	for (uint32_t no = 1; no <= FIXTURE_PORTS; no++)
		fake_port_open(&fx.ports[no], no, 1);
	fx.inject_rxq.upcalls = upcall_ring_create(0, MISS_RING_SIZE, SOCKET_ID_ANY);
	fx.rxq = (struct rxq){.port = &fx.ports[1].port,
			      .upcalls = upcall_ring_create(1, MISS_RING_SIZE, SOCKET_ID_ANY)};
	fx.poll = (struct rxq_poll){
	    .rx = fake_rx, .port = fx.rxq.port, .rxq = &fx.rxq, .port_no = 1, .queue = 0};
	const struct pmd_pool_config pool = {.rcu = fx.rcu,
					     .flows = fx.flows,
					     .emc_entries = 1024,
					     .signature_entries = 1024};
	const struct pmd_config config = {.pool = &pool, .inject_rxq = &fx.inject_rxq};

	fx.pmd = pmd_create(&config, err, sizeof err);
	assert_non_null(fx.pmd);
	fx.pmd->in_port = 1;
	fx.pmd->rxq = &fx.rxq;
	rcu_online(fx.rcu, fx.pmd->rcu_id);
	return 0;
}

static inline int fixture_down(void **state)
{
	(void)state;
	rcu_offline(fx.rcu, fx.pmd->rcu_id);
	pmd_destroy(fx.pmd);
	upcall_ring_destroy(fx.rxq.upcalls);
	upcall_ring_destroy(fx.inject_rxq.upcalls);
	for (uint32_t no = 1; no <= FIXTURE_PORTS; no++)
		fake_port_close(&fx.ports[no]);
	flow_table_destroy(fx.flows);
	rcu_destroy(fx.rcu);
	upcall_fini();
	packets_assert_all_back();
	return 0;
}

static inline struct flow_actions *actions_of(const struct action *list, unsigned n)
{
	struct flow_actions *actions = flow_actions_alloc(n);

	memcpy(actions->list, list, n * sizeof(*list));
	return actions;
}

#define ACTIONS(...)                               \
	actions_of((struct action[]){__VA_ARGS__}, \
		   sizeof((struct action[]){__VA_ARGS__}) / sizeof(struct action))
#define OUTPUT(no)                                    \
	{                                             \
		.type = ACTION_OUTPUT, .u.port = (no) \
	}
#define TRUNC(len)                                       \
	{                                                \
		.type = ACTION_TRUNC, .u.max_len = (len) \
	}
#define RECIRC(id)                                         \
	{                                                  \
		.type = ACTION_RECIRC, .u.recirc_id = (id) \
	}
#define SET_DST(byte)                                                                     \
	{                                                                                 \
		.type = ACTION_SET_ETH, .u.eth = {.dst = {{byte}}, .dst_mask = {{0xff}} } \
	}

// The input port has these packets, in this order.
static inline void receive(struct rte_mbuf *m)
{
	assert_int_equal(rte_ring_sp_enqueue(fx.ports[1].in[0], m), 0);
}

static inline struct megaflow *install(uint32_t recirc_id, uint16_t tp_src,
				       struct flow_actions *actions)
{
	struct flow_match match = {.key = {.in_port = 1, .recirc_id = recirc_id},
				   .mask = {.in_port = UINT32_MAX, .recirc_id = UINT32_MAX}};
	struct megaflow *flow;

	if (tp_src) {
		match.key.tp_src_be = htons(tp_src);
		match.mask.tp_src_be = UINT16_MAX;
	}
	assert_int_equal(flow_table_add(fx.flows, &match, actions, &flow), 0);
	return flow;
}

static inline uint64_t drops_of(uint32_t port_no, enum drop_reason reason)
{
	return fx.pmd->ports[port_no].drops[reason];
}

// Wants the port to have sent n packets, frees them.
static inline void assert_sent(uint32_t no, unsigned n)
{
	struct rte_mbuf *m;

	while ((m = fake_port_sent(&fx.ports[no]))) {
		assert_true(n > 0);
		rte_pktmbuf_free(m);
		n--;
	}
	assert_int_equal(n, 0);
}

// Runs tests on each instruction set that this processor has.
static inline int run_on_each_isa(const struct CMUnitTest *tests, size_t n)
{
	int failed = 0;

	if (fake_eal_init(NULL) != 0)
		return 1;
	for (enum isa isa = 0; isa < N_ISAS; isa++) {
		if (isa_supported(isa) && isa_set(isa_name(isa)) == 0)
			failed += _cmocka_run_group_tests(isa_name(isa), tests, n, NULL, NULL);
	}
	eal_teardown(NULL);
	return failed;
}

#endif
