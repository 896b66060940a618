#include "datapath/classify.h"

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
