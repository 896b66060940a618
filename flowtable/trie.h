// Prefix tries: tell from few leading bits of a field which prefix lengths a packet cannot match.
//
// A classifier has one for each address or port; it holds the prefixes that the rules of all
// subtables have there, with how many rules have each. A lookup gives, for each length inside,
// whether a prefix of it matches the value, and if none does, how many leading bits tell so: one
// more than the value shares with the nearest of them. A subtable of such a length is passed over,
// and only those bits are in the megaflow's mask. A packet to 10.9.9.9 so does not have all its
// address looked at because rules are for single hosts in 192.168.0.0/16.
//
// Source: Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, section 5.4,
// which has one count of bits for all lengths; here each length has its own.
//
// A node tells two halves of its prefixes apart by a bit. Prefixes stand in buckets, not in nodes
// of their own: a bucket is cut in two when it has many, so that each prefix takes about a dozen
// bytes.
#ifndef FLOWTABLE_TRIE_H
#define FLOWTABLE_TRIE_H

#include <stdbool.h>
#include <stdint.h>

#define TRIE_BITS 128

// A field's value, left-aligned: its first bit is the greatest.
typedef unsigned __int128 trie_value;

// A set of prefix lengths: that of 1 is the lowest bit of the first word.
struct trie_lens {
	uint64_t bits[TRIE_BITS / 64];
};

// Where a node or the trie itself goes on. The bucket holds the prefixes that are not below the
// node: all, if there is none, else those that end before the node's bit or part from its prefixes
// before it.
struct trie_edge {
	struct trie_node *node;
	struct trie_bucket *bucket; // NULL: empty
	struct trie_lens lens;	    // of the bucket and of all below
};

struct trie {
	struct trie_edge root;
	unsigned value_bytes; // that values take: 4 or 16
};

struct trie_result {
	struct trie_lens matches;	  // lengths of which a prefix matches
	uint8_t need_bits[TRIE_BITS + 1]; // for other lengths inside: bits that tell so
};

void trie_init(struct trie *t, unsigned value_bytes);
void trie_fini(struct trie *t);
// A prefix of 1 to TRIE_BITS bits, the value's others zero; once more if it is inside. 0 or
// -ENOMEM.
int trie_add(struct trie *t, trie_value value, unsigned len);
void trie_del(struct trie *t, trie_value value, unsigned len); // must be inside
void trie_lookup(const struct trie *t, trie_value value, struct trie_result *result);

static inline bool trie_lens_has(const struct trie_lens *lens, unsigned len)
{
	return lens->bits[(len - 1) / 64] >> (len - 1) % 64 & 1;
}

// How long the prefix is that these bits mask, or 0: they do not mask one.
static inline unsigned trie_prefix_len(trie_value bits)
{
	trie_value rest = ~bits;

	if (rest & (rest + 1))
		return 0;
	return (unsigned)(__builtin_popcountll((uint64_t)(bits >> 64)) +
			  __builtin_popcountll((uint64_t)bits));
}

static inline trie_value trie_leading_bits(trie_value value, unsigned n)
{
	return n == 0 ? 0 : value >> (TRIE_BITS - n) << (TRIE_BITS - n);
}

// How many leading bits two values share.
static inline unsigned trie_common_bits(trie_value a, trie_value b)
{
	trie_value diff = a ^ b;
	uint64_t high = (uint64_t)(diff >> 64), low = (uint64_t)diff;

	if (high)
		return (unsigned)__builtin_clzll(high);
	return low ? 64 + (unsigned)__builtin_clzll(low) : TRIE_BITS;
}

// The same for values of `bytes` bytes, which the compiler knows.
static inline unsigned trie_common_bits_in(unsigned bytes, trie_value a, trie_value b)
{
	uint32_t diff = (uint32_t)((a ^ b) >> (TRIE_BITS - 32));

	if (bytes > sizeof(diff))
		return trie_common_bits(a, b);
	return diff ? (unsigned)__builtin_clz(diff) : 32;
}

#endif
