// Execution: runs a flow's actions on its packets.
#ifndef DATAPATH_EXECUTE_H
#define DATAPATH_EXECUTE_H

#include "datapath/pmd_private.h"

// One output and nothing else, as most flows do: the packets may go to tx_add() at once.
static inline bool execute_is_output(const struct flow_actions *actions)
{
	return actions->n == 1 && actions->list[0].type == ACTION_OUTPUT;
}

// Takes the packets over, and uses pkts up; all have come in at pmd->in_port. packet_meta: in_port,
// recirc_id, layout and n_recirc are set, trunc_len is 0. That PMD, inside its read section.
// Outputs go to the tx buffers, recirculated packets to pmd->recirc.
void execute(struct pmd *pmd, const struct flow_actions *actions, struct rte_mbuf **pkts,
	     unsigned n);

#endif
