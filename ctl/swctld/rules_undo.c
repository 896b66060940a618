// The ends of a change: what it did, or its undoing.
#include "ctl/swctld/rules_store.h"

#include <errno.h>
#include <stdlib.h>

#define STEPS_KEPT 4096

static void tell(struct rules_change *change, const struct rule *rule)
{
	change->tables[rule->table / 64] |= UINT64_C(1) << rule->table % 64;
	unsigned i = change->n_told++;
	if (i >= RULES_TOLD_MAX)
		return;
	change->told[i].table = rule->table;
	change->told[i].priority = rule->cls.priority;
	cls_rule_match(&rule->cls, &change->told[i].match);
}

// Packets do not tell a rule from another with the same actions, but for its counters.
static bool acts_as_before(const struct rules_step *step)
{
	return step->modifies && step->old &&
	       step->new &&of_actions_equal(step->old->actions, step->new->actions);
}

static void count(struct rules_change *change, const struct rules_step *step)
{
	if (step->modifies)
		change->modified++;
	else if (step->old && step->new)
		change->replaced++;
	else if (step->new)
		change->added++;
	else
		change->deleted++;
	const struct rule *rule = step->new ? step->new : step->old;
	if (rule && !acts_as_before(step))
		tell(change, rule);
}

// The place of what a rule has counted goes to the one that goes on with it, or is free.
static void hand_counts_on(struct rules *rules, struct rule *old, struct rule *successor)
{
	if (successor && successor->id == old->id) {
		successor->counts_place = old->counts_place;
		old->counts_place = 0;
	}
	counts_rule_gone(rules->counts, &old->counts_place);
}

static void retire(struct rules *rules, const struct rules_step *step)
{
	struct rule *successor = step->modifies ? step->new : NULL;
	step->old->removed = true;
	hand_counts_on(rules, step->old, successor);
	if (successor) {
		step->old->successor = successor;
		rule_ref(successor);
	}
	rule_unref(step->old);
}

void rules_settle(struct rules *rules, struct rules_change *change)
{
	for (size_t i = 0; i < rules->n_steps; i++) {
		const struct rules_step *step = &rules->steps[i];
		count(change, step);
		if (step->new)
			step->new->fresh = false;
		if (step->old)
			retire(rules, step);
	}
	rules->n_steps = 0;
	// A load's worth of memory is not kept for the next one.
	if (rules->steps_room > STEPS_KEPT) {
		free(rules->steps);
		rules->steps = NULL;
		rules->steps_room = 0;
	}
}

void rules_undo(struct rules *rules)
{
	while (rules->n_steps > 0) {
		const struct rules_step *step = &rules->steps[--rules->n_steps];
		if (step->new) {
			rules_remove(rules, step->new);
			step->new->removed = true;
			rule_unref(step->new);
		}
		// It has just been there; without it, tables and disk would differ.
		if (step->old && rules_insert(rules, step->old) < 0)
			abort();
	}
}

struct difference {
	const struct rule *rule;
	bool is_new;
};

static int compare(const void *a, const void *b)
{
	const struct difference *x = a, *y = b;
	int by_rule = rules_compare(x->rule, y->rule);
	return by_rule ? by_rule : x->is_new - y->is_new;
}

int rules_each_difference(const struct rules *rules,
			  void (*fn)(const struct rule *rule, bool is_new, void *arg), void *arg)
{
	size_t n = 0;
	struct difference *list = calloc(2 * rules->n_steps + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < rules->n_steps; i++) {
		const struct rules_step *step = &rules->steps[i];
		// What came and went within the change is no difference.
		if (step->old && !step->old->fresh)
			list[n++] = (struct difference){step->old, false};
		if (step->new && step->new->cls.subtable)
			list[n++] = (struct difference){step->new, true};
	}
	qsort(list, n, sizeof(*list), compare);
	for (size_t i = 0; i < n; i++)
		fn(list[i].rule, list[i].is_new, arg);
	free(list);
	return 0;
}
