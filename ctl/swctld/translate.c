#include "ctl/swctld/translate.h"

#include "ctl/swctld/xlate.h"
#include "ctl/swctld/xlate_trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const end_texts[] = {
    [XLATE_OK] = "done",
    [XLATE_TOO_MANY_ACTIONS] = "more actions than a megaflow holds",
    [XLATE_TOO_MANY_RESUBMITS] = "more than 4096 resubmits: a loop?",
    [XLATE_TOO_DEEP] = "resubmits nested more than 64 deep: a loop?",
    [XLATE_STACK] = "push onto a full stack of 64 values",
    [XLATE_TOO_MANY_ROUNDS] = "recirculated more than 8 times at once: a loop?",
    [XLATE_NO_MEMORY] = "out of memory",
};

const char *xlate_end_text(enum xlate_end end)
{
	return end_texts[end];
}

void xlate_fail(struct xlate *x, enum xlate_end end)
{
	if (x->result->end == XLATE_OK)
		x->result->end = end;
}

static void note_table(struct xlate_result *result, uint8_t table)
{
	result->on.tables[table / 64] |= 1ull << table % 64;
}

// Each rule once: it counts the megaflow's packets once.
static void note_rule(struct xlate *x, struct rule *rule)
{
	struct xlate_result *result = x->result;
	for (unsigned i = result->n_rules; i-- > 0;) {
		if (result->rules[i] == rule)
			return;
	}
	if (result->n_rules < XLATE_RULES_MAX)
		result->rules[result->n_rules++] = rule;
}

// What costs no mask bit to look at: what translation wrote, and, while the packet is as it came,
// what the mask has already.
static void known_bits(const struct xlate *x, struct of_key *known)
{
	*known = x->now.written;
	if (!x->edited)
		flow_mask_merge(&known->pkt, x->mask);
}

static struct rule *lookup(struct xlate *x, uint8_t table, uint32_t in_port)
{
	const struct classifier *c = x->ctx->tables[table];
	struct of_key looked_at;
	struct rule *rule = NULL;
	note_table(x->result, table);
	x->result->on.edited |= x->edited;
	if (c) {
		// Only for the lookup: IN_PORT stays what it is.
		uint32_t saved = x->now.key.pkt.in_port;
		known_bits(x, &looked_at);
		x->now.key.pkt.in_port = in_port;
		rule = (struct rule *)classifier_lookup(c, &x->now.key, &looked_at);
		x->now.key.pkt.in_port = saved;
		xlate_read(x, &looked_at);
	}
	if (rule)
		note_rule(x, rule);
	if (x->ctx->trace)
		x->ctx->trace->table(x->ctx->trace->arg, x->n_nested, table, &x->now.key, rule);
	return rule;
}

bool xlate_may_nest(struct xlate *x)
{
	if (x->depth >= XLATE_DEPTH_MAX)
		xlate_fail(x, XLATE_TOO_DEEP);
	else if (x->n_resubmits >= XLATE_RESUBMITS_MAX)
		xlate_fail(x, XLATE_TOO_MANY_RESUBMITS);
	return x->result->end == XLATE_OK;
}

void xlate_table(struct xlate *x, uint8_t table, uint32_t in_port)
{
	uint8_t from = x->table;
	int next = table;
	x->n_nested++;
	while (next >= 0 && xlate_goes_on(x) && xlate_may_nest(x)) {
		uint8_t at = (uint8_t)next;
		next = -1;
		x->n_resubmits++;
		const struct rule *rule = lookup(x, at, in_port);
		if (!rule || !rule->actions)
			break;
		// Only a way back, or into the same table, can be a loop.
		bool deepens = at <= x->table;
		x->depth += deepens;
		x->table = at;
		xlate_run(x, rule->actions->records, rule->actions->n_bytes, &next);
		x->depth -= deepens;
		in_port = x->now.key.pkt.in_port;
	}
	x->n_nested--;
	x->table = from;
}

void xlate_copy_run(struct xlate *x, const void *records, size_t n_bytes)
{
	struct xlate_state saved = x->now;
	int ignored = -1;
	if (!xlate_may_nest(x))
		return;
	x->depth++;
	x->n_nested++;
	x->n_copies++;
	x->n_resubmits++;
	xlate_run(x, records, n_bytes, &ignored);
	x->n_copies--;
	x->n_nested--;
	x->depth--;
	xlate_freeze_end(x, false);
	x->now = saved;
	x->exits = x->dead = false;
}

static void result_init(struct xlate_result *result, const struct flow_key *key)
{
	result->n_actions = 0;
	result->end = XLATE_OK;
	result->n_rules = 0;
	result->n_frozen = 0;
	memset(&result->on, 0, sizeof(result->on));
	result->used_normal = false;
	result->normal_vlan = 0;
	memset(&result->normal_mac, 0, sizeof(result->normal_mac));
	result->fdb_changed = false;
	result->learns = false;
	result->n_learned = 0;
	xlate_mask_init(&result->match.mask, key);
}

void xlate_result_fini(struct xlate_result *result)
{
	for (unsigned i = 0; i < result->n_learned; i++)
		of_flow_fini(&result->learned[i].flow);
	result->n_learned = 0;
}

static void state_init(struct xlate *x, const struct flow_key *key)
{
	struct xlate_state *now = &x->now;
	now->key.pkt = *key;
	now->lses.base_type_be = key->eth_type_be;
	// All of the pipeline's own.
	memset(&now->written.metadata_be, 0xff, sizeof(now->written.metadata_be));
	memset(now->written.reg_be, 0xff, sizeof(now->written.reg_be));
	x->wire.lses.base_type_be = key->eth_type_be;
}

// What stands behind the last output changes nothing that anybody sees.
static void trim_actions(struct xlate_result *result)
{
	while (result->n_actions > 0) {
		enum action_type type = result->actions[result->n_actions - 1].type;
		if (type == ACTION_OUTPUT || type == ACTION_METER || type == ACTION_RECIRC)
			break;
		result->n_actions--;
	}
}

int translate(const struct xlate_ctx *ctx, const struct flow_key *key, struct xlate_result *result)
{
	struct xlate x;
	memset(&x, 0, offsetof(struct xlate, action_set));
	x.ctx = ctx;
	x.orig = key;
	x.mask = &result->match.mask;
	x.result = result;
	if (ctx->frozen && !ctx->trace)
		frozen_begin(ctx->frozen);
	result_init(result, key);
	state_init(&x, key);
	bool runs_set = true;
	if (key->recirc_id)
		runs_set = xlate_thaw(&x, key->recirc_id);
	else
		xlate_table(&x, 0, key->in_port);
	x.exits = false;
	if (!xlate_freeze_end(&x, runs_set) && runs_set) {
		xlate_action_set_run(&x);
		xlate_freeze_end(&x, false);
	}
	if (result->end != XLATE_OK)
		result->n_actions = 0;
	trim_actions(result);
	xlate_mask_finish(&result->match.mask, key);
	flow_key_mask(&result->match.key, key, &result->match.mask);
	return result->end == XLATE_OK ? 0 : -E2BIG;
}
