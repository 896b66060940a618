// Moves receive queues between PMDs by their measured load. Control thread only.
#ifndef DATAPATH_REBALANCE_H
#define DATAPATH_REBALANCE_H

#include "datapath/rxqs.h"

// Loads in units of RXQS_LOAD_FULL a core.
struct rebalance_plan {
	unsigned n;		     // queues
	struct spread_queue *places; // in the order of pmd_pool_rxq(); `before` is where they are
	unsigned n_moves;
	uint64_t busiest_before, busiest_after; // load of the core that has the most
};

// 0 or -ENOMEM. rebalance_plan_fini() frees it.
int rebalance_plan_make(struct rebalance_plan *plan);
void rebalance_plan_fini(struct rebalance_plan *plan);
int rebalance_apply(const struct rebalance_plan *plan); // 0 or -ENOMEM

// Plans and, where the gain is worth it, moves, as often as the settings say.
void rebalance_when_due(uint64_t now_ms);
void rebalance_reset(void);

#endif
