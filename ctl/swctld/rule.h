// A rule as swctld holds it, in one piece of memory: this, its match, its actions.
#ifndef CTL_SWCTLD_RULE_H
#define CTL_SWCTLD_RULE_H

#include "ctl/of_flow.h"
#include "flowtable/classifier.h"

// What a rule keeps of a flow's flags: the others are orders for the moment.
#define RULE_FLAGS (OF_FLOW_SEND_FLOW_REM | OF_FLOW_NO_PACKET_COUNTS | OF_FLOW_NO_BYTE_COUNTS)

struct rule {
	struct cls_rule cls;		  // stands first
	const struct of_actions *actions; // NULL: drop
	uint64_t cookie;
	uint64_t created_ms, modified_ms, used_ms; // CLOCK_MONOTONIC
	uint64_t n_packets, n_bytes;
	int64_t id;	       // of its row in the database; 0: not there (learned)
	uint32_t counts_place; // of what it has counted (counts.h); 0: none
	uint32_t n_refs;       // the tables' one, and one for each megaflow that counts for it
	uint16_t idle_timeout_s, hard_timeout_s, importance;
	uint8_t table;
	uint8_t flags; // RULE_FLAGS
	bool removed;  // from its table: what it still counts is its successor's, or nobody's
	bool marked;   // by a change under way: it stays
	bool fresh;    // it came with the change under way
	struct rule *successor; // has its match with other actions (mod-flows); or NULL
	uint64_t own[];		// the words of its match, then its actions
};

// A rule with this match and the rest of `flow` (whose match may stand for several); one reference,
// the caller's. In no table. NULL: out of memory.
struct rule *rule_create(const struct of_flow *flow, const struct of_match *match, uint64_t now_ms);
// The same rule with other actions: id, counters and times are copied.
struct rule *rule_copy(const struct rule *rule, const struct of_actions *actions);
void rule_ref(struct rule *rule);
void rule_unref(struct rule *rule); // the last one frees it

// For of_flow_print(); `match` gets the rule's and must live as long as the view.
struct of_flow_view rule_view(const struct rule *rule, struct of_match *match);
// Whether a loose filter accepts it: its match is within the filter's, and the rest fits.
bool rule_fits(const struct rule *rule, const struct of_filter *filter);

#endif
