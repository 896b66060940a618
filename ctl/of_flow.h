// A whole flow as an operator types it:
// "table=1,priority=10,tcp,in_port=vm1,tp_dst=80,idle_timeout=60,actions=output:vm2".
#ifndef CTL_OF_FLOW_H
#define CTL_OF_FLOW_H

#include "ctl/of_actions.h"

#define OF_PRIORITY_DEFAULT 32768
#define OF_TABLE_ALL	    255
#define OF_VARIANTS_MAX	    4096

enum of_flow_flags {
	OF_FLOW_SEND_FLOW_REM = 1 << 0, // taken and shown; nobody is told
	OF_FLOW_CHECK_OVERLAP = 1 << 1,
	OF_FLOW_RESET_COUNTS = 1 << 2,
	OF_FLOW_NO_PACKET_COUNTS = 1 << 3,
	OF_FLOW_NO_BYTE_COUNTS = 1 << 4,
};

// Port ranges ("tp_dst=1000-2000") of a flow's text: each is a list of values with masks, and the
// flow stands for a rule for each combination.
struct of_range {
	uint8_t field; // enum of_field_id
	uint8_t n;
	struct {
		uint16_t value, mask;
	} parts[30]; // the most that a range of 16 bits needs
};

#define OF_RANGES_MAX 2

struct of_flow {
	struct of_match match; // without the ranges
	uint16_t priority;
	uint8_t table;
	uint8_t flags;		      // enum of_flow_flags
	uint64_t cookie, cookie_mask; // the mask in mod-flows: which rules; 0: no such condition
	bool has_cookie;	      // cookie=VALUE was given (mod-flows sets it then)
	uint16_t idle_timeout_s;      // 0: none
	uint16_t hard_timeout_s;
	uint16_t importance;
	struct of_actions *actions; // malloc'd; NULL: drop
	unsigned n_ranges;
	struct of_range ranges[OF_RANGES_MAX];
};

enum of_flow_form {
	OF_FLOW_ADD,	// no cookie mask
	OF_FLOW_MODIFY, // cookie=VALUE/MASK allowed
};

// An add-flow or mod-flows line; "actions=" must be there and last. 0, or -EINVAL and nothing to
// free. A success is ended by of_flow_fini().
int of_flow_parse(struct of_flow *flow, enum of_flow_form form, const char *line,
		  const struct of_ports *ports, struct of_error *error);
void of_flow_fini(struct of_flow *flow);
// How many rules it stands for (1 without ranges), and the match of rule i.
unsigned of_flow_n_variants(const struct of_flow *flow);
void of_flow_variant(const struct of_flow *flow, unsigned i, struct of_match *match);

// A del-flows or dump-flows filter: match fields, table=N, cookie=VALUE[/MASK], out_port=PORT,
// out_group=GROUP; priority=N with strict only. Numbers of ports that are gone are taken.
struct of_filter {
	struct of_match match;
	uint64_t cookie, cookie_mask;
	uint32_t out_port;  // 0: any
	uint32_t out_group; // UINT32_MAX: any
	uint16_t priority;  // strict only
	uint8_t table;	    // OF_TABLE_ALL: all
	bool has_table;
};
int of_filter_parse(struct of_filter *filter, bool strict, const char *line,
		    const struct of_ports *ports, struct of_error *error);

// What of_flow_print() shows of a rule.
struct of_flow_view {
	const struct of_match *match;
	const struct of_actions *actions;
	uint64_t cookie;
	uint16_t priority, idle_timeout_s, hard_timeout_s, importance;
	uint8_t table, flags;
};
// "table=1, priority=10,tcp,in_port=vm1,tp_dst=80 actions=output:vm2", with idle_timeout, cookie
// and flags when set. Can be parsed again to the same rule.
void of_flow_print(FILE *out, const struct of_flow_view *flow, const struct of_ports *ports);
char *of_flow_format(const struct of_flow_view *flow, const struct of_ports *ports); // malloc'd

#endif
