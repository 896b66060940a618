// Metering: brings a batch of packets to a meter and does what it says.
#ifndef DATAPATH_METERING_H
#define DATAPATH_METERING_H

#include "datapath/pmd_private.h"

// Returns how many of the packets go on; they stand first in pkts, in their order, and may have
// been replaced. All do when there is no such meter. At most BURST_MAX; all have come in at
// pmd->in_port; packet_meta is as edits want it (edit.h). That PMD, inside its read section.
unsigned metering_run(struct pmd *pmd, uint32_t meter_id, struct rte_mbuf **pkts, unsigned n);

#endif
