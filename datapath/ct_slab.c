#include "datapath/ct_slab.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>

static uint32_t slabs_max(const struct ct_slab *s)
{
	return (s->max + CT_SLAB_SLOTS - 1) / CT_SLAB_SLOTS;
}

int ct_slab_init(struct ct_slab *s, uint32_t max, uint32_t piece_bytes, int numa_node)
{
	memset(s, 0, sizeof *s);
	s->max = max;
	s->piece_bytes = piece_bytes;
	s->numa_node = numa_node;
	rte_spinlock_init(&s->lock);
	s->slabs = calloc(slabs_max(s) + 1, sizeof s->slabs[0]);
	s->free_ids = calloc((size_t)max + 1, sizeof s->free_ids[0]);
	if (s->slabs && s->free_ids)
		return 0;
	ct_slab_fini(s);
	return -ENOMEM;
}

void ct_slab_fini(struct ct_slab *s)
{
	for (uint32_t i = 0; s->slabs && i < slabs_max(s); i++)
		rte_free(s->slabs[i]);
	free(s->slabs);
	free(s->free_ids);
	s->slabs = NULL;
	s->free_ids = NULL;
	s->n_slots = s->n_free = 0;
}

// The last slab may be shorter.
static uint32_t next_slots(const struct ct_slab *s)
{
	return RTE_MIN(s->max - s->n_slots, CT_SLAB_SLOTS);
}

static int slab_add(struct ct_slab *s)
{
	uint32_t n = next_slots(s), first = s->n_slots;
	char *slab = rte_zmalloc_socket("connections", (size_t)n * s->piece_bytes,
					RTE_CACHE_LINE_SIZE, s->numa_node);

	if (!slab)
		return -ENOMEM;
	s->slabs[first >> CT_SLAB_SHIFT] = slab;
	rte_spinlock_lock(&s->lock); // releases what was written, to who pops a number
	for (uint32_t i = 0; i < n; i++)
		s->free_ids[s->n_free + i] = first + n - 1 - i;
	__atomic_store_n(&s->n_free, s->n_free + n, __ATOMIC_RELAXED);
	rte_spinlock_unlock(&s->lock);
	__atomic_store_n(&s->n_slots, first + n, __ATOMIC_RELEASE);
	return 0;
}

int ct_slab_grow(struct ct_slab *s, uint32_t reserve)
{
	while (s->n_slots < s->max && ct_slab_n_free(s) < reserve) {
		int err = slab_add(s);

		if (err)
			return err;
	}
	return 0;
}

void ct_slab_put_bulk(struct ct_slab *s, const uint32_t *ids, uint32_t n)
{
	rte_spinlock_lock(&s->lock);
	memcpy(&s->free_ids[s->n_free], ids, n * sizeof ids[0]);
	__atomic_store_n(&s->n_free, s->n_free + n, __ATOMIC_RELAXED);
	rte_spinlock_unlock(&s->lock);
}

uint64_t ct_slab_bytes(const struct ct_slab *s)
{
	return (uint64_t)s->n_slots * s->piece_bytes;
}

// Near the end each PMD takes one at a time, so that none keeps what another needs.
static __rte_noinline uint32_t refill(struct ct_slab *s, struct ct_slab_cache *cache)
{
	uint32_t n;

	if (ct_slab_n_free(s) == 0)
		return 0; // a flood of what finds no room takes no lock
	rte_spinlock_lock(&s->lock);
	n = s->n_free > PMDS_MAX * CT_SLAB_CACHE ? CT_SLAB_CACHE / 2 : RTE_MIN(s->n_free, 1u);
	__atomic_store_n(&s->n_free, s->n_free - n, __ATOMIC_RELAXED);
	memcpy(cache->ids, &s->free_ids[s->n_free], n * sizeof cache->ids[0]);
	rte_spinlock_unlock(&s->lock);
	cache->n = n;
	return n;
}

uint32_t ct_slab_get(struct ct_slab *s, unsigned pmd_index)
{
	struct ct_slab_cache *cache = &s->caches[pmd_index];

	if (unlikely(cache->n == 0) && refill(s, cache) == 0)
		return UINT32_MAX;
	return cache->ids[--cache->n];
}

void ct_slab_put(struct ct_slab *s, unsigned pmd_index, uint32_t id)
{
	struct ct_slab_cache *cache = &s->caches[pmd_index];

	if (cache->n == CT_SLAB_CACHE)
		ct_slab_put_bulk(s, &id, 1);
	else
		cache->ids[cache->n++] = id;
}
