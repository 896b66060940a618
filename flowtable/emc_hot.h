// The PMD's half of the exact-match cache. For *_hot.c.
#ifndef FLOWTABLE_EMC_HOT_H
#define FLOWTABLE_EMC_HOT_H

#include "flowtable/emc.h"
#include "flowtable/key_words.h"

#define EMC_WINDOW	 4096 // probes after which the cache is judged
#define EMC_MISSES_MAX	 256  // of a window; with more, the cache is poor
#define EMC_SAMPLE_EVERY 16   // bursts of which one is probed while it is poor

// Whether a burst is to be probed, and what it misses to be inserted. A hit saves a cycle or two of
// what the signature cache takes, a miss and its insertion cost twenty or more: so the cache must
// hold nearly all that comes. While it does not, only a sample is probed, to notice when that is
// over.
static inline bool emc_wanted(struct emc *emc)
{
	if (!emc->poor)
		return true;
	emc->n_skipped = (emc->n_skipped + 1) % EMC_SAMPLE_EVERY;
	return emc->n_skipped == 0;
}

static inline void emc_judge(struct emc *emc, unsigned n_probed, unsigned n_hits)
{
	emc->n_probed += n_probed;
	emc->n_hits += n_hits;
	if (emc->n_probed < EMC_WINDOW)
		return;
	emc->poor = emc->n_probed - emc->n_hits > EMC_MISSES_MAX;
	emc->n_probed = emc->n_hits = 0;
}

// A bit for each way of a set with this hash.
static inline uint32_t emc_match(const struct emc_set *set, uint32_t hash)
{
#ifdef __SSE2__
	__m128i all = _mm_load_si128((const __m128i *)set->hash);
	__m128i same = _mm_cmpeq_epi32(all, _mm_set1_epi32((int)hash));

	return (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(same));
#else
	uint32_t match = 0;

	for (unsigned i = 0; i < EMC_WAYS; i++)
		match |= (uint32_t)(set->hash[i] == hash) << i;
	return match;
#endif
}

static inline uint32_t emc_set_of(const struct emc *emc, uint32_t hash)
{
	return hash & emc->mask;
}

static inline bool emc_holds(const struct emc *emc, uint32_t at, const struct flow_key *key)
{
	const key_word *words = key_words(key);

	return line_equal((const key_word *)&emc->line1[at], words) &&
	       (!key_has_line2(key) ||
		line_equal((const key_word *)&emc->line2[at], words + LINE_WORDS));
}

// The entry of a key: set * EMC_WAYS + way, or -1. `match` is the bits of its set with its hash.
static inline int64_t emc_find(const struct emc *emc, uint32_t set, uint32_t match,
			       const struct flow_key *key)
{
	for (; match; match &= match - 1) {
		uint32_t way = (uint32_t)__builtin_ctz(match);

		if (emc->sets[set].mf[way] && emc_holds(emc, set * EMC_WAYS + way, key))
			return set * EMC_WAYS + way;
	}
	return -1;
}

static inline bool emc_alive(const struct emc_set *set, uint32_t way)
{
	return set->mf[way] && megaflow_alive(set->mf[way], set->seq[way]);
}

// Looks a burst up: flows[i] is set for each bit of `todo` that hits; returns the bits that missed.
// Inside the PMD's read section. Entries of dead megaflows miss.
static inline uint64_t emc_lookup(const struct emc *emc, const struct flow_key *keys,
				  const uint32_t *hashes, uint64_t todo, struct megaflow **flows)
{
	uint64_t missed = todo, here = 0;
	uint8_t match[64];

	for (uint64_t bits = todo; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		uint32_t at = emc_set_of(emc, hashes[i]);
		const struct emc_set *set = &emc->sets[at];

		match[i] = (uint8_t)emc_match(set, hashes[i]);
		if (!match[i])
			continue;
		here |= 1ULL << i;

		unsigned way = (unsigned)__builtin_ctz(match[i]);

		__builtin_prefetch(&emc->line1[at * EMC_WAYS + way]);
		__builtin_prefetch(set->mf[way]);
	}
	for (uint64_t bits = here; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		uint32_t set = emc_set_of(emc, hashes[i]);
		int64_t at = emc_find(emc, set, match[i], &keys[i]);

		if (at < 0 || !emc_alive(&emc->sets[set], at % EMC_WAYS))
			continue;
		flows[i] = emc->sets[set].mf[at % EMC_WAYS];
		missed &= ~(1ULL << i);
	}
	return missed;
}

// The key's own entry if it has one; else a free or dead one; else each in turn.
static inline uint32_t emc_choose_way(struct emc *emc, uint32_t set, const struct flow_key *key,
				      uint32_t hash)
{
	int64_t own = emc_find(emc, set, emc_match(&emc->sets[set], hash), key);

	if (own >= 0)
		return own % EMC_WAYS;
	for (uint32_t way = 0; way < EMC_WAYS; way++)
		if (!emc_alive(&emc->sets[set], way))
			return way;
	return emc->turn++ % EMC_WAYS;
}

static inline void emc_insert(struct emc *emc, const struct flow_key *key, uint32_t hash,
			      struct megaflow *mf)
{
	// A slot is not used again while the caller is in its read section: seq is the one of the
	// megaflow that was looked up, or says that it is dead.
	uint32_t seq = __atomic_load_n(&mf->seq, __ATOMIC_ACQUIRE);

	// Entries have no cold lines: what a megaflow finds that looks at these may be another's.
	if (seq % 2 == 0 || mf->cold)
		return;

	uint32_t at = emc_set_of(emc, hash);
	uint32_t way = emc_choose_way(emc, at, key, hash);
	struct emc_set *set = &emc->sets[at];
	const struct emc_line *lines = (const struct emc_line *)key;

	emc->line1[at * EMC_WAYS + way] = lines[0];
	if (key_has_line2(key))
		emc->line2[at * EMC_WAYS + way] = lines[1];
	set->mf[way] = mf;
	set->hash[way] = hash;
	set->seq[way] = seq;
}

#endif
