#include "datapath/gso_burst.h"

#include "datapath/gso.h"

void gso_burst_cut(struct gso_burst *burst, struct rte_mbuf *m)
{
	struct pmd *pmd = burst->pmd;
	struct rte_mbuf *seg;
	struct gso gso;

	if (unlikely(gso_start(&gso, m) < 0)) {
		pmd_drop(pmd, m, DROP_MALFORMED);
		return;
	}
	while ((seg = gso_next(&gso))) {
		tally_add(&pmd->stats.copies, 1);
		gso_burst_add(burst, seg);
	}
	pmd_count_drop(pmd, pmd->in_port, DROP_NO_MEMORY, gso.n_left);
	packet_free(m);
}
