// The groups by id, with their copy on disk.
#ifndef CTL_SWCTLD_GROUPS_H
#define CTL_SWCTLD_GROUPS_H

#include "ctl/of_group.h"
#include "ctl/swctld/items.h"

#define GROUPS_MAX	 65536
#define GROUPS_DEPTH_MAX 32 // of groups that use groups

struct group {
	struct item item; // its created_ms
	struct of_group of;
	uint32_t seen; // by the search for loops
};

struct groups;

struct groups *groups_create(struct db *db);
void groups_destroy(struct groups *groups);
// Reads all from the database. 0 or -errno with one line in err.
int groups_load(struct groups *groups, uint64_t now_ms, int64_t wall_ms, char *err, size_t err_len);

const struct group *groups_find(const struct groups *groups, uint32_t id); // or NULL
unsigned groups_count(const struct groups *groups);
// All in the order of their ids: malloc'd array of *n, NULL when out of memory.
const struct group **groups_list(const struct groups *groups, size_t *n);
// A group that uses this one, or NULL.
const struct group *groups_find_user(const struct groups *groups, uint32_t id);

// Whether the group can be put among the others: it has a place, does not refer to itself through
// any of them, nor to one that is not there. 0 or -EINVAL; `line` is its text.
int groups_check(struct groups *groups, const struct of_group *of, const char *line,
		 struct of_error *error);
// Commands, of a change that change.h begins and ends. groups_put() takes what `of` holds over,
// also on error. 0, -ENOMEM or an error of the disk.
int groups_put(struct groups *groups, struct of_group *of);
int groups_delete(struct groups *groups, uint32_t id); // UINT32_MAX: all
struct items *groups_items(struct groups *groups);     // for items_begin() and its ends

#endif
