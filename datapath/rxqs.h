// Receive queues: which there are, who polls which, and their way from one PMD to another. Control
// thread only.
#ifndef DATAPATH_RXQS_H
#define DATAPATH_RXQS_H

#include "datapath/pmd_private.h"

void rxqs_init(struct rcu *rcu);
void rxqs_fini(void); // nobody polls
// Spreads the queues over the PMDs whose index has its bit in `set`. 0, or -ENOMEM and nothing has
// changed.
int rxqs_spread(uint64_t set);
// Who polls a port's first queue, or NULL.
struct pmd *rxqs_pmd_of_port(uint32_t port_no);

#endif
