// The learn action (ovs-actions(7)): a rule out of the packet.
#include "tests/unit/ctl/reference_state.h"

#include <string.h>

static of_value value_of(struct ref *r, const struct of_learn_spec *spec)
{
	if (spec->kind == OF_LEARN_MATCH_VALUE || spec->kind == OF_LEARN_LOAD_VALUE)
		return (of_value)spec->value[0] << 64 | spec->value[1];
	return ref_read(r, &spec->src);
}

static void *add_record(struct ref *r, struct of_actions *list, size_t room, uint8_t type,
			size_t len)
{
	struct of_action *a = (struct of_action *)((char *)list->records + list->n_bytes);

	len = (len + 7) / 8 * 8;
	if (list->n_bytes + len > room) {
		ref_unclear(r, "a learned rule with very many actions");
		return NULL;
	}
	list->n_bytes += (uint32_t)len;
	memset(a, 0, len);
	a->type = type;
	a->len = (uint16_t)len;
	return a;
}

static void add_load(struct ref *r, struct of_actions *list, size_t room,
		     const struct of_subfield *dst, of_value value)
{
	struct of_act_set *set = add_record(r, list, room, OF_SET_FIELD, sizeof(*set));
	of_value ones = of_value_ones(dst->n_bits) << dst->ofs;

	if (!set)
		return;
	value = value << dst->ofs & ones;
	set->field = dst->field;
	set->value[0] = (uint64_t)(value >> 64);
	set->value[1] = (uint64_t)value;
	set->mask[0] = (uint64_t)(ones >> 64);
	set->mask[1] = (uint64_t)ones;
}

static void add_output(struct ref *r, struct of_actions *list, size_t room, of_value port)
{
	struct of_act_output *o = add_record(r, list, room, OF_OUTPUT, sizeof(*o));

	if (o)
		o->port = (uint32_t)port;
}

static void apply_spec(struct ref *r, const struct of_learn_spec *spec, struct ref_learned *l)
{
	size_t room = sizeof(l->actions) - sizeof(l->actions.list);
	of_value value = value_of(r, spec);

	switch (spec->kind) {
	case OF_LEARN_MATCH_FIELD:
	case OF_LEARN_MATCH_VALUE:
		of_subfield_set(&spec->dst, &l->flow.match.key, value);
		of_subfield_set(&spec->dst, &l->flow.match.mask, of_value_ones(spec->dst.n_bits));
		break;
	case OF_LEARN_LOAD_FIELD:
	case OF_LEARN_LOAD_VALUE:
		add_load(r, &l->actions.list, room, &spec->dst, value);
		break;
	case OF_LEARN_OUTPUT:
		add_output(r, &l->actions.list, room, value);
		break;
	}
}

void ref_learn(struct ref *r, const struct of_action *a)
{
	const struct of_act_learn *learn = (const struct of_act_learn *)a;
	struct ref_learned *l = &r->result->learned[r->result->n_learned];

	if (r->result->n_learned == REF_LEARNED_MAX || learn->limit > 0) {
		ref_unclear(r, "learning with a limit");
		return;
	}
	r->result->n_learned++;
	memset(&l->flow, 0, sizeof(l->flow));
	l->actions.list.n_bytes = l->actions.list.pad = 0;
	l->flow.table = learn->table;
	l->flow.priority = learn->priority;
	l->flow.cookie = learn->cookie;
	l->flow.idle_timeout_s = learn->idle_timeout_s;
	l->flow.hard_timeout_s = learn->hard_timeout_s;
	l->flow.flags = learn->flags & OF_LEARN_SEND_FLOW_REM ? OF_FLOW_SEND_FLOW_REM : 0;
	for (unsigned i = 0; i < learn->n_specs; i++)
		apply_spec(r, &learn->specs[i], l);
	l->flow.actions = &l->actions.list;
	if (learn->result_dst.n_bits > 0)
		ref_write(r, &learn->result_dst, 1, 1);
}
