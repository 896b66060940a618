// The lists of actions that megaflows share: one of a kind, counted. A million megaflows with few
// different lists then keep these few in a PMD's caches. Control thread only.
#ifndef FLOWTABLE_ACTION_LISTS_H
#define FLOWTABLE_ACTION_LISTS_H

#include "flowtable/action.h"

struct action_list;

struct action_lists {
	struct action_list *table; // by contents
};

// The list with these contents, taken once more. Takes `actions` (from flow_actions_alloc) over.
const struct flow_actions *action_lists_get(struct action_lists *lists,
					    struct flow_actions *actions);
// Gives a list of action_lists_get() back; frees it when that was the last time.
void action_lists_put(void *actions);

#endif
