// The exact-match cache: whole keys to megaflows, one per PMD, in hugepage memory. Sets of four:
// what a probe reads first, the tags of a set, is a cache line; then the key, of which line 2 only
// when the key has one. Cold lines are left out, and so are megaflows that look at them: a key that
// finds another megaflow finds it whatever its cold lines. No writer but its PMD; emc_hot.h is the
// PMD's half.
#ifndef FLOWTABLE_EMC_H
#define FLOWTABLE_EMC_H

#include "flowtable/megaflow.h"

#define EMC_WAYS 4

struct emc_set {
	struct megaflow *mf[EMC_WAYS]; // NULL: free
	uint32_t hash[EMC_WAYS];
	uint32_t seq[EMC_WAYS];
} __attribute__((aligned(64)));

static_assert(sizeof(struct emc_set) == 64, "a set's tags are a cache line");

struct emc_line {
	uint8_t b[FLOW_KEY_LINE];
} __attribute__((aligned(64)));

struct emc {
	uint32_t mask; // number of sets - 1
	uint32_t turn; // whose turn it is to be evicted: chooses among live entries
	// Hits of the last some thousand probes say whether the cache is worth its cost.
	uint32_t n_probed, n_hits;
	bool poor;
	uint32_t n_skipped; // bursts that were not probed since the last one that was
	uint64_t bytes;
	struct emc_set *sets;
	struct emc_line *line1, *line2; // of keys: [set * EMC_WAYS + way]
};

// n_entries is a power of two, at least EMC_WAYS. NULL when out of memory. Control thread.
struct emc *emc_create(uint32_t n_entries, int numa_node);
void emc_destroy(struct emc *emc);

#endif
