// The writer's half; subtable_hot.h is the readers'.
#include "flowtable/subtable.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

#define BUCKETS_MIN 4
#define FILL_MAX    3 // entries a bucket on the average; then the array doubles

static size_t array_bytes(uint32_t n_buckets)
{
	return sizeof(struct bucket_array) + n_buckets * sizeof(struct bucket);
}

static struct bucket_array *array_create(const struct subtable *st, uint32_t n_buckets)
{
	struct bucket_array *a = rte_zmalloc_socket("flow buckets", array_bytes(n_buckets),
						    RTE_CACHE_LINE_SIZE, st->numa_node);

	if (!a)
		return NULL;
	a->mask = n_buckets - 1;
	a->memory_bytes = st->memory_bytes;
	*a->memory_bytes += array_bytes(n_buckets);
	return a;
}

static void array_free(void *obj)
{
	struct bucket_array *a = obj;

	*a->memory_bytes -= array_bytes(a->mask + 1);
	rte_free(a);
}

struct subtable *subtable_create(const struct flow_key *mask, uint32_t id, int numa_node,
				 struct rcu *rcu, uint64_t *memory_bytes)
{
	struct subtable *st =
	    rte_zmalloc_socket("subtable", sizeof(*st), RTE_CACHE_LINE_SIZE, numa_node);

	if (!st)
		return NULL;
	st->mask = *mask;
	st->uses = flow_mask_uses(mask);
	st->id = id;
	st->numa_node = numa_node;
	st->rcu = rcu;
	st->memory_bytes = memory_bytes;
	st->array = array_create(st, BUCKETS_MIN);
	if (!st->array) {
		rte_free(st);
		return NULL;
	}
	*memory_bytes += sizeof(*st);
	return st;
}

void subtable_free(void *obj)
{
	struct subtable *st = obj;

	array_free(st->array);
	*st->memory_bytes -= sizeof(*st);
	rte_free(st);
}

static int free_entry(const struct bucket *b)
{
	for (int i = 0; i < BUCKET_ENTRIES; i++)
		if (!b->mf[i])
			return i;
	return -1;
}

// The number of buckets from the hash's own to one with a free entry; PROBE_MAX when none is near.
static uint32_t probe_free(const struct bucket_array *a, uint32_t hash)
{
	uint32_t n = 0;

	while (n < PROBE_MAX && n <= a->mask && free_entry(&a->buckets[(hash + n) & a->mask]) < 0)
		n++;
	return n <= a->mask ? n : PROBE_MAX;
}

static bool array_insert(struct bucket_array *a, struct megaflow *mf)
{
	uint32_t n = probe_free(a, mf->hash);

	if (n == PROBE_MAX)
		return false;

	// Overflow before the entry: a reader that could find the entry must not stop short of it.
	for (uint32_t i = 0; i < n; i++)
		__atomic_fetch_add(&a->buckets[(mf->hash + i) & a->mask].overflow, 1,
				   __ATOMIC_RELEASE);

	struct bucket *b = &a->buckets[(mf->hash + n) & a->mask];
	int i = free_entry(b);

	__atomic_store_n(&b->hash[i], mf->hash, __ATOMIC_RELAXED);
	// Releases the megaflow's contents and the entry's hash.
	__atomic_store_n(&b->mf[i], mf, __ATOMIC_RELEASE);
	return true;
}

static bool array_copy(struct bucket_array *to, const struct bucket_array *from)
{
	for (uint32_t n = 0; n <= from->mask; n++)
		for (int i = 0; i < BUCKET_ENTRIES; i++)
			if (from->buckets[n].mf[i] && !array_insert(to, from->buckets[n].mf[i]))
				return false;
	return true;
}

static int grow(struct subtable *st)
{
	struct bucket_array *old = st->array;
	struct bucket_array *larger = array_create(st, 2 * (old->mask + 1));

	if (!larger)
		return -ENOMEM;
	if (!array_copy(larger, old)) {
		array_free(larger);
		return -ENOSPC;
	}
	// Releases the new array's contents.
	__atomic_store_n(&st->array, larger, __ATOMIC_RELEASE);
	rcu_retire(st->rcu, array_free, old);
	return 0;
}

int subtable_add(struct subtable *st, struct megaflow *mf)
{
	uint32_t n_buckets = st->array->mask + 1;
	// A growth that fails for want of memory does no harm while there is room left.
	int err = st->n_flows >= FILL_MAX * n_buckets ? grow(st) : 0;
	bool added = array_insert(st->array, mf);

	// No room near its own bucket is bad luck, which more buckets mend; in a table that is far
	// from full it is an attack, for which the table must not grow.
	if (!added && !err && st->n_flows >= n_buckets) {
		err = grow(st);
		added = !err && array_insert(st->array, mf);
	}
	if (!added)
		return err ? err : -ENOSPC;
	st->n_flows++;
	return 0;
}

void subtable_del(struct subtable *st, const struct megaflow *mf)
{
	struct bucket_array *a = st->array;

	for (uint32_t n = 0; n < PROBE_MAX; n++) {
		struct bucket *b = &a->buckets[(mf->hash + n) & a->mask];

		for (int i = 0; i < BUCKET_ENTRIES; i++) {
			if (b->mf[i] != mf)
				continue;
			__atomic_store_n(&b->mf[i], NULL, __ATOMIC_RELEASE);
			while (n-- > 0)
				__atomic_fetch_sub(&a->buckets[(mf->hash + n) & a->mask].overflow,
						   1, __ATOMIC_RELEASE);
			st->n_flows--;
			return;
		}
	}
}

static bool has_key(const struct megaflow *mf, const struct flow_key *key)
{
	return memcmp(mf->key, key, sizeof(mf->key)) == 0 &&
	       (!mf->cold || memcmp(mf->cold, &key->ct, sizeof(*mf->cold)) == 0);
}

struct megaflow *subtable_find(const struct subtable *st, const struct flow_key *key, uint32_t hash)
{
	const struct bucket_array *a = st->array;

	for (uint32_t n = 0; n < PROBE_MAX; n++) {
		const struct bucket *b = &a->buckets[(hash + n) & a->mask];

		for (int i = 0; i < BUCKET_ENTRIES; i++)
			if (b->mf[i] && b->hash[i] == hash && has_key(b->mf[i], key))
				return b->mf[i];
		if (b->overflow == 0)
			break;
	}
	return NULL;
}
