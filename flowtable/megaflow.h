// Megaflows: masked keys with actions, in one hash table per mask, shared by all PMDs, in hugepage
// memory.
//
// One writer (the control thread), lock-free readers. A megaflow's memory is type-stable: slots
// come from slabs that are never given back while the table lives, and `seq` changes when a
// megaflow dies and when its slot is used again. A cache may therefore keep a (pointer, seq) pair
// past the megaflow's end and check it with megaflow_alive().
#ifndef FLOWTABLE_MEGAFLOW_H
#define FLOWTABLE_MEGAFLOW_H

#include "flowtable/action.h"
#include "flowtable/key.h"
#include "flowtable/rcu.h"
#include "flowtable/tally.h"

#define MEGAFLOW_UFID_BYTES 16

struct megaflow {
	// Line 0: what a PMD reads at each hit. Writer: control thread.
	const struct flow_actions *actions; // published; replaced whole
	uint32_t seq;			    // odd while alive, even while dead or free
	uint32_t id;			    // dense, below the table's max_flows; index of counters
	struct subtable *subtable;	    // whose mask it has
	uint32_t hash;			    // of the masked key
	uint32_t owner;			    // for the control thread: which of its users has it
	struct flow_cold *cold;		    // if its mask has bits there; otherwise NULL
	struct flow_table *table;	    // owner; for the control thread
	uint8_t ufid[MEGAFLOW_UFID_BYTES];  // whoever installed it calls it so; zero: no name
	// Lines 1 and 2: those of the masked key. The mask is the subtable's.
	uint64_t key[FLOW_KEY_HOT_BYTES / sizeof(uint64_t)] __attribute__((aligned(64)));
};

static_assert(sizeof(struct megaflow) == 3 * FLOW_KEY_LINE,
	      "an odd number, so that the first lines "
	      "of all spread over the cache's sets");

// The cold lines of the masked key.
struct flow_cold {
	uint64_t words[(sizeof(struct flow_key) - FLOW_KEY_HOT_BYTES) / sizeof(uint64_t)];
} __attribute__((aligned(64)));

struct flow_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t used_ms; // CLOCK_MONOTONIC, coarse; 0 when never
	uint16_t tcp_flags;
};

struct flow_table;

// Writer: the PMD. Readers take each field by itself.
struct flow_counter {
	uint64_t packets;
	uint64_t bytes;
	uint64_t used_ms;
	uint16_t tcp_flags;
};

static_assert(sizeof(struct flow_counter) == 32, "two counters a cache line");

#define FLOW_COUNTERS_CHUNK 4096

// One PMD's counters of all megaflows.
struct flow_counters {
	struct flow_counters *next;
	int numa_node;
	// By id / FLOW_COUNTERS_CHUNK. Writer: control thread, before the first megaflow of a chunk
	// is published.
	struct flow_counter *chunks[];
};

struct flow_table_memory {
	uint64_t slab_bytes;	// megaflows
	uint64_t bucket_bytes;	// hash tables
	uint64_t counter_bytes; // per-PMD counters
};

// Memory comes from rte_malloc on `numa_node` (SOCKET_ID_ANY allowed). The table borrows `rcu`.
// NULL when out of memory.
struct flow_table *flow_table_create(struct rcu *rcu, uint32_t max_flows, int numa_node);
void flow_table_destroy(struct flow_table *t); // no reader may run

// Adds a megaflow. Takes `actions` over, also on error. The key is masked
// here. 0, -EEXIST (same masked key and mask), -ENOSPC (max_flows or mask limit reached, or too
// many hashes collide), -ENOMEM. Control thread.
int flow_table_add(struct flow_table *t, const struct flow_match *match,
		   struct flow_actions *actions, struct megaflow **out);
// As flow_table_add(), but one that is there gets these actions.
int flow_table_replace(struct flow_table *t, const struct flow_match *match,
		       struct flow_actions *actions, struct megaflow **out);
// Unpublishes; memory is used again after a grace period. `out` receives the final counters after
// the call's own best knowledge (packets in flight may still count; they are lost to the caller).
// May be NULL. Control thread.
void flow_table_del(struct flow_table *t, struct megaflow *mf, struct flow_stats *out);
// Replaces a megaflow's actions, taking `actions` over. Control thread.
void flow_table_set_actions(struct flow_table *t, struct megaflow *mf,
			    struct flow_actions *actions);
// The megaflow with just this match, or NULL. Control thread.
struct megaflow *flow_table_find(struct flow_table *t, const struct flow_match *match);
// One of an owner's that packets of this key (whole, `cold` 0) hit, or NULL. Costs a look at each
// mask. Control thread.
struct megaflow *flow_table_match(struct flow_table *t, const struct flow_key *key, uint32_t owner);
// A megaflow's key and mask. Control thread, or a reader inside its read section.
void megaflow_match(const struct megaflow *mf, struct flow_match *match);
// Iterates in id order: the first live megaflow with id >= *cursor, which moves past it; NULL at
// the end. Adding and deleting between calls is allowed. Control thread.
struct megaflow *flow_table_next(struct flow_table *t, uint32_t *cursor);

static inline bool megaflow_alive(const struct megaflow *mf, uint32_t seq)
{
	return __atomic_load_n(&mf->seq, __ATOMIC_ACQUIRE) == seq;
}

// A megaflow's actions, to be loaded once for a burst: they may be replaced at any time. Readers,
// inside their read section.
static inline const struct flow_actions *megaflow_actions(const struct megaflow *mf)
{
	return __atomic_load_n(&mf->actions, __ATOMIC_ACQUIRE);
}

uint32_t flow_table_n_flows(const struct flow_table *t);
uint32_t flow_table_n_masks(const struct flow_table *t);
uint32_t flow_table_max_flows(const struct flow_table *t);
void flow_table_memory(const struct flow_table *t, struct flow_table_memory *mem);

// Counters. One object per PMD; only that PMD adds, anybody sums. Slots exist for every megaflow
// before it is published.
struct flow_counters *flow_counters_create(struct flow_table *t, int numa_node); // control thread
void flow_counters_destroy(struct flow_table *t,
			   struct flow_counters *c); // its values are folded into the table's
void flow_table_stats(const struct flow_table *t, const struct megaflow *mf,
		      struct flow_stats *out); // control thread
// Counts packets and bytes from zero again. 0 or -ENOMEM. Control thread.
int flow_table_stats_clear(struct flow_table *t, const struct megaflow *mf);

static inline struct flow_counter *flow_counter_of(const struct flow_counters *c, uint32_t id)
{
	return &c->chunks[id / FLOW_COUNTERS_CHUNK][id % FLOW_COUNTERS_CHUNK];
}

// To be called for a burst's megaflows before their counters are added to: a line each.
static inline void flow_counters_prefetch(const struct flow_counters *c, const struct megaflow *mf)
{
	__builtin_prefetch(flow_counter_of(c, mf->id), 1);
}

// That PMD.
static inline void flow_counters_add(struct flow_counters *c, const struct megaflow *mf,
				     uint32_t packets, uint64_t bytes, uint64_t now_ms,
				     uint16_t tcp_flags)
{
	struct flow_counter *f = flow_counter_of(c, mf->id);

	tally_add(&f->packets, packets);
	tally_add(&f->bytes, bytes);
	__atomic_store_n(&f->used_ms, now_ms, __ATOMIC_RELAXED);
	if (tcp_flags & ~f->tcp_flags)
		__atomic_store_n(&f->tcp_flags, f->tcp_flags | tcp_flags, __ATOMIC_RELAXED);
}

// The list of these actions that the table's megaflows share, held until flow_actions_free(). NULL
// when out of memory. All bytes count: those that say nothing must be zero. Control thread.
struct flow_actions *flow_table_actions(struct flow_table *t, const struct action *list,
					unsigned n);
// Heap memory for n actions (zeroed, n set). NULL when out of memory. Free with flow_actions_free.
struct flow_actions *flow_actions_alloc(unsigned n);
void flow_actions_free(void *actions);

#endif
