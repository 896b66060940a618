// The executor's insides: one run of a list of actions over a batch, for the files that make it up.
#ifndef DATAPATH_EXECUTE_RUN_H
#define DATAPATH_EXECUTE_RUN_H

#include "datapath/execute.h"

// What an action does, besides its work. Of one that nests: all of what stands in its lists.
enum action_trait {
	ACTION_SENDS = 1 << 0,	 // the packet goes somewhere, or ends under a reason of its own
	ACTION_ACTS = 1 << 1,	 // does something even where the packet goes nowhere after it
	ACTION_CHANGES = 1 << 2, // the packet's bytes
	ACTION_MARKS = 1 << 3,	 // what goes along with it (packet_meta)
	ACTION_LEAVES = 1 << 4,	 // goes on elsewhere, where its bytes may be changed
	ACTION_NESTS = 1 << 5,	 // its entries are actions
};

// A list on its way over a batch.
struct run {
	struct pmd *pmd;
	const struct action *end; // of the list
	struct rte_mbuf *m;	  // the packet at hand; NULL when it is used up
	int at;			  // the action being run
	int last;	 // the last one that sends or acts; -1: none does. The packet is its own
	int last_change; // the last one up to `last` that changes this packet; -1: none does
	bool is_told;	 // what becomes of the packet is counted: it has been sent, or it is a copy
	bool is_sent;	 // the same, by an action before `last`
};

unsigned action_traits(const struct action *action);
unsigned actions_traits(const struct action *list, unsigned n); // of a whole list

// The packet for an action with these traits: itself for the last one, and a lent one while nothing
// changes it; otherwise a copy, or a reference, which edits respect. NULL without memory, counted.
struct rte_mbuf *run_take(struct run *run, unsigned traits);

// Runs a list on a batch and uses it up. `is_told`: packets that it sends nowhere are not counted
// as dropped.
void run_list(struct pmd *pmd, const struct action *list, unsigned n_entries,
	      struct rte_mbuf **pkts, unsigned n, bool is_told);

// execute_nested.c: actions with lists in them. Each returns how many packets are left to the list
// that they stand in; these stand first in pkts.
unsigned run_clone(struct run *run, const struct action *action, struct rte_mbuf **pkts,
		   unsigned n);
unsigned run_sample(struct run *run, const struct action *action, struct rte_mbuf **pkts,
		    unsigned n);
unsigned run_check_pkt_len(struct run *run, const struct action *action, struct rte_mbuf **pkts,
			   unsigned n);

#endif
