// A rule as swctld holds it, in one piece of memory: this, its match, its actions.
#ifndef CTL_SWCTLD_RULE_H
#define CTL_SWCTLD_RULE_H

#include "ctl/of_flow.h"
#include "flowtable/classifier.h"

struct rule {
	struct cls_rule cls;		  // stands first
	const struct of_actions *actions; // NULL: drop
	uint64_t cookie;
	uint64_t created_ms, modified_ms, used_ms; // CLOCK_MONOTONIC
	uint64_t n_packets, n_bytes;
	int64_t id;	 // of its row in the database; 0: not there (learned)
	uint32_t n_refs; // the tables' one, and one for each megaflow that counts for it
	uint16_t idle_timeout_s, hard_timeout_s, importance;
	uint8_t table;
	uint8_t flags; // enum of_flow_flags
	bool removed;  // from its table: what it still counts is nobody's
		       // (links of the rules module follow)
};

void rule_ref(struct rule *rule);
void rule_unref(struct rule *rule); // the last one frees it

#endif
