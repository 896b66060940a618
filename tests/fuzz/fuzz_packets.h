// A PMD without a thread, and packets for it: the switch's own in pieces, and a guest's.
#ifndef TESTS_FUZZ_FUZZ_PACKETS_H
#define TESTS_FUZZ_FUZZ_PACKETS_H

#include "datapath/pmd_private.h"

#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/memif/memif_test.h"

#include <stdlib.h>

// In place of traces.
void trace_drop(struct trace_record *record, uint32_t port_no, enum drop_reason reason, unsigned n)
{
	(void)record;
	(void)port_no;
	(void)reason;
	(void)n;
}

static inline void fuzz_pmd_begin(struct pmd *pmd)
{
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	if (eal_begin() != 0)
		abort();
	pmd->ports = aligned_alloc(64, PORTS_MAX * sizeof(*pmd->ports));
	memset(pmd->ports, 0, PORTS_MAX * sizeof(*pmd->ports));
	pmd->arena = aligned_alloc(64, sizeof(*pmd->arena));
	packet_arena_init(pmd->arena);
}

// The first piece has `first` bytes, others `piece`.
static inline struct rte_mbuf *fuzz_own_packet(const uint8_t *frame, uint32_t len, uint32_t first,
					       uint32_t piece)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool()), *last = m;
	uint32_t n = RTE_MIN(len, first);

	memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame, n);
	for (; n < len; n += last->data_len) {
		uint32_t part = RTE_MIN(len - n, piece);

		last = last->next = rte_pktmbuf_alloc(packet_pool());
		m->nb_segs++;
		memcpy(rte_pktmbuf_append(last, (uint16_t)part), frame + n, part);
		m->pkt_len += part;
	}
	return m;
}

// The same of a guest's, whose memory `frame` is.
static inline struct rte_mbuf *fuzz_lent_packet(struct packet_arena *arena, uint8_t *frame,
						uint32_t len, uint32_t first, uint32_t piece)
{
	uint32_t n = RTE_MIN(len, RTE_MIN(first, HEAD_COPY));
	struct rte_mbuf *m, *last;

	packet_arena_reset(arena);
	m = last = packet_lend(arena, n, len);
	memcpy(rte_pktmbuf_mtod(m, void *), frame, n);
	for (; n < len; n += last->data_len)
		last = packet_lend_segment(arena, m, last, frame + n, RTE_MIN(len - n, piece));
	return m;
}

#endif
