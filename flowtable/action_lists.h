// The lists of actions that megaflows, and packets under way, share: one of a kind, counted. A
// million megaflows with few different lists then keep these few in a PMD's caches. Control thread
// only.
#ifndef FLOWTABLE_ACTION_LISTS_H
#define FLOWTABLE_ACTION_LISTS_H

#include "flowtable/action.h"

struct action_list;

struct action_lists {
	struct action_list *table; // by contents
	struct action_list *found; // last, or NULL: new flows mostly have the actions of others
};

// The list with these contents, taken once more, to be given back with flow_actions_free(). NULL
// when out of memory. All bytes of the actions count: those that say nothing must be zero.
struct flow_actions *action_lists_get(struct action_lists *lists, const struct action *actions,
				      unsigned n);
// The same for a list that flow_actions_alloc() or action_lists_get() made, which is taken over.
const struct flow_actions *action_lists_share(struct action_lists *lists,
					      struct flow_actions *actions);
// Lists that somebody still holds go on alone.
void action_lists_fini(struct action_lists *lists);

#endif
