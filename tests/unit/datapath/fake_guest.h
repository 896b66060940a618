// A fake port as a guest's: it lends what it sends, and what goes to it is copied. What it has lent
// is overwritten in rx_done, so that a test sees who looks later.
#ifndef TESTS_UNIT_DATAPATH_FAKE_GUEST_H
#define TESTS_UNIT_DATAPATH_FAKE_GUEST_H

#include "fake_port.h"

#define GUEST_SEG_MAX 4096u // bytes of a guest's buffer

static struct {
	struct packet_arena *arena;
	struct rte_mbuf *bufs[BURST_MAX]; // the guest's memory behind what is lent
	unsigned n_bufs;
	unsigned n_done;    // calls of rx_done
	uint32_t head_copy; // bytes that are copied to the head
} guest = {.head_copy = HEAD_COPY};

static inline struct rte_mbuf *guest_lend(struct packet_arena *arena, struct rte_mbuf *buf)
{
	uint32_t len = buf->pkt_len, head = RTE_MIN(len, guest.head_copy), skip = head;
	struct rte_mbuf *m = packet_lend(arena, head, len), *last = m;
	uint8_t bytes[HEADERS_MAX];

	assert_non_null(m);
	memcpy(rte_pktmbuf_mtod(m, void *), rte_pktmbuf_read(buf, 0, head, bytes), head);
	m->ol_flags = buf->ol_flags & PACKET_OFFLOAD;
	packet_meta(m)->offload = packet_meta(buf)->offload;
	for (struct rte_mbuf *seg = buf; seg; seg = seg->next) {
		uint32_t at = RTE_MIN(skip, (uint32_t)seg->data_len);

		skip -= at;
		if (at == seg->data_len)
			continue;
		last = packet_lend_segment(arena, m, last, rte_pktmbuf_mtod_offset(seg, void *, at),
					   seg->data_len - at);
		assert_non_null(last);
	}
	return m;
}

static uint16_t guest_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
			 struct rte_mbuf **pkts, uint16_t n)
{
	n = fake_rx(port, queue, arena, guest.bufs, n);
	guest.n_bufs = n;
	guest.arena = arena;
	for (uint16_t i = 0; i < n; i++)
		pkts[i] = guest_lend(arena, guest.bufs[i]);
	return n;
}

static void guest_rx_done(struct port *port, uint16_t queue)
{
	(void)port;
	(void)queue;
	guest.n_done++;
	for (unsigned i = 0; i < guest.n_bufs; i++) {
		for (struct rte_mbuf *seg = guest.bufs[i]; seg; seg = seg->next)
			memset(rte_pktmbuf_mtod(seg, void *), 0xee, seg->data_len);
		rte_pktmbuf_free(guest.bufs[i]);
	}
	guest.n_bufs = 0;
	for (unsigned i = 0; i < guest.arena->n_heads; i++)
		memset(guest.arena->heads[i].room, 0xee, sizeof guest.arena->heads[i].room);
}

static uint16_t guest_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
			 int *reason)
{
	struct rte_mbuf *copies[BURST_MAX];
	uint16_t sent;

	for (uint16_t i = 0; i < n; i++) {
		copies[i] = rte_pktmbuf_copy(pkts[i], packet_pool(), 0, UINT32_MAX);
		assert_non_null(copies[i]);
		*packet_meta(copies[i]) = *packet_meta(pkts[i]);
	}
	sent = fake_tx(port, pmd_index, copies, n, reason);
	packet_free_bulk(pkts, sent);
	rte_pktmbuf_free_bulk(copies + sent, n - sent);
	return sent;
}

static const struct port_kind guest_kind = {
    .name = "guest", .rx = guest_rx, .rx_done = guest_rx_done, .tx_copies = true, .tx = guest_tx};

#endif
