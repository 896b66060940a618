// The rules: a classifier for each table, with timeouts and counters, and their copy on disk.
//
// A rule names ports by number, on disk too: what a rule means cannot change behind its back. A
// removed port's rules stay, show its number and output nowhere; a port that comes back under its
// old name has its old number and serves them again.
//
// Rules that learn() made are in memory only; a restart ends them.
#ifndef CTL_SWCTLD_RULES_H
#define CTL_SWCTLD_RULES_H

#include "ctl/swctld/counts.h"
#include "ctl/swctld/items.h"
#include "ctl/swctld/rule.h"

#define RULES_MAX_DEFAULT 1000000
#define RULES_MAX_LIMIT	  100000000
#define RULES_TOLD_MAX	  16

struct rules;

// What a change did: counts for its user, and for revalidation what packets may have another fate.
// Zero it first; changes add up.
struct rules_change {
	unsigned added, replaced, modified, deleted;
	struct items_change groups, meters;
	uint64_t tables[4]; // bit per table in which rules came, went or got other actions
	unsigned n_told;    // rules that did; `told` has all of them if at most RULES_TOLD_MAX
	struct rules_told {
		struct of_match match;
		uint16_t priority;
		uint8_t table;
	} told[RULES_TOLD_MAX];
};

// max: rules that may be there, learned ones too.
struct rules *rules_create(struct db *db, unsigned max);
void rules_destroy(struct rules *rules);
// What rules have counted is kept in `counts` from now on, and read from there by rules_load().
void rules_keep_counts(struct rules *rules, struct counts *counts);
// Reads all from the database. 0 or -errno with one line in err.
int rules_load(struct rules *rules, uint64_t now_ms, int64_t wall_ms, char *err, size_t err_len);

// The classifiers, OF_TABLE_MAX + 1 of them; NULL: no rules there.
const struct classifier *const *rules_tables(const struct rules *rules);
unsigned rules_count(const struct rules *rules);

// Commands, of a change that change.h begins and ends: they take effect at once, and last if it is
// committed. 0; -EINVAL with *error; or -errno of the disk (db_error() tells) or -ENOMEM.
//
// Adds the rules that the flow stands for, replacing those with the same match and priority.
int rules_add(struct rules *rules, const struct of_flow *flow, struct of_error *error);
// Gives the flow's actions, and its cookie when it has one, to the rules in the table
// (OF_TABLE_ALL: in all) that its match (or its match and priority: strict) and cookie mask choose.
// If there is none and no cookie mask, adds the flow, as OpenFlow 1.0 to 1.2 have it.
int rules_modify(struct rules *rules, const struct of_flow *flow, uint8_t table, bool strict,
		 struct of_error *error);
int rules_delete(struct rules *rules, const struct of_filter *filter, bool strict);
// Deletes those with an action of this type (OF_GROUP or OF_METER) and value (UINT32_MAX: any).
int rules_delete_using(struct rules *rules, enum of_action_type type, uint32_t value);
// The whole set of rules in the place of the old one, with the least change: after
// rules_replace_begin(), each is given to rules_replace(); rules_replace_end() deletes the others.
// A rule that is there with other actions, cookie or timeouts is modified.
void rules_replace_begin(struct rules *rules);
int rules_replace(struct rules *rules, const struct of_flow *flow, struct of_error *error);
int rules_replace_end(struct rules *rules);
// The change's begin and its two ends. dry: it will be undone and touches no disk. rules_finish()
// does what commands entail, before the disk's commit.
void rules_begin(struct rules *rules, uint64_t now_ms, int64_t wall_ms, bool dry);
int rules_finish(struct rules *rules);
void rules_settle(struct rules *rules, struct rules_change *change);
void rules_undo(struct rules *rules);
// Calls fn with what the change has done so far: rules that went (is_new false) and came, in the
// order of rules_list(), all that go before the one that comes in their place.
int rules_each_difference(const struct rules *rules,
			  void (*fn)(const struct rule *rule, bool is_new, void *arg), void *arg);

// Adds a rule that learn() teaches, or refreshes it: in memory only; a rule of an operator's with
// the same match and priority stays as it is. 0, -EEXIST for that, -ENOSPC when there are too many
// rules, -ENOMEM. Not within a change.
int rules_learn(struct rules *rules, const struct of_flow *flow, uint64_t now_ms,
		struct rules_change *change);
// How many rules of a table have this cookie: for learn(limit=).
unsigned rules_count_cookie(const struct rules *rules, uint8_t table, uint64_t cookie);
// How many have an action of this type (OF_GROUP or OF_METER) and value.
unsigned rules_count_using(const struct rules *rules, enum of_action_type type, uint32_t value);
// Deletes what has timed out. Packets have been counted up to counted_ms: a rule that was not hit
// since is not yet idle. Returns how many.
unsigned rules_expire(struct rules *rules, uint64_t now_ms, uint64_t counted_ms,
		      struct rules_change *change);
// Counts packets for a rule, which may be removed, and stages that for `counts`. used_ms 0: not
// used since.
void rules_hit(struct counts *counts, struct rule *rule, uint64_t packets, uint64_t bytes,
	       uint64_t used_ms);

// What the filter (NULL: all) accepts, by table, then highest priority first, then in the order of
// insertion. Holds a reference to each; *n of them. NULL when out of memory.
struct rule **rules_list(const struct rules *rules, const struct of_filter *filter, bool strict,
			 size_t *n);
void rules_list_free(struct rule **list, size_t n);

#endif
