// Execution: runs a flow's actions on its packets.
#ifndef DATAPATH_EXECUTE_H
#define DATAPATH_EXECUTE_H

#include "datapath/pmd_private.h"

// Whether execute() must be used, and reads packet_meta (in_port, recirc_id, layout, n_recirc set;
// trunc_len 0).
static inline bool execute_needs_meta(const struct flow_actions *actions)
{
	return actions->n > 1 || (actions->n == 1 && actions->list[0].type != ACTION_OUTPUT);
}

// Both take the packets over; all have come in at pmd->in_port. That PMD, inside its read section.
// Outputs go to the tx buffers, recirculated packets to pmd->recirc.
void execute_plain(struct pmd *pmd, const struct flow_actions *actions, struct rte_mbuf **pkts,
		   unsigned n);
void execute(struct pmd *pmd, const struct flow_actions *actions, struct rte_mbuf **pkts,
	     unsigned n);

#endif
