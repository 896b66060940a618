#include "datapath/classify.h"

#include "datapath/lookup.h"
#include "flowtable/extract_fast.h"

#include <rte_prefetch.h>

#define PREFETCH_AHEAD 4
#define SLOTS	       (2 * BURST_MAX) // never full

// Longer ones are still to be cut.
static bool frame_len_is_right(struct rte_mbuf *m)
{
	uint32_t len = rte_pktmbuf_pkt_len(m);

	return len >= FRAME_MIN &&
	       (len <= FRAME_MAX || ((m->ol_flags & PACKET_OFFLOAD) &&
				     packet_meta(m)->offload.gso_size > 0 && len <= GSO_FRAME_MAX));
}

static inline void sum_add(struct batch *batch, const struct rte_mbuf *m,
			   const struct flow_key *key)
{
	batch->sum.bytes += m->pkt_len;
	batch->sum.len_max = RTE_MAX(batch->sum.len_max, m->pkt_len);
	batch->sum.offload |= (m->ol_flags & PACKET_OFFLOAD) != 0;
	batch->tcp_flags_be |= key->tcp_flags_be;
}

static inline void prefetch_frame(struct rte_mbuf *const *pkts, unsigned i, unsigned n)
{
	if (i < n)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
}

// Fills keys and layouts; malformed packets leave the burst. Returns how many stay, and what they
// amount to.
static unsigned extract(struct pmd *pmd, unsigned n, struct batch *all)
{
	struct burst *b = &pmd->burst;
	bool cold = !packet_is_lent(b->pkts[0]); // a guest's heads have just been written
	unsigned kept = 0;

	for (unsigned i = 0; cold && i < PREFETCH_AHEAD; i++)
		prefetch_frame(b->pkts, i, n);
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = b->pkts[i];
		struct flow_key *key = &b->keys[kept];
		uint32_t recirc_id = b->recirculated ? packet_meta(m)->recirc_id : 0;

		if (cold)
			prefetch_frame(b->pkts, i + PREFETCH_AHEAD, n);
		if (unlikely(!frame_len_is_right(m))) {
			pmd->ports[pmd->in_port].rx_bytes += m->pkt_len;
			pmd_drop(pmd, m, DROP_MALFORMED);
			continue;
		}
		if (unlikely(!flow_extract_fast(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len,
						pmd->in_port, recirc_id, key, &b->layouts[kept]))) {
			key->in_port = pmd->in_port;
			key->recirc_id = recirc_id;
			classify_extract(m, key, &b->layouts[kept]);
		}
		sum_add(all, m, key);
		b->pkts[kept++] = m;
	}
	all->n = (uint8_t)kept;
	return kept;
}

static inline bool is_one_flow(struct megaflow *const *flows, unsigned n)
{
	uintptr_t differ = 0;

	for (unsigned i = 1; i < n; i++)
		differ |= (uintptr_t)flows[i] ^ (uintptr_t)flows[0];
	return differ == 0 && flows[0];
}

static const uint8_t in_order[BURST_MAX] = {
    0,	1,  2,	3,  4,	5,  6,	7,  8,	9,  10, 11, 12, 13, 14, 15,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
};

// The batch of a megaflow, opened when it is the first of its packets. `slots` is a small hash
// table of batch + 1 by flow id.
static inline struct batch *batch_of(struct batches *batches, uint8_t *slots, struct megaflow *flow)
{
	unsigned at = (flow->id * 0x9e3779b1u) >> 26;
	struct batch *batch;

	static_assert(SLOTS == 1 << (32 - 26), "the hash gives a slot");
	for (; slots[at]; at = (at + 1) % SLOTS) {
		batch = &batches->list[slots[at] - 1];
		if (likely(batch->flow == flow))
			return batch;
	}
	batch = &batches->list[batches->n];
	*batch = (struct batch){.flow = flow};
	slots[at] = (uint8_t)++batches->n;
	rte_prefetch0(flow->actions);
	return batch;
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
		batch = batch_of(batches, slots, b->flows[i]);
		batch->n++;
		sum_add(batch, b->pkts[i], &b->keys[i]);
		of[i] = (uint8_t)(batch - batches->list);
	}
}

static void group_sort(const struct burst *b, unsigned n, struct batches *batches,
		       const uint8_t *of)
{
	uint8_t next[BURST_MAX];
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
		batches->sorted_pkts[at] = b->pkts[i];
		batches->sorted_places[at] = (uint8_t)i;
	}
}

static void group(struct pmd *pmd, unsigned n, const struct batch *all, struct batches *batches)
{
	struct burst *b = &pmd->burst;
	uint8_t of[BURST_MAX];

	if (likely(is_one_flow(b->flows, n))) {
		batches->n = 1;
		batches->list[0] = *all;
		batches->list[0].flow = b->flows[0];
		batches->pkts = b->pkts;
		batches->places = in_order;
		return;
	}
	batches->n = 0;
	batches->pkts = batches->sorted_pkts;
	batches->places = batches->sorted_places;
	group_count(pmd, n, batches, of);
	group_sort(b, n, batches, of);
}

static void classify(struct pmd *pmd, unsigned n, struct batches *batches)
{
	struct batch all = {0};

	n = extract(pmd, n, &all);
	pmd_stage_end(pmd, PMD_STAGE_EXTRACT);
	if (!pmd->burst.recirculated)
		pmd->ports[pmd->in_port].rx_bytes += all.sum.bytes;
	if (unlikely(n == 0)) {
		batches->n = 0;
		return;
	}
	lookup(pmd, n);
	pmd_stage_end(pmd, PMD_STAGE_LOOKUP);
	group(pmd, n, &all, batches);
}

const struct classify_ops ISA(classify_ops) = {.classify = classify};
