#include "datapath/tx.h"

static void refuse(struct pmd *pmd, struct tx_buffer *buf, uint16_t sent, int reason)
{
	uint16_t n = buf->n - sent;

	for (uint16_t i = sent; i < buf->n; i++)
		buf->bytes -= rte_pktmbuf_pkt_len(buf->pkts[i]);
	pmd_count_drop(pmd, buf->port->no, (enum drop_reason)reason, n);
	rte_pktmbuf_free_bulk(buf->pkts + sent, n);
}

static void flush_buffer(struct pmd *pmd, struct tx_buffer *buf)
{
	struct port *port = buf->port;
	struct port_counters *counters = &pmd->ports[port->no];
	int reason = DROP_TX_FULL;
	uint16_t sent = port->kind->tx(port, pmd->index, buf->pkts, buf->n, &reason);

	if (unlikely(sent < buf->n))
		refuse(pmd, buf, sent, reason);
	counters->tx_packets += sent;
	counters->tx_bytes += buf->bytes;
	buf->n = 0;
	buf->bytes = 0;
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

void tx_add(struct pmd *pmd, uint32_t port_no, struct rte_mbuf **pkts, unsigned n)
{
	struct tx_buffer *buf = port_no < PORTS_MAX ? buffer_open(pmd, port_no) : NULL;

	if (unlikely(!buf || !buf->port)) {
		pmd_count_drop(pmd, pmd->in_port, DROP_NO_PORT, n);
		rte_pktmbuf_free_bulk(pkts, n);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = rte_pktmbuf_pkt_len(pkts[i]);

		if (unlikely(len > buf->port->max_frame)) {
			pmd_count_drop(pmd, port_no, DROP_MTU, 1);
			rte_pktmbuf_free(pkts[i]);
			continue;
		}
		if (unlikely(buf->n == BURST_MAX))
			flush_buffer(pmd, buf);
		buf->bytes += len;
		buf->pkts[buf->n++] = pkts[i];
	}
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
