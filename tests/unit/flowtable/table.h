// A flow table with its rcu and one reader, played by the test's own thread; and flows to put in.
#ifndef TESTS_UNIT_FLOWTABLE_TABLE_H
#define TESTS_UNIT_FLOWTABLE_TABLE_H

#include "flowtable/lookup.h"

#include <rte_memory.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_FLOWS 300000
#define FLOW_PORTS  7 // of the flows below

struct fixture {
	struct rcu *rcu;
	struct flow_table *table;
	struct flow_reader *caches;
	int reader;
};

static const struct flow_lookup_ops *const lookup_rows[N_ISAS] = ISA_ROW(flow_lookup_ops);

static int table_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->rcu = rcu_create();
	f->table = flow_table_create(f->rcu, TABLE_FLOWS, SOCKET_ID_ANY);
	f->reader = rcu_reader_add(f->rcu);
	rcu_online(f->rcu, f->reader);
	f->caches = flow_reader_create(f->table, 256, 1024, SOCKET_ID_ANY);
	return f->caches ? 0 : -1;
}

static int table_teardown(void **state)
{
	struct fixture *f = *state;

	rcu_offline(f->rcu, f->reader);
	flow_reader_destroy(f->caches);
	flow_table_destroy(f->table);
	rcu_reader_del(f->rcu, f->reader);
	rcu_destroy(f->rcu);
	free(f);
	return 0;
}

// The reader lets go of everything, and what was retired is freed.
static inline void grace_period(struct fixture *f)
{
	rcu_quiescent(f->rcu, f->reader);
	assert_int_equal(rcu_reclaim(f->rcu), 0);
}

// Flow n of a mask: the mask takes in_port and ip_dst in whole, and `variant` of tp_src; variants
// from 0x8000 on also take a part of line 2. Keys have bits outside the mask too.
static inline struct flow_match flow_match_of(uint32_t n, uint16_t variant)
{
	struct flow_match m;

	memset(&m, 0, sizeof(m));
	m.mask.in_port = UINT32_MAX;
	m.mask.ip_dst_be = UINT32_MAX;
	m.mask.tp_src_be = variant;
	if (variant & 0x8000)
		memset(&m.mask.ipv6_dst, 0xff, 8);
	m.key.eth_type_be = __builtin_bswap16(0x86dd); // has a line 2
	m.key.in_port = n % FLOW_PORTS;
	m.key.ip_dst_be = n;
	m.key.tp_src_be = 0xffff;
	m.key.tp_dst_be = (uint16_t)n;
	memset(&m.key.ipv6_dst, (int)(n & 0x7f), sizeof(m.key.ipv6_dst));
	return m;
}

static inline struct flow_actions *output_to(uint32_t port)
{
	struct flow_actions *actions = flow_actions_alloc(1);

	assert_non_null(actions);
	actions->list[0] = (struct action){.type = ACTION_OUTPUT, .u.port = port};
	return actions;
}

static inline struct megaflow *add_flow(struct fixture *f, uint32_t n, uint16_t variant)
{
	struct flow_match m = flow_match_of(n, variant);
	struct megaflow *mf = NULL;

	assert_int_equal(flow_table_add(f->table, &m, output_to(n), &mf), 0);
	assert_non_null(mf);
	return mf;
}

static inline struct megaflow *lookup_one(struct fixture *f, const struct flow_key *key)
{
	struct megaflow *mf = NULL;
	struct lookup_stats stats = {0};

	lookup_rows[isa_current()]->lookup(f->caches, key, 1, &mf, &stats);
	return mf;
}

#endif
