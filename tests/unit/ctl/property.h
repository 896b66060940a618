// A random rule set in both forms, the translator's and the reference interpreter's, and the
// comparison of what they do with a packet.
#ifndef TESTS_UNIT_CTL_PROPERTY_H
#define TESTS_UNIT_CTL_PROPERTY_H

#include "tests/unit/ctl/model_execute.h"
#include "tests/unit/ctl/random_rules.h"

#include "ctl/swctld/translate.h"

struct groups {
	unsigned n;
	struct group list[RANDOM_GROUPS_MAX];
};

// A rule set that both know.
struct property {
	struct ref_port ports[6];
	struct ref_switch sw;
	struct ref_rule ref_rules[RANDOM_CROWD_MAX];
	struct of_flow flows[RANDOM_CROWD_MAX];
	struct rule *rules[RANDOM_CROWD_MAX];
	struct classifier *classifiers[OF_TABLE_MAX + 1];
	struct groups groups;
	struct of_group of_groups[RANDOM_GROUPS_MAX];
	struct xlate_port xlate_ports[6];
	struct xlate_ctx ctx;
	struct random_rules text; // stands last
};

struct arrival {
	uint32_t in_port;
	struct model packet;
};

// Reads the rules of `text`, which is copied; `base` has the fdb and the frozen states. False with
// *error when a line is refused; then there is nothing to destroy.
bool property_init(struct property *p, const struct random_rules *text, unsigned ports_down,
		   const struct xlate_ctx *base, struct of_error *error);
void property_fini(struct property *p);

enum verdict { SAME, DIFFERENT, SKIPPED };

#define AROUND_MAX 8

// Room for one comparison.
struct comparison {
	struct xlate_result xlate, again;
	// What the datapath has cached for packets that are recirculated by xlate's actions.
	unsigned n_around;
	struct xlate_result around[AROUND_MAX];
	// Of the last packet: whether it was recirculated, whether a translation of it behind that
	// failed (what came before has then happened), what rules it met, what it taught.
	bool went_around, failed_around;
	unsigned n_rules;
	unsigned rules[REF_RULES_MAX];
	unsigned n_learned;
	const struct xlate_learned *learned[REF_LEARNED_MAX];
	struct ref_result ref;
	struct ref_events events, events_again;
	struct ref_choices choices;
	const char *why; // they differ
};

// Forgets the last translation; before the rules go.
void comparison_reset(struct comparison *c, const struct property *p);

// The packet's key, with its in_port.
void arrival_key(const struct arrival *a, struct flow_key *key);
// Translates c->xlate for the packet and compares.
enum verdict property_check(const struct property *p, struct comparison *c,
			    const struct arrival *a);
// Compares c->xlate, which was made for another packet, with what the reference does with one that
// its megaflow matches too.
enum verdict property_check_inside(const struct property *p, struct comparison *c,
				   const struct arrival *a);
bool property_is_inside(const struct comparison *c, const struct arrival *a);

#endif
