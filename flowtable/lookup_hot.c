#include "flowtable/emc_hot.h"
#include "flowtable/flow_reader.h"
#include "flowtable/signature_hot.h"
#include "flowtable/tally.h"

#define HITS_MAX (1u << 16) // of a list's first: then all are halved, so that old ones fade

// A list's first subtable costs less than the caches, if it has the key: they stand aside while it
// has three in four. Otherwise one burst in some asks it, to find out when that changes.
#define FIRST_KEYS   2048u
#define FIRST_SAMPLE 64u

static inline unsigned count(uint64_t bits)
{
	return (unsigned)__builtin_popcountll(bits);
}

// A bit for each key that equals the one before it.
static inline uint64_t repeats(const struct flow_key *keys, unsigned n, bool cold)
{
	uint64_t same = 0;

	for (unsigned i = 1; i < n; i++) {
		bool equal = packet_key_equal_inline(&keys[i - 1], &keys[i]) &&
			     (!cold || packet_cold_equal(&keys[i - 1], &keys[i]));

		same |= (uint64_t)equal << i;
	}
	return same;
}

static void fade(struct ranked_list *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		__atomic_store_n(&list->entries[i].hits, list->entries[i].hits / 2,
				 __ATOMIC_RELAXED);
}

// Counts hits of the list's i-th subtable, and moves it to where its hits belong. The control
// thread may read along.
static void rank(struct ranked_list *list, uint32_t i, unsigned n_hits, uint32_t n)
{
	struct ranked one = list->entries[i];

	one.hits += n_hits;
	for (; i > 0 && list->entries[i - 1].hits < one.hits; i--) {
		const struct ranked *before = &list->entries[i - 1];

		__atomic_store_n(&list->entries[i].table, before->table, __ATOMIC_RELAXED);
		__atomic_store_n(&list->entries[i].hits, before->hits, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&list->entries[i].table, one.table, __ATOMIC_RELAXED);
	__atomic_store_n(&list->entries[i].hits, one.hits, __ATOMIC_RELAXED);
	if (one.hits > HITS_MAX)
		fade(list, n);
}

// Acquires the entries below it, and new subtables' contents.
static inline uint32_t list_len(const struct ranked_list *list)
{
	return list ? __atomic_load_n(&list->n, __ATOMIC_ACQUIRE) : 0;
}

// Looks keys up in one subtable after the other. Returns the bits that missed.
static uint64_t walk(struct ranked_list *list, const struct flow_key *keys, uint64_t todo,
		     struct megaflow **flows, struct lookup_stats *stats)
{
	uint32_t n = list_len(list);

	for (uint32_t i = 0; i < n && todo; i++) {
		uint64_t missed = subtable_lookup(list->entries[i].table, keys, todo, flows);

		tally_add(&stats->masks_tried, count(todo));
		if (missed == todo)
			continue;
		rank(list, i, count(todo & ~missed), n);
		todo = missed;
	}
	return todo;
}

// Gives each repeated key what the one before it has got.
static void repeat(struct megaflow **flows, unsigned n, uint64_t repeated,
		   struct lookup_stats *stats)
{
	struct megaflow *last = NULL;
	unsigned n_missed = 0;

	for (unsigned i = 0; i < n; i++) {
		bool same = repeated >> i & 1;

		last = same ? last : flows[i]; // a register: the next must not wait for a store
		n_missed += same & !last;
		flows[i] = last;
	}
	tally_add(&stats->repeats, count(repeated) - n_missed);
	tally_add(&stats->misses, n_missed);
}

static bool first_is_asked(struct ranked_list *list)
{
	return list->first_pays || list->n_passed++ % FIRST_SAMPLE == 0;
}

// Looks keys up in the list's first subtable. Returns the bits that missed.
static __attribute__((noinline)) uint64_t lookup_first(struct ranked_list *list,
						       const struct flow_key *keys, uint64_t todo,
						       struct megaflow **flows,
						       struct lookup_stats *stats)
{
	uint64_t missed = subtable_lookup(list->entries[0].table, keys, todo, flows);
	unsigned n_hits = count(todo & ~missed);

	rank(list, 0, n_hits, list_len(list));
	tally_add(&stats->masks_tried, count(todo));
	tally_add(&stats->megaflow_hits, n_hits);
	list->first_tried += count(todo);
	list->first_hits += n_hits;
	if (list->first_tried >= FIRST_KEYS) {
		list->first_pays = 4 * list->first_hits >= 3 * list->first_tried;
		list->first_tried = list->first_hits = 0;
	}
	return missed;
}

struct port_lists {
	struct ranked_list *own, *any; // or NULL
};

static void lookup_walking(const struct port_lists *lists, const struct flow_key *keys,
			   uint64_t todo, struct megaflow **flows, struct lookup_stats *stats)
{
	uint64_t missed = walk(lists->own, keys, todo, flows, stats);

	if (missed && lists->any)
		missed = walk(lists->any, keys, missed, flows, stats);
	tally_add(&stats->megaflow_hits, count(todo & ~missed));
	tally_add(&stats->misses, count(missed));
}

static void lookup_cached(struct flow_reader *r, const struct port_lists *lists,
			  const struct flow_key *keys, uint64_t todo, struct megaflow **flows,
			  struct lookup_stats *stats)
{
	bool use_emc = emc_wanted(r->emc);
	uint64_t emc_missed = todo, missed;
	uint32_t hashes[64];

	for (uint64_t bits = todo; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);

		hashes[i] = packet_key_hash_inline(&keys[i], 0);
		if (use_emc)
			__builtin_prefetch(&r->emc->sets[emc_set_of(r->emc, hashes[i])]);
		else
			__builtin_prefetch(signature_bucket_of(r->signatures, hashes[i]));
	}
	if (use_emc) {
		emc_missed = emc_lookup(r->emc, keys, hashes, todo, flows);
		emc_judge(r->emc, count(todo), count(todo & ~emc_missed));
		tally_add(&stats->emc_hits, count(todo & ~emc_missed));
		for (uint64_t bits = emc_missed; bits; bits &= bits - 1)
			__builtin_prefetch(
			    signature_bucket_of(r->signatures, hashes[__builtin_ctzll(bits)]));
	}
	if (!emc_missed)
		return;
	missed = signature_lookup(r->signatures, r->slabs, keys, hashes, emc_missed, flows);
	tally_add(&stats->signature_hits, count(emc_missed & ~missed));
	if (missed)
		lookup_walking(lists, keys, missed, flows, stats);
	for (uint64_t bits = missed; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);

		if (flows[i])
			signature_insert(r->signatures, hashes[i], flows[i]);
	}
	for (uint64_t bits = use_emc ? emc_missed : 0; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);

		if (flows[i])
			emc_insert(r->emc, &keys[i], hashes[i], flows[i]);
	}
}

// `cold`: keys may have cold lines. These are not in the caches' keys, so the caches are not asked
// to tell them apart: emc_insert() takes no megaflow that looks at them, and of a signature's the
// masked compare decides.
static __attribute__((always_inline)) inline void lookup_any(struct flow_reader *r,
							     const struct flow_key *keys,
							     unsigned n, struct megaflow **flows,
							     struct lookup_stats *stats, bool cold)
{
	uint64_t repeated = repeats(keys, n, cold);
	uint64_t todo = UINT64_MAX >> (64 - n) & ~repeated;
	// Acquires the lists' contents.
	const struct port_lists lists = {__atomic_load_n(&r->lists[port_list_of(keys[0].in_port)],
							 __ATOMIC_ACQUIRE),
					 __atomic_load_n(&r->lists[LIST_ANY], __ATOMIC_ACQUIRE)};

	for (unsigned i = 0; i < n; i++)
		flows[i] = NULL;
	// A single mask is its own best cache.
	if (list_len(lists.own) + list_len(lists.any) < 2) {
		lookup_walking(&lists, keys, todo, flows, stats);
	} else {
		if (list_len(lists.own) > 0 && first_is_asked(lists.own))
			todo = lookup_first(lists.own, keys, todo, flows, stats);
		if (todo)
			lookup_cached(r, &lists, keys, todo, flows, stats);
	}
	if (repeated)
		repeat(flows, n, repeated, stats);
}

static void lookup(struct flow_reader *r, const struct flow_key *keys, unsigned n,
		   struct megaflow **flows, struct lookup_stats *stats)
{
	lookup_any(r, keys, n, flows, stats, false);
}

static void lookup_cold(struct flow_reader *r, const struct flow_key *keys, unsigned n,
			struct megaflow **flows, struct lookup_stats *stats)
{
	lookup_any(r, keys, n, flows, stats, true);
}

const struct flow_lookup_ops ISA(flow_lookup_ops) = {.lookup = lookup, .lookup_cold = lookup_cold};
