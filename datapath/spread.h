// Which PMD polls which receive queue: evenly, and with as few moves as that allows.
#ifndef DATAPATH_SPREAD_H
#define DATAPATH_SPREAD_H

#include <stdint.h>

#define SPREAD_NOBODY UINT16_MAX

// owner[0..n): each queue's PMD, below 64, or SPREAD_NOBODY; becomes one whose bit is set in
// `running` (nobody when it is 0).
void spread_queues(uint16_t *owner, unsigned n, uint64_t running);

#endif
