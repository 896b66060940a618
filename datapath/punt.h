// Punting: packets that go up to the control side, from a PMD.
#ifndef DATAPATH_PUNT_H
#define DATAPATH_PUNT_H

#include "datapath/pmd_private.h"

// Takes the packet over: puts it, or a copy of a lent one, into the ring of pmd->rxq, with all done
// that its sender left to do (one to be segmented goes as its segments), or drops and counts it.
// packet_meta is filled. That PMD.
void punt(struct pmd *pmd, struct rte_mbuf *m);

#endif
