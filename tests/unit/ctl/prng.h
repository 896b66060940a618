// Random numbers for property tests: the same seed gives the same ones.
#ifndef TESTS_UNIT_CTL_PRNG_H
#define TESTS_UNIT_CTL_PRNG_H

#include <stdbool.h>
#include <stdint.h>

extern uint64_t prng_state; // in random_model.c

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
static inline uint64_t prng_next(void)
{
	uint64_t z = prng_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline unsigned pick(unsigned n)
{
	return (unsigned)((prng_next() >> 32) * n >> 32);
}

static inline bool one_in(unsigned n)
{
	return pick(n) == 0;
}

#define PICK(array) ((array)[pick(sizeof(array) / sizeof((array)[0]))])

#endif
