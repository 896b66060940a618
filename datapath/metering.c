#include "datapath/metering.h"

#include "datapath/edit.h"
#include "datapath/meter.h"
#include "datapath/offload.h"

#include <errno.h>

static void load_of(struct rte_mbuf *m, uint32_t *frames, uint32_t *bytes)
{
	const struct packet_offload *offload = &packet_meta(m)->offload;
	uint32_t payload;

	*frames = 1;
	*bytes = rte_pktmbuf_pkt_len(m);
	if (likely(!packet_is_gso(m)) || *bytes <= offload->gso_headers)
		return;
	payload = *bytes - offload->gso_headers;
	*frames = (payload + offload->gso_size - 1) / offload->gso_size;
	*bytes += (*frames - 1) * offload->gso_headers;
}

static int remark(const struct meter_verdict *verdict, unsigned i, struct rte_mbuf **m)
{
	for (unsigned level = 1; level <= DP_METER_PREC_MAX; level++) {
		if (verdict->remark[level] >> i & 1)
			return edit_raise_precedence(m, level);
	}
	return 0;
}

// What goes on of a batch on which bands act.
static unsigned apply(struct pmd *pmd, const struct meter_verdict *verdict, struct rte_mbuf **pkts,
		      unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		int err;

		if (verdict->drop >> i & 1) {
			pmd_drop(pmd, m, DROP_METER);
			continue;
		}
		err = remark(verdict, i, &m);
		if (unlikely(err))
			pmd_drop(pmd, m, err == -ENOMEM ? DROP_NO_MEMORY : DROP_ACTION_INVALID);
		else
			pkts[kept++] = m;
	}
	return kept;
}

unsigned metering_run(struct pmd *pmd, uint32_t meter_id, struct rte_mbuf **pkts, unsigned n)
{
	static const struct meter_verdict nothing;
	struct meter *meter = meter_get(datapath_slots[pmd->in_port], meter_id);
	struct meter_verdict verdict;
	struct meter_load load;

	if (unlikely(!meter || n == 0))
		return n;
	for (unsigned i = 0; i < n; i++)
		load_of(pkts[i], &load.frames[i], &load.bytes[i]);
	meter_account(meter, pmd->index, rte_rdtsc(), &load, n, &verdict);
	if (likely(memcmp(&verdict, &nothing, sizeof verdict) == 0))
		return n;
	return apply(pmd, &verdict, pkts, n);
}
