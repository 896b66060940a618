// Fragments on the way through the action ct.
#ifndef DATAPATH_CT_FRAG_STEP_H
#define DATAPATH_CT_FRAG_STEP_H

#include "datapath/ct_frag.h"
#include "datapath/pmd_private.h"

// The rest of the action list, for packets that come out of another's place in the batch: at most
// BURST_MAX, which it takes over.
struct ct_go_on {
	void (*run)(void *arg, struct rte_mbuf **pkts, unsigned n);
	void *arg;
};

// For a packet that can't be tracked as it is. False: it goes on as invalid, *m may be replaced.
// True: it is taken, or has gone on with all fragments of its datagram, which was tracked by
// ct_execute(). go_on may be NULL: no fragments are taken then. That PMD, inside its read section.
bool ct_frag_step(struct pmd *pmd, const struct action_ct *ct, uint8_t dp, struct rte_mbuf **m,
		  const struct ct_go_on *go_on);

// Control thread.

// Before packets of a datapath are tracked: 0 or -ENOMEM; nothing to do when it has its table.
int ct_frags_prepare(uint8_t dp);
void ct_frags_fini(void);	     // no PMD runs
void ct_frags_tick(uint64_t now_ms); // drops what has waited too long; every second or so
void ct_frags_forget(uint8_t dp);    // the datapath is gone: what waits is dropped

struct ct_frags *ct_frags_of(uint8_t dp); // NULL before that. Any thread

#endif
