// A key as words: compare and hash, inline for the lookup loops, as wide as the instruction set
// allows (key_vec.h).
#ifndef FLOWTABLE_KEY_WORDS_H
#define FLOWTABLE_KEY_WORDS_H

#include "flowtable/key.h"
#include "flowtable/key_vec.h"

typedef uint64_t __attribute__((may_alias)) key_word;

#define LINE_WORDS (FLOW_KEY_LINE / sizeof(uint64_t))
#define HOT_WORDS  (FLOW_KEY_HOT_BYTES / sizeof(uint64_t))
#define COLD_LINES ((FLOW_KEY_WORDS - HOT_WORDS) / LINE_WORDS)

static_assert(LINE_WORDS == 8 && HOT_WORDS == 2 * LINE_WORDS, "a line is eight words");
static_assert(COLD_LINES == 4 && FLOW_KEY_WORDS % LINE_WORDS == 0, "whole lines");

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

// Whether lines 1 and 2 of two packets' keys are equal: reads line 2 only where it can differ.
static inline bool packet_key_equal_inline(const struct flow_key *a, const struct flow_key *b)
{
	const key_word *aw = key_words(a), *bw = key_words(b);

	return line_equal(aw, bw) &&
	       (!key_has_line2(a) || line_equal(aw + LINE_WORDS, bw + LINE_WORDS));
}

// The hash is keyed, by numbers drawn at the process's start, because whoever sends packets chooses
// keys: with a plain CRC he could make them collide at will. It is NH (RFC 4418): two keys that
// differ collide in the sum for one of 2^32 secrets. Its products do not wait for each other, and
// stand in the lanes of a vector.
struct key_hash_secret {
	uint64_t word[FLOW_KEY_WORDS];
	uint64_t empty_line2; // what a line 2 of zeros adds, so that who knows it to be zero need
			      // not read it
	uint64_t empty_cold[COLD_LINES]; // what is taken off for each cold line: one of zeros
					 // adds nothing, whether it is there or not
	uint64_t empty_cold_all;	 // their sum
} __attribute__((aligned(64)));

extern struct key_hash_secret key_hash_secret; // written once, before main

// Random words. Before main.
void secret_draw(uint64_t *words, unsigned n_words);

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

// Hash of lines 1 and 2 of a packet's key: reads line 2 only where it can have something.
static inline uint32_t packet_key_hash_inline(const struct flow_key *key, uint32_t basis)
{
	const key_word *kw = key_words(key);
	const uint64_t *secret = key_hash_secret.word;
	vec sum = line_nh(kw, secret);

	if (__builtin_expect(key_has_line2(key), false))
		return hash_finish(vec_sum(
				       vec_add(sum, line_nh(kw + LINE_WORDS, secret + LINE_WORDS))),
				   basis);
	return hash_finish(vec_sum(sum) + key_hash_secret.empty_line2, basis);
}

// Hash of lines 1 and 2.
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

// The cold lines (key.h). Only for keys and masks that have any: nothing of it is on other packets'
// way.

// The bit of FLOW_COLD_* that a cold line hangs on.
static inline uint8_t cold_of_line(unsigned line)
{
	return line == 0 ? FLOW_COLD_CT : line == 1 ? FLOW_COLD_TUN : FLOW_COLD_OPTS;
}

static inline const key_word *cold_words(const struct flow_key *key, unsigned line)
{
	return key_words(key) + HOT_WORDS + line * LINE_WORDS;
}

// Of a packet's key: zeros if it does not have the line.
static inline const key_word *packet_cold_words(const struct flow_key *key, unsigned line)
{
	static const uint64_t zeros[LINE_WORDS] __attribute__((aligned(64)));

	return key->cold & cold_of_line(line) ? cold_words(key, line) : (const key_word *)zeros;
}

// What a cold line adds to a hash's sum, under a mask.
static inline uint64_t cold_line_nh_masked(const key_word *words, const key_word *mask,
					   unsigned line)
{
	const uint64_t *secret = key_hash_secret.word + HOT_WORDS + line * LINE_WORDS;

	return vec_sum(line_nh_masked(words, mask, secret)) - key_hash_secret.empty_cold[line];
}

// As key_hash_masked_inline(), of a packet's key and a mask of which `uses` tells cold lines.
static inline uint32_t key_hash_masked_cold(const struct flow_key *key, const struct flow_key *mask,
					    uint8_t uses)
{
	const key_word *kw = key_words(key), *mw = key_words(mask);
	const uint64_t *secret = key_hash_secret.word;
	uint64_t sum = vec_sum(line_nh_masked(kw, mw, secret));

	sum += uses & FLOW_USES_LINE2
		   ? vec_sum(line_nh_masked(kw + LINE_WORDS, mw + LINE_WORDS, secret + LINE_WORDS))
		   : key_hash_secret.empty_line2;
	for (unsigned i = 0; i < COLD_LINES; i++)
		if (uses & key->cold & cold_of_line(i))
			sum += cold_line_nh_masked(cold_words(key, i), cold_words(mask, i), i);
	return hash_finish(sum, 0);
}

// Whether a packet's key has the cold words of a megaflow in the bits of a mask, of which `uses`
// tells cold lines.
static inline bool packet_cold_equal_masked(const struct flow_key *key, const key_word *words,
					    const struct flow_key *mask, uint8_t uses)
{
	for (unsigned i = 0; i < COLD_LINES; i++)
		if ((uses & cold_of_line(i)) &&
		    !line_equal_masked(packet_cold_words(key, i), words + i * LINE_WORDS,
				       cold_words(mask, i)))
			return false;
	return true;
}

// Whether the cold lines of two packets' keys are equal that have the same lines.
static inline bool packet_cold_equal(const struct flow_key *a, const struct flow_key *b)
{
	for (unsigned i = 0; i < COLD_LINES; i++)
		if ((a->cold & cold_of_line(i)) && !line_equal(cold_words(a, i), cold_words(b, i)))
			return false;
	return true;
}

#endif
