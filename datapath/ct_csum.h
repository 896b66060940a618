// Whether checksums are right, of packets that nobody vouches for. Sums are of 16-bit words as they
// lie in memory (RFC 1071): a sum over data with its checksum in it is 0xffff when it is right.
#ifndef DATAPATH_CT_CSUM_H
#define DATAPATH_CT_CSUM_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// Eight bytes are two 32-bit words: their sum folds to that of the four 16-bit ones.
static inline uint64_t ct_csum_eight(const void *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
	return (word & 0xffffffff) + (word >> 32);
}

// Adds len bytes to a sum; an odd last byte counts as the first of a word.
uint64_t ct_csum_add(uint64_t sum, const void *data, uint32_t len);

// The same of an IPv4 header without options.
static inline uint64_t ct_csum_ipv4(const void *header)
{
	const uint8_t *at = header;
	uint32_t last;

	memcpy(&last, at + 16, sizeof last);
	return ct_csum_eight(at) + ct_csum_eight(at + 8) + last;
}

// ct_csum_add() of len bytes of a packet, from ofs on, over its segments. They must be there.
uint64_t ct_csum_add_mbuf(uint64_t sum, const struct rte_mbuf *m, uint32_t ofs, uint32_t len);

static inline uint16_t ct_csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static inline bool ct_csum_is_right(uint64_t sum)
{
	return ct_csum_fold(sum) == 0xffff;
}

#endif
