#include "datapath/classify.h"

#include "datapath/punt.h"

const struct classify_ops *classify_ops_current(void)
{
	static const struct classify_ops *const rows[N_ISAS] = ISA_ROW(classify_ops);

	return rows[isa_current()];
}

void classify_extract(struct rte_mbuf *m, struct flow_key *key, struct packet_layout *layout)
{
	uint32_t most = RTE_MIN(rte_pktmbuf_pkt_len(m), HEADERS_MAX);
	uint32_t len = RTE_MIN(rte_pktmbuf_data_len(m), HEADERS_MAX);
	uint8_t headers[HEADERS_MAX];

	flow_extract(rte_pktmbuf_mtod(m, const uint8_t *), len, key, layout);
	if (likely(!flow_extract_wants_more(key, len, most)))
		return;
	if (packet_is_lent(m)) {
		packet_pull_headers(&m); // stays the same packet
		flow_extract(rte_pktmbuf_mtod(m, const uint8_t *), most, key, layout);
	} else {
		flow_extract(rte_pktmbuf_read(m, 0, most, headers), most, key, layout);
	}
}

void classify_meta(struct pmd *pmd, unsigned i)
{
	struct burst *b = &pmd->burst;
	struct packet_meta *meta = packet_meta(b->pkts[i]);

	if (!b->recirculated) {
		meta->n_recirc = 0;
		flow_meta_clear(&meta->flow);
	}
	meta->in_port = pmd->in_port;
	meta->recirc_id = b->keys[i].recirc_id;
	meta->layout = b->layouts[i];
	meta->trunc_len = 0;
	meta->is_action = false;
}

void classify_miss(struct pmd *pmd, unsigned i)
{
	classify_meta(pmd, i);
	if (unlikely(pmd->trace))
		trace_step(pmd->trace, &pmd->burst.keys[i], NULL, NULL, 0);
	punt(pmd, pmd->burst.pkts[i]);
}
