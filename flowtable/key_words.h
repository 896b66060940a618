// A key as sixteen words: compare and hash, inline for the lookup loops. The places where AVX2 and
// AVX-512 versions would go.
#ifndef FLOWTABLE_KEY_WORDS_H
#define FLOWTABLE_KEY_WORDS_H

#include "flowtable/key.h"

#ifdef __SSE4_2__
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

typedef uint64_t __attribute__((may_alias)) key_word;

#define LINE_WORDS (FLOW_KEY_LINE / sizeof(uint64_t))

static_assert(LINE_WORDS == 8 && FLOW_KEY_WORDS == 2 * LINE_WORDS, "a line is eight words");

static inline const key_word *key_words(const struct flow_key *key)
{
	return (const key_word *)key;
}

// Four bits a step; for machines without an instruction, and to check those that have one.
static inline uint32_t crc32c_word_soft(uint32_t crc, uint64_t word)
{
	static const uint32_t nibble[16] = {
	    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	    0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	    0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	uint64_t rest = word ^ crc;

	for (int i = 0; i < 16; i++)
		rest = (rest >> 4) ^ nibble[rest & 15];
	return (uint32_t)rest;
}

static inline uint32_t crc32c_word(uint32_t crc, uint64_t word)
{
#ifdef __SSE4_2__
	return (uint32_t)_mm_crc32_u64(crc, word);
#elif defined(__ARM_FEATURE_CRC32)
	return __crc32cd(crc, word);
#else
	return crc32c_word_soft(crc, word);
#endif
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

// A line's even and odd words go through a CRC each, which run side by side.
static inline uint64_t line_hash_masked(const key_word *line, const key_word *mask, uint32_t basis)
{
	uint32_t even = basis, odd = basis;

	for (unsigned i = 0; i < LINE_WORDS; i += 2) {
		even = crc32c_word(even, line[i] & mask[i]);
		odd = crc32c_word(odd, line[i + 1] & mask[i + 1]);
	}
	return (uint64_t)even << 32 | odd;
}

static inline uint64_t line_hash(const key_word *line, uint32_t basis)
{
	uint32_t even = basis, odd = basis;

	for (unsigned i = 0; i < LINE_WORDS; i += 2) {
		even = crc32c_word(even, line[i]);
		odd = crc32c_word(odd, line[i + 1]);
	}
	return (uint64_t)even << 32 | odd;
}

static inline uint32_t hash_finish(uint64_t line1, uint64_t line2)
{
	uint64_t h = line1 + line2 * 0x9fb21c651e98df25;

	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15;
	return (uint32_t)(h >> 32);
}

// Line 2 starts from basis 0, so that a line of zeros hashes to 0 and a mask that ends in line 1
// need not read it.
static inline uint32_t key_hash_inline(const struct flow_key *key, uint32_t basis)
{
	const key_word *kw = key_words(key);

	return hash_finish(line_hash(kw, basis), line_hash(kw + LINE_WORDS, 0));
}

static inline uint32_t key_hash_masked_inline(const struct flow_key *key,
					      const struct flow_key *mask, uint32_t basis,
					      bool line2)
{
	const key_word *kw = key_words(key), *mw = key_words(mask);
	uint64_t h2 = line2 ? line_hash_masked(kw + LINE_WORDS, mw + LINE_WORDS, 0) : 0;

	return hash_finish(line_hash_masked(kw, mw, basis), h2);
}

#endif
