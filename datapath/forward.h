// The packet's way: rx -> extract -> lookup -> batch per flow -> execute -> flush.
#ifndef DATAPATH_FORWARD_H
#define DATAPATH_FORWARD_H

#include "datapath/pmd_private.h"

// Each of these handles a burst from its start to its end, and returns how many packets that were.
// That PMD, inside its read section; no pointer to a flow or port outlives the call.
unsigned forward_rx(struct pmd *pmd, const struct rxq_poll *poll);
unsigned forward_injected(struct pmd *pmd);

#endif
