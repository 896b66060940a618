// The subtables that a reader walks for an input port, the most successful first.
//
// The control thread publishes a list, replaces it whole, and may append to it in place: it writes
// the entry before it raises `n`. The entries below `n` are the reader's: it keeps them in order of
// hits.
#ifndef FLOWTABLE_RANKED_LIST_H
#define FLOWTABLE_RANKED_LIST_H

#include "flowtable/subtable.h"

struct ranked {
	struct subtable *table;
	uint32_t hits;
};

struct ranked_list {
	uint32_t n;
	uint32_t room;
	uint64_t *memory_bytes; // where the table accounts for it
	// How well the first subtable does when it is asked before the caches. The reader's own.
	uint32_t first_tried, first_hits; // keys since it was judged
	uint32_t n_passed;		  // bursts that did not ask it
	bool first_pays;
	struct ranked entries[];
};

#endif
