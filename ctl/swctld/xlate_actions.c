// One record of a rule's actions: a function for each type.
#include "ctl/swctld/xlate.h"
#include "ctl/swctld/xlate_trace.h"

#include <arpa/inet.h>
#include <string.h>

// OpenFlow's own ports, as a register may name them; 16 bits of them, and OpenFlow 1.1's 32.
#define OFPP_IN_PORT 0xfff8
#define OFPP_NORMAL  0xfffa
#define OFPP_FLOOD   0xfffb
#define OFPP_ALL     0xfffc

#define PCP_SHIFT VLAN_PCP_SHIFT
#define PCP_MASK  0xe000

static void do_output(struct xlate *x, const struct of_action *a)
{
	const struct of_act_output *output = (const struct of_act_output *)a;
	// OpenFlow 1.0, 3.3: back to where it came from only by IN_PORT.
	if (output->port != x->now.key.pkt.in_port)
		xlate_output(x, output->port, output->max_len);
}

static void flood(struct xlate *x)
{
	for (unsigned i = 0; i < x->ctx->n_ports; i++) {
		if (x->ctx->ports[i].no != x->now.key.pkt.in_port)
			xlate_output(x, x->ctx->ports[i].no, 0);
	}
}

static void do_normal(struct xlate *x, const struct of_action *a)
{
	(void)a;
	xlate_normal(x);
}

static void do_flood(struct xlate *x, const struct of_action *a)
{
	(void)a;
	flood(x);
}

static void do_in_port(struct xlate *x, const struct of_action *a)
{
	(void)a;
	xlate_output(x, x->now.key.pkt.in_port, 0);
}

static void do_output_reg(struct xlate *x, const struct of_action *a)
{
	const struct of_act_output_reg *output = (const struct of_act_output_reg *)a;
	of_value port = xlate_get(x, &output->src);
	if (port > UINT32_MAX)
		return;
	// OFPP_* of OpenFlow 1.1 on are the same with the upper half set.
	uint32_t no = (uint32_t)port >= 0xffff0000 ? (uint32_t)port & 0xffff : (uint32_t)port;
	if (no == OFPP_IN_PORT)
		xlate_output(x, x->now.key.pkt.in_port, 0);
	else if (no == OFPP_NORMAL)
		xlate_normal(x);
	else if (no == OFPP_FLOOD || no == OFPP_ALL)
		flood(x);
	else if (no != x->now.key.pkt.in_port)
		xlate_output(x, no, 0);
}

static of_value joined(const uint64_t half[2])
{
	return (of_value)half[0] << 64 | half[1];
}

static void do_set_field(struct xlate *x, const struct of_action *a)
{
	const struct of_act_set *set = (const struct of_act_set *)a;
	struct of_subfield sf = of_field_whole(set->field);
	xlate_set(x, &sf, joined(set->value), joined(set->mask));
}

static void do_move(struct xlate *x, const struct of_action *a)
{
	const struct of_act_move *move = (const struct of_act_move *)a;
	if (xlate_has_field(x, &of_fields[move->src.field]) &&
	    xlate_has_field(x, &of_fields[move->dst.field]))
		xlate_set(x, &move->dst, xlate_get(x, &move->src), of_value_ones(move->dst.n_bits));
}

static void do_stack_push(struct xlate *x, const struct of_action *a)
{
	const struct of_act_stack *stack = (const struct of_act_stack *)a;
	of_value value = xlate_get(x, &stack->sf);
	if (x->n_stack == XLATE_STACK_MAX)
		xlate_fail(x, XLATE_STACK);
	else if (!x->freezing)
		x->stack[x->n_stack++] = value;
}

static void do_stack_pop(struct xlate *x, const struct of_action *a)
{
	const struct of_act_stack *stack = (const struct of_act_stack *)a;
	// An empty stack has nothing to give: as in Open vSwitch, the field stays as it is.
	if (x->n_stack == 0)
		return;
	xlate_set(x, &stack->sf, x->stack[x->n_stack - 1], of_value_ones(stack->sf.n_bits));
	if (!x->freezing)
		x->n_stack--;
}

static uint32_t value_of(const struct of_action *a)
{
	return ((const struct of_act_value *)a)->value;
}

static void do_mod_vlan_vid(struct xlate *x, const struct of_action *a)
{
	xlate_vlan_modify(x, (uint16_t)value_of(a), VLAN_VID_MASK);
}

static void do_mod_vlan_pcp(struct xlate *x, const struct of_action *a)
{
	xlate_vlan_modify(x, (uint16_t)(value_of(a) << PCP_SHIFT), PCP_MASK);
}

static void do_strip_vlan(struct xlate *x, const struct of_action *a)
{
	(void)a;
	xlate_vlan_pop(x);
}

static void do_push_vlan(struct xlate *x, const struct of_action *a)
{
	xlate_vlan_push(x, htons((uint16_t)value_of(a)), 0);
}

static void do_push_mpls(struct xlate *x, const struct of_action *a)
{
	xlate_mpls_push(x, htons((uint16_t)value_of(a)));
}

static void do_pop_mpls(struct xlate *x, const struct of_action *a)
{
	xlate_mpls_pop(x, htons((uint16_t)value_of(a)));
}

static void do_dec_mpls_ttl(struct xlate *x, const struct of_action *a)
{
	(void)a;
	xlate_dec_mpls_ttl(x);
}

static void do_dec_ttl(struct xlate *x, const struct of_action *a)
{
	(void)a;
	xlate_dec_ttl(x);
}

static void do_resubmit(struct xlate *x, const struct of_action *a)
{
	const struct of_act_resubmit *resubmit = (const struct of_act_resubmit *)a;
	x->result->on.edited |= resubmit->port != 0;
	if (x->now.unparsed) {
		xlate_freeze(x);
		return;
	}
	xlate_table(x, resubmit->table == OF_TABLE_ALL ? x->table : resubmit->table,
		    resubmit->port ? resubmit->port : x->now.key.pkt.in_port);
}

static const struct of_act_nested *nested_of(const struct of_action *a)
{
	return (const struct of_act_nested *)a;
}

static void do_write_actions(struct xlate *x, const struct of_action *a)
{
	xlate_action_set_add(x, nested_of(a) + 1, nested_of(a)->n_bytes);
}

static void do_clear_actions(struct xlate *x, const struct of_action *a)
{
	(void)a;
	x->n_set = 0;
}

// A clone has its own stack and action set, too.
static void do_clone(struct xlate *x, const struct of_action *a)
{
	uint16_t n_set = x->n_set, n_stack = x->n_stack;
	of_value stack[XLATE_STACK_MAX];
	const struct of_action *set[XLATE_ACTION_SET_MAX];
	memcpy(stack, x->stack, n_stack * sizeof(stack[0]));
	memcpy(set, x->action_set, n_set * sizeof(set[0]));
	xlate_copy_run(x, nested_of(a) + 1, nested_of(a)->n_bytes);
	memcpy(x->stack, stack, n_stack * sizeof(stack[0]));
	memcpy(x->action_set, set, n_set * sizeof(set[0]));
	x->n_stack = n_stack;
	x->n_set = n_set;
}

static void do_meter(struct xlate *x, const struct of_action *a)
{
	// A remark must stay above what was set before, and below what is set later.
	xlate_commit(x);
	xlate_emit(x, ACTION_METER)->u.meter_id = value_of(a);
}

static void do_group(struct xlate *x, const struct of_action *a)
{
	xlate_group(x, value_of(a));
}

static void do_multipath(struct xlate *x, const struct of_action *a)
{
	xlate_multipath(x, (const struct of_act_multipath *)a);
}

static void do_bundle(struct xlate *x, const struct of_action *a)
{
	xlate_bundle(x, (const struct of_act_bundle *)a);
}

static void do_learn(struct xlate *x, const struct of_action *a)
{
	xlate_learn(x, (const struct of_act_learn *)a);
}

static void do_ct(struct xlate *x, const struct of_action *a)
{
	xlate_ct(x, (const struct of_act_ct *)a);
}

static void do_ct_clear(struct xlate *x, const struct of_action *a)
{
	(void)a;
	xlate_ct_clear(x);
}

static void do_exit(struct xlate *x, const struct of_action *a)
{
	(void)a;
	x->exits = true;
}

static void do_nothing(struct xlate *x, const struct of_action *a)
{
	(void)x;
	(void)a;
}

static void (*const steps[OF_N_ACTION_TYPES])(struct xlate *x, const struct of_action *a) = {
    [OF_OUTPUT] = do_output,
    [OF_OUTPUT_REG] = do_output_reg,
    [OF_NORMAL] = do_normal,
    [OF_FLOOD] = do_flood,
    [OF_ALL] = do_flood,
    [OF_IN_PORT] = do_in_port,
    [OF_SET_FIELD] = do_set_field,
    [OF_MOVE] = do_move,
    [OF_STACK_PUSH] = do_stack_push,
    [OF_STACK_POP] = do_stack_pop,
    [OF_MOD_VLAN_VID] = do_mod_vlan_vid,
    [OF_MOD_VLAN_PCP] = do_mod_vlan_pcp,
    [OF_STRIP_VLAN] = do_strip_vlan,
    [OF_PUSH_VLAN] = do_push_vlan,
    [OF_PUSH_MPLS] = do_push_mpls,
    [OF_POP_MPLS] = do_pop_mpls,
    [OF_DEC_MPLS_TTL] = do_dec_mpls_ttl,
    [OF_DEC_TTL] = do_dec_ttl,
    [OF_RESUBMIT] = do_resubmit,
    [OF_WRITE_ACTIONS] = do_write_actions,
    [OF_CLEAR_ACTIONS] = do_clear_actions,
    [OF_CLONE] = do_clone,
    [OF_METER] = do_meter,
    [OF_GROUP] = do_group,
    [OF_MULTIPATH] = do_multipath,
    [OF_BUNDLE] = do_bundle,
    [OF_LEARN] = do_learn,
    [OF_CT] = do_ct,
    [OF_CT_CLEAR] = do_ct_clear,
    [OF_EXIT] = do_exit,
    [OF_NOTE] = do_nothing,
};

void xlate_run(struct xlate *x, const void *records, size_t n_bytes, int *goto_table)
{
	const struct xlate_trace *trace = x->ctx->trace;
	const struct of_action *a;
	for (size_t at = 0; xlate_goes_on(x) && (a = of_records_at(records, n_bytes, at));
	     at += a->len) {
		if (trace)
			trace->action(trace->arg, x->n_nested, a);
		if (a->type == OF_RESUBMIT && ((const struct of_act_resubmit *)a)->is_goto &&
		    !x->now.unparsed) {
			*goto_table = ((const struct of_act_resubmit *)a)->table;
			return;
		}
		steps[a->type](x, a);
		if (x->freezing) {
			size_t from = x->freezes_record ? at : at + a->len;
			x->freezes_record = false;
			xlate_freeze_records(x, (const char *)records + from, n_bytes - from);
		}
	}
}
