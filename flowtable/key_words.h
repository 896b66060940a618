// A key as sixteen words: compare and hash, inline for the lookup loops. The places where AVX2 and
// AVX-512 versions would go.
#ifndef FLOWTABLE_KEY_WORDS_H
#define FLOWTABLE_KEY_WORDS_H

#include "flowtable/key.h"

typedef uint64_t __attribute__((may_alias)) key_word;

#define LINE_WORDS (FLOW_KEY_LINE / sizeof(uint64_t))

static_assert(LINE_WORDS == 8 && FLOW_KEY_WORDS == 2 * LINE_WORDS, "a line is eight words");

static inline const key_word *key_words(const struct flow_key *key)
{
	return (const key_word *)key;
}

// Whether a line of a and b agrees in the bits of the mask.
static inline bool line_equal_masked(const key_word *a, const key_word *b, const key_word *mask)
{
	uint64_t diff = 0;

	for (unsigned i = 0; i < LINE_WORDS; i++)
		diff |= (a[i] ^ b[i]) & mask[i];
	return diff == 0;
}

static inline bool key_equal_inline(const struct flow_key *a, const struct flow_key *b)
{
	const key_word *aw = key_words(a), *bw = key_words(b);
	uint64_t diff = 0;

	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++)
		diff |= aw[i] ^ bw[i];
	return diff == 0;
}

static inline bool key_equal_masked_inline(const struct flow_key *a, const struct flow_key *b,
					   const struct flow_key *mask, bool line2)
{
	const key_word *aw = key_words(a), *bw = key_words(b), *mw = key_words(mask);

	return line_equal_masked(aw, bw, mw) &&
	       (!line2 || line_equal_masked(aw + LINE_WORDS, bw + LINE_WORDS, mw + LINE_WORDS));
}

// The hash is keyed, by numbers drawn at the process's start, because whoever sends packets chooses
// keys: with a plain CRC he could make them collide at will. Pairs of words are multiplied to 128
// bits (as in wyhash, and NH of RFC 4418) and the halves folded; the products do not wait for each
// other, which makes it as fast as the CRC instruction.
struct key_hash_secret {
	uint64_t word[FLOW_KEY_WORDS];
	uint64_t empty_line2; // what a line 2 of zeros adds, so that a mask that ends in line 1
			      // need not read it
} __attribute__((aligned(64)));

extern struct key_hash_secret key_hash_secret; // written once, before main

static inline uint64_t multiply_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t line_hash_masked(const key_word *line, const key_word *mask,
					const uint64_t *secret)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LINE_WORDS; i += 2)
		sum += multiply_fold((line[i] & mask[i]) ^ secret[i],
				     (line[i + 1] & mask[i + 1]) ^ secret[i + 1]);
	return sum;
}

static inline uint64_t line_hash(const key_word *line, const uint64_t *secret)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LINE_WORDS; i += 2)
		sum += multiply_fold(line[i] ^ secret[i], line[i + 1] ^ secret[i + 1]);
	return sum;
}

// Products of keys that follow each other (addresses, ports) follow each other too, so the sum must
// be mixed until no pattern is left: two rounds, with MurmurHash3's constants.
static inline uint32_t hash_finish(uint64_t sum, uint32_t basis)
{
	uint64_t h = sum + basis;

	h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
	return (uint32_t)(h ^ h >> 33);
}

static inline uint32_t key_hash_inline(const struct flow_key *key, uint32_t basis)
{
	const key_word *kw = key_words(key);
	const uint64_t *secret = key_hash_secret.word;

	return hash_finish(line_hash(kw, secret) + line_hash(kw + LINE_WORDS, secret + LINE_WORDS),
			   basis);
}

static inline uint32_t key_hash_masked_inline(const struct flow_key *key,
					      const struct flow_key *mask, uint32_t basis,
					      bool line2)
{
	const key_word *kw = key_words(key), *mw = key_words(mask);
	const uint64_t *secret = key_hash_secret.word;
	uint64_t sum = key_hash_secret.empty_line2;

	if (line2)
		sum = line_hash_masked(kw + LINE_WORDS, mw + LINE_WORDS, secret + LINE_WORDS);
	return hash_finish(sum + line_hash_masked(kw, mw, secret), basis);
}

#endif
