// The groups by id, with their copy on disk.
#ifndef CTL_SWCTLD_GROUPS_H
#define CTL_SWCTLD_GROUPS_H

#include "ctl/of_group.h"
#include "ctl/swctld/db.h"

#include <uthash.h>

#define GROUPS_MAX 65536

struct group {
	struct of_group of;
	uint64_t created_ms; // CLOCK_MONOTONIC
	UT_hash_handle hh;
};

struct groups;

struct groups *groups_create(struct db *db);
void groups_destroy(struct groups *groups);
// Reads all from the database. 0 or -errno with one line in err.
int groups_load(struct groups *groups, uint64_t now_ms, int64_t wall_ms, char *err, size_t err_len);

const struct group *groups_find(const struct groups *groups, uint32_t id); // or NULL
unsigned groups_count(const struct groups *groups);
// The first one with an id of at least `id`, or NULL.
const struct group *groups_next(const struct groups *groups, uint64_t id);

// Commands, as in rules.h. They take `of` over, also on error.
int groups_add(struct groups *groups, struct of_group *of, struct of_error *error);
// may_create: adds it if it is not there.
int groups_modify(struct groups *groups, struct of_group *of, bool may_create,
		  struct of_error *error);
// UINT32_MAX: all. Nothing when it is not there. The rules that use it are the caller's to delete.
int groups_delete(struct groups *groups, uint32_t id, struct of_error *error);
void groups_begin(struct groups *groups, uint64_t now_ms, int64_t wall_ms);
void groups_settle(struct groups *groups);
void groups_undo(struct groups *groups);

#endif
