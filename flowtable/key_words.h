// A key as words: compare and hash, inline for the lookup loops, as wide as the instruction set
// allows (key_vec.h).
#ifndef FLOWTABLE_KEY_WORDS_H
#define FLOWTABLE_KEY_WORDS_H

#include "flowtable/key.h"
#include "flowtable/key_vec.h"

typedef uint64_t __attribute__((may_alias)) key_word;

#define LINE_WORDS (FLOW_KEY_LINE / sizeof(uint64_t))

static_assert(LINE_WORDS == 8 && FLOW_KEY_WORDS == 2 * LINE_WORDS, "a line is eight words");

#define VEC_WORDS (sizeof(vec) / sizeof(uint64_t))
// Over a line's vectors, unrolled: at most eight.
#define FOREACH_LINE_VEC(i) \
	_Pragma("GCC unroll 8") for (unsigned i = 0; i < LINE_WORDS; i += VEC_WORDS)

static inline const key_word *key_words(const struct flow_key *key)
{
	return (const key_word *)key;
}

// Whether the key of a packet, as flow_extract() fills it, has anything in line 2: only these types
// have fields there.
static inline bool key_has_line2(const struct flow_key *key)
{
	uint16_t type_be = key->eth_type_be;

	if (__builtin_expect(type_be == __builtin_bswap16(0x0800), true))
		return false; // most packets, in one compare
	return type_be == __builtin_bswap16(0x86dd) || type_be == __builtin_bswap16(0x0806) ||
	       type_be == __builtin_bswap16(0x8035);
}

static inline bool line_equal(const key_word *a, const key_word *b)
{
	vec diff = vec_zero();

	FOREACH_LINE_VEC(i)
	diff = vec_or(diff, vec_xor(vec_load(a + i), vec_load(b + i)));
	return vec_is_zero(diff);
}

// Whether a line of a and b agrees in the bits of the mask.
static inline bool line_equal_masked(const key_word *a, const key_word *b, const key_word *mask)
{
	vec diff = vec_zero();

	FOREACH_LINE_VEC(i)
	diff = vec_or(diff, vec_and(vec_xor(vec_load(a + i), vec_load(b + i)), vec_load(mask + i)));
	return vec_is_zero(diff);
}

static inline bool key_equal_inline(const struct flow_key *a, const struct flow_key *b)
{
	const key_word *aw = key_words(a), *bw = key_words(b);

	return line_equal(aw, bw) && line_equal(aw + LINE_WORDS, bw + LINE_WORDS);
}

// As key_equal_inline(), for two keys that flow_extract() filled: reads line 2 only where it can
// differ.
static inline bool packet_key_equal_inline(const struct flow_key *a, const struct flow_key *b)
{
	const key_word *aw = key_words(a), *bw = key_words(b);

	return line_equal(aw, bw) &&
	       (!key_has_line2(a) || line_equal(aw + LINE_WORDS, bw + LINE_WORDS));
}

static inline bool key_equal_masked_inline(const struct flow_key *a, const struct flow_key *b,
					   const struct flow_key *mask, bool line2)
{
	const key_word *aw = key_words(a), *bw = key_words(b), *mw = key_words(mask);

	return line_equal_masked(aw, bw, mw) &&
	       (!line2 || line_equal_masked(aw + LINE_WORDS, bw + LINE_WORDS, mw + LINE_WORDS));
}

// The hash is keyed, by numbers drawn at the process's start, because whoever sends packets chooses
// keys: with a plain CRC he could make them collide at will. It is NH (RFC 4418): two keys that
// differ collide in the sum for one of 2^32 secrets. Its products do not wait for each other, and
// stand in the lanes of a vector.
struct key_hash_secret {
	uint64_t word[FLOW_KEY_WORDS];
	uint64_t empty_line2; // what a line 2 of zeros adds, so that who knows it to be zero need
			      // not read it
} __attribute__((aligned(64)));

extern struct key_hash_secret key_hash_secret; // written once, before main

static inline vec line_nh(const key_word *line, const uint64_t *secret)
{
	vec sum = vec_zero();

	FOREACH_LINE_VEC(i)
	sum = vec_add(sum, vec_nh(vec_load(line + i), vec_load(secret + i)));
	return sum;
}

static inline vec line_nh_masked(const key_word *line, const key_word *mask, const uint64_t *secret)
{
	vec sum = vec_zero();

	FOREACH_LINE_VEC(i)
	sum = vec_add(sum, vec_nh(vec_and(vec_load(line + i), vec_load(mask + i)),
				  vec_load(secret + i)));
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
	vec sum = vec_add(line_nh(kw, secret), line_nh(kw + LINE_WORDS, secret + LINE_WORDS));

	return hash_finish(vec_sum(sum), basis);
}

// As key_hash_inline(), for a key that flow_extract() filled: reads line 2 only where it can have
// something.
static inline uint32_t packet_key_hash_inline(const struct flow_key *key, uint32_t basis)
{
	if (__builtin_expect(key_has_line2(key), false))
		return key_hash_inline(key, basis);
	return hash_finish(vec_sum(line_nh(key_words(key), key_hash_secret.word)) +
			       key_hash_secret.empty_line2,
			   basis);
}

static inline uint32_t key_hash_masked_inline(const struct flow_key *key,
					      const struct flow_key *mask, uint32_t basis,
					      bool line2)
{
	const key_word *kw = key_words(key), *mw = key_words(mask);
	const uint64_t *secret = key_hash_secret.word;
	vec sum = line_nh_masked(kw, mw, secret);

	if (!line2)
		return hash_finish(vec_sum(sum) + key_hash_secret.empty_line2, basis);
	sum = vec_add(sum, line_nh_masked(kw + LINE_WORDS, mw + LINE_WORDS, secret + LINE_WORDS));
	return hash_finish(vec_sum(sum), basis);
}

#endif
