// The widest vector of 64-bit lanes that the instruction set at hand has, with the few operations
// that comparing and hashing keys takes. All widths give the same results.
#ifndef FLOWTABLE_KEY_VEC_H
#define FLOWTABLE_KEY_VEC_H

#include <stdbool.h>
#include <stdint.h>

// vec_nh() is a step of NH (RFC 4418, section 5.2): in each lane, the product of its two halves,
// after the secret's were added to them.
#if defined(__AVX512F__)
#include <immintrin.h>

typedef __m512i vec;

static inline vec vec_zero(void)
{
	return _mm512_setzero_si512();
}

static inline vec vec_load(const void *p)
{
	return _mm512_loadu_si512(p);
}

static inline vec vec_and(vec a, vec b)
{
	return _mm512_and_si512(a, b);
}

static inline vec vec_or(vec a, vec b)
{
	return _mm512_or_si512(a, b);
}

static inline vec vec_xor(vec a, vec b)
{
	return _mm512_xor_si512(a, b);
}

static inline vec vec_add(vec a, vec b)
{
	return _mm512_add_epi64(a, b);
}

static inline vec vec_nh(vec a, vec secret)
{
	vec halves = _mm512_add_epi32(a, secret);

	return _mm512_mul_epu32(halves, _mm512_srli_epi64(halves, 32));
}

static inline bool vec_is_zero(vec a)
{
	return _mm512_test_epi64_mask(a, a) == 0;
}

static inline uint64_t vec_sum(vec a)
{
	__m256i h = _mm256_add_epi64(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
	__m128i s = _mm_add_epi64(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));

	return (uint64_t)_mm_cvtsi128_si64(_mm_add_epi64(s, _mm_unpackhi_epi64(s, s)));
}

#elif defined(__AVX2__)
#include <immintrin.h>

typedef __m256i vec;

static inline vec vec_zero(void)
{
	return _mm256_setzero_si256();
}

static inline vec vec_load(const void *p)
{
	return _mm256_loadu_si256(p);
}

static inline vec vec_and(vec a, vec b)
{
	return _mm256_and_si256(a, b);
}

static inline vec vec_or(vec a, vec b)
{
	return _mm256_or_si256(a, b);
}

static inline vec vec_xor(vec a, vec b)
{
	return _mm256_xor_si256(a, b);
}

static inline vec vec_add(vec a, vec b)
{
	return _mm256_add_epi64(a, b);
}

static inline vec vec_nh(vec a, vec secret)
{
	vec halves = _mm256_add_epi32(a, secret);

	return _mm256_mul_epu32(halves, _mm256_srli_epi64(halves, 32));
}

static inline bool vec_is_zero(vec a)
{
	return _mm256_testz_si256(a, a);
}

static inline uint64_t vec_sum(vec a)
{
	__m128i s = _mm_add_epi64(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));

	return (uint64_t)_mm_cvtsi128_si64(_mm_add_epi64(s, _mm_unpackhi_epi64(s, s)));
}

#elif defined(__SSE4_1__)
#include <immintrin.h>

typedef __m128i vec;

static inline vec vec_zero(void)
{
	return _mm_setzero_si128();
}

static inline vec vec_load(const void *p)
{
	return _mm_loadu_si128(p);
}

static inline vec vec_and(vec a, vec b)
{
	return _mm_and_si128(a, b);
}

static inline vec vec_or(vec a, vec b)
{
	return _mm_or_si128(a, b);
}

static inline vec vec_xor(vec a, vec b)
{
	return _mm_xor_si128(a, b);
}

static inline vec vec_add(vec a, vec b)
{
	return _mm_add_epi64(a, b);
}

static inline vec vec_nh(vec a, vec secret)
{
	vec halves = _mm_add_epi32(a, secret);

	return _mm_mul_epu32(halves, _mm_srli_epi64(halves, 32));
}

static inline bool vec_is_zero(vec a)
{
	return _mm_testz_si128(a, a);
}

static inline uint64_t vec_sum(vec a)
{
	return (uint64_t)_mm_cvtsi128_si64(_mm_add_epi64(a, _mm_unpackhi_epi64(a, a)));
}

#else

typedef uint64_t vec;

static inline vec vec_zero(void)
{
	return 0;
}

static inline vec vec_load(const void *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline vec vec_and(vec a, vec b)
{
	return a & b;
}

static inline vec vec_or(vec a, vec b)
{
	return a | b;
}

static inline vec vec_xor(vec a, vec b)
{
	return a ^ b;
}

static inline vec vec_add(vec a, vec b)
{
	return a + b;
}

static inline vec vec_nh(vec a, vec secret)
{
	uint32_t low = (uint32_t)a + (uint32_t)secret;
	uint32_t high = (uint32_t)(a >> 32) + (uint32_t)(secret >> 32);

	return (uint64_t)low * high;
}

static inline bool vec_is_zero(vec a)
{
	return a == 0;
}

static inline uint64_t vec_sum(vec a)
{
	return a;
}
#endif

#endif
