#include "datapath/forward.h"

#include "datapath/classify.h"
#include "datapath/execute.h"
#include "datapath/tx.h"
#include "datapath/upcall.h"

#include <string.h>

// Bursts between two that are measured: this many at least, and up to TIMED_SPREAD - 1 more.
#define TIMED_LEAST  9
#define TIMED_SPREAD 16

static void execute_batch(struct pmd *pmd, struct batches *batches, const struct batch *batch)
{
	struct rte_mbuf **pkts = batches->pkts + batch->first;

	if (execute_is_output(batch->actions)) {
		tx_add(pmd, batch->actions->list[0].u.port, pkts, batch->n);
		return;
	}
	for (unsigned i = 0; i < batch->n; i++)
		classify_meta(pmd, batches->places[batch->first + i]);
	execute(pmd, batch->actions, pkts, batch->n);
}

// What a traced packet, or copies of it, have met.
static __rte_noinline void note_hits(struct pmd *pmd, const struct batches *batches)
{
	const struct burst *b = &pmd->burst;

	for (unsigned i = 0; i < batches->n_outputs; i++) {
		const struct action output = {.type = ACTION_OUTPUT,
					      .u.port = batches->output ? batches->output
									: batches->outputs[i]};

		trace_step(pmd->trace, &b->keys[i], b->flows[i], &output, 1);
	}
	for (unsigned i = 0; i < batches->n; i++) {
		const struct batch *batch = &batches->list[i];

		for (unsigned at = batch->first; at < batch->first + batch->n; at++)
			trace_step(pmd->trace, &b->keys[batches->places[at]], batch->flow,
				   batch->actions->list, batch->actions->n);
	}
}

// The way of n packets in pmd->burst, up to the tx buffers.
static void classify_and_execute(struct pmd *pmd, unsigned n)
{
	struct rte_mbuf **pkts = pmd->burst.pkts;
	struct batches batches;

	pmd->classify->classify(pmd, n, &batches);
	if (unlikely(pmd->trace))
		note_hits(pmd, &batches);
	if (likely(batches.n_outputs && batches.output)) {
		tx_add_batch(pmd, batches.output, pkts, batches.n_outputs, &batches.sum);
	} else {
		for (unsigned i = 0; i < batches.n_outputs; i++)
			tx_add(pmd, batches.outputs[i], &pkts[i], 1);
		for (unsigned i = 0; i < batches.n; i++)
			execute_batch(pmd, &batches, &batches.list[i]);
	}
	pmd_stage_end(pmd, PMD_STAGE_ACTIONS);
}

// How many of the first recirculated packets make a burst: those of one port, which a tunnel that
// they were taken out of may have changed.
static unsigned recirculate_next(struct pmd *pmd)
{
	struct rte_mbuf **pkts = &pmd->recirc[pmd->recirc_head];
	unsigned most = RTE_MIN(pmd->n_recirc - pmd->recirc_head, BURST_MAX), n = 1;

	pmd->in_port = packet_meta(pkts[0])->in_port;
	while (n < most && packet_meta(pkts[n])->in_port == pmd->in_port)
		n++;
	return n;
}

// Sends recirculated packets on the way again, until none is left. Their number is bounded: the
// list is not reused before it has drained.
static void recirculate(struct pmd *pmd)
{
	uint32_t in_port = pmd->in_port;

	while (pmd->recirc_head < pmd->n_recirc) {
		unsigned n = recirculate_next(pmd);

		memcpy(pmd->burst.pkts, &pmd->recirc[pmd->recirc_head],
		       n * sizeof pmd->burst.pkts[0]);
		pmd->recirc_head += n;
		tally_add(&pmd->stats.recirculations, n);
		pmd->burst.recirculated = true;
		classify_and_execute(pmd, n);
	}
	pmd->n_recirc = pmd->recirc_head = 0;
	pmd->in_port = in_port;
}

static void leave(struct pmd *pmd)
{
	if (unlikely(pmd->n_recirc > 0))
		recirculate(pmd);
	tx_flush(pmd);
}

static void finish(struct pmd *pmd)
{
	leave(pmd);
	if (unlikely(pmd->upcall_queued)) {
		pmd->upcall_queued = false;
		upcall_wake();
	}
}

// Whether to measure the next burst that comes: reading the clock at each stage of each would cost
// more than some stages.
static void timing_begin(struct pmd *pmd)
{
	pmd->timing = pmd->n_untimed == 0;
	if (unlikely(pmd->timing))
		pmd->sample_tsc = pmd->stage_tsc = rte_rdtsc();
}

// A queue's share of its PMD's time is that of the measured bursts. So that no queue takes turns
// with the measure, the distance between these varies.
static void timing_end(struct pmd *pmd, unsigned n, struct rxq *rxq)
{
	if (likely(!pmd->timing)) {
		pmd->n_untimed--;
		return;
	}
	pmd_stage_end(pmd, PMD_STAGE_TX);
	tally_add(&pmd->stats.stage_packets, n);
	tally_add(&rxq->sampled_cycles, pmd->stage_tsc - pmd->sample_tsc);
	pmd->untimed_next = (uint8_t)(pmd->untimed_next * 5 + 1) % TIMED_SPREAD;
	pmd->n_untimed = TIMED_LEAST + pmd->untimed_next;
}

// The whole way of the first of n packets in pmd->burst, one by one, as many as the trace still
// wants. Returns how many are left; they stand first in the burst.
static __rte_noinline unsigned forward_traced(struct pmd *pmd, struct trace *trace, unsigned n)
{
	struct rte_mbuf *pkts[BURST_MAX];
	unsigned i = 0;

	memcpy(pkts, pmd->burst.pkts, n * sizeof pkts[0]);
	for (; i < n && (pmd->trace = trace_claim(trace, pkts[i])); i++) {
		pmd->burst.pkts[0] = pkts[i];
		classify_and_execute(pmd, 1);
		leave(pmd);
		trace_done(pmd->trace);
		pmd->burst.recirculated = false;
	}
	pmd->trace = NULL;
	memcpy(pmd->burst.pkts, pkts + i, (n - i) * sizeof pkts[0]);
	return n - i;
}

// What is left to do of a burst.
static unsigned untraced(struct pmd *pmd, const struct port *port, unsigned n)
{
	struct trace *trace = __atomic_load_n(&port->trace, __ATOMIC_ACQUIRE);

	return likely(!trace) ? n : forward_traced(pmd, trace, n);
}

unsigned forward_rx(struct pmd *pmd, const struct rxq_poll *poll)
{
	unsigned n, left;

	packet_arena_reset(pmd->arena);
	timing_begin(pmd);
	n = poll->rx(poll->port, poll->queue, pmd->arena, pmd->burst.pkts, BURST_MAX);
	if (!n)
		return 0;
	pmd_stage_end(pmd, PMD_STAGE_RX);
	pmd->rxq = poll->rxq;
	pmd->in_port = poll->port_no;
	pmd->burst.recirculated = false;
	tally_add(&pmd->ports[pmd->in_port].rx_packets, n);
	tally_add(&pmd->stats.rx_packets, n);
	tally_add(&pmd->stats.rx_bursts, 1);
	left = untraced(pmd, poll->port, n);
	if (likely(left > 0))
		classify_and_execute(pmd, left);
	finish(pmd);
	if (poll->rx_done)
		poll->rx_done(poll->port, poll->queue);
	timing_end(pmd, n, poll->rxq);
	return n;
}

static void run_injected(struct pmd *pmd, struct inject *inject)
{
	struct packet_meta *meta = packet_meta(inject->m);
	uint32_t len = rte_pktmbuf_pkt_len(inject->m);
	struct flow_key key;

	// The number is a peer's word; 0 collects what belongs to no port.
	pmd->in_port = meta->in_port = meta->in_port < PORTS_MAX ? meta->in_port : 0;
	meta->n_recirc = 0;
	meta->trunc_len = 0;
	meta->is_action = false;
	if (unlikely(len < FRAME_MIN || len > FRAME_MAX)) {
		pmd_drop(pmd, inject->m, DROP_MALFORMED);
		return;
	}
	classify_extract(inject->m, &key, &meta->layout);
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
	pmd->timing = false;
	for (unsigned i = 0; i < n; i++) {
		run_injected(pmd, &list[i]);
		// Room is certain: no more are in flight than this ring holds.
		rte_ring_sp_enqueue_elem(pmd->inject_done, &list[i].actions, sizeof(void *));
	}
	finish(pmd);
	return n;
}
