// Lookup: a burst's keys to megaflows, through one PMD's caches.
//
// For each input port a PMD has a list of the masks that its megaflows use, the most successful
// first. A key is looked up, in this order, in: the packet before it (trains of one flow are
// common); the first mask, while it answers most keys; when the port has more than one mask, the
// exact-match cache, then the signature cache, which tells the megaflow that a key found before;
// and the masks in order.
#ifndef FLOWTABLE_LOOKUP_H
#define FLOWTABLE_LOOKUP_H

#include "flowtable/isa.h"
#include "flowtable/megaflow.h"

struct flow_reader; // one PMD's caches and lists, in hugepage memory

// Writer: the PMD.
struct lookup_stats {
	uint64_t repeats; // same key as the packet before
	uint64_t emc_hits;
	uint64_t signature_hits; // the signature cache named the right megaflow
	uint64_t megaflow_hits;	 // found by walking the masks
	uint64_t misses;
	uint64_t masks_tried; // by the walk, summed over its keys, hits and misses
};

// Control thread. emc_entries and signature_entries are powers of two. NULL when out of memory.
struct flow_reader *flow_reader_create(struct flow_table *t, uint32_t emc_entries,
				       uint32_t signature_entries, int numa_node);
void flow_reader_destroy(struct flow_reader *r); // its PMD has ended
uint64_t flow_reader_memory_bytes(const struct flow_reader *r);

struct flow_lookup_ops {
	// Sets flows[0..n): NULL is a miss. All n keys, 1 to 64, have the same in_port. That PMD,
	// inside its read section.
	void (*lookup)(struct flow_reader *r, const struct flow_key *keys, unsigned n,
		       struct megaflow **flows, struct lookup_stats *stats);
	// The same for keys that may have cold lines; lookup() wants `cold` to be 0 in all.
	void (*lookup_cold)(struct flow_reader *r, const struct flow_key *keys, unsigned n,
			    struct megaflow **flows, struct lookup_stats *stats);
};

ISA_DECLARE(struct flow_lookup_ops, flow_lookup_ops); // lookup_hot.c

#endif
