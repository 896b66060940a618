// A multiset of hashes: a stage of a subtable keeps one, with the hash of each of its rules. Open
// addressing, linear probing.
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
	uint32_t n, room; // room: a power of two, or 0
};

int hash_counts_add(struct hash_counts *h, uint32_t hash);  // 0 or -ENOMEM
void hash_counts_del(struct hash_counts *h, uint32_t hash); // must be inside
bool hash_counts_has(const struct hash_counts *h, uint32_t hash);
void hash_counts_fini(struct hash_counts *h);

#endif
