#include "datapath/forward.h"

#include "datapath/execute.h"
#include "datapath/lookup.h"
#include "datapath/tx.h"
#include "datapath/upcall.h"

#include <arpa/inet.h>
#include <rte_prefetch.h>
#include <string.h>

#define PREFETCH_AHEAD 4

// The packets of a burst that share a megaflow.
struct batch {
	struct megaflow *flow;
	uint64_t bytes;
	uint16_t tcp_flags_be;
	uint8_t n;
	uint8_t first; // its place in `order`
};

struct batches {
	unsigned n;
	struct batch list[BURST_MAX];
	uint8_t of[BURST_MAX];	  // packet to batch
	uint8_t order[BURST_MAX]; // packets, batch by batch, each in order of arrival
};

static void count_rx(struct pmd *pmd, unsigned n)
{
	struct port_counters *counters = &pmd->ports[pmd->in_port];
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += rte_pktmbuf_pkt_len(pmd->burst.pkts[i]);
	counters->rx_packets += n;
	counters->rx_bytes += bytes;
	pmd->stats.rx_packets += n;
	pmd->stats.rx_bursts++;
}

static void extract_one(struct rte_mbuf *m, struct flow_key *key, struct packet_layout *layout)
{
	uint32_t pkt_len = rte_pktmbuf_pkt_len(m);
	uint32_t len = rte_pktmbuf_data_len(m);

	if (likely(len >= RTE_MIN(pkt_len, HEADERS_MAX))) {
		flow_extract(rte_pktmbuf_mtod(m, const uint8_t *), len, key, layout);
	} else {
		uint8_t headers[HEADERS_MAX];

		len = RTE_MIN(pkt_len, HEADERS_MAX);
		flow_extract(rte_pktmbuf_read(m, 0, len, headers), len, key, layout);
	}
}

// Fills keys and layouts; malformed packets leave the burst. Returns how many stay.
static unsigned extract(struct pmd *pmd, unsigned n)
{
	struct burst *b = &pmd->burst;
	unsigned kept = 0;

	for (unsigned i = 0; i < RTE_MIN(n, PREFETCH_AHEAD); i++)
		rte_prefetch0(rte_pktmbuf_mtod(b->pkts[i], void *));
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = b->pkts[i];
		uint32_t len = rte_pktmbuf_pkt_len(m);
		struct flow_key *key = &b->keys[kept];

		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(b->pkts[i + PREFETCH_AHEAD], void *));
		if (unlikely(len < FRAME_MIN || len > FRAME_MAX)) {
			pmd_drop(pmd, m, DROP_MALFORMED);
			continue;
		}
		key->in_port = pmd->in_port;
		key->recirc_id = b->recirculated ? packet_meta(m)->recirc_id : 0;
		extract_one(m, key, &b->layouts[kept]);
		b->pkts[kept++] = m;
	}
	return kept;
}

// What the actions and the control side want to know travels with the packet.
static void meta_fill(struct pmd *pmd, unsigned i)
{
	struct burst *b = &pmd->burst;
	struct packet_meta *meta = packet_meta(b->pkts[i]);

	if (!b->recirculated)
		meta->n_recirc = 0;
	meta->in_port = pmd->in_port;
	meta->recirc_id = b->keys[i].recirc_id;
	meta->layout = b->layouts[i];
	meta->trunc_len = 0;
	meta->is_action = false;
}

static void miss(struct pmd *pmd, unsigned i)
{
	struct rte_mbuf *m = pmd->burst.pkts[i];
	enum drop_reason reason;

	meta_fill(pmd, i);
	if (likely(upcall_enqueue(pmd->rxq, m, &reason)))
		pmd->upcall_queued = true;
	else
		pmd_drop(pmd, m, reason);
}

// The batch of a megaflow, opened when it is the first of its packets. `slots` is a small hash
// table of batch + 1 by flow id; it never fills, as a burst has half as many packets.
static unsigned batch_of(struct batches *batches, uint8_t *slots, struct megaflow *flow)
{
	unsigned at = (flow->id * 0x9e3779b1u) >> 26;

	for (;; at = (at + 1) % (2 * BURST_MAX)) {
		if (!slots[at]) {
			batches->list[batches->n] = (struct batch){.flow = flow};
			slots[at] = (uint8_t)++batches->n;
			rte_prefetch0(flow->actions);
			return batches->n - 1;
		}
		if (batches->list[slots[at] - 1].flow == flow)
			return slots[at] - 1u;
	}
}

static_assert(2 * BURST_MAX == 1 << (32 - 26), "the hash above gives a slot");

// Groups the burst by megaflow; misses go to the control side on the way.
static void group(struct pmd *pmd, unsigned n, struct batches *batches)
{
	struct burst *b = &pmd->burst;
	uint8_t slots[2 * BURST_MAX] = {0};
	unsigned first = 0;

	batches->n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct batch *batch;

		if (unlikely(!b->flows[i])) {
			batches->of[i] = UINT8_MAX;
			miss(pmd, i);
			continue;
		}
		batches->of[i] = (uint8_t)batch_of(batches, slots, b->flows[i]);
		batch = &batches->list[batches->of[i]];
		batch->n++;
		batch->bytes += rte_pktmbuf_pkt_len(b->pkts[i]);
		batch->tcp_flags_be |= b->keys[i].tcp_flags_be;
	}

	for (unsigned i = 0; i < batches->n; i++) {
		batches->list[i].first = (uint8_t)first;
		first += batches->list[i].n;
		batches->list[i].n = 0;
	}
	for (unsigned i = 0; i < n; i++) {
		if (likely(batches->of[i] != UINT8_MAX)) {
			struct batch *batch = &batches->list[batches->of[i]];

			batches->order[batch->first + batch->n++] = (uint8_t)i;
		}
	}
}

static void execute_one_batch(struct pmd *pmd, const struct batch *batch, const uint8_t *order)
{
	const struct flow_actions *actions = megaflow_actions(batch->flow);
	struct rte_mbuf *pkts[BURST_MAX];

	for (unsigned i = 0; i < batch->n; i++)
		pkts[i] = pmd->burst.pkts[order[i]];
	flow_counters_add(pmd->flow_counters, batch->flow, batch->n, batch->bytes, pmd->now_ms,
			  ntohs(batch->tcp_flags_be));
	if (!execute_needs_meta(actions)) {
		execute_plain(pmd, actions, pkts, batch->n);
		return;
	}
	for (unsigned i = 0; i < batch->n; i++)
		meta_fill(pmd, order[i]);
	execute(pmd, actions, pkts, batch->n);
}

// The way of n packets in pmd->burst, up to the tx buffers.
static void classify_and_execute(struct pmd *pmd, unsigned n)
{
	struct batches batches;

	n = extract(pmd, n);
	if (unlikely(!n))
		return;
	lookup(pmd, n);
	group(pmd, n, &batches);
	for (unsigned i = 0; i < batches.n; i++)
		execute_one_batch(pmd, &batches.list[i], &batches.order[batches.list[i].first]);
}

// Sends recirculated packets on the way again, until none is left. Their number is bounded: the
// list is not reused before it has drained.
static void recirculate(struct pmd *pmd)
{
	while (pmd->recirc_head < pmd->n_recirc) {
		unsigned n = RTE_MIN(pmd->n_recirc - pmd->recirc_head, BURST_MAX);

		memcpy(pmd->burst.pkts, &pmd->recirc[pmd->recirc_head],
		       n * sizeof pmd->burst.pkts[0]);
		pmd->recirc_head += n;
		pmd->stats.recirculations += n;
		pmd->burst.recirculated = true;
		classify_and_execute(pmd, n);
	}
	pmd->n_recirc = pmd->recirc_head = 0;
}

static void finish(struct pmd *pmd)
{
	if (unlikely(pmd->n_recirc > 0))
		recirculate(pmd);
	tx_flush(pmd);
	if (unlikely(pmd->upcall_queued)) {
		pmd->upcall_queued = false;
		upcall_wake();
	}
}

unsigned forward_rx(struct pmd *pmd, const struct rxq_poll *poll)
{
	unsigned n;

	packet_arena_reset(pmd->arena);
	n = poll->rx(poll->port, poll->queue, pmd->arena, pmd->burst.pkts, BURST_MAX);
	if (!n)
		return 0;
	pmd->rxq = poll->rxq;
	pmd->in_port = poll->port_no;
	pmd->burst.recirculated = false;
	count_rx(pmd, n);
	classify_and_execute(pmd, n);
	finish(pmd);
	if (poll->rx_done)
		poll->rx_done(poll->port, poll->queue);
	return n;
}

static void run_injected(struct pmd *pmd, struct inject *inject)
{
	struct packet_meta *meta = packet_meta(inject->m);
	uint32_t len = rte_pktmbuf_pkt_len(inject->m);
	struct flow_key key;

	// The number is a peer's word; 0 collects what belongs to no port.
	pmd->in_port = meta->in_port < PORTS_MAX ? meta->in_port : 0;
	meta->n_recirc = 0;
	meta->trunc_len = 0;
	meta->is_action = false;
	if (unlikely(len < FRAME_MIN || len > FRAME_MAX)) {
		pmd_drop(pmd, inject->m, DROP_MALFORMED);
		return;
	}
	extract_one(inject->m, &key, &meta->layout);
	execute(pmd, inject->actions, &inject->m, 1);
	if (pmd->n_recirc > 0)
		recirculate(pmd); // now, as in_port is this packet's
}

unsigned forward_injected(struct pmd *pmd)
{
	struct inject list[BURST_MAX];
	unsigned n =
	    rte_ring_sc_dequeue_burst_elem(pmd->inject, list, sizeof list[0], BURST_MAX, NULL);

	pmd->rxq = pmd->inject_rxq;
	for (unsigned i = 0; i < n; i++) {
		run_injected(pmd, &list[i]);
		// Room is certain: no more are in flight than this ring holds.
		rte_ring_sp_enqueue_elem(pmd->inject_done, &list[i].actions, sizeof(void *));
	}
	finish(pmd);
	return n;
}
