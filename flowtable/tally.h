// Counters that one thread writes and any thread reads.
#ifndef FLOWTABLE_TALLY_H
#define FLOWTABLE_TALLY_H

#include <stdint.h>

// By the one writer, so that no read-modify-write needs to be atomic; the store is, for those who
// read by relaxed loads.
static inline void tally_add(uint64_t *tally, uint64_t n)
{
	__atomic_store_n(tally, *tally + n, __ATOMIC_RELAXED);
}

// By anybody else: as a whole word, which may be old.
static inline uint64_t tally_read(const uint64_t *tally)
{
	return __atomic_load_n(tally, __ATOMIC_RELAXED);
}

#endif
