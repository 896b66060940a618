#ifndef FLOWTABLE_TRIE_H
#define FLOWTABLE_TRIE_H

#include <stdbool.h>
#include <stdint.h>

#define TRIE_BITS 128

// A field's value, left-aligned: its first bit is the greatest.
typedef unsigned __int128 trie_value;

// How long the prefix is that these bits mask, or 0: they do not mask one.
static inline unsigned trie_prefix_len(trie_value bits)
{
	trie_value rest = ~bits;

	if (rest & (rest + 1))
		return 0;
	return (unsigned)(__builtin_popcountll((uint64_t)(bits >> 64)) +
			  __builtin_popcountll((uint64_t)bits));
}

#endif
