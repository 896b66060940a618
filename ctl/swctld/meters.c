#include "ctl/swctld/meters.h"

#include <errno.h>
#include <stdlib.h>

struct meters {
	struct items items;
};

static void print(FILE *out, const struct item *item)
{
	of_meter_print(out, &((const struct meter *)item)->of);
}

static void destroy(struct item *item)
{
	free(item);
}

static struct item *wrap(const struct of_meter *of)
{
	struct meter *meter = calloc(1, sizeof(*meter));
	if (!meter)
		return NULL;
	meter->of = *of;
	meter->item.id = of->id;
	return &meter->item;
}

static struct item *parse(const char *text, char *err, size_t err_len)
{
	struct of_error error = {.text = "out of memory"};
	struct of_meter of;
	struct item *item = of_meter_parse(&of, text, &error) < 0 ? NULL : wrap(&of);
	if (!item)
		snprintf(err, err_len, "%s", error.text);
	return item;
}

static const struct items_kind kind = {
    .table = DB_METERS, .noun = "meter", .print = print, .parse = parse, .destroy = destroy};

struct meters *meters_create(struct db *db)
{
	struct meters *meters = calloc(1, sizeof(*meters));
	if (meters)
		items_init(&meters->items, &kind, db);
	return meters;
}

void meters_destroy(struct meters *meters)
{
	if (!meters)
		return;
	items_fini(&meters->items);
	free(meters);
}

int meters_load(struct meters *meters, uint64_t now_ms, int64_t wall_ms, char *err, size_t err_len)
{
	return items_load(&meters->items, now_ms, wall_ms, err, err_len);
}

struct items *meters_items(struct meters *meters)
{
	return &meters->items;
}

const struct meter *meters_find(const struct meters *meters, uint32_t id)
{
	return (const struct meter *)items_find(&meters->items, id);
}

unsigned meters_count(const struct meters *meters)
{
	return items_count(&meters->items);
}

const struct meter **meters_list(const struct meters *meters, size_t *n)
{
	return (const struct meter **)items_sorted(&meters->items, n);
}

int meters_put(struct meters *meters, const struct of_meter *of)
{
	struct item *item = wrap(of);
	return item ? items_put(&meters->items, item) : -ENOMEM;
}

int meters_delete(struct meters *meters, uint32_t id)
{
	int err = 0;
	for (struct item *item = meters->items.by_id, *next; item && !err; item = next) {
		next = item->hh.next;
		if (id == 0 || item->id == id)
			err = items_remove(&meters->items, item);
	}
	return err;
}
