// Questions that are asked of a list of actions.
#include "ctl/of_actions.h"

#include <string.h>

bool of_actions_equal(const struct of_actions *a, const struct of_actions *b)
{
	size_t n_a = a ? a->n_bytes : 0, n_b = b ? b->n_bytes : 0;
	return n_a == n_b && (n_a == 0 || memcmp(a->records, b->records, n_a) == 0);
}

static bool sends_to(const struct of_action *a, uint32_t port)
{
	const struct of_act_bundle *bundle = (const void *)a;
	if (a->type == OF_OUTPUT)
		return ((const struct of_act_output *)a)->port == port;
	if (a->type != OF_BUNDLE || bundle->dst.n_bits)
		return false;
	for (uint32_t i = 0; i < bundle->n_members; i++) {
		if (bundle->members[i] == port)
			return true;
	}
	return false;
}

static bool uses_group(const struct of_action *a, uint32_t group)
{
	return a->type == OF_GROUP && ((const struct of_act_value *)a)->value == group;
}

// Whether it is true of a record, or of one in a nested list.
static bool any(const void *records, size_t n_bytes,
		bool (*holds)(const struct of_action *a, uint32_t arg), uint32_t arg)
{
	for (size_t at = 0; at < n_bytes;) {
		const struct of_action *a = of_records_at(records, n_bytes, at);
		const struct of_act_nested *nested = (const void *)a;
		bool has_list = a->type == OF_CLONE || a->type == OF_WRITE_ACTIONS;
		if (holds(a, arg) || (has_list && any(nested + 1, nested->n_bytes, holds, arg)))
			return true;
		at += a->len;
	}
	return false;
}

bool of_actions_output_to(const struct of_actions *list, uint32_t port)
{
	return list && any(list->records, list->n_bytes, sends_to, port);
}

bool of_actions_use_group(const struct of_actions *list, uint32_t group)
{
	return list && any(list->records, list->n_bytes, uses_group, group);
}
