// Translation: a missed packet's key to a megaflow, through the tables.
#ifndef CTL_SWCTLD_TRANSLATE_H
#define CTL_SWCTLD_TRANSLATE_H

#include "ctl/swctld/fdb.h"
#include "ctl/swctld/frozen.h"
#include "ctl/swctld/groups.h"
#include "ctl/swctld/rule.h"
#include "flowtable/action.h"

#define XLATE_DEPTH_MAX	    64	 // nested resubmits, groups and clones
#define XLATE_RESUBMITS_MAX 4096 // of one packet, goto_table too
#define XLATE_RULES_MAX	    256	 // that count one packet
#define XLATE_FROZEN_MAX    8	 // recirculations that one packet starts
#define XLATE_LEARNED_MAX   64	 // rules that one packet may teach

// What NORMAL, flood and fast failover need to know of a port.
struct xlate_port {
	uint32_t no;
	uint16_t tag;		    // access VLAN; 0: none (a trunk)
	bool trunks_set;	    // false: all VLANs
	bool up;		    // has a link
	uint64_t trunks[4096 / 64]; // bit per VLAN
};

struct xlate_ctx {
	const struct classifier *const *tables; // OF_TABLE_MAX + 1 of them; NULL: no rules there
	const struct groups *groups;		// NULL: none
	struct fdb *fdb;
	struct frozen_states *frozen;
	const struct xlate_port *ports; // sorted by no
	unsigned n_ports;
	uint64_t now_ms;
	bool learn; // whether NORMAL may learn the source, and learn() rules
	// Told of each step; NULL: nobody. Who traces calls frozen_begin(), once for all that a
	// packet is recirculated to.
	const struct xlate_trace *trace;
};

// What a translation depended on.
struct dependences {
	uint64_t tables[4]; // bit per table that was looked into
	bool groups;	    // or port states
	bool macs;	    // learned addresses
	bool edited;	    // a table may have seen other bits than the packet came with
};

// What became of a packet, besides its actions.
enum xlate_end {
	XLATE_OK,
	XLATE_TOO_MANY_ACTIONS,	  // more than ACTIONS_MAX
	XLATE_TOO_MANY_RESUBMITS, // a loop, most likely
	XLATE_TOO_DEEP,
	XLATE_STACK,	       // push onto a full one
	XLATE_TOO_MANY_ROUNDS, // copies that come round
	XLATE_NO_MEMORY,
	XLATE_ENDS,
};
// All but XLATE_OK drop the packet.
const char *xlate_end_text(enum xlate_end end);

struct xlate_result {
	struct flow_match match; // of the megaflow: key masked
	unsigned n_actions;
	struct action actions[ACTIONS_MAX];
	enum xlate_end end;
	// The rules that the packet met, in order, each once; not the caller's.
	unsigned n_rules;
	struct rule *rules[XLATE_RULES_MAX];
	struct dependences on;
	unsigned n_frozen; // states that it is recirculated to
	uint32_t frozen[XLATE_FROZEN_MAX];
	bool used_normal;	    // NORMAL was part: counters refresh the fdb
	uint16_t normal_vlan;	    // the VLAN in which it learns
	struct eth_addr normal_mac; // what it learns (a rule may have changed the source before)
	bool fdb_changed;	    // learning changed what others see
	bool learns;		    // learn() was part: counters refresh what it taught
	// ctx->learn: rules to be added, in order; their actions are the caller's to free
	// (xlate_result_fini).
	unsigned n_learned;
	struct xlate_learned {
		struct of_flow flow;
		uint32_t limit; // of_act_learn's
	} learned[XLATE_LEARNED_MAX];
};

// Translates. `result` is overwritten; end it with xlate_result_fini(). 0, or -E2BIG when
// result->end is not XLATE_OK (then the result drops).
int translate(const struct xlate_ctx *ctx, const struct flow_key *key, struct xlate_result *result);
void xlate_result_fini(struct xlate_result *result);

#endif
