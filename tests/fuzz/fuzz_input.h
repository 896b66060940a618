// An input as a program of small steps: what the targets take from it, in order. Behind its end
// there are zeros.
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

// Up to n bytes. How many there were.
static inline size_t fuzz_bytes(struct fuzz_input *in, void *to, size_t n)
{
	size_t got = n < in->left ? n : in->left;

	memcpy(to, in->at, got);
	in->at += got;
	in->left -= got;
	return got;
}

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	uint8_t value = 0;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
	uint16_t value = 0;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

// A write of the stranger's into `area`: 2 bytes offset, 1 byte length, the bytes.
static inline void fuzz_write(struct fuzz_input *in, void *area, size_t len)
{
	size_t ofs = fuzz_u16(in) % len;
	size_t n = fuzz_u8(in);

	fuzz_bytes(in, (uint8_t *)area + ofs, n < len - ofs ? n : len - ofs);
}

#endif
