// The action set: what write_actions has gathered, run once at the end in the order that OpenFlow
// says (1.3.5, 5.10). Of each type the last one counts, but that sets of fields all do, in their
// order; a group is preferred to an output; without either nothing is run.
#include "ctl/swctld/xlate.h"

// In the order of execution. Types that share a rank replace one another.
enum rank {
	RANK_NONE, // not run
	RANK_POP_VLAN,
	RANK_POP_MPLS,
	RANK_PUSH_MPLS,
	RANK_PUSH_VLAN,
	RANK_DEC_TTL,
	RANK_DEC_MPLS_TTL,
	RANK_SET, // all of them
	RANK_RESUBMIT,
	RANK_OUTPUT,
	RANK_GROUP,
	N_RANKS,
};
#define RANK_FINAL RANK_RESUBMIT // from here on only the highest one is run

static const uint8_t ranks[OF_N_ACTION_TYPES] = {
    [OF_STRIP_VLAN] = RANK_POP_VLAN, [OF_POP_MPLS] = RANK_POP_MPLS,
    [OF_PUSH_MPLS] = RANK_PUSH_MPLS, [OF_PUSH_VLAN] = RANK_PUSH_VLAN,
    [OF_DEC_TTL] = RANK_DEC_TTL,     [OF_DEC_MPLS_TTL] = RANK_DEC_MPLS_TTL,
    [OF_SET_FIELD] = RANK_SET,	     [OF_MOVE] = RANK_SET,
    [OF_MOD_VLAN_VID] = RANK_SET,    [OF_MOD_VLAN_PCP] = RANK_SET,
    [OF_RESUBMIT] = RANK_RESUBMIT,   [OF_OUTPUT] = RANK_OUTPUT,
    [OF_NORMAL] = RANK_OUTPUT,	     [OF_FLOOD] = RANK_OUTPUT,
    [OF_ALL] = RANK_OUTPUT,	     [OF_IN_PORT] = RANK_OUTPUT,
    [OF_GROUP] = RANK_GROUP,
};

static void run_one(struct xlate *x, const struct of_action *a)
{
	int ignored = -1;
	if (a && x->freezing)
		xlate_freeze_records(x, a, a->len);
	else if (a)
		xlate_run(x, a, a->len, &ignored);
}

static void run_set(struct xlate *x, const struct of_action *const *list, unsigned n)
{
	const struct of_action *last[N_RANKS] = {NULL};
	unsigned final = RANK_NONE;
	for (unsigned i = 0; i < n; i++) {
		unsigned rank = ranks[list[i]->type];
		last[rank] = list[i];
		if (rank >= RANK_FINAL && rank > final)
			final = rank;
	}
	if (final == RANK_NONE)
		return;
	for (unsigned rank = RANK_POP_VLAN; rank < RANK_SET; rank++)
		run_one(x, last[rank]);
	for (unsigned i = 0; i < n; i++) {
		if (ranks[list[i]->type] == RANK_SET)
			run_one(x, list[i]);
	}
	run_one(x, last[final]);
}

// As many of the records as there is room for. Returns how many stand in list then.
static unsigned collect(struct xlate *x, const struct of_action **list, unsigned n,
			const void *records, size_t n_bytes)
{
	const struct of_action *a;
	for (size_t at = 0; (a = of_records_at(records, n_bytes, at)); at += a->len) {
		if (n == XLATE_ACTION_SET_MAX) {
			xlate_fail(x, XLATE_TOO_MANY_ACTIONS);
			break;
		}
		list[n++] = a;
	}
	return n;
}

void xlate_action_set_add(struct xlate *x, const void *records, size_t n_bytes)
{
	x->n_set = (uint16_t)collect(x, x->action_set, x->n_set, records, n_bytes);
}

void xlate_action_set_run(struct xlate *x)
{
	unsigned n = x->n_set;
	const struct of_action *list[XLATE_ACTION_SET_MAX];
	for (unsigned i = 0; i < n; i++)
		list[i] = x->action_set[i];
	x->n_set = 0;
	run_set(x, list, n);
}

void xlate_as_action_set(struct xlate *x, const void *records, size_t n_bytes)
{
	const struct of_action *list[XLATE_ACTION_SET_MAX];
	unsigned n = collect(x, list, 0, records, n_bytes);
	run_set(x, list, n);
}
