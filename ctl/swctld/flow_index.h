// Megaflows by their match: an open hash table with linear probing, at most half full, so that a
// search, which each missed packet needs, reads one or two cache lines before the megaflow itself.
#ifndef CTL_SWCTLD_FLOW_INDEX_H
#define CTL_SWCTLD_FLOW_INDEX_H

#include "flowtable/key.h"

struct flow_index_slot {
	const struct flow_match *match; // NULL: free
	uint32_t hash;
};

struct flow_index {
	struct flow_index_slot *slots;
	uint32_t n, room; // room: a power of two, or 0
};

void flow_index_fini(struct flow_index *index);
// The match that was added and is equal to this one, or NULL.
const struct flow_match *flow_index_find(const struct flow_index *index,
					 const struct flow_match *match);
// `match` stays where it is until it is deleted. 0 or -ENOMEM.
int flow_index_add(struct flow_index *index, const struct flow_match *match);
void flow_index_del(struct flow_index *index, const struct flow_match *match); // must be inside

#endif
