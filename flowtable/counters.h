// Counters of megaflows: per PMD an array of chunks, indexed by megaflow id. The control thread
// owns the chunks; a PMD adds in its own.
#ifndef FLOWTABLE_COUNTERS_H
#define FLOWTABLE_COUNTERS_H

#include "flowtable/megaflow.h"

struct counter_set {
	struct flow_counters *list;    // all PMDs', and `past`
	struct flow_counters *past;    // what ended PMDs counted; NULL before the first one ends
	struct flow_counters *cleared; // what was cleared, negative; NULL before the first time
	uint32_t n_chunks;	       // that every one of the list has
	uint32_t max_chunks;
	uint64_t bytes;
};

void counter_set_init(struct counter_set *set, uint32_t max_flows);
void counter_set_fini(struct counter_set *set);
struct flow_counters *counter_set_add(struct counter_set *set, int numa_node);
void counter_set_remove(struct counter_set *set, struct flow_counters *c);
// Makes room for an id in all. To be called before a megaflow with this id is published. 0 or
// -ENOMEM.
int counter_set_reserve(struct counter_set *set, uint32_t id);
// Nobody counts for this id at the moment.
void counter_set_zero(struct counter_set *set, uint32_t id);
// Sums of packets and bytes are zero from now on; time of last use and TCP flags stay. 0 or
// -ENOMEM.
int counter_set_clear(struct counter_set *set, uint32_t id);
void counter_set_sum(const struct counter_set *set, uint32_t id, struct flow_stats *sum);

#endif
