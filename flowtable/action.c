#include "flowtable/action_lists.h"
#include "flowtable/megaflow.h"

#include <stdlib.h>

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

static size_t contents_bytes(const struct flow_actions *actions)
{
	return sizeof(*actions) + actions->n * sizeof(actions->list[0]);
}

struct flow_actions *flow_actions_alloc(unsigned n)
{
	if (n > UINT16_MAX)
		return NULL;

	struct action_list *list = calloc(1, sizeof(*list) + n * sizeof(struct action));

	if (!list)
		return NULL;
	list->actions.n = (uint16_t)n;
	return &list->actions;
}

void flow_actions_free(void *actions)
{
	if (actions)
		free(list_of(actions));
}

const struct flow_actions *action_lists_get(struct action_lists *lists,
					    struct flow_actions *actions)
{
	struct action_list *own = list_of(actions), *same;

	HASH_FIND(hh, lists->table, actions, contents_bytes(actions), same);
	if (same) {
		flow_actions_free(actions);
		same->n_users++;
		return &same->actions;
	}
	own->lists = lists;
	own->n_users = 1;
	HASH_ADD_KEYPTR(hh, lists->table, actions, contents_bytes(actions), own);
	return actions;
}

void action_lists_put(void *actions)
{
	struct action_list *list = list_of(actions);

	if (--list->n_users > 0)
		return;
	if (list->lists)
		HASH_DEL(list->lists->table, list);
	free(list);
}
