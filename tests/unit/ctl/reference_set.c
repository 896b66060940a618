// Groups and action sets (OpenFlow 1.3.5, sections 5.6.1 and 5.10; ovs-actions(7), "Action Sets").
#include "tests/unit/ctl/reference_state.h"

#include <string.h>

// Executed in this order, each at most once: the last one added.
static const enum of_action_type set_order[] = {
    OF_STRIP_VLAN, OF_POP_MPLS, OF_PUSH_MPLS, OF_PUSH_VLAN, OF_DEC_TTL, OF_DEC_MPLS_TTL,
};

static bool is_set_or_move(enum of_action_type type)
{
	return type == OF_SET_FIELD || type == OF_MOVE || type == OF_MOD_VLAN_VID ||
	       type == OF_MOD_VLAN_PCP;
}

// What a set ends with: of these kinds the highest, and of it the last one added.
static unsigned final_rank(enum of_action_type type)
{
	switch (type) {
	case OF_RESUBMIT:
		return 1;
	case OF_OUTPUT:
	case OF_NORMAL:
	case OF_FLOOD:
	case OF_ALL:
	case OF_IN_PORT:
		return 2;
	case OF_GROUP:
		return 3;
	default:
		return 0;
	}
}

static const struct of_action *final_of(const struct of_action *const *set, unsigned n)
{
	const struct of_action *last = NULL;

	for (unsigned i = 0; i < n; i++) {
		unsigned rank = final_rank(set[i]->type);

		if (rank > 0 && (!last || rank >= final_rank(last->type)))
			last = set[i];
	}
	return last;
}

static const struct of_action *last_of(const struct of_action *const *set, unsigned n,
				       enum of_action_type type)
{
	for (unsigned i = n; i > 0; i--) {
		if (set[i - 1]->type == type)
			return set[i - 1];
	}
	return NULL;
}

// Without an output or group at its end a set does nothing.
void ref_run_as_set(struct ref *r, const struct of_action *const *set, unsigned n)
{
	const struct of_action *last = final_of(set, n);

	if (!last)
		return;
	for (unsigned i = 0; i < sizeof(set_order) / sizeof(set_order[0]); i++) {
		const struct of_action *a = last_of(set, n, set_order[i]);

		if (a)
			ref_run_action(r, a);
	}
	for (unsigned i = 0; i < n; i++) {
		if (is_set_or_move(set[i]->type))
			ref_run_action(r, set[i]);
	}
	ref_run_action(r, last);
}

static const struct of_group *group_find(const struct ref *r, uint32_t id)
{
	for (unsigned i = 0; i < r->sw->n_groups; i++) {
		if (r->sw->groups[i].id == id)
			return &r->sw->groups[i];
	}
	return NULL;
}

static bool bucket_is_live(const struct ref *r, const struct of_bucket *b);

// A group lives as long as one of its buckets does.
static bool group_is_live(const struct ref *r, uint32_t id)
{
	const struct of_group *group = group_find(r, id);

	for (unsigned i = 0; group && i < group->n_buckets; i++) {
		if (bucket_is_live(r, &group->buckets[i]))
			return true;
	}
	return false;
}

static bool bucket_is_live(const struct ref *r, const struct of_bucket *b)
{
	const struct ref_port *port = ref_port_find(r, b->watch_port);

	if (b->watch_port == 0 && b->watch_group == UINT32_MAX)
		return true;
	return (port && port->up) ||
	       (b->watch_group != UINT32_MAX && group_is_live(r, b->watch_group));
}

// On a copy of the packet, and as an action set. An exit ends the bucket alone.
static void run_bucket(struct ref *r, const struct of_bucket *b)
{
	const struct of_action *set[REF_SET_MAX];
	struct ref_packet saved;
	unsigned n = 0, n_stack = r->n_stack, n_set = r->n_set;

	OF_ACTIONS_EACH(a, b->actions)
	{
		if (n == REF_SET_MAX)
			ref_unclear(r, "a bucket with very many actions");
		else
			set[n++] = a;
	}
	memcpy(&saved, &r->p, sizeof(saved));
	r->copies++;
	ref_run_as_set(r, set, n);
	r->copies--;
	r->result->copy_expired |= r->result->expired;
	r->result->expired = false;
	memcpy(&r->p, &saved, sizeof(r->p));
	r->exited = false;
	// A resubmit of a bucket's can do that. Whether it lasts, nobody says.
	if (r->n_stack != n_stack || r->n_set != n_set)
		ref_unclear(r, "a bucket that changed stack or action set");
}

static void run_first_live(struct ref *r, const struct of_group *group)
{
	for (unsigned i = 0; i < group->n_buckets; i++) {
		if (bucket_is_live(r, &group->buckets[i])) {
			run_bucket(r, &group->buckets[i]);
			return;
		}
	}
}

static void run_selected(struct ref *r, const struct of_group *group)
{
	const struct of_bucket *able[OF_BUCKETS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < group->n_buckets; i++) {
		const struct of_bucket *b = &group->buckets[i];

		if (b->weight > 0 && bucket_is_live(r, b))
			able[n++] = b;
	}
	if (n > 0)
		run_bucket(r, able[ref_choose(r, n)]);
}

static void run_all(struct ref *r, const struct of_group *group)
{
	for (unsigned i = 0; i < group->n_buckets; i++)
		run_bucket(r, &group->buckets[i]);
}

void ref_group(struct ref *r, const struct of_action *a)
{
	static void (*const run[])(struct ref * r, const struct of_group *group) = {
	    [OF_GROUP_ALL] = run_all,
	    [OF_GROUP_SELECT] = run_selected,
	    [OF_GROUP_INDIRECT] = run_all,
	    [OF_GROUP_FF] = run_first_live,
	};
	const struct of_group *group = group_find(r, ((const struct of_act_value *)a)->value);

	if (!group) {
		ref_unclear(r, "a group that is not there");
		return;
	}
	if (++r->depth > REF_DEPTH_MAX)
		r->result->dropped = true;
	else
		run[group->type](r, group);
	r->depth--;
}
