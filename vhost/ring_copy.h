// Copying bytes between a guest's memory and ours, or another guest's: exactly `len` are read and
// written, in the widest vectors of the instruction set. For *_hot.c files.
#ifndef VHOST_RING_COPY_H
#define VHOST_RING_COPY_H

#include <stdint.h>
#include <string.h>

#ifdef __AVX512VBMI__
#include <immintrin.h>
#define COPY_VECTOR    64u
#define PAYLOAD_VECTOR 32u // no slower than 64, measured
#elif defined(__AVX2__)
#define COPY_VECTOR    32u
#define PAYLOAD_VECTOR 32u
#else
#define COPY_VECTOR    16u
#define PAYLOAD_VECTOR 16u
#endif
#define PAYLOAD_MIN 256u // bytes from which on alignment pays

typedef uint8_t payload_vector __attribute__((vector_size(PAYLOAD_VECTOR), aligned(1), may_alias));
typedef uint8_t copy_vector __attribute__((vector_size(COPY_VECTOR), aligned(1), may_alias));
typedef uint8_t copy_half __attribute__((vector_size(16), aligned(1), may_alias));

// At most one vector.
static inline void copy_short(uint8_t *dst, const uint8_t *src, uint32_t len)
{
#ifdef __AVX512VBMI__
	__mmask64 mask = _bzhi_u64(UINT64_MAX, len);

	_mm512_mask_storeu_epi8(dst, mask, _mm512_maskz_loadu_epi8(mask, src));
#else
	if (len >= 16) {
		copy_half first = *(const copy_half *)src;
		copy_half last = *(const copy_half *)(src + len - 16);

		*(copy_half *)dst = first;
		*(copy_half *)(dst + len - 16) = last;
	} else if (len >= 8) {
		uint64_t first, last;

		memcpy(&first, src, 8);
		memcpy(&last, src + len - 8, 8);
		memcpy(dst, &first, 8);
		memcpy(dst + len - 8, &last, 8);
	} else {
		for (uint32_t i = 0; i < len; i++)
			dst[i] = src[i];
	}
#endif
}

// A head of few vectors. dst and src do not overlap.
static inline void copy_head(uint8_t *dst, const uint8_t *src, uint32_t len)
{
	while (len > COPY_VECTOR) {
		*(copy_vector *)dst = *(const copy_vector *)src;
		dst += COPY_VECTOR;
		src += COPY_VECTOR;
		len -= COPY_VECTOR;
	}
	copy_short(dst, src, len);
}

// A payload, in stores that do not cross cache lines.
static inline void copy_payload(uint8_t *dst, const uint8_t *src, uint32_t len)
{
	if (len >= PAYLOAD_MIN) {
		uint32_t skew = (uint32_t)(-(uintptr_t)dst % PAYLOAD_VECTOR);

		*(payload_vector *)dst = *(const payload_vector *)src;
		dst += skew;
		src += skew;
		len -= skew;
	}
	while (len >= 4 * PAYLOAD_VECTOR) {
		const payload_vector *from = (const payload_vector *)src;
		payload_vector *to = (payload_vector *)dst;
		payload_vector a = from[0], b = from[1], c = from[2], d = from[3];

		to[0] = a;
		to[1] = b;
		to[2] = c;
		to[3] = d;
		dst += 4 * PAYLOAD_VECTOR;
		src += 4 * PAYLOAD_VECTOR;
		len -= 4 * PAYLOAD_VECTOR;
	}
	copy_head(dst, src, len);
}

#endif
