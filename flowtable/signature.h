// The signature cache: for up to a million keys or more, which megaflow was found. Four bytes each,
// so that they stay in the processor's caches where whole keys would not; one per PMD, in hugepage
// memory. No writer but its PMD; signature_hot.h is the PMD's half.
//
// An entry is a part of a key's hash and the id of a megaflow: a hint, which the compare with the
// megaflow's key under its mask proves. A wrong or stale one costs that compare.
#ifndef FLOWTABLE_SIGNATURE_H
#define FLOWTABLE_SIGNATURE_H

#include "flowtable/megaflow.h"

#define SIGNATURE_WAYS	   16
#define SIGNATURE_BITS_MIN 8 // ids that leave fewer are not kept

struct signature_bucket {
	// The upper bits of a hash, which are not all zero, above a megaflow's id; 0: free.
	uint32_t entries[SIGNATURE_WAYS];
} __attribute__((aligned(64)));

static_assert(sizeof(struct signature_bucket) == 64, "a bucket is a cache line");

struct signature_cache {
	uint32_t mask;	  // number of buckets - 1
	uint32_t id_mask; // an entry's bits that are the id
	uint32_t turn;	  // whose turn it is to be evicted
	uint64_t bytes;
	struct signature_bucket buckets[];
};

// n_entries is a power of two, at least SIGNATURE_WAYS; ids are below max_flows. NULL when out of
// memory. Control thread.
struct signature_cache *signature_cache_create(uint32_t n_entries, uint32_t max_flows,
					       int numa_node);
void signature_cache_destroy(struct signature_cache *c);

#endif
