// The action ct: a batch of packets is tracked.
#ifndef DATAPATH_CT_EXECUTE_H
#define DATAPATH_CT_EXECUTE_H

#include "datapath/ct.h"
#include "datapath/ct_frag_step.h"
#include "datapath/pmd_private.h"

// Looks the packets' connections up, and makes, translates and marks them as the action says; sets
// what packet_meta()->flow says of connections. What can't be tracked goes on as invalid; a packet
// whose connection finds no room, and one that can't be translated, is dropped. Returns how many
// are left; they stand first in pkts. n is at most BURST_MAX. That PMD, inside its read section.
// With go_on, fragments are held until their datagram is whole, and then go on through that;
// without it they are invalid.
unsigned ct_execute(struct pmd *pmd, const struct action_ct *ct, struct rte_mbuf **pkts,
		    unsigned n);
unsigned ct_execute_all(struct pmd *pmd, const struct action_ct *ct, struct rte_mbuf **pkts,
			unsigned n, const struct ct_go_on *go_on);

// One PMD's, which is the writer.
extern struct ct_pmd_counters {
	struct ct_counters n;
} __rte_cache_aligned ct_counters[PMDS_MAX];

#endif
