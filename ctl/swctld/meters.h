// The meters by id, with their copy on disk. swd has them, too (dp_sync.h).
#ifndef CTL_SWCTLD_METERS_H
#define CTL_SWCTLD_METERS_H

#include "ctl/of_meter.h"
#include "ctl/swctld/items.h"

struct meter {
	struct item item;
	struct of_meter of;
};

struct meters;

struct meters *meters_create(struct db *db);
void meters_destroy(struct meters *meters);
// Reads all from the database. 0 or -errno with one line in err.
int meters_load(struct meters *meters, uint64_t now_ms, int64_t wall_ms, char *err, size_t err_len);

const struct meter *meters_find(const struct meters *meters, uint32_t id); // or NULL
unsigned meters_count(const struct meters *meters);
// All in the order of their ids: malloc'd array of *n, NULL when out of memory.
const struct meter **meters_list(const struct meters *meters, size_t *n);

// Commands, of a change that change.h begins and ends. 0, -ENOMEM or an error of the disk.
int meters_put(struct meters *meters, const struct of_meter *of);
int meters_delete(struct meters *meters, uint32_t id); // 0: all
struct items *meters_items(struct meters *meters);     // for items_begin() and its ends

#endif
