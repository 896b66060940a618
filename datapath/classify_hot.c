#include "datapath/classify.h"

#include "datapath/execute.h"
#include "flowtable/extract_fast.h"
#include "flowtable/lookup.h"

#include <arpa/inet.h>
#include <rte_prefetch.h>

#define PREFETCH_AHEAD 4
#define SLOTS	       256u // of which a burst takes so few that hardly two meet

// The headers of what a device has written are not in the cache yet; a guest's heads are.
enum source { SOURCE_LENT, SOURCE_OWN, SOURCE_RECIRCULATED };

static __rte_noinline bool is_long_gso(struct rte_mbuf *m)
{
	return (m->ol_flags & PACKET_OFFLOAD) && packet_meta(m)->offload.gso_size > 0 &&
	       rte_pktmbuf_pkt_len(m) <= GSO_FRAME_MAX;
}

static inline bool frame_len_is_right(struct rte_mbuf *m)
{
	uint32_t len = rte_pktmbuf_pkt_len(m);

	return likely(len - FRAME_MIN <= FRAME_MAX - FRAME_MIN) ||
	       (len > FRAME_MAX && is_long_gso(m));
}

static __rte_noinline void malformed(struct pmd *pmd, struct rte_mbuf *m)
{
	if (!pmd->burst.recirculated) // otherwise an action made it longer
		tally_add(&pmd->ports[pmd->in_port].rx_bytes, rte_pktmbuf_pkt_len(m));
	pmd_drop(pmd, m, DROP_MALFORMED);
}

static inline void prefetch_frame(struct rte_mbuf *const *pkts, unsigned i, unsigned n)
{
	if (i < n)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
}

// What a burst amounts to.
struct all {
	struct packet_sum sum;
	unsigned n;
};

static inline void all_add(struct all *all, const struct rte_mbuf *m)
{
	all->sum.bytes += m->pkt_len;
	all->sum.len_max = RTE_MAX(all->sum.len_max, m->pkt_len);
	all->sum.ol_flags |= m->ol_flags;
}

static inline void extract_bytes(const struct pmd *pmd, struct rte_mbuf *m, uint32_t recirc_id,
				 struct flow_key *key, struct packet_layout *layout)
{
	if (likely(flow_extract_fast(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len,
				     pmd->in_port, recirc_id, key, layout)))
		return;
	key->in_port = pmd->in_port;
	key->recirc_id = recirc_id;
	classify_extract(m, key, layout);
}

static inline void extract_one(const struct pmd *pmd, struct rte_mbuf *m, enum source source,
			       struct flow_key *key, struct packet_layout *layout)
{
	if (source != SOURCE_RECIRCULATED) {
		extract_bytes(pmd, m, 0, key, layout);
		return;
	}
	extract_bytes(pmd, m, packet_meta(m)->recirc_id, key, layout);
	flow_meta_to_key(&packet_meta(m)->flow, key);
	if (unlikely(packet_meta(m)->no_eth))
		key->nw_frag |= NW_NO_ETH;
}

// Fills keys and layouts; malformed packets leave the burst. Returns what those amount to that
// stay.
static __rte_always_inline struct all extract_from(struct pmd *pmd, unsigned n, enum source source)
{
	struct burst *b = &pmd->burst;
	struct all all = {0};
	unsigned kept = 0;

	for (unsigned i = 0; source == SOURCE_OWN && i < PREFETCH_AHEAD; i++)
		prefetch_frame(b->pkts, i, n);
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = b->pkts[i];
		struct flow_key *key = &b->keys[kept];

		if (source == SOURCE_OWN)
			prefetch_frame(b->pkts, i + PREFETCH_AHEAD, n);
		if (unlikely(!frame_len_is_right(m))) {
			malformed(pmd, m);
			continue;
		}
		extract_one(pmd, m, source, key, &b->layouts[kept]);
		all_add(&all, m);
		b->pkts[kept++] = m;
	}
	all.n = kept;
	return all;
}

static inline struct all extract(struct pmd *pmd, unsigned n)
{
	if (unlikely(pmd->burst.recirculated))
		return extract_from(pmd, n, SOURCE_RECIRCULATED);
	if (packet_is_lent(pmd->burst.pkts[0]))
		return extract_from(pmd, n, SOURCE_LENT);
	return extract_from(pmd, n, SOURCE_OWN);
}

static inline bool is_one_flow(struct megaflow *const *flows, unsigned n)
{
	uintptr_t differ = 0;

	for (unsigned i = 1; i < n; i++)
		differ |= (uintptr_t)flows[i] ^ (uintptr_t)flows[0];
	return differ == 0 && flows[0];
}

// The port that a megaflow does nothing but send to, or 0.
static inline uint32_t output_of(const struct megaflow *flow)
{
	const struct flow_actions *actions = megaflow_actions(flow);

	return likely(execute_is_output(actions)) ? actions->list[0].u.port : 0;
}

static inline void count(struct pmd *pmd, const struct megaflow *flow, unsigned n, uint64_t bytes,
			 uint16_t tcp_flags_be)
{
	flow_counters_add(pmd->flow_counters, flow, n, bytes, pmd->now_ms, ntohs(tcp_flags_be));
}

// Not during extraction: a store of a whole line is not forwarded to a load of its upper half.
static inline uint16_t tcp_flags_of(const struct flow_key *keys, unsigned n)
{
	uint16_t flags_be = 0;

	for (unsigned i = 0; i < n; i++)
		flags_be |= keys[i].tcp_flags_be;
	return flags_be;
}

// False: the flow has other actions.
static inline bool one_output(struct pmd *pmd, const struct all *all, struct batches *batches)
{
	const struct megaflow *flow = pmd->burst.flows[0];

	batches->output = output_of(flow);
	if (unlikely(!batches->output))
		return false;
	batches->n_outputs = all->n;
	count(pmd, flow, all->n, all->sum.bytes, tcp_flags_of(pmd->burst.keys, all->n));
	return true;
}

// False: a packet missed, or has other actions.
static inline bool outputs_find(struct pmd *pmd, unsigned n, struct batches *batches)
{
	const struct burst *b = &pmd->burst;
	uint32_t differ = 0;

	for (unsigned i = 0; i < n; i++) {
		if (unlikely(!b->flows[i]))
			return false;
		flow_counters_prefetch(pmd->flow_counters, b->flows[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		batches->outputs[i] = output_of(b->flows[i]);
		if (unlikely(!batches->outputs[i]))
			return false;
		differ |= batches->outputs[i] ^ batches->outputs[0];
	}
	batches->output = differ ? 0 : batches->outputs[0];
	return true;
}

// To count packet by packet costs less than to find out which share a flow.
static inline bool outputs(struct pmd *pmd, unsigned n, struct batches *batches)
{
	const struct burst *b = &pmd->burst;

	if (!outputs_find(pmd, n, batches))
		return false;
	batches->n_outputs = n;
	for (unsigned i = 0; i < n; i++)
		count(pmd, b->flows[i], 1, b->pkts[i]->pkt_len, b->keys[i].tcp_flags_be);
	return true;
}

static void batch_open(const struct pmd *pmd, struct batches *batches, struct megaflow *flow)
{
	struct batch *b = &batches->list[batches->n++];

	*b = (struct batch){.flow = flow, .actions = megaflow_actions(flow)};
	rte_prefetch0(b->actions);
	flow_counters_prefetch(pmd->flow_counters, flow);
}

// The batch of a megaflow, opened when it is the first of its packets. `slots` is a small hash
// table of batch + 1 by flow id.
static struct batch *batch_of(const struct pmd *pmd, struct batches *batches, uint8_t *slots,
			      struct megaflow *flow)
{
	unsigned at = (flow->id * 0x9e3779b1u) >> 24;

	static_assert(SLOTS == 1 << (32 - 24), "the hash gives a slot");
	for (; slots[at]; at = (at + 1) % SLOTS) {
		struct batch *batch = &batches->list[slots[at] - 1];

		if (likely(batch->flow == flow))
			return batch;
	}
	slots[at] = (uint8_t)(batches->n + 1);
	batch_open(pmd, batches, flow);
	return &batches->list[batches->n - 1];
}

// Each packet to its batch; misses go to the control side on the way.
static void group_count(struct pmd *pmd, unsigned n, struct batches *batches, uint8_t *of)
{
	struct burst *b = &pmd->burst;
	uint8_t slots[SLOTS] = {0};

	for (unsigned i = 0; i < n; i++) {
		struct batch *batch;

		if (unlikely(!b->flows[i])) {
			of[i] = UINT8_MAX;
			classify_miss(pmd, i);
			continue;
		}
		batch = batch_of(pmd, batches, slots, b->flows[i]);
		batch->n++;
		batch->bytes += b->pkts[i]->pkt_len;
		batch->tcp_flags_be |= b->keys[i].tcp_flags_be;
		of[i] = (uint8_t)(batch - batches->list);
	}
}

static void group_sort(const struct burst *b, unsigned n, struct batches *batches,
		       const uint8_t *of)
{
	uint8_t next[BURST_MAX] = {0};
	uint8_t first = 0;

	for (unsigned i = 0; i < batches->n; i++) {
		batches->list[i].first = next[i] = first;
		first = (uint8_t)(first + batches->list[i].n);
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned at;

		if (unlikely(of[i] == UINT8_MAX))
			continue;
		at = next[of[i]]++;
		batches->pkts[at] = b->pkts[i];
		batches->places[at] = (uint8_t)i;
	}
}

static __rte_noinline void group(struct pmd *pmd, unsigned n, struct batches *batches)
{
	uint8_t of[BURST_MAX];

	group_count(pmd, n, batches, of);
	group_sort(&pmd->burst, n, batches, of);
	for (unsigned i = 0; i < batches->n; i++) {
		const struct batch *batch = &batches->list[i];

		count(pmd, batch->flow, batch->n, batch->bytes, batch->tcp_flags_be);
	}
}

static inline void plan(struct pmd *pmd, const struct all *all, struct batches *batches)
{
	batches->sum = all->sum;
	if (likely(is_one_flow(pmd->burst.flows, all->n) ? one_output(pmd, all, batches)
							 : outputs(pmd, all->n, batches)))
		return;
	group(pmd, all->n, batches);
}

// What has not been recirculated has no cold lines.
static inline void lookup(struct pmd *pmd, unsigned n)
{
	const struct flow_lookup_ops *ops = &ISA(flow_lookup_ops);
	struct burst *b = &pmd->burst;

	if (unlikely(b->recirculated))
		ops->lookup_cold(pmd->reader, b->keys, n, b->flows, &pmd->stats.lookup);
	else
		ops->lookup(pmd->reader, b->keys, n, b->flows, &pmd->stats.lookup);
}

static void classify(struct pmd *pmd, unsigned n, struct batches *batches)
{
	struct all all = extract(pmd, n);

	pmd_stage_end(pmd, PMD_STAGE_EXTRACT);
	if (!pmd->burst.recirculated)
		tally_add(&pmd->ports[pmd->in_port].rx_bytes, all.sum.bytes);
	batches->n_outputs = 0;
	batches->n = 0;
	if (unlikely(all.n == 0))
		return;
	lookup(pmd, all.n);
	pmd_stage_end(pmd, PMD_STAGE_LOOKUP);
	plan(pmd, &all, batches);
}

const struct classify_ops ISA(classify_ops) = {.classify = classify};
