// Pieces of memory of one size, by number, for connections: hugepage memory, taken by the control
// thread ahead of need, handed out to PMDs without a call to the allocator.
#ifndef DATAPATH_CT_SLAB_H
#define DATAPATH_CT_SLAB_H

#include "datapath/pmd.h"

#include <rte_spinlock.h>

#define CT_SLAB_SHIFT 13
#define CT_SLAB_SLOTS (1u << CT_SLAB_SHIFT) // a megabyte of 128-byte pieces
#define CT_SLAB_CACHE 64u		    // free numbers that a PMD keeps

// One PMD's free numbers.
struct ct_slab_cache {
	uint32_t n;
	uint32_t ids[CT_SLAB_CACHE];
} __rte_cache_aligned;

struct ct_slab {
	// Constant, but for slabs[], which grows.
	char **slabs; // each of CT_SLAB_SLOTS pieces, zeroed; writer: control thread
	uint32_t max;
	uint32_t piece_bytes;
	int numa_node;
	uint32_t n_slots; // in slabs; writer: control thread
	// The stack of free numbers.
	rte_spinlock_t lock __rte_cache_aligned;
	uint32_t n_free;    // written under the lock
	uint32_t *free_ids; // [max]
	struct ct_slab_cache caches[PMDS_MAX];
};

// Control thread. 0 or -ENOMEM.
int ct_slab_init(struct ct_slab *s, uint32_t max, uint32_t piece_bytes, int numa_node);
void ct_slab_fini(struct ct_slab *s);
// Takes memory until `reserve` are free, or there are `max`. 0 or -ENOMEM. Control thread.
int ct_slab_grow(struct ct_slab *s, uint32_t reserve);
void ct_slab_put_bulk(struct ct_slab *s, const uint32_t *ids, uint32_t n);
uint64_t ct_slab_bytes(const struct ct_slab *s);

// That PMD. The number of a free piece, or UINT32_MAX. Its bytes are as its last owner left them.
uint32_t ct_slab_get(struct ct_slab *s, unsigned pmd_index);
void ct_slab_put(struct ct_slab *s, unsigned pmd_index, uint32_t id);

static inline uint32_t ct_slab_n_free(const struct ct_slab *s)
{
	return __atomic_load_n(&s->n_free, __ATOMIC_RELAXED);
}

static inline void *ct_slab_at(const struct ct_slab *s, uint32_t id)
{
	return s->slabs[id >> CT_SLAB_SHIFT] + (size_t)(id & (CT_SLAB_SLOTS - 1)) * s->piece_bytes;
}

// The piece that this PMD gets next, to be prefetched; NULL: not known.
static inline void *ct_slab_next(const struct ct_slab *s, unsigned pmd_index)
{
	const struct ct_slab_cache *cache = &s->caches[pmd_index];

	return cache->n ? ct_slab_at(s, cache->ids[cache->n - 1]) : NULL;
}

#endif
