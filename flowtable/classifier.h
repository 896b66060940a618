// The rule classifier: finds the highest-priority rule that matches a key, and collects the bits
// that it looked at, which become a megaflow's mask. Tuple space search: one hash table per mask,
// tables in order of their highest priority, each looked at in stages (stages.h). No DPDK; used by
// swctld's one thread.
#ifndef FLOWTABLE_CLASSIFIER_H
#define FLOWTABLE_CLASSIFIER_H

#include "flowtable/key.h"

struct classifier;

// Embed in a rule. The classifier owns `next` and `subtable`; the rest is the caller's and must not
// change while inside.
struct cls_rule {
	struct flow_match match;
	uint32_t priority; // 0 to 65535
	uint32_t hash;
	struct cls_rule *next;
	void *subtable;
};

struct classifier *classifier_create(void);
void classifier_destroy(struct classifier *c); // the rules stay the caller's
// 0 or -ENOMEM. A rule with the same match and priority must not be inside (see classifier_find).
int classifier_add(struct classifier *c, struct cls_rule *rule);
void classifier_del(struct classifier *c, struct cls_rule *rule);
// The rule with exactly this match and priority, or NULL.
struct cls_rule *classifier_find(const struct classifier *c, const struct flow_match *match,
				 uint32_t priority);
// The winner, or NULL; among equal priorities the one added first... is unspecified, as in
// OpenFlow. `wildcards` (may be NULL) gets every bit that was needed to decide or'ed in: all keys
// that agree in those bits have the same winner.
struct cls_rule *classifier_lookup(const struct classifier *c, const struct flow_key *key,
				   struct flow_key *wildcards);
unsigned classifier_n_rules(const struct classifier *c);

#endif
