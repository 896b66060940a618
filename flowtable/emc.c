#include "flowtable/emc.h"

#include "flowtable/key_words.h"

#include <rte_malloc.h>

// What a probe reads first, four to a cache line; the key, two lines, only when the hash agrees.
struct tag {
	struct megaflow *mf; // NULL: free
	uint32_t hash;
	uint32_t seq;
};

struct emc {
	uint32_t mask; // n_entries - 1
	uint32_t turn; // whose turn it is to be evicted: chooses between two live entries
	uint64_t bytes;
	struct tag *tags;
	struct flow_key *keys;
};

struct emc *emc_create(uint32_t n_entries, int numa_node)
{
	if (n_entries == 0 || (n_entries & (n_entries - 1)) != 0)
		return NULL;

	size_t tag_bytes = n_entries * sizeof(struct tag);
	size_t key_bytes = n_entries * sizeof(struct flow_key);
	struct emc *emc = rte_zmalloc_socket("emc", sizeof(*emc), RTE_CACHE_LINE_SIZE, numa_node);

	if (!emc)
		return NULL;
	emc->mask = n_entries - 1;
	emc->bytes = sizeof(*emc) + tag_bytes + key_bytes;
	emc->tags = rte_zmalloc_socket("emc tags", tag_bytes, RTE_CACHE_LINE_SIZE, numa_node);
	emc->keys = rte_zmalloc_socket("emc keys", key_bytes, RTE_CACHE_LINE_SIZE, numa_node);
	if (emc->tags && emc->keys)
		return emc;
	emc_destroy(emc);
	return NULL;
}

void emc_destroy(struct emc *emc)
{
	if (!emc)
		return;
	rte_free(emc->keys);
	rte_free(emc->tags);
	rte_free(emc);
}

uint64_t emc_memory_bytes(const struct emc *emc)
{
	return emc->bytes;
}

static inline uint32_t first_way(const struct emc *emc, uint32_t hash)
{
	return hash & emc->mask;
}

static inline uint32_t second_way(const struct emc *emc, uint32_t hash)
{
	return (hash >> 16 | hash << 16) & emc->mask;
}

static inline bool tag_alive(const struct tag *tag)
{
	return tag->mf && megaflow_alive(tag->mf, tag->seq);
}

static inline struct megaflow *probe(const struct emc *emc, uint32_t way,
				     const struct flow_key *key, uint32_t hash)
{
	const struct tag *tag = &emc->tags[way];

	if (tag->hash != hash || !tag->mf || !key_equal_inline(&emc->keys[way], key) ||
	    !megaflow_alive(tag->mf, tag->seq))
		return NULL;
	return tag->mf;
}

uint64_t emc_lookup(struct emc *emc, const struct flow_key *keys, const uint32_t *hashes,
		    uint64_t todo, struct megaflow **flows)
{
	uint64_t missed = todo;

	for (uint64_t bits = todo; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);

		__builtin_prefetch(&emc->tags[first_way(emc, hashes[i])]);
		__builtin_prefetch(&emc->keys[first_way(emc, hashes[i])]);
	}
	for (uint64_t bits = todo; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		struct megaflow *mf = probe(emc, first_way(emc, hashes[i]), &keys[i], hashes[i]);

		if (!mf)
			mf = probe(emc, second_way(emc, hashes[i]), &keys[i], hashes[i]);
		if (mf) {
			flows[i] = mf;
			missed &= ~(1ULL << i);
		}
	}
	return missed;
}

static bool holds(const struct emc *emc, uint32_t way, const struct flow_key *key, uint32_t hash)
{
	return emc->tags[way].mf && emc->tags[way].hash == hash &&
	       key_equal_inline(&emc->keys[way], key);
}

// The key's own entry if it has one; else a free or dead one; else either in turn.
static uint32_t choose_way(struct emc *emc, const struct flow_key *key, uint32_t hash)
{
	uint32_t first = first_way(emc, hash), second = second_way(emc, hash);

	if (holds(emc, first, key, hash))
		return first;
	if (holds(emc, second, key, hash))
		return second;
	if (!tag_alive(&emc->tags[first]))
		return first;
	if (!tag_alive(&emc->tags[second]))
		return second;
	return emc->turn++ % 2 ? first : second;
}

void emc_insert(struct emc *emc, const struct flow_key *key, uint32_t hash, struct megaflow *mf)
{
	// A slot is not used again while the caller is in its read section: seq is the one of the
	// megaflow that was looked up, or says that it is dead.
	uint32_t seq = __atomic_load_n(&mf->seq, __ATOMIC_ACQUIRE);

	if (seq % 2 == 0)
		return;

	uint32_t way = choose_way(emc, key, hash);

	emc->keys[way] = *key;
	emc->tags[way] = (struct tag){.mf = mf, .hash = hash, .seq = seq};
}
