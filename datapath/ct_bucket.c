#include "datapath/ct_bucket.h"

#include "flowtable/rcu.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>
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
	t->spares = calloc(t->n_spare, sizeof t->spares[0]);
	if (!t->array || !t->spares) {
		ct_buckets_fini(t);
		return -ENOMEM;
	}
	t->mask = n - 1;
	for (uint32_t i = 0; i < t->n_spare; i++)
		t->spares[i] = n + t->n_spare - 1 - i;
	t->n_unused = t->n_spare;
	return 0;
}

void ct_buckets_fini(struct ct_buckets *t)
{
	free(t->spares);
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

static uint32_t n_unused(const struct ct_buckets *t)
{
	return __atomic_load_n(&t->n_unused, __ATOMIC_RELAXED);
}

static struct ct_bucket *spare_take(struct ct_buckets *t)
{
	struct ct_bucket *spare = NULL;

	if (n_unused(t) == 0)
		return NULL;
	rte_spinlock_lock(&t->spares_lock);
	if (t->n_unused > 0) {
		__atomic_store_n(&t->n_unused, t->n_unused - 1, __ATOMIC_RELAXED);
		spare = &t->array[t->spares[t->n_unused]];
	}
	rte_spinlock_unlock(&t->spares_lock);
	return spare;
}

static struct ct_bucket *spare_append(struct ct_buckets *t, struct ct_bucket *last)
{
	struct ct_bucket *spare = spare_take(t);

	if (spare)
		__atomic_store_n(&last->next, spare, __ATOMIC_RELEASE);
	return spare;
}

static unsigned n_free(const struct ct_bucket *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CT_PLACES; i++)
		n += b->places[i] == 0;
	return n;
}

int ct_bucket_room(struct ct_buckets *t, struct ct_bucket *b, unsigned n)
{
	unsigned free_places = n_free(b);

	for (; b->next; b = b->next)
		free_places += n_free(b->next);
	return free_places >= n || spare_append(t, b) ? 0 : -ENOSPC;
}

static bool place_take(struct ct_bucket *b, uint16_t signature, uint32_t place)
{
	for (unsigned i = 0; i < CT_PLACES; i++) {
		if (b->places[i] == 0) {
			place_set(b, i, signature, place);
			return true;
		}
	}
	return false;
}

int ct_bucket_add(struct ct_buckets *t, struct ct_bucket *b, uint16_t signature, uint32_t place)
{
	for (;; b = b->next) {
		if (likely(place_take(b, signature, place)))
			return 0;
		if (!b->next && !spare_append(t, b))
			return -ENOSPC;
	}
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

// Giving back.

#define TRIM_CHAINS 4096u // a call looks at
#define TRIM_BATCH  64u

struct trim {
	struct ct_buckets *t;
	uint32_t n;
	uint32_t spares[TRIM_BATCH];
};

// No reader is in them any more.
static void spares_put(void *arg)
{
	struct trim *trim = arg;
	struct ct_buckets *t = trim->t;

	if (t->array) {
		rte_spinlock_lock(&t->spares_lock);
		memcpy(&t->spares[t->n_unused], trim->spares, trim->n * sizeof trim->spares[0]);
		__atomic_store_n(&t->n_unused, t->n_unused + trim->n, __ATOMIC_RELAXED);
		rte_spinlock_unlock(&t->spares_lock);
	}
	free(trim);
}

// The chain's last bucket, if that is a chained one and empty, is in it no more. Else NULL.
static struct ct_bucket *tail_unlink(struct ct_bucket *first)
{
	struct ct_bucket *before = first, *tail = NULL;

	rte_spinlock_lock(&first->lock);
	while (before->next && before->next->next)
		before = before->next;
	if (before->next && n_free(before->next) == CT_PLACES) {
		tail = before->next;
		__atomic_store_n(&before->next, NULL, __ATOMIC_RELAXED);
	}
	rte_spinlock_unlock(&first->lock);
	return tail;
}

static void trim_some(struct ct_buckets *t, struct trim *trim)
{
	for (uint32_t i = 0; i < RTE_MIN(TRIM_CHAINS, t->mask + 1) && trim->n < TRIM_BATCH; i++) {
		struct ct_bucket *tail, *first = &t->array[t->trimmed++ & t->mask];

		if (likely(!__atomic_load_n(&first->next, __ATOMIC_RELAXED)))
			continue;
		tail = tail_unlink(first);
		if (tail)
			trim->spares[trim->n++] = (uint32_t)(tail - t->array);
	}
}

void ct_buckets_trim(struct ct_buckets *t, struct rcu *rcu)
{
	struct trim *trim = n_unused(t) < t->n_spare / 2 ? calloc(1, sizeof *trim) : NULL;

	if (!trim)
		return;
	trim->t = t;
	trim_some(t, trim);
	if (trim->n > 0)
		rcu_retire(rcu, spares_put, trim);
	else
		free(trim);
}
