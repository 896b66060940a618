#include "ctl/swctld/trace.h"

#include "ctl/dp_actions.h"
#include "ctl/swctld/groups.h"
#include "ctl/swctld/ports.h"
#include "ctl/swctld/rpc.h"
#include "ctl/swctld/rules.h"
#include "ctl/swctld/translate.h"
#include "ctl/swctld/xlate.h"
#include "ctl/swctld/xlate_trace.h"
#include "flowtable/of_words.h"

#include <stdlib.h>
#include <string.h>

struct tracer {
	struct swctld *d;
	struct of_ports names;
	json_t *steps;
};

// The rule that came nearest.
struct near {
	const struct of_key *key;
	const struct rule *winner;
	const struct rule *rule;
	unsigned n_fields; // that differ; 0: it matches, and is of lower priority
	enum of_field_id field;
};

static json_t *take_text(char *text)
{
	json_t *json = text ? rpc_text(text) : NULL;
	free(text);
	return json;
}

// In how many fields a rule's match differs from the key, and the first one.
static unsigned count_differences(const struct of_match *match, const struct of_key *key,
				  enum of_field_id *first)
{
	struct of_key differs;
	key_word *d = of_words_rw(&differs);
	const key_word *k = of_words(key), *rk = of_words(&match->key),
		       *rm = of_words(&match->mask);
	uint16_t kinds = of_match_kinds(match);
	unsigned n = 0;
	memset(&differs, 0, sizeof(differs));
	for (unsigned i = 0; i < OF_KEY_WORDS; i++)
		d[i] = (k[i] ^ rk[i]) & rm[i];
	for (unsigned id = 0; id < OF_N_FIELDS; id++) {
		struct of_subfield whole = of_field_whole(id);
		if (of_fields[id].needs && !(of_fields[id].needs & kinds))
			continue;
		if (!of_subfield_get(&whole, &differs))
			continue;
		of_subfield_set(&whole, &differs, 0); // it has other names, too
		if (n++ == 0)
			*first = id;
	}
	return n;
}

static bool is_nearer(const struct near *near, const struct rule *rule, unsigned n_fields)
{
	if (!near->rule)
		return true;
	// One that would have won tells more than one that would not.
	if ((n_fields == 0) != (near->n_fields == 0))
		return n_fields != 0;
	if (n_fields != near->n_fields)
		return n_fields < near->n_fields;
	return rule->cls.priority > near->rule->cls.priority;
}

static bool look_at_rule(struct cls_rule *cls, void *arg)
{
	struct near *near = arg;
	const struct rule *rule = (const struct rule *)cls;
	struct of_match match;
	enum of_field_id field = 0;
	if (rule == near->winner)
		return true;
	cls_rule_match(cls, &match);
	unsigned n = count_differences(&match, near->key, &field);
	bool preferred = !near->winner || cls->priority >= near->winner->cls.priority;
	if (preferred == (n > 0) && is_nearer(near, rule, n)) {
		near->rule = rule;
		near->n_fields = n;
		near->field = field;
	}
	return true;
}

static json_t *rule_text(const struct tracer *t, const struct rule *rule)
{
	struct of_match match;
	struct of_flow_view view = rule_view(rule, &match);
	return take_text(of_flow_format(&view, &t->names));
}

static void on_table(void *arg, unsigned depth, uint8_t table, const struct of_key *key,
		     const struct rule *rule)
{
	struct tracer *t = arg;
	struct near near = {.key = key, .winner = rule};
	const struct classifier *c = rules_tables(t->d->rules)[table];
	json_t *step = json_pack("{s:i, s:i}", "depth", (int)depth, "table", (int)table);
	if (rule)
		json_object_set_new(step, "rule", rule_text(t, rule));
	if (c)
		classifier_each(c, look_at_rule, &near);
	if (near.rule) {
		json_object_set_new(step, "near", rule_text(t, near.rule));
		json_object_set_new(step, "near_by",
				    json_string(near.n_fields ? of_fields[near.field].name
							      : "priority"));
	}
	json_array_append_new(t->steps, step);
}

static void on_action(void *arg, unsigned depth, const struct of_action *action)
{
	struct tracer *t = arg;
	struct of_actions *one = malloc(sizeof(*one) + action->len);
	if (!one)
		return;
	one->n_bytes = action->len;
	memcpy(one->records, action, action->len);
	json_array_append_new(t->steps, json_pack("{s:i, s:o}", "depth", (int)depth, "action",
						  take_text(of_actions_format(one, &t->names))));
	free(one);
}

static void on_note(void *arg, unsigned depth, const char *text)
{
	struct tracer *t = arg;
	json_array_append_new(t->steps, json_pack("{s:i, s:s}", "depth", (int)depth, "note", text));
}

static json_t *flow_text(const struct tracer *t, const struct flow_key *key)
{
	struct of_match match;
	memset(&match, 0, sizeof(match));
	memset(&match.mask.pkt, 0xff, sizeof(match.mask.pkt));
	match.mask.pkt.recirc_id = match.mask.pkt.ct_mark = match.mask.pkt.ct_state = 0;
	match.mask.pkt.dp_hash = 0;
	match.mask.pkt.ct_zone = 0;
	match.mask.pkt.vlan[0].tpid_be = 0;
	memset(&match.mask.pkt.vlan[1], 0, sizeof(match.mask.pkt.vlan[1]));
	xlate_mask_finish(&match.mask.pkt, key);
	flow_key_mask(&match.key.pkt, key, &match.mask.pkt);
	return take_text(of_match_format(&match, &t->names));
}

json_t *trace_key(struct swctld *d, const struct flow_key *key)
{
	static struct xlate_result result;
	struct tracer t = {.d = d, .names = ports_names(d->ports), .steps = json_array()};
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
	    json_pack("{s:o, s:o, s:s, s:o, s:o}", "flow", flow_text(&t, key), "steps", t.steps,
		      "end", xlate_end_text(result.end), "megaflow",
		      take_text(dp_match_format(&result.match, ports_name_of, d->ports)), "actions",
		      take_text(dp_actions_format(result.actions, result.n_actions, ports_name_of,
						  d->ports)));
	xlate_result_fini(&result);
	return told;
}
