// Which PMD polls which receive queue: pure functions of what is known of both. Evenly, near to
// the queue's memory, and with as few moves as that allows.
#ifndef DATAPATH_SPREAD_H
#define DATAPATH_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#define SPREAD_NOBODY UINT16_MAX
#define SPREAD_PMDS   64 // at most

struct spread_pmd {
	bool running;
	bool isolated; // polls pinned queues only
	int numa_node; // -1: not known
};

struct spread_queue {
	uint16_t owner;	 // PMD, or SPREAD_NOBODY; the functions below change it
	uint16_t pin;	 // the PMD that must poll it, or SPREAD_NOBODY
	int numa_node;	 // of its buffers; -1: not known, no PMD is far then
	uint16_t before; // owner before a rebalance; set by that
	uint64_t load;	 // measured, in any unit that is the same for all
};

// Gives each queue an owner: its pin if that runs, else a PMD that is not isolated, on the queue's
// node if there is one. Others keep theirs, unless `even`: then numbers of queues are evened out.
// Nobody owns a queue for which no PMD is left.
void spread_queues(struct spread_queue *queues, unsigned n, const struct spread_pmd *pmds,
		   bool even);

// Moves queues that are not pinned so that the most loaded PMD has less to do, while a move makes a
// difference of at least `step`. Returns the number of queues whose owner has changed.
unsigned spread_rebalance(struct spread_queue *queues, unsigned n, const struct spread_pmd *pmds,
			  uint64_t step);

// The load of the PMD that has the most.
uint64_t spread_busiest(const struct spread_queue *queues, unsigned n);

// Whether the owner is on another NUMA node than the queue's buffers.
bool spread_crosses(const struct spread_queue *queue, const struct spread_pmd *pmds);

#endif
