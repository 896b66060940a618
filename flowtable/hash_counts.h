// A multiset of hashes: a stage of a subtable keeps one, with the hash of each of its rules. Open
// addressing, linear probing, between a quarter and three quarters full.
#ifndef FLOWTABLE_HASH_COUNTS_H
#define FLOWTABLE_HASH_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

struct hash_count {
	uint32_t hash;
	uint32_t count; // 0: a free place
};

struct hash_counts {
	struct hash_count *list;
	uint32_t n, room; // room: any number, to grow by half
};

int hash_counts_add(struct hash_counts *h, uint32_t hash);  // 0 or -ENOMEM
void hash_counts_del(struct hash_counts *h, uint32_t hash); // must be inside
void hash_counts_fini(struct hash_counts *h);

static inline uint32_t hash_counts_start(const struct hash_counts *h, uint32_t hash)
{
	return (uint32_t)((uint64_t)hash * h->room >> 32);
}

// Where a hash stands, or the free place where it would. There is always one.
static inline uint32_t hash_counts_place(const struct hash_counts *h, uint32_t hash)
{
	uint32_t at = hash_counts_start(h, hash);

	while (h->list[at].count > 0 && h->list[at].hash != hash)
		at = at + 1 == h->room ? 0 : at + 1;
	return at;
}

// Before hash_counts_has(), some time.
static inline void hash_counts_prefetch(const struct hash_counts *h, uint32_t hash)
{
	__builtin_prefetch(h->list + hash_counts_start(h, hash));
}

static inline bool hash_counts_has(const struct hash_counts *h, uint32_t hash)
{
	return h->room > 0 && h->list[hash_counts_place(h, hash)].count > 0;
}

#endif
