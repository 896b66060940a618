// Buckets of the table of connections. A place says which connection, and which of its tuples leads
// to it.
#ifndef DATAPATH_CT_BUCKET_H
#define DATAPATH_CT_BUCKET_H

#include <assert.h>
#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_spinlock.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct rcu;

#define CT_PLACES 8

enum ct_place_kind {
	CT_PLACE_BOTH = 1, // either direction's: one is the other reversed
	CT_PLACE_ORIG,
	CT_PLACE_REPLY,
};

#define CT_IDS_MAX (1u << 30)

static inline uint32_t ct_place(uint32_t id, enum ct_place_kind kind)
{
	return id << 2 | kind;
}

static inline uint32_t ct_place_id(uint32_t place)
{
	return place >> 2;
}

static inline enum ct_place_kind ct_place_kind(uint32_t place)
{
	return (enum ct_place_kind)(place & 3);
}

struct ct_bucket {
	union {
		uint16_t signatures[CT_PLACES];
		uint64_t signature_words[2];
	};
	uint32_t places[CT_PLACES]; // 0: free
	struct ct_bucket *next;
	rte_spinlock_t lock; // of the whole chain; that of its first bucket counts
} __rte_cache_aligned;

static_assert(sizeof(struct ct_bucket) == RTE_CACHE_LINE_SIZE, "one cache line");

static inline uint16_t ct_signature(uint32_t hash)
{
	return (uint16_t)(hash >> 16);
}

// Two bits for each place that has the signature: those of place i are 2i and 2i + 1.
static inline uint32_t ct_bucket_matches(const struct ct_bucket *b, uint16_t signature)
{
	uint64_t low = __atomic_load_n(&b->signature_words[0], __ATOMIC_RELAXED);
	uint64_t high = __atomic_load_n(&b->signature_words[1], __ATOMIC_RELAXED);
#ifdef __SSE2__
	__m128i all = _mm_set_epi64x((long long)high, (long long)low);

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi16(all, _mm_set1_epi16((short)signature)));
#else
	uint32_t matches = 0;

	for (unsigned i = 0; i < CT_PLACES; i++) {
		uint64_t word = i < CT_PLACES / 2 ? low : high;

		if ((uint16_t)(word >> i % (CT_PLACES / 2) * 16) == signature)
			matches |= 3u << 2 * i;
	}
	return matches;
#endif
}

// The first place in a mask of matches; takes it out.
static inline unsigned ct_matches_next(uint32_t *matches)
{
	unsigned i = (unsigned)__builtin_ctz(*matches) / 2;

	*matches &= ~(3u << 2 * i);
	return i;
}

struct ct_buckets {
	struct ct_bucket *array; // [mask + 1 + n_spare]
	uint32_t mask;
	uint32_t n_spare; // buckets to be chained
	// Not in the line of those that each lookup reads.
	rte_spinlock_t spares_lock __rte_cache_aligned; // taken for a bucket that overflows
	uint32_t n_unused;				// of `spares`; written under the lock
	uint32_t *spares; // [n_spare]: those in no chain, as places in `array`
	uint32_t trimmed; // up to here; control thread's own
};

// Control thread. For n_conns connections. 0 or -ENOMEM.
int ct_buckets_init(struct ct_buckets *t, uint32_t n_conns, int numa_node);
void ct_buckets_fini(struct ct_buckets *t);
uint64_t ct_buckets_bytes(const struct ct_buckets *t);
// Takes chained buckets that have become empty back, after a grace period, once many are in use.
// Looks at some chains only: to be called regularly.
void ct_buckets_trim(struct ct_buckets *t, struct rcu *rcu);

static inline struct ct_bucket *ct_bucket_of(const struct ct_buckets *t, uint32_t hash)
{
	return &t->array[hash & t->mask];
}

// Under the chain's lock. n places are free then, CT_PLACES at most. 0 or -ENOSPC.
int ct_bucket_room(struct ct_buckets *t, struct ct_bucket *b, unsigned n);
// The same. 0 or -ENOSPC, which it never is after ct_bucket_room().
int ct_bucket_add(struct ct_buckets *t, struct ct_bucket *b, uint16_t signature, uint32_t place);
void ct_bucket_del(struct ct_bucket *b, uint32_t place);

// Locks two chains, which may be the same.
void ct_bucket_lock_two(struct ct_bucket *a, struct ct_bucket *b);
void ct_bucket_unlock_two(struct ct_bucket *a, struct ct_bucket *b);

#endif
