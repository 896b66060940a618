#include "datapath/lookup.h"

// Puts what the megaflow table found into the cache, and returns how many that were.
static unsigned remember(struct pmd *pmd, uint64_t todo)
{
	struct burst *b = &pmd->burst;
	unsigned n_hits = 0;

	for (; todo; todo &= todo - 1) {
		unsigned i = (unsigned)__builtin_ctzll(todo);

		if (!b->flows[i])
			continue;
		emc_insert(pmd->emc, &b->keys[i], b->hashes[i], b->flows[i]);
		n_hits++;
	}
	return n_hits;
}

void lookup(struct pmd *pmd, unsigned n)
{
	struct burst *b = &pmd->burst;
	uint64_t all = UINT64_MAX >> (64 - n);
	uint64_t missed;
	unsigned n_missed, n_hits;

	for (unsigned i = 0; i < n; i++)
		b->hashes[i] = flow_key_hash(&b->keys[i], 0);
	missed = emc_lookup(pmd->emc, b->keys, b->hashes, all, b->flows);
	n_missed = (unsigned)__builtin_popcountll(missed);
	pmd->stats.lookup.emc_hits += n - n_missed;
	if (likely(!missed))
		return;

	flow_table_lookup(pmd->flows, b->keys, missed, b->flows, &pmd->stats.lookup.masks_tried);
	n_hits = remember(pmd, missed);
	pmd->stats.lookup.megaflow_hits += n_hits;
	pmd->stats.lookup.misses += n_missed - n_hits;
}
