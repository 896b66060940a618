// Translation: a missed packet's key to a megaflow, through the rules.
#ifndef CTL_SWCTLD_TRANSLATE_H
#define CTL_SWCTLD_TRANSLATE_H

#include "ctl/of_flow.h"
#include "ctl/swctld/fdb.h"
#include "flowtable/action.h"
#include "flowtable/classifier.h"

// A rule as swctld holds it. cls stands first.
struct rule {
	struct cls_rule cls;
	struct of_flow flow;
	int64_t id;		      // of its row in the database
	uint64_t created_ms, used_ms; // CLOCK_MONOTONIC
	uint64_t n_packets, n_bytes;
};

// What NORMAL and flood need to know of a port.
struct xlate_port {
	uint32_t no;
	uint16_t tag;		    // access VLAN; 0: none (a trunk)
	bool trunks_set;	    // false: all VLANs
	uint64_t trunks[4096 / 64]; // bit per VLAN
};

struct xlate_ctx {
	const struct classifier *rules;
	struct fdb *fdb;
	const struct xlate_port *ports; // sorted by no
	unsigned n_ports;
	uint64_t now_ms;
	bool learn; // whether NORMAL may learn the source
};

struct xlate_result {
	struct flow_match match; // of the megaflow: key masked
	unsigned n_actions;
	struct action actions[ACTIONS_MAX];
	struct rule *rule;	    // that decided, or NULL (no rule: drop)
	bool used_normal;	    // NORMAL was part: counters refresh the fdb
	uint16_t normal_vlan;	    // the VLAN in which it learns
	struct eth_addr normal_mac; // what it learns (a rule may have changed the source before)
	bool fdb_changed;	    // learning changed what others see
};

// Translates. 0, or -E2BIG when the actions do not fit (then the result drops).
int translate(const struct xlate_ctx *ctx, const struct flow_key *key, struct xlate_result *result);

#endif
