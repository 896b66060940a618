// The readers' half of subtables, and the walk over them: hot code only.
#include "flowtable/flow_table.h"
#include "flowtable/key_words.h"

static inline struct megaflow *bucket_find(const struct bucket *b, uint32_t hash,
					   const struct flow_key *key, const struct subtable *st)
{
	for (unsigned i = 0; i < BUCKET_ENTRIES; i++) {
		if (__atomic_load_n(&b->hash[i], __ATOMIC_RELAXED) != hash)
			continue;

		// Acquires the megaflow's contents. Hash and pointer may come from different
		// entries; the compare decides.
		struct megaflow *mf = __atomic_load_n(&b->mf[i], __ATOMIC_ACQUIRE);

		if (mf && key_equal_masked_inline(key, &mf->match.key, &st->mask, st->uses_line2))
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

// Hashes all keys first, so that the buckets' lines are on their way when the second pass wants
// them.
uint64_t subtable_lookup(const struct subtable *st, const struct flow_key *keys, uint64_t todo,
			 struct megaflow **flows)
{
	// Acquires the array's contents.
	const struct bucket_array *a = __atomic_load_n(&st->array, __ATOMIC_ACQUIRE);
	uint32_t hashes[64];
	uint64_t missed = todo;

	for (uint64_t bits = todo; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);

		hashes[i] = key_hash_masked_inline(&keys[i], &st->mask, 0, st->uses_line2);
		__builtin_prefetch(&a->buckets[hashes[i] & a->mask]);
	}
	for (uint64_t bits = todo; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		struct megaflow *mf = array_find(a, hashes[i], &keys[i], st);

		if (mf) {
			flows[i] = mf;
			missed &= ~(1ULL << i);
		}
	}
	return missed;
}

void flow_table_lookup(const struct flow_table *t, const struct flow_key *keys, uint64_t todo,
		       struct megaflow **flows, uint64_t *n_masks_tried)
{
	// Acquires the subtables that the list names.
	const struct subtable_list *masks = __atomic_load_n(&t->masks, __ATOMIC_ACQUIRE);

	for (uint64_t bits = todo; bits; bits &= bits - 1)
		flows[__builtin_ctzll(bits)] = NULL;
	for (uint32_t i = 0; i < masks->n && todo; i++) {
		*n_masks_tried += (unsigned)__builtin_popcountll(todo);
		todo = subtable_lookup(masks->tables[i], keys, todo, flows);
	}
}
