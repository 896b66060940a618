// Commands that change rules, and how a change of several is undone.
#include "ctl/swctld/blame.h"
#include "ctl/swctld/rules_store.h"

#include <errno.h>
#include <stdlib.h>

void rules_begin(struct rules *rules, uint64_t now_ms, int64_t wall_ms, bool dry)
{
	rules->n_steps = 0;
	rules->now_ms = now_ms;
	rules->wall_ms = wall_ms;
	rules->dry = dry;
}

static int reserve_step(struct rules *rules)
{
	if (rules->n_steps < rules->steps_room)
		return 0;
	size_t room = rules->steps_room ? rules->steps_room * 2 : 64;
	struct rules_step *steps = reallocarray(rules->steps, room, sizeof(*steps));
	if (!steps)
		return -ENOMEM;
	rules->steps = steps;
	rules->steps_room = room;
	return 0;
}

static int64_t wall_of(const struct rules *rules, uint64_t then_ms)
{
	return rules->wall_ms - (int64_t)(rules->now_ms - then_ms);
}

static int put_on_disk(struct rules *rules, const struct rule *rule, bool is_new)
{
	struct of_match match;
	struct of_flow_view view = rule_view(rule, &match);
	FILE *text = db_text_begin(rules->db);
	if (!text)
		return -ENOMEM;
	of_flow_print(text, &view, NULL); // ports as numbers
	struct db_row row = {
	    .id = rule->id,
	    .created_ms = wall_of(rules, rule->created_ms),
	    .modified_ms = wall_of(rules, rule->modified_ms),
	};
	return is_new ? db_text_add(rules->db, DB_RULES, row)
		      : db_text_set(rules->db, DB_RULES, row);
}

static int stage_on_disk(struct rules *rules, const struct rules_step *step, bool durable)
{
	int64_t old_id = step->old ? step->old->id : 0;
	if (durable)
		step->new->id = old_id ? old_id : ++rules->last_id;
	if (rules->dry)
		return 0;
	if (durable)
		return put_on_disk(rules, step->new, !old_id);
	return old_id ? db_row_delete(rules->db, DB_RULES, old_id) : 0;
}

static int stage_in_tables(struct rules *rules, const struct rules_step *step)
{
	if (step->old)
		rules_remove(rules, step->old);
	int err = step->new ? rules_insert(rules, step->new) : 0;
	if (!err && step->new &&rule_is_timed(step->new)) {
		err = rules_time(rules, step->new);
		if (err)
			rules_remove(rules, step->new);
	}
	// It has just been there; without it, tables and disk would differ.
	if (err && step->old && rules_insert(rules, step->old) < 0)
		abort();
	return err;
}

int rules_stage(struct rules *rules, struct rules_step step, bool durable)
{
	int err = reserve_step(rules);
	if (step.new)
		step.new->fresh = true;
	if (!err)
		err = stage_on_disk(rules, &step, durable);
	if (!err)
		err = stage_in_tables(rules, &step);
	if (err)
		rule_unref(step.new);
	else
		rules->steps[rules->n_steps++] = step;
	return err;
}

struct overlap {
	const struct of_match *match;
	uint16_t priority;
	const struct rule *found;
};

static bool overlaps(struct cls_rule *cls, void *arg)
{
	struct overlap *o = arg;
	if (cls->priority == o->priority && cls_rule_overlaps(cls, o->match))
		o->found = (const struct rule *)cls;
	return !o->found;
}

// OpenFlow 1.3.5, section 6.4: with OFPFF_CHECK_OVERLAP.
static int check_overlap(const struct rules *rules, const struct of_flow *flow,
			 const struct of_match *match, struct of_error *error)
{
	struct overlap o = {match, flow->priority, NULL};
	const struct classifier *c = rules->tables[flow->table];
	if (!(flow->flags & OF_FLOW_CHECK_OVERLAP) || !c)
		return 0;
	classifier_each(c, overlaps, &o);
	if (!o.found)
		return 0;
	struct of_match other;
	struct of_flow_view view = rule_view(o.found, &other);
	char *shown = of_flow_format(&view, NULL);
	blame_nothing(error, "check_overlap: a rule of the same priority overlaps it: %s",
		      shown ? shown : "");
	free(shown);
	return -EINVAL;
}

static int check_new(const struct rules *rules, const struct of_flow *flow,
		     const struct of_match *match, struct of_error *error)
{
	if (rules->count >= rules->max)
		return blame_nothing(
		    error, "more than %u rules; delete some, or give swctld a higher --max-rules",
		    rules->max);
	return check_overlap(rules, flow, match, error);
}

static int add_one(struct rules *rules, const struct of_flow *flow, const struct of_match *match,
		   struct of_error *error)
{
	struct rule *new = rule_create(flow, match, rules->now_ms);
	if (!new)
		return -ENOMEM;
	struct rule *old = rules_find_same(rules, new);
	int err = old ? 0 : check_new(rules, flow, match, error);
	if (err) {
		rule_unref(new);
		return err;
	}
	return rules_stage(rules, (struct rules_step){old, new, false}, true);
}

int rules_add(struct rules *rules, const struct of_flow *flow, struct of_error *error)
{
	unsigned n = of_flow_n_variants(flow);
	if (n == 1 && flow->n_ranges == 0)
		return add_one(rules, flow, &flow->match, error);
	int err = 0;
	for (unsigned i = 0; i < n && !err; i++) {
		struct of_match match;
		of_flow_variant(flow, i, &match);
		err = add_one(rules, flow, &match, error);
	}
	return err;
}

// The rule goes on with what the flow gives: actions, cookie, and with `all` the rest, too.
static int modify_one(struct rules *rules, struct rule *old, const struct of_flow *flow, bool all)
{
	struct rule *new = rule_copy(old, flow->actions);
	if (!new)
		return -ENOMEM;
	new->modified_ms = rules->now_ms;
	if (flow->has_cookie || all)
		new->cookie = flow->cookie;
	if (all) {
		new->idle_timeout_s = flow->idle_timeout_s;
		new->hard_timeout_s = flow->hard_timeout_s;
		new->importance = flow->importance;
		new->flags = flow->flags &RULE_FLAGS;
	}
	return rules_stage(rules, (struct rules_step){old, new, true}, all || old->id);
}

static int modify_variant(struct rules *rules, const struct of_flow *flow, uint8_t table,
			  const struct of_match *match, bool strict, struct of_error *error)
{
	struct of_filter filter = {.match = *match,
				   .cookie = flow->cookie,
				   .cookie_mask = flow->cookie_mask,
				   .out_group = UINT32_MAX,
				   .priority = flow->priority,
				   .table = table};
	size_t n;
	struct rule **list = rules_choose_by(rules, &filter, strict, &n);
	if (!list)
		return -ENOMEM;
	int err = 0;
	for (size_t i = 0; i < n && !err; i++)
		err = modify_one(rules, list[i], flow, false);
	free(list);
	if (n == 0 && !err && flow->cookie_mask == 0)
		err = add_one(rules, flow, match, error);
	return err;
}

int rules_modify(struct rules *rules, const struct of_flow *flow, uint8_t table, bool strict,
		 struct of_error *error)
{
	unsigned n = of_flow_n_variants(flow);
	int err = 0;
	for (unsigned i = 0; i < n && !err; i++) {
		struct of_match match;
		of_flow_variant(flow, i, &match);
		err = modify_variant(rules, flow, table, &match, strict, error);
	}
	return err;
}

static int compare_ids(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule *const *)a, *y = *(const struct rule *const *)b;
	return x->id < y->id ? -1 : x->id > y->id;
}

// Takes the list over. On disk, one row after the other costs a fraction of what jumps do.
static int delete_list(struct rules *rules, struct rule **list, size_t n)
{
	int err = list ? 0 : -ENOMEM;
	if (list)
		qsort(list, n, sizeof(*list), compare_ids);
	for (size_t i = 0; list && i < n && !err; i++)
		err = rules_stage(rules, (struct rules_step){list[i], NULL, false}, false);
	free(list);
	return err;
}

int rules_delete_where(struct rules *rules, uint8_t table,
		       bool (*fn)(const struct rule *rule, const void *arg), const void *arg)
{
	size_t n = 0;
	struct rule **list = rules_choose(rules, table, fn, arg, &n);
	return delete_list(rules, list, n);
}

int rules_delete(struct rules *rules, const struct of_filter *filter, bool strict)
{
	size_t n = 0;
	struct rule **list = rules_choose_by(rules, filter, strict, &n);
	return delete_list(rules, list, n);
}

struct use {
	enum of_action_type type;
	uint32_t value;
};

static bool uses(const struct rule *rule, const void *arg)
{
	const struct use *use = arg;
	return of_actions_use(rule->actions, use->type, use->value);
}

int rules_delete_using(struct rules *rules, enum of_action_type type, uint32_t value)
{
	struct use use = {type, value};
	return rules_delete_where(rules, OF_TABLE_ALL, uses, &use);
}

unsigned rules_count_using(const struct rules *rules, enum of_action_type type, uint32_t value)
{
	struct use use = {type, value};
	size_t n = 0;
	free(rules_choose(rules, OF_TABLE_ALL, uses, &use, &n));
	return (unsigned)n;
}

static bool unmark(const struct rule *rule, const void *arg)
{
	(void)arg;
	((struct rule *)rule)->marked = false;
	return false;
}

void rules_replace_begin(struct rules *rules)
{
	size_t n;
	free(rules_choose(rules, OF_TABLE_ALL, unmark, NULL, &n));
}

// Whether the rule is just what the flow asks for.
static bool is_same(const struct rule *rule, const struct of_flow *flow)
{
	return rule->cookie == flow->cookie && rule->idle_timeout_s == flow->idle_timeout_s &&
	       rule->hard_timeout_s == flow->hard_timeout_s &&
	       rule->importance == flow->importance && rule->flags == (flow->flags & RULE_FLAGS) &&
	       of_actions_equal(rule->actions, flow->actions);
}

static int replace_one(struct rules *rules, const struct of_flow *flow,
		       const struct of_match *match, struct of_error *error)
{
	struct rule *old = rules_find(rules, flow->table, match, flow->priority);
	int err = 0;
	// One that was learned has to go to the disk.
	if (old && is_same(old, flow) && (old->id || rules->dry)) {
		old->marked = true;
		return 0;
	}
	err = old ? modify_one(rules, old, flow, true) : add_one(rules, flow, match, error);
	if (!err)
		rules->steps[rules->n_steps - 1].new->marked = true;
	return err;
}

int rules_replace(struct rules *rules, const struct of_flow *flow, struct of_error *error)
{
	unsigned n = of_flow_n_variants(flow);
	int err = 0;
	for (unsigned i = 0; i < n && !err; i++) {
		struct of_match match;
		of_flow_variant(flow, i, &match);
		err = replace_one(rules, flow, &match, error);
	}
	return err;
}

static bool is_unmarked(const struct rule *rule, const void *arg)
{
	(void)arg;
	return !rule->marked;
}

int rules_replace_end(struct rules *rules)
{
	return rules_delete_where(rules, OF_TABLE_ALL, is_unmarked, NULL);
}
