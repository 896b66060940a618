#include "datapath/ct_bucket.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

// Half full when all connections are there, and quite full when all have NAT: then many chains have
// a second bucket.
int ct_buckets_init(struct ct_buckets *t, uint32_t n_conns, int numa_node)
{
	uint32_t n = rte_align32pow2(RTE_MAX(n_conns / (CT_PLACES / 2), 16u));

	memset(t, 0, sizeof *t);
	t->n_spare = n / 2;
	t->array = rte_zmalloc_socket("ct buckets", ((size_t)n + t->n_spare) * sizeof t->array[0],
				      RTE_CACHE_LINE_SIZE, numa_node);
	if (!t->array)
		return -ENOMEM;
	t->mask = n - 1;
	return 0;
}

void ct_buckets_fini(struct ct_buckets *t)
{
	rte_free(t->array);
	memset(t, 0, sizeof *t);
}

uint64_t ct_buckets_bytes(const struct ct_buckets *t)
{
	return t->array ? ((uint64_t)t->mask + 1 + t->n_spare) * sizeof t->array[0] : 0;
}

static void place_set(struct ct_bucket *b, unsigned i, uint16_t signature, uint32_t place)
{
	__atomic_store_n(&b->signatures[i], signature, __ATOMIC_RELAXED);
	// Releases the connection's contents to who finds it here.
	__atomic_store_n(&b->places[i], place, __ATOMIC_RELEASE);
}

static struct ct_bucket *spare_take(struct ct_buckets *t)
{
	uint32_t i = __atomic_fetch_add(&t->n_chained, 1, __ATOMIC_RELAXED);

	if (i < t->n_spare)
		return &t->array[t->mask + 1 + i];
	__atomic_fetch_sub(&t->n_chained, 1, __ATOMIC_RELAXED);
	return NULL;
}

int ct_bucket_add(struct ct_buckets *t, struct ct_bucket *b, uint16_t signature, uint32_t place)
{
	struct ct_bucket *spare;

	for (;; b = b->next) {
		for (unsigned i = 0; i < CT_PLACES; i++) {
			if (b->places[i] == 0) {
				place_set(b, i, signature, place);
				return 0;
			}
		}
		if (!b->next)
			break;
	}
	spare = spare_take(t);
	if (!spare)
		return -ENOSPC;
	place_set(spare, 0, signature, place);
	__atomic_store_n(&b->next, spare, __ATOMIC_RELEASE);
	return 0;
}

void ct_bucket_del(struct ct_bucket *b, uint32_t place)
{
	for (; b; b = b->next) {
		for (unsigned i = 0; i < CT_PLACES; i++) {
			if (b->places[i] == place) {
				__atomic_store_n(&b->places[i], 0, __ATOMIC_RELAXED);
				return;
			}
		}
	}
}

void ct_bucket_lock_two(struct ct_bucket *a, struct ct_bucket *b)
{
	rte_spinlock_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		rte_spinlock_lock(a < b ? &b->lock : &a->lock);
}

void ct_bucket_unlock_two(struct ct_bucket *a, struct ct_bucket *b)
{
	rte_spinlock_unlock(&a->lock);
	if (a != b)
		rte_spinlock_unlock(&b->lock);
}
