// The rules: the classifier that translation walks, with timeouts and counters, and their copy on
// disk.
//
// A rule names ports by number, on disk too: what a rule means cannot change behind its back. A
// removed port's rules stay, show its number and output nowhere; a port that comes back under its
// old name has its old number and serves them again.
#ifndef CTL_SWCTLD_RULES_H
#define CTL_SWCTLD_RULES_H

#include "ctl/swctld/db.h"
#include "ctl/swctld/translate.h"

struct rules;

struct rules_change {
	unsigned added, replaced, deleted;
};

struct rules *rules_create(struct db *db);
void rules_destroy(struct rules *rules);
// Reads all from the database. 0 or -errno with one line in err.
int rules_load(struct rules *rules, uint64_t now_ms, int64_t wall_ms, char *err, size_t err_len);

// A zeroed rule whose `flow` the caller fills. NULL when out of memory. Free it with free() unless
// it was handed on.
struct rule *rule_alloc(void);

// Adds n rules or none, replacing those with the same match and priority (their counters start
// again, as in OpenFlow). Takes the rules over, also on error; the array stays the caller's. On
// disk when it returns 0; else -errno, and db_error() tells.
int rules_add(struct rules *rules, struct rule **list, size_t n, uint64_t now_ms, int64_t wall_ms,
	      struct rules_change *change);
// Deletes all that the filter accepts, or none.
int rules_del(struct rules *rules, const struct of_filter *filter, struct rules_change *change);
// Deletes what has timed out. Packets have been counted up to counted_ms: a rule that was not hit
// since is not yet idle. Returns how many.
unsigned rules_expire(struct rules *rules, uint64_t now_ms, uint64_t counted_ms);

// Counts packets for the rule with this id; nothing when it is gone. used_ms 0: not used since.
void rules_hit(struct rules *rules, int64_t id, uint64_t packets, uint64_t bytes, uint64_t used_ms);

const struct classifier *rules_classifier(const struct rules *rules);
unsigned rules_count(const struct rules *rules);
// What the filter (NULL: all) accepts, highest priority first, then in the order of insertion.
// malloc'd array of *n; NULL with *n 0 when none; the rules are not the caller's.
const struct rule **rules_list(const struct rules *rules, const struct of_filter *filter,
			       size_t *n);

#endif
