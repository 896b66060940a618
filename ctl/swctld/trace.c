#include "ctl/swctld/trace.h"

#include "ctl/dp_actions.h"
#include "ctl/of_flags.h"
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
	unsigned *looks;
	size_t n_steps; // of all passes
	struct trace_passes *passes;
	// Of the pass under way.
	json_t *steps;
	int missed;  // the table that the walk ends in without a rule, or -1
	bool drops;  // a copy has come round too often
	bool enters; // its first action is the resubmit that ct's table stands for
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
static bool may_step(struct tracer *t, unsigned depth)
{
	if (t->n_steps == STEPS_MAX)
		return false;
	if (++t->n_steps == STEPS_MAX)
		append_note(t, depth, "more steps than a trace shows");
	return t->n_steps < STEPS_MAX;
}

static void put_note(struct tracer *t, unsigned depth, const char *text)
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
	bool is_way_in = t->enters;
	t->enters = false;
	if (is_way_in || !may_step(t, depth))
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

static void on_round(void *arg, unsigned depth, const struct xlate_round *round)
{
	struct tracer *t = arg;
	char text[80];
	int number = trace_passes_add(t->passes, round);
	t->drops |= number == 0;
	if (number > 0)
		snprintf(text, sizeof(text), "goes on in pass %d", number);
	else if (number == 0)
		snprintf(text, sizeof(text), "has come round %d times: swd drops it",
			 RECIRC_DEPTH_MAX);
	else
		snprintf(text, sizeof(text), "comes round: more than the %d passes of a trace",
			 TRACE_PASSES_MAX);
	put_note(t, depth, text);
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
		if (type == ACTION_OUTPUT)
			return true;
	}
	return false;
}

static json_t *end_text(const struct tracer *t, const struct xlate_result *result)
{
	if (result->end != XLATE_OK || is_sent(result))
		return json_string(xlate_end_text(result->end));
	if (result->n_frozen > 0 && !t->drops)
		return json_string("goes on");
	if (result->n_frozen > 0)
		return json_sprintf("recirculated more than %d times", RECIRC_DEPTH_MAX);
	if (t->missed >= 0)
		return json_sprintf("table %d has no rule for it", t->missed);
	return json_string("no action outputs it");
}

// Adds what a pass is to what is told of it.
static void put_pass(const struct trace_passes *passes, const struct trace_pass *pass, json_t *told)
{
	static const char *const sources[] = {
	    [TRACE_DEFAULT] = "default",
	    [TRACE_GIVEN] = "given",
	    [TRACE_TOLD] = "swd",
	};
	struct of_out out;
	json_object_set_new(told, "number", json_integer(passes->number));
	json_object_set_new(told, "of", json_integer(pass->of));
	json_object_set_new(told, "by", json_string(pass->by_ct ? "ct" : "mpls"));
	json_object_set_new(told, "source", json_string(sources[pass->source]));
	if (!pass->by_ct)
		return;
	of_out_init(&out);
	of_flags_print(&out, &of_ct_state, (uint16_t)pass->key.ct_state,
		       (uint16_t)pass->key.ct_state);
	json_object_set_new(told, "table", json_integer(pass->table));
	json_object_set_new(told, "ct_state", take_text(of_out_take(&out)));
	json_object_set_new(told, "nat", json_boolean(pass->ct.flags & ACTION_CT_NAT));
}

static json_t *walk(struct tracer *t, const struct xlate_ctx *ctx, const struct trace_pass *pass)
{
	static struct xlate_result result;
	struct swctld *d = t->d;
	t->steps = json_array();
	t->missed = -1;
	t->drops = false;
	t->enters = pass->by_ct;
	if (translate(ctx, &pass->key, &result) < 0)
		trace_passes_take_back(t->passes);
	json_t *told =
	    json_pack("{s:o, s:o, s:o, s:o, s:o}", "flow", flow_text(t, &pass->key), "steps",
		      t->steps, "end", end_text(t, &result), "megaflow",
		      take_text(dp_match_format(&result.match, ports_name_of, d->ports)), "actions",
		      take_text(dp_actions_format(result.actions, result.n_actions, ports_name_of,
						  d->ports)));
	xlate_result_fini(&result);
	return told;
}

static json_t *walk_passes(struct tracer *t, const struct xlate_ctx *ctx)
{
	json_t *first = walk(t, ctx, trace_passes_next(t->passes)), *passes = json_array();
	const struct trace_pass *pass;
	while ((pass = trace_passes_next(t->passes))) {
		json_t *told = walk(t, ctx, pass);
		put_pass(t->passes, pass, told);
		json_array_append_new(passes, told);
	}
	if (json_array_size(passes) > 0)
		json_object_set(first, "passes", passes);
	json_decref(passes);
	return first;
}

json_t *trace_key(struct swctld *d, const struct flow_key *key, const struct trace_known *known,
		  unsigned *looks)
{
	static struct trace_passes passes;
	struct tracer t = {.d = d,
			   .names = ports_names(d->ports),
			   .looks = looks,
			   .passes = &passes};
	struct xlate_trace trace = {on_table, on_action, on_note, on_round, &t};
	struct xlate_ctx ctx = {
	    .tables = rules_tables(d->rules),
	    .groups = d->groups,
	    .fdb = d->fdb,
	    .frozen = d->frozen,
	    .now_ms = clock_now_ms(),
	    .trace = &trace,
	};
	ctx.ports = ports_xlate(d->ports, &ctx.n_ports);
	trace_passes_init(t.passes, key, known);
	frozen_begin(d->frozen);
	return walk_passes(&t, &ctx);
}
