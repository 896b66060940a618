// The readers' half of subtables: a burst of keys in one of them. For *_hot.c.
#ifndef FLOWTABLE_SUBTABLE_HOT_H
#define FLOWTABLE_SUBTABLE_HOT_H

#include "flowtable/key_words.h"
#include "flowtable/subtable.h"

// A bit for each entry of a bucket with this hash. A hint: the control thread writes the hashes one
// by one, and what is found is compared. ThreadSanitizer does not know, and vectors read more.
static inline uint32_t bucket_match(const struct bucket *b, uint32_t hash)
{
#if defined(__AVX2__) && !defined(__SANITIZE_THREAD__)
	__m256i all = _mm256_load_si256((const __m256i *)b->hash);
	__m256i same = _mm256_cmpeq_epi32(all, _mm256_set1_epi32((int)hash));

	return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(same)) &
	       ((1u << BUCKET_ENTRIES) - 1);
#else
	uint32_t match = 0;

	for (unsigned i = 0; i < BUCKET_ENTRIES; i++)
		match |= (uint32_t)(__atomic_load_n(&b->hash[i], __ATOMIC_RELAXED) == hash) << i;
	return match;
#endif
}

// What is on nobody's way whose flows have nothing in cold lines.
static __attribute__((noinline, unused)) bool megaflow_matches_cold(const struct megaflow *mf,
								    const struct flow_key *key,
								    const struct subtable *st)
{
	return packet_cold_equal_masked(key, mf->cold->words, &st->mask, st->uses);
}

static inline bool megaflow_matches_rest(const struct megaflow *mf, const struct flow_key *key,
					 const struct subtable *st)
{
	if ((st->uses & FLOW_USES_LINE2) &&
	    !line_equal_masked(key_words(key) + LINE_WORDS, mf->key + LINE_WORDS,
			       key_words(&st->mask) + LINE_WORDS))
		return false;
	return __builtin_expect(!(st->uses & FLOW_COLD_ALL), true) ||
	       megaflow_matches_cold(mf, key, st);
}

static inline bool megaflow_matches(const struct megaflow *mf, const struct flow_key *key,
				    const struct subtable *st)
{
	return line_equal_masked(key_words(key), mf->key, key_words(&st->mask)) &&
	       (!st->uses || megaflow_matches_rest(mf, key, st));
}

static inline struct megaflow *bucket_find(const struct bucket *b, uint32_t hash,
					   const struct flow_key *key, const struct subtable *st)
{
	for (uint32_t match = bucket_match(b, hash); match; match &= match - 1) {
		// Acquires the megaflow's contents. Hash and pointer may come from different
		// entries; the compare decides.
		struct megaflow *mf =
		    __atomic_load_n(&b->mf[__builtin_ctz(match)], __ATOMIC_ACQUIRE);

		if (mf && megaflow_matches(mf, key, st))
			return mf;
	}
	return NULL;
}

static inline struct megaflow *array_find(const struct bucket_array *a, uint32_t hash,
					  const struct flow_key *key, const struct subtable *st)
{
	for (uint32_t n = 0; n < PROBE_MAX; n++) {
		const struct bucket *b = &a->buckets[(hash + n) & a->mask];
		struct megaflow *mf = bucket_find(b, hash, key, st);

		if (mf)
			return mf;
		if (__atomic_load_n(&b->overflow, __ATOMIC_ACQUIRE) == 0)
			break;
	}
	return NULL;
}

// Lines that a hit reads: the megaflow's own, and its key's.
static inline void megaflow_prefetch(const struct megaflow *mf)
{
	__builtin_prefetch(mf);
	__builtin_prefetch(mf->key);
}

static __attribute__((noinline, unused)) void
hashes_cold(const struct subtable *st, const struct flow_key *keys, uint64_t todo, uint32_t *hashes)
{
	for (uint64_t bits = todo; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);

		hashes[i] = key_hash_masked_cold(&keys[i], &st->mask, st->uses);
	}
}

// Looks up the keys of `todo`; sets flows[i] for those that are here, and returns the others. Each
// pass asks for the cache lines that the next one reads: buckets, then megaflows.
static inline uint64_t subtable_lookup(const struct subtable *st, const struct flow_key *keys,
				       uint64_t todo, struct megaflow **flows)
{
	// Acquires the array's contents.
	const struct bucket_array *a = __atomic_load_n(&st->array, __ATOMIC_ACQUIRE);
	struct megaflow *found[64];
	uint32_t hashes[64];
	bool line2 = st->uses & FLOW_USES_LINE2, cold = st->uses & FLOW_COLD_ALL;
	uint64_t likely_here = 0, missed = todo;

	if (__builtin_expect(cold, false))
		hashes_cold(st, keys, todo, hashes);
	for (uint64_t bits = todo; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);

		if (!cold)
			hashes[i] = key_hash_masked_inline(&keys[i], &st->mask, 0, line2);
		__builtin_prefetch(&a->buckets[hashes[i] & a->mask]);
	}
	for (uint64_t bits = todo; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		const struct bucket *b = &a->buckets[hashes[i] & a->mask];
		uint32_t match = bucket_match(b, hashes[i]);

		if (!match && __atomic_load_n(&b->overflow, __ATOMIC_ACQUIRE) == 0)
			continue;
		likely_here |= 1ULL << i;
		// As in bucket_find().
		found[i] =
		    match ? __atomic_load_n(&b->mf[__builtin_ctz(match)], __ATOMIC_ACQUIRE) : NULL;
		if (found[i])
			megaflow_prefetch(found[i]);
	}
	for (uint64_t bits = likely_here; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);

		if (!found[i] || !megaflow_matches(found[i], &keys[i], st))
			found[i] = array_find(a, hashes[i], &keys[i], st);
		if (found[i]) {
			flows[i] = found[i];
			missed &= ~(1ULL << i);
		}
	}
	return missed;
}

#endif
