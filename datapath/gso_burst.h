// A burst that fills up with packets, and with the segments of those that are to be cut. That PMD.
#ifndef DATAPATH_GSO_BURST_H
#define DATAPATH_GSO_BURST_H

#include "datapath/pmd_private.h"

struct gso_burst {
	struct pmd *pmd;
	void (*take)(struct gso_burst *burst); // takes all n packets over, when there are BURST_MAX
	uint16_t n;
	struct rte_mbuf *pkts[BURST_MAX];
};

// Whoever has added the last packet calls it, too.
static inline void gso_burst_end(struct gso_burst *burst)
{
	if (burst->n > 0)
		burst->take(burst);
	burst->n = 0;
}

static inline void gso_burst_add(struct gso_burst *burst, struct rte_mbuf *m)
{
	if (burst->n == BURST_MAX)
		gso_burst_end(burst);
	burst->pkts[burst->n++] = m;
}

// The segments of a packet, which is used up; it has gso_size. What can't be cut, and segments
// without memory, are counted as drops.
void gso_burst_cut(struct gso_burst *burst, struct rte_mbuf *m);

#endif
