#include "ctl/swctld/trace.h"

#include "ctl/dp_actions.h"
#include "ctl/swctld/groups.h"
#include "ctl/swctld/nearest.h"
#include "ctl/swctld/ports.h"
#include "ctl/swctld/rpc.h"
#include "ctl/swctld/rules.h"
#include "ctl/swctld/translate.h"
#include "ctl/swctld/xlate.h"
#include "ctl/swctld/xlate_trace.h"
#include "flowtable/of_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// More than a walk through 4096 tables of few actions has; long lists in a loop have millions.
#define STEPS_MAX 16384

struct tracer {
	struct swctld *d;
	struct of_ports names;
	json_t *steps;
	unsigned *looks;
	int missed; // the table that the walk ends in without a rule, or -1
};

static json_t *take_text(char *text)
{
	json_t *json = text ? rpc_text(text) : NULL;
	free(text);
	return json;
}

static json_t *rule_json(const struct tracer *t, const struct rule *rule)
{
	struct of_match match;
	struct of_flow_view view = rule_view(rule, &match);
	char cookie[24];
	snprintf(cookie, sizeof(cookie), "0x%" PRIx64, rule->cookie);
	return json_pack("{s:o, s:i, s:o, s:s, s:o}", "flow",
			 take_text(of_flow_format(&view, &t->names)), "priority",
			 (int)rule->cls.priority, "match",
			 take_text(of_match_format(&match, &t->names)), "cookie", cookie, "actions",
			 take_text(of_actions_format(rule->actions, &t->names)));
}

// The walk's first table is nested in nothing.
static int depth_shown(unsigned depth)
{
	return depth > 0 ? (int)depth - 1 : 0;
}

// Whether a table's rules may be looked at.
static bool may_look(const struct tracer *t, const struct classifier *c)
{
	unsigned n = classifier_n_rules(c);
	if (n > *t->looks)
		return false;
	*t->looks -= n;
	return true;
}

static void put_near(const struct tracer *t, json_t *step, const struct classifier *c,
		     const struct of_key *key, const struct rule *winner)
{
	struct nearest near = nearest_find(c, key, winner);
	if (!near.rule)
		return;
	json_object_set_new(step, "near", rule_json(t, near.rule));
	json_object_set_new(step, "near_by",
			    json_string(near.matches ? "priority"
						     : nearest_field_name(near.field)));
}

static void append_note(const struct tracer *t, unsigned depth, const char *text)
{
	json_array_append_new(t->steps,
			      json_pack("{s:i, s:s}", "depth", depth_shown(depth), "note", text));
}

// Whether there is room for a step. The last place is for saying that there is none.
static bool may_step(const struct tracer *t, unsigned depth)
{
	size_t n = json_array_size(t->steps);
	if (n == STEPS_MAX - 1)
		append_note(t, depth, "more steps than a trace shows");
	return n < STEPS_MAX - 1;
}

static void put_note(const struct tracer *t, unsigned depth, const char *text)
{
	if (may_step(t, depth))
		append_note(t, depth, text);
}

static void on_table(void *arg, unsigned depth, uint8_t table, const struct of_key *key,
		     const struct rule *rule)
{
	struct tracer *t = arg;
	const struct classifier *c = rules_tables(t->d->rules)[table];
	if (!may_step(t, depth))
		return;
	json_t *step = json_pack("{s:i, s:i}", "depth", depth_shown(depth), "table", (int)table);
	bool looks = c && may_look(t, c);
	t->missed = rule ? -1 : table;
	if (rule)
		json_object_set_new(step, "rule", rule_json(t, rule));
	if (looks)
		put_near(t, step, c, key, rule);
	json_array_append_new(t->steps, step);
	if (c && !looks)
		put_note(t, depth, "too many rules to tell which came near");
}

static void on_action(void *arg, unsigned depth, const struct of_action *action)
{
	struct tracer *t = arg;
	if (!may_step(t, depth))
		return;
	struct of_actions *one = malloc(sizeof(*one) + action->len);
	t->missed = -1;
	if (!one)
		return;
	one->n_bytes = action->len;
	memcpy(one->records, action, action->len);
	json_array_append_new(t->steps,
			      json_pack("{s:i, s:o}", "depth", depth_shown(depth), "action",
					take_text(of_actions_format(one, &t->names))));
	free(one);
}

static void on_note(void *arg, unsigned depth, const char *text)
{
	put_note(arg, depth, text);
}

// Of what few packets have, fields that are not zero.
static void mask_meta(struct of_match *match, const struct flow_key *key)
{
	match->key.pkt = *key;
	for (unsigned id = OF_F_TUN_ID; id < OF_N_FIELDS; id++) {
		struct of_subfield sf = of_field_whole((enum of_field_id)id);
		if (of_subfield_get(&sf, &match->key) != 0)
			of_subfield_set(&sf, &match->mask, of_value_ones(sf.n_bits));
	}
}

static json_t *flow_text(const struct tracer *t, const struct flow_key *key)
{
	struct of_match match;
	memset(&match, 0, sizeof(match));
	memset(&match.mask.pkt, 0xff, offsetof(struct flow_key, ct_zone));
	memset(&match.mask.pkt.ipv6_src, 0xff, FLOW_KEY_LINE);
	mask_meta(&match, key);
	match.mask.pkt.recirc_id = 0;
	match.mask.pkt.vlan[0].tpid_be = 0;
	memset(&match.mask.pkt.vlan[1], 0, sizeof(match.mask.pkt.vlan[1]));
	xlate_mask_finish(&match.mask.pkt, key);
	flow_key_mask(&match.key.pkt, key, &match.mask.pkt);
	return take_text(of_match_format(&match, &t->names));
}

// Actions that are left over may still measure what is dropped.
static bool is_sent(const struct xlate_result *result)
{
	for (unsigned i = 0; i < result->n_actions; i++) {
		enum action_type type = result->actions[i].type;
		if (type == ACTION_OUTPUT || type == ACTION_RECIRC)
			return true;
	}
	return false;
}

static json_t *end_text(const struct tracer *t, const struct xlate_result *result)
{
	if (result->end != XLATE_OK || is_sent(result))
		return json_string(xlate_end_text(result->end));
	if (t->missed >= 0)
		return json_sprintf("table %d has no rule for it", t->missed);
	return json_string("no action outputs it");
}

json_t *trace_key(struct swctld *d, const struct flow_key *key, unsigned *looks)
{
	static struct xlate_result result;
	struct tracer t = {.d = d,
			   .names = ports_names(d->ports),
			   .steps = json_array(),
			   .looks = looks,
			   .missed = -1};
	struct xlate_trace trace = {on_table, on_action, on_note, &t};
	struct xlate_ctx ctx = {
	    .tables = rules_tables(d->rules),
	    .groups = d->groups,
	    .fdb = d->fdb,
	    .frozen = d->frozen,
	    .now_ms = clock_now_ms(),
	    .trace = &trace,
	};
	ctx.ports = ports_xlate(d->ports, &ctx.n_ports);
	translate(&ctx, key, &result);
	json_t *told =
	    json_pack("{s:o, s:o, s:o, s:o, s:o}", "flow", flow_text(&t, key), "steps", t.steps,
		      "end", end_text(&t, &result), "megaflow",
		      take_text(dp_match_format(&result.match, ports_name_of, d->ports)), "actions",
		      take_text(dp_actions_format(result.actions, result.n_actions, ports_name_of,
						  d->ports)));
	xlate_result_fini(&result);
	return told;
}
