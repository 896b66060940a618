#include "datapath/ct_csum.h"

#include <rte_byteorder.h>

static uint64_t sum_tail(const uint8_t *at, uint32_t len)
{
	uint8_t last[8] = {0};

	memcpy(last, at, len);
	return ct_csum_eight(last);
}

// Two sums, since one would wait for itself.
uint64_t ct_csum_add(uint64_t sum, const void *data, uint32_t len)
{
	const uint8_t *at = data;
	uint64_t other = 0;

	for (; len >= 16; len -= 16, at += 16) {
		sum += ct_csum_eight(at);
		other += ct_csum_eight(at + 8);
	}
	if (len >= 8) {
		other += ct_csum_eight(at);
		at += 8;
		len -= 8;
	}
	return sum + other + (len ? sum_tail(at, len) : 0);
}

// Where a segment starts at an odd place of the sum, its bytes are in the other halves of the
// words.
uint64_t ct_csum_add_mbuf(uint64_t sum, const struct rte_mbuf *m, uint32_t ofs, uint32_t len)
{
	bool odd = false;

	for (; len > 0 && m; m = m->next) {
		uint32_t skip = RTE_MIN(ofs, (uint32_t)m->data_len);
		uint32_t n = RTE_MIN(len, m->data_len - skip);
		const void *at = rte_pktmbuf_mtod_offset(m, const void *, skip);

		if (likely(!odd))
			sum = ct_csum_add(sum, at, n);
		else
			sum += rte_bswap16(ct_csum_fold(ct_csum_add(0, at, n)));
		odd ^= n & 1;
		ofs -= skip;
		len -= n;
	}
	return sum;
}
