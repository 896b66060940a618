// A rule as swctld holds it, in one piece of memory: this, its match, its actions.
#ifndef CTL_SWCTLD_RULE_H
#define CTL_SWCTLD_RULE_H

#include "ctl/of_flow.h"
#include "flowtable/classifier.h"

struct rule {
	struct cls_rule cls;		  // stands first
	const struct of_actions *actions; // NULL: drop. A change of actions may move them
	uint64_t cookie;
	uint64_t created_ms, modified_ms, used_ms; // CLOCK_MONOTONIC
	uint64_t n_packets, n_bytes;
	int64_t id;	 // of its row in the database; 0: not there (learned)
	uint32_t n_refs; // the tables' one, and one for each megaflow that counts for it
	uint16_t idle_timeout_s, hard_timeout_s, importance;
	uint8_t table;
	uint8_t flags;	// enum of_flow_flags
	bool removed;	// from its table: what it still counts is nobody's
	bool moved;	// its actions are a piece of their own
	uint64_t own[]; // the words of its match, then its actions
};

// A rule with the match (of all its variants, the caller's choice) and the rest of `flow`; one
// reference, the caller's. In no table. NULL: out of memory.
struct rule *rule_create(const struct of_flow *flow, const struct of_match *match, uint64_t now_ms);
void rule_ref(struct rule *rule);
void rule_unref(struct rule *rule); // the last one frees it

// For of_flow_print(); `match` gets the rule's and must live as long as the view.
struct of_flow_view rule_view(const struct rule *rule, struct of_match *match);
// Whether a filter accepts it: loosely, or only exactly its match and priority.
bool rule_fits(const struct rule *rule, const struct of_filter *filter, bool strict);

#endif
