// The store behind rules.h, for its own files: rules.c (tables, lists), rules_change.c (commands),
// rules_undo.c (their end or undoing), rules_time.c (learning, timeouts).
#ifndef CTL_SWCTLD_RULES_STORE_H
#define CTL_SWCTLD_RULES_STORE_H

#include "ctl/swctld/rules.h"

// A step of a change: `old` has left its table, `new` has come; either may be NULL.
struct rules_step {
	struct rule *old, *new;
	bool modifies; // new goes on with old's counters
};

struct rules {
	struct db *db;
	struct counts *counts;
	struct classifier *tables[OF_TABLE_MAX + 1];
	unsigned count, max;
	int64_t last_id;
	// The change under way.
	struct rules_step *steps;
	size_t n_steps, steps_room;
	uint64_t now_ms;
	int64_t wall_ms;
	bool dry; // touches no disk
	// Rules with a timeout, with a reference each; removed ones leave at the next
	// rules_expire().
	struct rule **timed;
	size_t n_timed, timed_room;
};

static inline bool rule_is_timed(const struct rule *rule)
{
	return rule->idle_timeout_s || rule->hard_timeout_s;
}

// The rule with this match in the table, or NULL.
struct rule *rules_find(const struct rules *rules, uint8_t table, const struct of_match *match,
			uint16_t priority);
// The rule in its table with the match and priority of one that is in none, or NULL.
struct rule *rules_find_same(const struct rules *rules, const struct rule *rule);
// Into its table's classifier, and counted. Keeps the caller's reference. 0 or -ENOMEM.
int rules_insert(struct rules *rules, struct rule *rule);
// Out of it. The reference is the caller's again.
void rules_remove(struct rules *rules, struct rule *rule);
// A place among those that time out. 0 or -ENOMEM.
int rules_time(struct rules *rules, struct rule *rule);

// The rules that fn chooses, in no order, *n of them; malloc'd, without references. NULL: out of
// memory. table: OF_TABLE_ALL for all.
struct rule **rules_choose(const struct rules *rules, uint8_t table,
			   bool (*fn)(const struct rule *rule, const void *arg), const void *arg,
			   size_t *n);
// Those that a filter (NULL: all) accepts, loosely or strictly.
struct rule **rules_choose_by(const struct rules *rules, const struct of_filter *filter,
			      bool strict, size_t *n);
// The order of rules_list().
int rules_compare(const struct rule *x, const struct rule *y);

// A step: on disk (`durable`: `new` gets a row) and in the tables. Takes over the caller's
// reference to `new`, also on error. 0, -ENOMEM or an error of the disk.
int rules_stage(struct rules *rules, struct rules_step step, bool durable);
// Deletes those that fn chooses.
int rules_delete_where(struct rules *rules, uint8_t table,
		       bool (*fn)(const struct rule *rule, const void *arg), const void *arg);
#endif
