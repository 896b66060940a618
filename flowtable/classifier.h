// The rule classifier of one OpenFlow table: finds the highest-priority rule that matches a key,
// and collects the bits that it looked at, which become a megaflow's mask. Tuple space search: one
// hash table per mask, in order of their highest priority, each looked at in stages (stages.h),
// with prefix tries that tell from few bits of an address or port that no rule of a mask matches
// (trie.h). No DPDK; used by swctld's one thread.
#ifndef FLOWTABLE_CLASSIFIER_H
#define FLOWTABLE_CLASSIFIER_H

#include "flowtable/of_key.h"

struct classifier;
struct cls_mask; // a mask that rules share, counted

// Embed in a rule. Holds its match in little room: the mask is shared by all rules that have it,
// and of the key only words stand here in which the mask has bits.
struct cls_rule {
	const struct cls_mask *mask;
	uint64_t *words;       // of the masked key; the caller's memory, cls_match_bytes() of it
	struct cls_rule *next; // the classifier's, as all below
	void *subtable;	       // NULL: in no classifier
	uint32_t hash;
	uint16_t priority;
};

// Bytes that cls_rule_init() wants at `words` for rules of this mask, a multiple of 8.
size_t cls_match_bytes(const struct of_key *mask);
// `words` is aligned to 8 and lives as long as the rule. 0 or -ENOMEM.
int cls_rule_init(struct cls_rule *rule, uint64_t *words, const struct of_match *match,
		  uint16_t priority);
// Must be in no classifier.
void cls_rule_fini(struct cls_rule *rule);
void cls_rule_match(const struct cls_rule *rule, struct of_match *match);
bool cls_rule_matches(const struct cls_rule *rule, const struct of_key *key);
// Whether both have the same match and priority.
bool cls_rule_same(const struct cls_rule *a, const struct cls_rule *b);
// Loose OpenFlow matching (specification 1.3.5, section 6.4): the rule is at least as specific as
// `match`: its mask has all bits of match's, and it agrees in them.
bool cls_rule_is_within(const struct cls_rule *rule, const struct of_match *match);
// Whether some key matches both: the same priority then makes an overlap (OFPFF_CHECK_OVERLAP).
bool cls_rule_overlaps(const struct cls_rule *rule, const struct of_match *match);

struct classifier *classifier_create(void);
void classifier_destroy(struct classifier *c); // the rules stay the caller's
// 0 or -ENOMEM. A rule with the same match and priority must not be inside (see classifier_find).
int classifier_add(struct classifier *c, struct cls_rule *rule);
void classifier_del(struct classifier *c, struct cls_rule *rule);
// The rule with exactly this match and priority, or NULL.
struct cls_rule *classifier_find(const struct classifier *c, const struct of_match *match,
				 uint16_t priority);
// The same for the match and priority of a rule that is not inside, without unpacking it.
struct cls_rule *classifier_find_same(const struct classifier *c, const struct cls_rule *rule);
// The winner, or NULL; which one among equal priorities is unspecified, as in OpenFlow. `looked_at`
// (may be NULL) gets every bit that was needed to decide or'ed in: all keys that agree in those
// bits have the same winner.
struct cls_rule *classifier_lookup(const struct classifier *c, const struct of_key *key,
				   struct of_key *looked_at);
// All rules in no order, until fn returns false. fn must not change the classifier.
void classifier_each(const struct classifier *c, bool (*fn)(struct cls_rule *rule, void *arg),
		     void *arg);
unsigned classifier_n_rules(const struct classifier *c);
unsigned classifier_n_masks(const struct classifier *c);

#endif
