// Internet checksums, updated incrementally: RFC 1624, equation 3. The sums work on 16-bit words as
// they lie in memory, so no byte order is involved.
#ifndef DATAPATH_CSUM_H
#define DATAPATH_CSUM_H

#include <stdint.h>
#include <string.h>

static inline uint16_t csum_word(const void *p)
{
	uint16_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

// What a checksum must take in when len (even) bytes change from `from` to `to`.
static inline uint32_t csum_delta(const void *from, const void *to, unsigned len)
{
	uint32_t delta = 0;

	for (unsigned i = 0; i < len; i += 2)
		delta += (uint16_t)~csum_word((const uint8_t *)from + i) +
			 csum_word((const uint8_t *)to + i);
	return delta;
}

static inline uint16_t csum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static inline uint16_t csum_update(uint16_t csum, uint32_t delta)
{
	return (uint16_t)~csum_fold((uint16_t)~csum + delta);
}

#endif
