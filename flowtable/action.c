#include "flowtable/action_lists.h"
#include "flowtable/megaflow.h"

#include <stdlib.h>
#include <string.h>

// A list that cannot be entered into the table is used all the same, alone.
#define HASH_NONFATAL_OOM	   1
#define uthash_nonfatal_oom(entry) ((entry)->lists = NULL)
#include <uthash.h>

// What flow_actions_alloc() gives out is the end of one.
struct action_list {
	UT_hash_handle hh;
	struct action_lists *lists; // that it is entered in; NULL: none
	uint32_t n_users;
	struct flow_actions actions;
};

static struct action_list *list_of(const struct flow_actions *actions)
{
	return (struct action_list *)((char *)actions - offsetof(struct action_list, actions));
}

struct flow_actions *flow_actions_alloc(unsigned n)
{
	if (n > UINT16_MAX)
		return NULL;

	struct action_list *list = calloc(1, sizeof(*list) + n * sizeof(struct action));

	if (!list)
		return NULL;
	list->n_users = 1;
	list->actions.n = (uint16_t)n;
	return &list->actions;
}

void flow_actions_free(void *actions)
{
	if (!actions)
		return;

	struct action_list *list = list_of(actions);

	if (--list->n_users > 0)
		return;
	if (list->lists) {
		list->lists->found = NULL;
		HASH_DEL(list->lists->table, list);
	}
	free(list);
}

static struct action_list *find(struct action_lists *lists, const struct action *actions,
				unsigned n)
{
	struct action_list *same = lists->found;

	if (same && same->actions.n == n &&
	    memcmp(same->actions.list, actions, n * sizeof(actions[0])) == 0)
		return same;
	HASH_FIND(hh, lists->table, actions, n * sizeof(actions[0]), same);
	lists->found = same;
	return same;
}

static void enter(struct action_lists *lists, struct action_list *own)
{
	own->lists = lists;
	HASH_ADD_KEYPTR(hh, lists->table, own->actions.list, own->actions.n * sizeof(struct action),
			own);
}

struct flow_actions *action_lists_get(struct action_lists *lists, const struct action *actions,
				      unsigned n)
{
	struct action_list *same = find(lists, actions, n);

	if (same) {
		same->n_users++;
		return &same->actions;
	}

	struct flow_actions *own = flow_actions_alloc(n);

	if (!own)
		return NULL;
	if (n > 0)
		memcpy(own->list, actions, n * sizeof(actions[0]));
	enter(lists, list_of(own));
	return own;
}

const struct flow_actions *action_lists_share(struct action_lists *lists,
					      struct flow_actions *actions)
{
	struct action_list *same;

	if (list_of(actions)->lists == lists)
		return actions;
	same = find(lists, actions->list, actions->n);
	if (same) {
		flow_actions_free(actions);
		same->n_users++;
		return &same->actions;
	}
	enter(lists, list_of(actions));
	return actions;
}

void action_lists_fini(struct action_lists *lists)
{
	struct action_list *list, *next;

	HASH_ITER (hh, lists->table, list, next) {
		list->lists = NULL;
	}
	HASH_CLEAR(hh, lists->table);
	lists->found = NULL;
}
