// learn(): a rule made from a packet.
#include "ctl/swctld/xlate.h"

#include <stdlib.h>
#include <string.h>

static of_value value_of(struct xlate *x, const struct of_learn_spec *spec)
{
	if (spec->kind == OF_LEARN_MATCH_VALUE || spec->kind == OF_LEARN_LOAD_VALUE)
		return (of_value)spec->value[0] << 64 | spec->value[1];
	return xlate_get(x, &spec->src);
}

static size_t record_bytes(const struct of_learn_spec *spec)
{
	if (spec->kind == OF_LEARN_OUTPUT)
		return sizeof(struct of_act_output);
	bool loads = spec->kind == OF_LEARN_LOAD_FIELD || spec->kind == OF_LEARN_LOAD_VALUE;
	return loads ? sizeof(struct of_act_set) : 0;
}

static void fill_load(struct of_act_set *set, const struct of_subfield *dst, of_value value)
{
	of_value mask = of_value_ones(dst->n_bits) << dst->ofs;
	value = (value << dst->ofs) & mask;
	set->a =
	    (struct of_action){.type = OF_SET_FIELD, .form = OF_FORM_LOAD, .len = sizeof(*set)};
	set->field = dst->field;
	set->value[0] = (uint64_t)(value >> 64);
	set->value[1] = (uint64_t)value;
	set->mask[0] = (uint64_t)(mask >> 64);
	set->mask[1] = (uint64_t)mask;
}

static void fill_output(struct of_act_output *output, of_value port)
{
	output->a = (struct of_action){.type = OF_OUTPUT, .len = sizeof(*output)};
	output->port = (uint32_t)port;
}

static void add_match(struct of_match *match, const struct of_subfield *dst, of_value value)
{
	of_subfield_set(dst, &match->key, value);
	of_subfield_set(dst, &match->mask, of_value_ones(dst->n_bits));
}

// Reads every source, so that the mask has them whether or not anything is learned.
static void fill(struct xlate *x, const struct of_act_learn *learn, struct of_match *match,
		 char *record)
{
	for (uint32_t i = 0; i < learn->n_specs; i++) {
		const struct of_learn_spec *spec = &learn->specs[i];
		of_value value = value_of(x, spec);
		size_t len = record_bytes(spec);
		if (len == 0)
			add_match(match, &spec->dst, value);
		else if (record && spec->kind == OF_LEARN_OUTPUT)
			fill_output((struct of_act_output *)record, value);
		else if (record)
			fill_load((struct of_act_set *)record, &spec->dst, value);
		if (record)
			record += len;
	}
}

static struct of_actions *actions_alloc(const struct of_act_learn *learn)
{
	size_t n_bytes = 0;
	for (uint32_t i = 0; i < learn->n_specs; i++)
		n_bytes += record_bytes(&learn->specs[i]);
	struct of_actions *list = calloc(1, sizeof(*list) + n_bytes);
	if (list)
		list->n_bytes = (uint32_t)n_bytes;
	return list;
}

static void learn_rule(struct xlate *x, const struct of_act_learn *learn)
{
	struct xlate_result *result = x->result;
	struct of_actions *actions = actions_alloc(learn);
	if (!actions || result->n_learned == XLATE_LEARNED_MAX) {
		free(actions);
		xlate_fail(x, actions ? XLATE_TOO_MANY_ACTIONS : XLATE_NO_MEMORY);
		return;
	}
	struct xlate_learned *learned = &result->learned[result->n_learned++];
	memset(learned, 0, sizeof(*learned));
	learned->limit = learn->limit;
	learned->flow = (struct of_flow){
	    .priority = learn->priority,
	    .table = learn->table,
	    .flags = learn->flags & OF_LEARN_SEND_FLOW_REM ? OF_FLOW_SEND_FLOW_REM : 0,
	    .cookie = learn->cookie,
	    .has_cookie = true,
	    .idle_timeout_s = learn->idle_timeout_s,
	    .hard_timeout_s = learn->hard_timeout_s,
	    .actions = actions,
	};
	fill(x, learn, &learned->flow.match, (char *)actions->records);
}

void xlate_learn(struct xlate *x, const struct of_act_learn *learn)
{
	struct of_match ignored = {0};
	if (x->now.unparsed) {
		xlate_freeze(x);
		return;
	}
	x->result->learns = true;
	if (x->ctx->learn)
		learn_rule(x, learn);
	else
		fill(x, learn, &ignored, NULL);
	// The limit is looked at when the rule is added, after this: that it was learned is certain
	// where there is none.
	if (learn->result_dst.n_bits)
		xlate_set(x, &learn->result_dst, 1, 1);
}
