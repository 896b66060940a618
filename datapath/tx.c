#include "datapath/tx.h"

#include "datapath/edit.h"
#include "datapath/gso_burst.h"
#include "datapath/offload.h"

#include <errno.h>
#include <rte_ether.h>

static uint64_t bytes_of(struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += rte_pktmbuf_pkt_len(pkts[i]);
	return bytes;
}

// In place of lent packets, copies of the switch's own. Returns how many there are then.
static uint16_t own_all(struct pmd *pmd, struct rte_mbuf **pkts, uint16_t n, uint64_t *bytes)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = packet_own(pkts[i]);

		if (unlikely(!m)) {
			pmd_count_drop(pmd, pmd->in_port, DROP_NO_MEMORY, 1);
			*bytes -= rte_pktmbuf_pkt_len(pkts[i]);
			continue;
		}
		tally_add(&pmd->stats.copies, m != pkts[i]);
		pkts[kept++] = m;
	}
	return kept;
}

// n packets of `bytes` in all leave, or are counted.
static void transmit(struct pmd *pmd, struct port *port, struct rte_mbuf **pkts, uint16_t n,
		     uint64_t bytes)
{
	struct port_counters *counters = &pmd->ports[port->no];
	int reason = DROP_TX_FULL;
	uint16_t sent;

	if (!port->kind->tx_copies)
		n = own_all(pmd, pkts, n, &bytes);
	if (unlikely(n == 0))
		return;
	sent = port->kind->tx(port, pmd->index, pkts, n, &reason);
	if (port->kind->tx_copies)
		tally_add(&pmd->stats.copies, sent);
	if (unlikely(sent < n)) {
		bytes -= bytes_of(pkts + sent, n - sent);
		pmd_count_drop(pmd, port->no, (enum drop_reason)reason, n - sent);
		packet_free_bulk(pkts + sent, n - sent);
	}
	if (unlikely(pmd->trace))
		trace_output(pmd->trace, port->no, sent);
	tally_add(&counters->tx_packets, sent);
	tally_add(&counters->tx_bytes, bytes);
}

// Packets whose offloads have been looked at.
struct ready {
	struct gso_burst burst;
	struct port *port;
};

static void ready_send(struct gso_burst *burst)
{
	struct ready *ready = container_of(burst, struct ready, burst);

	transmit(burst->pmd, ready->port, burst->pkts, burst->n, bytes_of(burst->pkts, burst->n));
}

// Other outputs may hold the same lent packet: the checksum goes into a copy of its head.
static void add_checksummed(struct ready *ready, struct rte_mbuf *m)
{
	struct pmd *pmd = ready->burst.pmd;
	struct rte_mbuf *own = m;
	int err = 0;

	if (packet_is_lent(m)) {
		own = ready->port->kind->tx_copies ? packet_copy(pmd->arena, m, UINT32_MAX)
						   : packet_own(m);
		tally_add(&pmd->stats.copies, own && !packet_is_lent(own));
	}
	if (likely(own))
		err = offload_checksum(&own);
	if (likely(own && !err))
		gso_burst_add(&ready->burst, own);
	else
		pmd_drop(pmd, own ? own : m, err == -EINVAL ? DROP_MALFORMED : DROP_NO_MEMORY);
}

static bool takes(uint32_t offers, struct rte_mbuf *m)
{
	return !(offload_needs(m) & ~offers) && (!(offers & PORT_TX_PLAIN) || offload_is_plain(m));
}

// For a port that does not take over all that is left to do.
static void flush_offloaded(struct pmd *pmd, struct tx_buffer *buf)
{
	uint32_t offers = __atomic_load_n(&buf->port->tx_offloads, __ATOMIC_RELAXED);
	struct ready ready = {.burst = {.pmd = pmd, .take = ready_send}, .port = buf->port};

	for (uint16_t i = 0; i < buf->n; i++) {
		struct rte_mbuf *m = buf->pkts[i];

		if (!(m->ol_flags & PACKET_OFFLOAD) || takes(offers, m))
			gso_burst_add(&ready.burst, m);
		else if (packet_is_gso(m))
			gso_burst_cut(&ready.burst, m);
		else
			add_checksummed(&ready, m);
	}
	gso_burst_end(&ready.burst);
}

static void flush_buffer(struct pmd *pmd, struct tx_buffer *buf)
{
	if (unlikely(buf->ol_flags & PACKET_OFFLOAD))
		flush_offloaded(pmd, buf);
	else
		transmit(pmd, buf->port, buf->pkts, buf->n, buf->bytes);
	buf->n = 0;
	buf->bytes = 0;
	buf->ol_flags = 0;
}

// A buffer that flushed within the burst stays on the dirty list, with n of 0, and is not listed
// again.
static struct tx_buffer *buffer_open(struct pmd *pmd, uint32_t port_no)
{
	struct tx_buffer *buf = &pmd->tx[port_no];

	if (!buf->port) {
		buf->port = port_get(port_no);
		if (likely(buf->port))
			pmd->dirty[pmd->n_dirty++] = (uint16_t)port_no;
	}
	return buf;
}

// The port's limit is for what stands on the wire: segments, of a frame that is still to be cut.
// VLAN tags come on top.
static uint32_t max_frame(const struct tx_buffer *buf)
{
	return __atomic_load_n(&buf->port->max_frame, __ATOMIC_RELAXED);
}

static bool fits(struct rte_mbuf *m, uint32_t max)
{
	const struct packet_offload *offload = &packet_meta(m)->offload;
	uint32_t len = rte_pktmbuf_pkt_len(m), l3;

	if (likely(len <= max))
		return true;
	if (packet_is_gso(m))
		len = (uint32_t)offload->gso_headers + offload->gso_size;
	edit_eth_type(m, &l3);
	return len <= max + (l3 - RTE_ETHER_HDR_LEN);
}

void tx_add(struct pmd *pmd, uint32_t port_no, struct rte_mbuf **pkts, unsigned n)
{
	struct tx_buffer *buf = port_no < PORTS_MAX ? buffer_open(pmd, port_no) : NULL;

	if (unlikely(!buf || !buf->port)) {
		pmd_count_drop(pmd, pmd->in_port, DROP_NO_PORT, n);
		packet_free_bulk(pkts, n);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (unlikely(!fits(m, max_frame(buf)))) {
			pmd_count_drop(pmd, port_no, DROP_MTU, 1);
			packet_free(m);
			continue;
		}
		if (unlikely(buf->n == BURST_MAX))
			flush_buffer(pmd, buf);
		buf->bytes += rte_pktmbuf_pkt_len(m);
		buf->ol_flags |= m->ol_flags;
		buf->pkts[buf->n++] = m;
	}
}

void tx_add_batch(struct pmd *pmd, uint32_t port_no, struct rte_mbuf **pkts, unsigned n,
		  const struct packet_sum *sum)
{
	struct tx_buffer *buf = port_no < PORTS_MAX ? buffer_open(pmd, port_no) : NULL;

	if (unlikely(!buf || !buf->port || sum->len_max > max_frame(buf) ||
		     buf->n + n > BURST_MAX)) {
		tx_add(pmd, port_no, pkts, n);
		return;
	}
	memcpy(&buf->pkts[buf->n], pkts, n * sizeof pkts[0]);
	buf->n = (uint16_t)(buf->n + n);
	buf->bytes += sum->bytes;
	buf->ol_flags |= sum->ol_flags;
}

void tx_flush(struct pmd *pmd)
{
	for (uint16_t i = 0; i < pmd->n_dirty; i++) {
		struct tx_buffer *buf = &pmd->tx[pmd->dirty[i]];

		if (likely(buf->n > 0))
			flush_buffer(pmd, buf);
		buf->port = NULL;
	}
	pmd->n_dirty = 0;
}
