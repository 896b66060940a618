// A few prefixes of a trie (trie.h), each with how many rules have it, in no order. Values take
// `words` words of 32 bits, which all calls must give alike. An empty bucket is NULL.
#ifndef FLOWTABLE_TRIE_BUCKET_H
#define FLOWTABLE_TRIE_BUCKET_H

#include "flowtable/trie.h"

struct trie_bucket {
	uint16_t n, room;
	uint32_t cells[]; // of each prefix: length (upper byte) and count; words of the value
};

#define TRIE_COUNT_BITS 24
#define TRIE_COUNT_MAX	((1u << TRIE_COUNT_BITS) - 1)

static inline unsigned trie_bucket_n(const struct trie_bucket *b)
{
	return b ? b->n : 0;
}

static inline unsigned trie_bucket_len(const struct trie_bucket *b, unsigned words, unsigned i)
{
	return b->cells[i * (1 + words)] >> TRIE_COUNT_BITS;
}

static inline trie_value trie_bucket_value(const struct trie_bucket *b, unsigned words, unsigned i)
{
	const uint32_t *cell = &b->cells[i * (1 + words)];
	uint64_t high = (uint64_t)cell[1] << 32, low = 0;

	if (words > 1) {
		high |= cell[2];
		low = (uint64_t)cell[3] << 32 | cell[4];
	}
	return (trie_value)high << 64 | low;
}

// The place of a prefix, or n.
unsigned trie_bucket_find(const struct trie_bucket *b, unsigned words, trie_value value,
			  unsigned len);
// A new prefix, once. 0 or -ENOMEM.
int trie_bucket_put(struct trie_bucket **b, unsigned words, trie_value value, unsigned len);
// One more or less of it: 0, or -ENOMEM for more than TRIE_COUNT_MAX; whether it went.
int trie_bucket_count_up(struct trie_bucket *b, unsigned words, unsigned i);
bool trie_bucket_count_down(struct trie_bucket **b, unsigned words, unsigned i);
// An empty one with room, that is to be filled; NULL: no memory.
struct trie_bucket *trie_bucket_create(unsigned words, unsigned room);
// Copies a prefix with its count. There must be room.
void trie_bucket_copy(struct trie_bucket *to, const struct trie_bucket *from, unsigned words,
		      unsigned i);

#endif
