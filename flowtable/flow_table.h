// The table's insides, for the files that make it up.
#ifndef FLOWTABLE_FLOW_TABLE_H
#define FLOWTABLE_FLOW_TABLE_H

#include "flowtable/action_lists.h"
#include "flowtable/counters.h"
#include "flowtable/port_tables.h"
#include "flowtable/slab.h"
#include "flowtable/subtable.h"

// Control thread only.
struct flow_table {
	struct rcu *rcu;
	int numa_node;
	uint32_t n_flows;
	struct slab_set slots;
	struct action_lists actions;
	struct counter_set counters;
	uint32_t n_masks;
	uint32_t ids_end;		   // mask ids are below
	uint32_t mask_hashes[MASKS_MAX];   // by mask id
	struct subtable *by_id[MASKS_MAX]; // NULL: the id is free
	struct port_tables ports;
	uint64_t bucket_bytes; // lists included
};

#endif
