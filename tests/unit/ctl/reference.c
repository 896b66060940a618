#include "tests/unit/ctl/reference_state.h"

#include <arpa/inet.h>
#include <string.h>

void ref_unclear(struct ref *r, const char *why)
{
	if (!r->result->unclear)
		r->result->unclear = why;
}

bool ref_stopped(const struct ref *r)
{
	return r->exited || r->result->unclear || r->result->dropped || r->result->expired;
}

bool ref_choices_next(struct ref_choices *choices)
{
	for (unsigned i = choices->n; i > 0; i--) {
		if (++choices->choice[i - 1] < choices->radix[i - 1])
			return true;
		choices->choice[i - 1] = 0;
	}
	return false;
}

unsigned ref_choose(struct ref *r, unsigned n)
{
	struct ref_choices *c = r->choices;

	if (n == 1)
		return 0;
	if (c->n == REF_CHOICES_MAX) {
		ref_unclear(r, "too many decisions");
		return 0;
	}
	c->radix[c->n] = n;
	if (c->choice[c->n] >= n)
		c->choice[c->n] = 0;
	return c->choice[c->n++];
}

const struct ref_port *ref_port_find(const struct ref *r, uint32_t no)
{
	for (unsigned i = 0; i < r->sw->n_ports; i++) {
		if (r->sw->ports[i].no == no)
			return &r->sw->ports[i];
	}
	return NULL;
}

static void add_event(struct ref *r, enum ref_event_kind kind, uint32_t no, uint32_t max_len)
{
	struct ref_events *events = &r->result->events;
	struct ref_event *e = &events->list[events->n];

	if (events->n == REF_EVENTS_MAX) {
		ref_unclear(r, "too many outputs");
		return;
	}
	events->n++;
	e->kind = kind;
	e->no = no;
	e->max_len = max_len;
	memcpy(&e->packet, &r->p.m, sizeof(e->packet));
}

static void output_always(struct ref *r, uint32_t port, uint32_t max_len)
{
	if (ref_port_find(r, port))
		add_event(r, REF_OUTPUT, port, max_len);
}

// Never back to where it came from, but by the reserved port IN_PORT (OpenFlow 1.3.5, section
// 4.5).
void ref_output(struct ref *r, uint32_t port, uint32_t max_len)
{
	if (port != r->p.in_port)
		output_always(r, port, max_len);
}

static void do_output(struct ref *r, const struct of_action *a)
{
	const struct of_act_output *o = (const struct of_act_output *)a;

	ref_output(r, o->port, o->max_len);
}

static void do_output_reg(struct ref *r, const struct of_action *a)
{
	const struct of_act_output_reg *o = (const struct of_act_output_reg *)a;
	of_value port = ref_read(r, &o->src);

	ref_output(r, port <= UINT32_MAX ? (uint32_t)port : 0, 0);
}

static void do_flood(struct ref *r, const struct of_action *a)
{
	(void)a;
	for (unsigned i = 0; i < r->sw->n_ports; i++)
		ref_output(r, r->sw->ports[i].no, 0);
}

static void do_in_port(struct ref *r, const struct of_action *a)
{
	(void)a;
	output_always(r, r->p.in_port, 0);
}

static void do_normal(struct ref *r, const struct of_action *a)
{
	(void)a;
	ref_unclear(r, "NORMAL");
}

static of_value value128(const uint64_t halves[2])
{
	return (of_value)halves[0] << 64 | halves[1];
}

static void do_set_field(struct ref *r, const struct of_action *a)
{
	const struct of_act_set *set = (const struct of_act_set *)a;
	struct of_subfield whole = of_field_whole(set->field);

	ref_write(r, &whole, value128(set->value), value128(set->mask));
}

static void do_move(struct ref *r, const struct of_action *a)
{
	const struct of_act_move *move = (const struct of_act_move *)a;

	// Both must be there (ovs-actions(7)).
	if (ref_has(r, move->dst.field) && ref_has(r, move->src.field))
		ref_write(r, &move->dst, ref_read(r, &move->src), of_value_ones(move->dst.n_bits));
}

static void do_push(struct ref *r, const struct of_action *a)
{
	if (r->n_stack == REF_STACK_MAX) {
		ref_unclear(r, "the stack is full");
		return;
	}
	r->stack[r->n_stack++] = ref_read(r, &((const struct of_act_stack *)a)->sf);
}

static void do_pop(struct ref *r, const struct of_action *a)
{
	const struct of_subfield *sf = &((const struct of_act_stack *)a)->sf;

	if (r->n_stack == 0) {
		ref_unclear(r, "the stack is empty");
		return;
	}
	ref_write(r, sf, r->stack[--r->n_stack], of_value_ones(sf->n_bits));
}

static const struct ref_rule *lookup(struct ref *r, uint8_t table, uint32_t in_port)
{
	struct of_key key;

	if (!ref_sees_l3(r))
		ref_unclear(r, "a lookup by what popping brought out");
	if (ref_stopped(r) || table >= REF_TABLES)
		return NULL;
	ref_view(r, &key);
	key.pkt.in_port = in_port;
	for (unsigned i = 0; i < r->sw->n_rules[table]; i++) {
		const struct ref_rule *rule = r->sw->rules[table][i];

		if (of_key_equal_masked(&key, &rule->match.key, &rule->match.mask))
			return rule;
	}
	return NULL;
}

static void note_rule(struct ref_result *result, unsigned no)
{
	for (unsigned i = 0; i < result->n_rules; i++) {
		if (result->rules[i] == no)
			return;
	}
	result->rules[result->n_rules++] = no;
}

static void run_table(struct ref *r, uint8_t table, uint32_t in_port)
{
	const struct ref_rule *rule = lookup(r, table, in_port);
	uint8_t old_table = r->table;

	if (!rule)
		return;
	note_rule(r->result, rule->no);
	r->table = table;
	ref_run_list(r, rule->actions);
	r->table = old_table;
}

static void drop_all(struct ref *r)
{
	r->result->dropped = true;
}

static void do_resubmit(struct ref *r, const struct of_action *a)
{
	const struct of_act_resubmit *to = (const struct of_act_resubmit *)a;
	uint8_t table = to->table == OF_TABLE_ALL ? r->table : to->table;

	if (++r->resubmits > REF_RESUBMITS_MAX || (!to->is_goto && r->depth >= REF_DEPTH_MAX)) {
		drop_all(r);
		return;
	}
	r->depth += !to->is_goto;
	run_table(r, table, to->port ? to->port : r->p.in_port);
	r->depth -= !to->is_goto;
}

static void do_write_actions(struct ref *r, const struct of_action *a)
{
	const struct of_act_nested *n = (const struct of_act_nested *)a;

	for (const struct of_action *in = of_records_at(n + 1, n->n_bytes, 0); in;
	     in = of_records_at(n + 1, n->n_bytes,
				(size_t)((const char *)in - (const char *)(n + 1)) + in->len)) {
		if (r->n_set == REF_SET_MAX) {
			ref_unclear(r, "the action set is full");
			return;
		}
		r->set[r->n_set++] = in;
	}
}

static void do_clear_actions(struct ref *r, const struct of_action *a)
{
	(void)a;
	r->n_set = 0;
}

// What is restored behind it: the packet and all that goes with it, stack and action set.
static void do_clone(struct ref *r, const struct of_action *a)
{
	const struct of_act_nested *n = (const struct of_act_nested *)a;
	struct ref saved;

	if (++r->depth > REF_DEPTH_MAX)
		drop_all(r);
	memcpy(&saved, r, sizeof(saved));
	r->copies++;
	ref_run_records(r, n + 1, n->n_bytes);
	r->copies--;
	r->result->copy_expired |= r->result->expired;
	r->result->expired = false;
	r->exited = false; // an exit ends the copy alone, as in Open vSwitch after 3.1
	memcpy(&r->p, &saved.p, sizeof(r->p));
	memcpy(r->stack, saved.stack, sizeof(r->stack));
	memcpy(r->set, saved.set, sizeof(r->set));
	r->n_stack = saved.n_stack;
	r->n_set = saved.n_set;
	r->depth--;
}

static void do_meter(struct ref *r, const struct of_action *a)
{
	add_event(r, REF_METER, ((const struct of_act_value *)a)->value, 0);
}

static void do_multipath(struct ref *r, const struct of_action *a)
{
	const struct of_act_multipath *mp = (const struct of_act_multipath *)a;

	ref_write(r, &mp->dst, ref_choose(r, mp->n_links), of_value_ones(mp->dst.n_bits));
}

// A member whose port is up: the first one, or any.
static uint32_t bundle_member(struct ref *r, const struct of_act_bundle *b)
{
	uint32_t live[64];
	unsigned n = 0;

	for (unsigned i = 0; i < b->n_members && n < 64; i++) {
		const struct ref_port *port = ref_port_find(r, b->members[i]);

		if (port && port->up)
			live[n++] = port->no;
	}
	if (n == 0)
		return 0;
	return live[b->algorithm == OF_BUNDLE_HRW ? ref_choose(r, n) : 0];
}

static void do_bundle(struct ref *r, const struct of_action *a)
{
	const struct of_act_bundle *b = (const struct of_act_bundle *)a;
	uint32_t port = bundle_member(r, b);

	if (b->dst.n_bits == 0)
		ref_output(r, port, 0);
	else if (port == 0)
		ref_unclear(r, "what bundle_load loads when no member is up");
	else
		ref_write(r, &b->dst, port, of_value_ones(b->dst.n_bits));
}

static void do_exit(struct ref *r, const struct of_action *a)
{
	(void)a;
	r->exited = true;
}

static void do_nothing(struct ref *r, const struct of_action *a)
{
	(void)r;
	(void)a;
}

static void (*const run_one[OF_N_ACTION_TYPES])(struct ref *r, const struct of_action *a) = {
    [OF_OUTPUT] = do_output,
    [OF_OUTPUT_REG] = do_output_reg,
    [OF_NORMAL] = do_normal,
    [OF_FLOOD] = do_flood,
    [OF_ALL] = do_flood,
    [OF_IN_PORT] = do_in_port,
    [OF_SET_FIELD] = do_set_field,
    [OF_MOVE] = do_move,
    [OF_STACK_PUSH] = do_push,
    [OF_STACK_POP] = do_pop,
    [OF_MOD_VLAN_VID] = ref_mod_vlan_vid,
    [OF_MOD_VLAN_PCP] = ref_mod_vlan_pcp,
    [OF_STRIP_VLAN] = ref_strip_vlan,
    [OF_PUSH_VLAN] = ref_push_vlan,
    [OF_PUSH_MPLS] = ref_push_mpls,
    [OF_POP_MPLS] = ref_pop_mpls,
    [OF_DEC_MPLS_TTL] = ref_dec_mpls_ttl,
    [OF_DEC_TTL] = ref_dec_ttl,
    [OF_RESUBMIT] = do_resubmit,
    [OF_WRITE_ACTIONS] = do_write_actions,
    [OF_CLEAR_ACTIONS] = do_clear_actions,
    [OF_CLONE] = do_clone,
    [OF_METER] = do_meter,
    [OF_GROUP] = ref_group,
    [OF_MULTIPATH] = do_multipath,
    [OF_BUNDLE] = do_bundle,
    [OF_LEARN] = ref_learn,
    [OF_EXIT] = do_exit,
    [OF_NOTE] = do_nothing,
};

void ref_run_action(struct ref *r, const struct of_action *a)
{
	if (!ref_stopped(r))
		run_one[a->type](r, a);
}

// Ends behind a goto_table.
void ref_run_records(struct ref *r, const void *records, size_t n_bytes)
{
	size_t at = 0;

	for (const struct of_action *a; (a = of_records_at(records, n_bytes, at)); at += a->len) {
		ref_run_action(r, a);
		if (ref_stopped(r) ||
		    (a->type == OF_RESUBMIT && ((const struct of_act_resubmit *)a)->is_goto))
			return;
	}
}

void ref_run_list(struct ref *r, const struct of_actions *list)
{
	if (list)
		ref_run_records(r, list->records, list->n_bytes);
}

// At the end of the pipeline, whether it came by itself or by exit.
static void run_action_set(struct ref *r)
{
	const struct of_action *set[REF_SET_MAX];
	unsigned n = r->n_set;

	memcpy(set, r->set, sizeof(set[0]) * n);
	r->n_set = 0;
	r->exited = false;
	ref_run_as_set(r, set, n);
}

static void init_packet(struct ref_packet *p, uint32_t in_port, const struct model *m)
{
	struct flow_key seen;

	memset(p, 0, sizeof(*p));
	memcpy(&p->m, m, sizeof(p->m));
	model_key(m, &seen);
	p->in_port = in_port;
	p->is_blind = m->n_tags > 2;
	p->blind_type = ntohs(seen.eth_type_be);
	p->own_tags = m->n_tags;
	p->own_lses = m->n_lses;
}

void ref_run(const struct ref_switch *sw, uint32_t in_port, const struct model *packet,
	     struct ref_choices *choices, struct ref_result *result)
{
	struct ref r;

	r.sw = sw;
	r.result = result;
	r.choices = choices;
	r.n_stack = r.n_set = r.depth = r.resubmits = r.copies = 0;
	r.copy_pop_type = 0;
	r.table = 0;
	r.exited = false;
	choices->n = 0;
	result->events.n = result->n_rules = result->n_learned = 0;
	result->unclear = NULL;
	result->dropped = result->expired = result->copy_expired = false;
	init_packet(&r.p, in_port, packet);
	run_table(&r, 0, in_port);
	run_action_set(&r);
	if (result->dropped)
		result->events.n = result->n_learned = 0;
}

// A meter looks at the packet's length, and at its DSCP, which it may change.
static bool meters_alike(const struct model *a, const struct model *b)
{
	return a->n_tags == b->n_tags && a->n_lses == b->n_lses && a->nw_tos == b->nw_tos;
}

static bool event_equal(const struct ref_event *a, const struct ref_event *b)
{
	if (a->kind != b->kind || a->no != b->no || a->max_len != b->max_len)
		return false;
	return a->kind == REF_METER ? meters_alike(&a->packet, &b->packet)
				    : model_equal(&a->packet, &b->packet);
}

bool ref_events_equal(const struct ref_events *a, const struct ref_events *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		if (!event_equal(&a->list[i], &b->list[i]))
			return false;
	}
	return true;
}

void ref_events_print(FILE *out, const struct ref_events *events)
{
	for (unsigned i = 0; i < events->n; i++) {
		const struct ref_event *e = &events->list[i];

		fprintf(out, "  %s %u", e->kind == REF_METER ? "meter" : "to port", e->no);
		if (e->max_len)
			fprintf(out, " (%u bytes)", e->max_len);
		fprintf(out, ": ");
		model_print(out, &e->packet);
		fprintf(out, "\n");
	}
	if (events->n == 0)
		fprintf(out, "  nothing\n");
}
