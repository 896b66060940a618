#include "ctl/swctld/translate.h"

#include "ctl/swctld/xlate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

static void do_output(struct xlate *x, const struct of_action *action)
{
	// OpenFlow 1.0, 3.3: back to where it came from only by IN_PORT.
	if (action->u.port != x->key->in_port)
		xlate_output(x, action->u.port);
}

static void do_drop(struct xlate *x, const struct of_action *action)
{
	(void)x;
	(void)action;
}

static void do_normal(struct xlate *x, const struct of_action *action)
{
	(void)action;
	xlate_normal(x);
}

static void do_flood(struct xlate *x, const struct of_action *action)
{
	(void)action;
	for (unsigned i = 0; i < x->ctx->n_ports; i++) {
		if (x->ctx->ports[i].no != x->key->in_port)
			xlate_output(x, x->ctx->ports[i].no);
	}
}

static void do_in_port(struct xlate *x, const struct of_action *action)
{
	(void)action;
	xlate_output(x, x->key->in_port);
}

static void do_mod_vlan_vid(struct xlate *x, const struct of_action *action)
{
	xlate_vlan_set_vid(x, action->u.vid);
}

static void do_strip_vlan(struct xlate *x, const struct of_action *action)
{
	(void)action;
	xlate_vlan_pop(x);
}

static void do_push_vlan(struct xlate *x, const struct of_action *action)
{
	xlate_vlan_push(x, action->u.tpid_be, 0);
}

static void edit(struct xlate *x, enum xlate_edit field)
{
	x->edited |= field;
	x->pending |= field;
}

static void do_mod_dl_src(struct xlate *x, const struct of_action *action)
{
	x->eth_src = action->u.eth;
	edit(x, XLATE_ETH_SRC);
}

static void do_mod_dl_dst(struct xlate *x, const struct of_action *action)
{
	x->eth_dst = action->u.eth;
	edit(x, XLATE_ETH_DST);
}

static bool key_is_ipv4(const struct flow_key *key)
{
	return key->eth_type_be == htons(ETHERTYPE_IP);
}

static void do_mod_nw_src(struct xlate *x, const struct of_action *action)
{
	if (!key_is_ipv4(x->key))
		return;
	x->ip_src_be = action->u.ip_be;
	edit(x, XLATE_IP_SRC);
}

static void do_mod_nw_dst(struct xlate *x, const struct of_action *action)
{
	if (!key_is_ipv4(x->key))
		return;
	x->ip_dst_be = action->u.ip_be;
	edit(x, XLATE_IP_DST);
}

// Later fragments have no ports. The rule matched on the protocol, so that the mask has it.
static bool key_has_ports(const struct flow_key *key)
{
	if (key->nw_frag & NW_FRAG_LATER)
		return false;
	return key->nw_proto == IPPROTO_TCP || key->nw_proto == IPPROTO_UDP ||
	       key->nw_proto == IPPROTO_SCTP;
}

static void do_mod_tp_src(struct xlate *x, const struct of_action *action)
{
	if (!key_has_ports(x->key))
		return;
	x->tp_src_be = action->u.tp_be;
	edit(x, XLATE_TP_SRC);
}

static void do_mod_tp_dst(struct xlate *x, const struct of_action *action)
{
	if (!key_has_ports(x->key))
		return;
	x->tp_dst_be = action->u.tp_be;
	edit(x, XLATE_TP_DST);
}

static void (*const steps[])(struct xlate *x, const struct of_action *action) = {
    [OF_OUTPUT] = do_output,	     [OF_DROP] = do_drop,
    [OF_NORMAL] = do_normal,	     [OF_FLOOD] = do_flood,
    [OF_IN_PORT] = do_in_port,	     [OF_MOD_VLAN_VID] = do_mod_vlan_vid,
    [OF_STRIP_VLAN] = do_strip_vlan, [OF_PUSH_VLAN] = do_push_vlan,
    [OF_MOD_DL_SRC] = do_mod_dl_src, [OF_MOD_DL_DST] = do_mod_dl_dst,
    [OF_MOD_NW_SRC] = do_mod_nw_src, [OF_MOD_NW_DST] = do_mod_nw_dst,
    [OF_MOD_TP_SRC] = do_mod_tp_src, [OF_MOD_TP_DST] = do_mod_tp_dst,
};

static void result_init(struct xlate_result *result, const struct flow_key *key)
{
	result->n_actions = 0;
	result->rule = NULL;
	result->used_normal = false;
	result->normal_vlan = 0;
	memset(&result->normal_mac, 0, sizeof(result->normal_mac));
	result->fdb_changed = false;
	xlate_mask_init(&result->match.mask, key);
}

int translate(const struct xlate_ctx *ctx, const struct flow_key *key, struct xlate_result *result)
{
	struct xlate x = {.ctx = ctx, .key = key, .mask = &result->match.mask, .result = result};
	result_init(result, key);
	// A rule starts with its cls_rule.
	result->rule = (struct rule *)classifier_lookup(ctx->rules, key, x.mask);
	for (unsigned i = 0; result->rule && i < result->rule->flow.n_actions; i++) {
		const struct of_action *action = &result->rule->flow.actions[i];
		steps[action->type](&x, action);
	}
	if (x.too_many)
		result->n_actions = 0;
	xlate_mask_finish(&result->match.mask, key);
	flow_key_mask(&result->match.key, key, &result->match.mask);
	return x.too_many ? -E2BIG : 0;
}
