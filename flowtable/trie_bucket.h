// A few prefixes of a trie (trie.h), each with how many rules have it: a run for each length, and
// in a run ascending. Values take `bytes` bytes, 4 or 16, which all calls must give alike. An empty
// bucket is NULL.
#ifndef FLOWTABLE_TRIE_BUCKET_H
#define FLOWTABLE_TRIE_BUCKET_H

#include "flowtable/trie.h"

#include <string.h>

struct trie_run {
	uint16_t n;
	uint8_t len;
};

// Behind the runs stand values, then counts of 32 bits, with room for `room` each.
struct trie_bucket {
	uint16_t n, room;
	uint16_t n_runs, run_room;
	struct trie_run runs[];
};

// Adds `count` of a prefix, which may be inside. 0 or -ENOMEM.
int trie_bucket_add(struct trie_bucket **b, unsigned bytes, trie_value value, unsigned len,
		    uint32_t count);
// One less of a prefix that is inside. Returns whether it went.
bool trie_bucket_del(struct trie_bucket **b, unsigned bytes, trie_value value, unsigned len);
// Adds all of another bucket's. 0 or -ENOMEM, with some of them added.
int trie_bucket_add_all(struct trie_bucket **b, unsigned bytes, const struct trie_bucket *from);
// Copies the prefixes to to[0] and to[1] by a bit, those that end before it to to[2]; longer ones
// must agree in the bits before it. `to` holds NULLs. 0 or -ENOMEM, with some of them created.
int trie_bucket_split(const struct trie_bucket *b, unsigned bytes, unsigned bit,
		      struct trie_bucket *to[3]);
// The longest prefix.
trie_value trie_bucket_longest(const struct trie_bucket *b, unsigned bytes, unsigned *len);
// The first bit in which one of the prefixes parts from this one, or TRIE_BITS: each is its start,
// or it is theirs.
unsigned trie_bucket_parting_bit(const struct trie_bucket *b, unsigned bytes, trie_value value,
				 unsigned len);

static inline unsigned trie_bucket_n(const struct trie_bucket *b)
{
	return b ? b->n : 0;
}

static inline const uint8_t *trie_bucket_values(const struct trie_bucket *b)
{
	return (const uint8_t *)&b->runs[b->run_room];
}

static inline trie_value trie_bucket_load(const uint8_t *values, unsigned bytes, unsigned i)
{
	uint32_t word;
	trie_value value;

	if (bytes == sizeof(word)) {
		memcpy(&word, values + i * sizeof(word), sizeof(word));
		return (trie_value)word << (TRIE_BITS - 32);
	}
	memcpy(&value, values + i * sizeof(value), sizeof(value));
	return value;
}

static inline bool trie_bucket_below(const uint8_t *values, unsigned bytes, unsigned i,
				     trie_value value)
{
	uint32_t word;

	if (bytes > sizeof(word))
		return trie_bucket_load(values, bytes, i) < value;
	memcpy(&word, values + i * sizeof(word), sizeof(word));
	return word < (uint32_t)(value >> (TRIE_BITS - 32));
}

// The first of n values that is not below, or n. Without branches, which nobody could foretell.
static inline unsigned trie_bucket_place(const uint8_t *values, unsigned bytes, unsigned n,
					 trie_value value)
{
	unsigned at = 0;

	while (n > 1) {
		unsigned half = n / 2;

		at += half & -(unsigned)trie_bucket_below(values, bytes, at + half - 1, value);
		n -= half;
	}
	return at + (n == 1 && trie_bucket_below(values, bytes, at, value));
}

// How many leading bits a value shares with the nearest of n, which are not none.
static inline unsigned trie_bucket_common_bits(const uint8_t *values, unsigned bytes, unsigned n,
					       trie_value value)
{
	unsigned at = trie_bucket_place(values, bytes, n, value);
	trie_value above = trie_bucket_load(values, bytes, at < n ? at : n - 1);
	trie_value below = trie_bucket_load(values, bytes, at > 0 ? at - 1 : 0);
	unsigned a = trie_common_bits_in(bytes, value, above);
	unsigned b = trie_common_bits_in(bytes, value, below);

	return a > b ? a : b;
}

#endif
