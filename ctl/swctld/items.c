#include "ctl/swctld/items.h"

#include <errno.h>
#include <stdlib.h>

void items_init(struct items *items, const struct items_kind *kind, struct db *db)
{
	*items = (struct items){.kind = kind, .db = db};
}

void items_fini(struct items *items)
{
	struct item *item, *tmp;
	HASH_ITER (hh, items->by_id, item, tmp) {
		// NOLINTNEXTLINE(clang-analyzer-*): cannot follow the links
		HASH_DEL(items->by_id, item);
		items->kind->destroy(item);
	}
	free(items->steps);
}

struct item *items_find(const struct items *items, uint32_t id)
{
	struct item *item;
	HASH_FIND(hh, items->by_id, &id, sizeof(id), item);
	return item;
}

unsigned items_count(const struct items *items)
{
	return HASH_COUNT(items->by_id);
}

static int compare(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
	return x->id < y->id ? -1 : x->id > y->id;
}

struct item **items_sorted(const struct items *items, size_t *n)
{
	struct item **list = calloc(items_count(items) + 1, sizeof(*list));
	*n = 0;
	for (struct item *item = items->by_id; list && item; item = item->hh.next)
		list[(*n)++] = item;
	if (list)
		qsort(list, *n, sizeof(*list), compare);
	return list;
}

void items_begin(struct items *items, uint64_t now_ms, int64_t wall_ms, bool dry)
{
	items->n_steps = 0;
	items->now_ms = now_ms;
	items->wall_ms = wall_ms;
	items->dry = dry;
}

static int reserve_step(struct items *items)
{
	if (items->n_steps < items->steps_room)
		return 0;
	size_t room = items->steps_room ? items->steps_room * 2 : 8;
	struct items_step *steps = reallocarray(items->steps, room, sizeof(*steps));
	if (!steps)
		return -ENOMEM;
	items->steps = steps;
	items->steps_room = room;
	return 0;
}

static int put_on_disk(struct items *items, const struct item *item, bool is_new)
{
	if (items->dry)
		return 0;
	FILE *text = db_text_begin(items->db);
	if (!text)
		return -ENOMEM;
	items->kind->print(text, item);
	int64_t created_ms = items->wall_ms - (int64_t)(items->now_ms - item->created_ms);
	struct db_row row = {.id = item->id, .created_ms = created_ms, .modified_ms = created_ms};
	return is_new ? db_text_add(items->db, items->kind->table, row)
		      : db_text_set(items->db, items->kind->table, row);
}

int items_put(struct items *items, struct item *item)
{
	struct item *old = items_find(items, item->id);
	item->created_ms = old ? old->created_ms : items->now_ms;
	int err = reserve_step(items);
	if (!err)
		err = put_on_disk(items, item, !old);
	if (err) {
		items->kind->destroy(item);
		return err;
	}
	if (old) // NOLINTNEXTLINE(clang-analyzer-*): cannot follow the links
		HASH_DEL(items->by_id, old);
	HASH_ADD(hh, items->by_id, id, sizeof(item->id), item);
	items->steps[items->n_steps++] = (struct items_step){old, item};
	return 0;
}

int items_remove(struct items *items, struct item *item)
{
	int err = reserve_step(items);
	if (!err && !items->dry)
		err = db_row_delete(items->db, items->kind->table, item->id);
	if (err)
		return err;
	// NOLINTNEXTLINE(clang-analyzer-*): cannot follow the links
	HASH_DEL(items->by_id, item);
	items->steps[items->n_steps++] = (struct items_step){item, NULL};
	return 0;
}

void items_settle(struct items *items, struct items_change *change)
{
	for (size_t i = 0; i < items->n_steps; i++) {
		const struct items_step *step = &items->steps[i];
		change->added += !step->old;
		change->modified += step->old && step->new;
		change->deleted += !step->new;
		if (step->old)
			items->kind->destroy(step->old);
	}
	items->n_steps = 0;
}

void items_undo(struct items *items)
{
	while (items->n_steps > 0) {
		const struct items_step *step = &items->steps[--items->n_steps];
		if (step->new) {
			// NOLINTNEXTLINE(clang-analyzer-*): cannot follow the links
			HASH_DEL(items->by_id, step->new);
			items->kind->destroy(step->new);
		}
		if (step->old)
			HASH_ADD(hh, items->by_id, id, sizeof(step->old->id), step->old);
	}
}

struct load {
	struct items *items;
	uint64_t now_ms;
	int64_t wall_ms;
	char *err;
	size_t err_len;
	bool told;
};

static int load_row(const struct db_row *row, void *arg)
{
	struct load *load = arg;
	char why[256];
	struct item *item = load->items->kind->parse(row->text, why, sizeof(why));
	if (!item || item->id != row->id || items_find(load->items, item->id)) {
		snprintf(load->err, load->err_len, "%s \"%s\" in the database: %s",
			 load->items->kind->noun, row->text,
			 item ? "its id is not its row's" : why);
		load->told = true;
		if (item)
			load->items->kind->destroy(item);
		return -EINVAL;
	}
	int64_t age_ms = load->wall_ms - row->created_ms; // negative when the clock was set back
	item->created_ms = load->now_ms - (uint64_t)(age_ms > 0 ? age_ms : 0);
	HASH_ADD(hh, load->items->by_id, id, sizeof(item->id), item);
	return 0;
}

int items_load(struct items *items, uint64_t now_ms, int64_t wall_ms, char *err, size_t err_len)
{
	struct load load = {items, now_ms, wall_ms, err, err_len, false};
	int rc = db_rows_each(items->db, items->kind->table, load_row, &load);
	if (rc && !load.told)
		snprintf(err, err_len, "%s", db_error(items->db));
	return rc;
}
