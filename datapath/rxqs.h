// Receive queues: which there are, who polls which, and their way from one PMD to another. Control
// thread only.
#ifndef DATAPATH_RXQS_H
#define DATAPATH_RXQS_H

#include "datapath/pmd_private.h"
#include "datapath/spread.h"

#define RXQS_LOAD_FULL 10000 // the load of a core that is always busy

void rxqs_init(struct rcu *rcu);
void rxqs_fini(void); // nobody polls
// Spreads the queues over the PMDs whose index has its bit in `set`. 0, or -ENOMEM and nothing has
// changed.
int rxqs_spread(uint64_t set);
// Spreads them anew when a port's buffers are on another NUMA node than before: a guest's are known
// when it has connected.
void rxqs_follow_nodes(void);
// Who polls each queue, in the order of pmd_pool_rxq(), with pins and loads. The caller frees it.
// NULL: out of memory.
struct spread_queue *rxqs_places(unsigned *n);
void rxqs_pmds(uint64_t set, struct spread_pmd *pmds); // [PMDS_MAX]; those in `set`
// Gives the queues to their new owners. 0, or -ENOMEM and nothing has changed.
int rxqs_move(const struct spread_queue *places);
// Whether queues are placed by number when ports come and go (that again when cores change), or
// stay where a rebalance has put them.
void rxqs_forget_loads(void);
void rxqs_keep_loads(void);
// Who polls a port's first queue, or NULL.
struct pmd *rxqs_pmd_of_port(uint32_t port_no);

#endif
