// The groups by id, in memory (db.h keeps them on disk).
#ifndef CTL_SWCTLD_GROUPS_H
#define CTL_SWCTLD_GROUPS_H

#include "ctl/of_group.h"

#include <uthash.h>

struct group {
	struct of_group of;
	uint64_t created_ms; // CLOCK_MONOTONIC
	UT_hash_handle hh;
};

struct groups;
struct groups *groups_create(void);
void groups_destroy(struct groups *groups);
const struct group *groups_find(const struct groups *groups, uint32_t id); // or NULL

#endif
