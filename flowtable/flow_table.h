// The table's insides, for the files that make it up.
#ifndef FLOWTABLE_FLOW_TABLE_H
#define FLOWTABLE_FLOW_TABLE_H

#include "flowtable/counters.h"
#include "flowtable/slab.h"
#include "flowtable/subtable.h"

#define MASKS_MAX 1024

struct flow_table {
	struct subtable_list *masks; // published
	// The rest: control thread only.
	struct rcu *rcu;
	int numa_node;
	uint32_t n_flows;
	struct slab_set slots;
	struct counter_set counters;
	struct subtable *by_id[MASKS_MAX]; // NULL: the id is free
	uint64_t bucket_bytes;
};

#endif
