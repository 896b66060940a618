// Things by id, with a text each on disk, and changes that can be undone: what groups and meters
// have in common.
#ifndef CTL_SWCTLD_ITEMS_H
#define CTL_SWCTLD_ITEMS_H

#include "ctl/swctld/db.h"

#include <stdbool.h>
#include <uthash.h>

// Stands first in what is kept.
struct item {
	uint32_t id;
	uint64_t created_ms; // CLOCK_MONOTONIC
	UT_hash_handle hh;
};

struct items_kind {
	enum db_table table;
	const char *noun;
	void (*print)(FILE *out, const struct item *item);
	struct item *(*parse)(const char *text, char *err, size_t err_len); // NULL with err
	void (*destroy)(struct item *item);
};

struct items_change {
	unsigned added, modified, deleted;
};

struct items_step {
	struct item *old, *new;
};

struct items {
	const struct items_kind *kind;
	struct db *db;
	struct item *by_id;
	// The change under way.
	struct items_step *steps;
	size_t n_steps, steps_room;
	uint64_t now_ms;
	int64_t wall_ms;
	bool dry;
};

void items_init(struct items *items, const struct items_kind *kind, struct db *db);
void items_fini(struct items *items);
// Reads all from the database. 0 or -errno with one line in err.
int items_load(struct items *items, uint64_t now_ms, int64_t wall_ms, char *err, size_t err_len);

struct item *items_find(const struct items *items, uint32_t id);
unsigned items_count(const struct items *items);
// All in the order of their ids: malloc'd array of *n, NULL when out of memory.
struct item **items_sorted(const struct items *items, size_t *n);

void items_begin(struct items *items, uint64_t now_ms, int64_t wall_ms, bool dry);
// Adds the item, in the place of the one with its id, whose age it takes. Takes it over, also on
// error. 0, -ENOMEM or an error of the disk.
int items_put(struct items *items, struct item *item);
int items_remove(struct items *items, struct item *item);
void items_settle(struct items *items, struct items_change *change);
void items_undo(struct items *items);

#endif
