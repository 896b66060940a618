// Rings of one producer and one consumer, in hugepage memory, without a name (EAL's named ones are
// few).
#ifndef DATAPATH_RING_H
#define DATAPATH_RING_H

#include <rte_ring.h>

// Holds exactly n elements of esize bytes (a multiple of 4). NULL when out of memory.
struct rte_ring *ring_create(unsigned esize, unsigned n, int numa_node);
void ring_destroy(struct rte_ring *ring); // what it holds is the caller's matter

#endif
