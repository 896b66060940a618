#include "ctl/swctld/groups.h"

#include "ctl/swctld/blame.h"

#include <errno.h>
#include <stdlib.h>

struct groups {
	struct items items;
	uint32_t search; // the number of the last search for loops
};

static void print(FILE *out, const struct item *item)
{
	of_group_print(out, &((const struct group *)item)->of, NULL); // ports as numbers
}

static void destroy(struct item *item)
{
	struct group *group = (struct group *)item;
	of_group_fini(&group->of);
	free(group);
}

// Takes over what `of` holds, unless it returns NULL.
static struct item *wrap(const struct of_group *of)
{
	struct group *group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->of = *of;
	group->item.id = of->id;
	return &group->item;
}

static struct item *parse(const char *text, char *err, size_t err_len)
{
	struct of_error error = {0};
	struct of_group of;
	if (of_group_parse(&of, text, NULL, &error) < 0) {
		snprintf(err, err_len, "%s", error.text);
		return NULL;
	}
	struct item *item = wrap(&of);
	if (!item) {
		snprintf(err, err_len, "out of memory");
		of_group_fini(&of);
	}
	return item;
}

static const struct items_kind kind = {
    .table = DB_GROUPS, .noun = "group", .print = print, .parse = parse, .destroy = destroy};

struct groups *groups_create(struct db *db)
{
	struct groups *groups = calloc(1, sizeof(*groups));
	if (groups)
		items_init(&groups->items, &kind, db);
	return groups;
}

void groups_destroy(struct groups *groups)
{
	if (!groups)
		return;
	items_fini(&groups->items);
	free(groups);
}

int groups_load(struct groups *groups, uint64_t now_ms, int64_t wall_ms, char *err, size_t err_len)
{
	return items_load(&groups->items, now_ms, wall_ms, err, err_len);
}

struct items *groups_items(struct groups *groups)
{
	return &groups->items;
}

const struct group *groups_find(const struct groups *groups, uint32_t id)
{
	return (const struct group *)items_find(&groups->items, id);
}

unsigned groups_count(const struct groups *groups)
{
	return items_count(&groups->items);
}

const struct group **groups_list(const struct groups *groups, size_t *n)
{
	return (const struct group **)items_sorted(&groups->items, n);
}

static bool uses(const struct of_group *of, uint32_t id)
{
	for (unsigned i = 0; i < of->n_buckets; i++) {
		const struct of_bucket *bucket = &of->buckets[i];
		if (bucket->watch_group == id || of_actions_use(bucket->actions, OF_GROUP, id))
			return true;
	}
	return false;
}

const struct group *groups_find_user(const struct groups *groups, uint32_t id)
{
	for (struct item *item = groups->items.by_id; item; item = item->hh.next) {
		const struct group *group = (const struct group *)item;
		if (uses(&group->of, id))
			return group;
	}
	return NULL;
}

// A walk over all groups that one refers to.
struct search {
	struct groups *groups;
	uint32_t goal; // its own id
	unsigned depth;
	uint32_t at;	  // the group that refers
	uint32_t missing; // what is not there
	const char *word; // by which it is named
	enum { SOUND, LOOP, TOO_DEEP, MISSING } found;
};

static bool search_group(struct search *s, const struct of_group *of);

static bool search_id(struct search *s, uint32_t id)
{
	struct group *next = (struct group *)items_find(&s->groups->items, id);
	if (id == s->goal)
		s->found = LOOP;
	else if (!next)
		s->found = MISSING;
	else if (s->depth == GROUPS_DEPTH_MAX)
		s->found = TOO_DEEP;
	if (s->found == MISSING)
		s->missing = id;
	if (s->found != SOUND || next->seen == s->groups->search)
		return s->found == SOUND;
	next->seen = s->groups->search;
	s->depth++;
	bool sound = search_group(s, &next->of);
	s->depth--;
	return sound;
}

static bool search_action(const struct of_action *action, void *arg)
{
	struct search *s = arg;
	s->word = "group";
	return search_id(s, ((const struct of_act_value *)action)->value);
}

// false at the first thing that is wrong.
static bool search_group(struct search *s, const struct of_group *of)
{
	s->at = of->id;
	for (unsigned i = 0; i < of->n_buckets; i++) {
		const struct of_bucket *bucket = &of->buckets[i];
		if (!of_actions_each_of(bucket->actions, OF_GROUP, search_action, s))
			return false;
		s->word = "watch_group";
		if (bucket->watch_group != UINT32_MAX && !search_id(s, bucket->watch_group))
			return false;
		s->at = of->id;
	}
	return true;
}

int groups_check(struct groups *groups, const struct of_group *of, const char *line,
		 struct of_error *error)
{
	struct search s = {.groups = groups, .goal = of->id};
	if (!groups_find(groups, of->id) && groups_count(groups) >= GROUPS_MAX)
		return blame_nothing(error, "more than %u groups; delete some", GROUPS_MAX);
	groups->search++;
	search_group(&s, of);
	if (s.found == LOOP && s.at == of->id)
		return blame_value(error, line, s.word, of->id, "the group refers to itself");
	if (s.found == LOOP)
		return blame_value(error, line, "group_id", of->id,
				   "the group refers to itself through group %u", s.at);
	if (s.found == MISSING)
		return blame_value(error, line, s.word, s.missing,
				   "there is no group %u; add it first", s.missing);
	if (s.found == TOO_DEEP)
		return blame_value(error, line, "group_id", of->id,
				   "more than %u groups that use one another", GROUPS_DEPTH_MAX);
	return 0;
}

int groups_put(struct groups *groups, struct of_group *of)
{
	struct item *item = wrap(of);
	if (!item) {
		of_group_fini(of);
		return -ENOMEM;
	}
	return items_put(&groups->items, item);
}

int groups_delete(struct groups *groups, uint32_t id)
{
	int err = 0;
	for (struct item *item = groups->items.by_id, *next; item && !err; item = next) {
		next = item->hh.next;
		if (id == UINT32_MAX || item->id == id)
			err = items_remove(&groups->items, item);
	}
	return err;
}
