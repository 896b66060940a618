// The PMD's half of the signature cache. For *_hot.c.
#ifndef FLOWTABLE_SIGNATURE_HOT_H
#define FLOWTABLE_SIGNATURE_HOT_H

#include "flowtable/signature.h"
#include "flowtable/slab.h"
#include "flowtable/subtable_hot.h"

// A bit for each entry that equals `value` in the bits of `mask`.
static inline uint32_t signature_match(const struct signature_bucket *b, uint32_t value,
				       uint32_t mask)
{
#if defined(__AVX512F__)
	__m512i diff =
	    _mm512_xor_si512(_mm512_load_si512(b->entries), _mm512_set1_epi32((int)value));

	return _mm512_testn_epi32_mask(diff, _mm512_set1_epi32((int)mask));
#elif defined(__AVX2__)
	__m256i want = _mm256_set1_epi32((int)(value & mask)), bits = _mm256_set1_epi32((int)mask);
	uint32_t match = 0;

	for (unsigned i = 0; i < SIGNATURE_WAYS; i += 8) {
		__m256i part = _mm256_load_si256((const __m256i *)&b->entries[i]);
		__m256i same = _mm256_cmpeq_epi32(_mm256_and_si256(part, bits), want);

		match |= (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(same)) << i;
	}
	return match;
#elif defined(__SSE2__)
	__m128i want = _mm_set1_epi32((int)(value & mask)), bits = _mm_set1_epi32((int)mask);
	uint32_t match = 0;

	for (unsigned i = 0; i < SIGNATURE_WAYS; i += 4) {
		__m128i part = _mm_load_si128((const __m128i *)&b->entries[i]);
		__m128i same = _mm_cmpeq_epi32(_mm_and_si128(part, bits), want);

		match |= (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(same)) << i;
	}
	return match;
#else
	uint32_t match = 0;

	for (unsigned i = 0; i < SIGNATURE_WAYS; i++)
		match |= (uint32_t)(((b->entries[i] ^ value) & mask) == 0) << i;
	return match;
#endif
}

// The part of a hash that an entry keeps, in its place; never 0.
static inline uint32_t signature_of(const struct signature_cache *c, uint32_t hash)
{
	uint32_t signature = hash & ~c->id_mask;

	return signature ? signature : c->id_mask + 1;
}

static inline struct signature_bucket *signature_bucket_of(struct signature_cache *c, uint32_t hash)
{
	return &c->buckets[hash & c->mask];
}

// The megaflow that a hint names, if it is alive and matches.
static inline struct megaflow *signature_verify(struct megaflow *mf, const struct flow_key *key)
{
	// Odd acquires the megaflow's contents, which then stand as long as the read section.
	if (__atomic_load_n(&mf->seq, __ATOMIC_ACQUIRE) % 2 == 0)
		return NULL;
	return megaflow_matches(mf, key, mf->subtable) ? mf : NULL;
}

// Looks a burst up: flows[i] is set for each bit of `todo` that hits; returns the bits that missed.
// Inside the PMD's read section. Of entries with one signature, the first counts.
static inline uint64_t signature_lookup(struct signature_cache *c, struct megaflow *const *slabs,
					const struct flow_key *keys, const uint32_t *hashes,
					uint64_t todo, struct megaflow **flows)
{
	uint64_t hinted = 0, missed = todo;
	struct megaflow *hint[64];

	for (uint64_t bits = todo; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		const struct signature_bucket *b = signature_bucket_of(c, hashes[i]);
		uint32_t match = signature_match(b, signature_of(c, hashes[i]), ~c->id_mask);

		if (!match)
			continue;
		hinted |= 1ULL << i;
		hint[i] = slab_slot(slabs, b->entries[__builtin_ctz(match)] & c->id_mask);
		megaflow_prefetch(hint[i]);
	}
	for (uint64_t bits = hinted; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		struct megaflow *mf = signature_verify(hint[i], &keys[i]);

		if (mf) {
			flows[i] = mf;
			missed &= ~(1ULL << i);
		}
	}
	return missed;
}

// Into the entry with the same signature, which did not lead anywhere; else a free one; else each
// in turn.
static inline void signature_insert(struct signature_cache *c, uint32_t hash,
				    const struct megaflow *mf)
{
	struct signature_bucket *b = signature_bucket_of(c, hash);
	uint32_t signature = signature_of(c, hash);
	uint32_t match = signature_match(b, signature, ~c->id_mask);

	if (mf->id > c->id_mask)
		return;
	if (!match)
		match = signature_match(b, 0, UINT32_MAX);

	unsigned way = match ? (unsigned)__builtin_ctz(match) : c->turn++ % SIGNATURE_WAYS;

	b->entries[way] = signature | mf->id;
}

#endif
