#include "datapath/punt.h"

#include "datapath/gso.h"
#include "datapath/offload.h"
#include "datapath/upcall.h"

static bool punt_one(struct pmd *pmd, struct rte_mbuf *m, enum drop_reason *reason)
{
	packet_meta(m)->pmd_index = pmd->index;
	if (unlikely(!upcall_enqueue(pmd->rxq, m, reason)))
		return false;
	pmd->upcall_queued = true;
	if (unlikely(pmd->trace))
		trace_upcall(pmd->trace, pmd->in_port);
	return true;
}

// As many segments as find room; the others count under the reason that the first of them had.
static void punt_segments(struct pmd *pmd, struct rte_mbuf *m)
{
	enum drop_reason reason;
	struct rte_mbuf *seg;
	struct gso gso;

	if (gso_start(&gso, m) < 0) {
		pmd_drop(pmd, m, DROP_MALFORMED);
		return;
	}
	while ((seg = gso_next(&gso))) {
		tally_add(&pmd->stats.copies, 1);
		if (punt_one(pmd, seg, &reason))
			continue;
		pmd_count_drop(pmd, pmd->in_port, reason, gso.n_left + 1);
		gso.n_left = 0;
		rte_pktmbuf_free(seg);
	}
	pmd_count_drop(pmd, pmd->in_port, DROP_NO_MEMORY, gso.n_left);
	packet_free(m);
}

void punt(struct pmd *pmd, struct rte_mbuf *m)
{
	enum drop_reason reason;
	bool lent = packet_is_lent(m);

	if (unlikely(packet_is_gso(m)))
		punt_segments(pmd, m);
	else if (likely(punt_one(pmd, m, &reason)))
		tally_add(&pmd->stats.copies, lent);
	else
		pmd_drop(pmd, m, reason);
}
