// Questions that are asked of a list of actions.
#include "ctl/of_actions.h"

#include <string.h>

bool of_actions_equal(const struct of_actions *a, const struct of_actions *b)
{
	size_t n_a = a ? a->n_bytes : 0, n_b = b ? b->n_bytes : 0;
	return n_a == n_b && (n_a == 0 || memcmp(a->records, b->records, n_a) == 0);
}

// The ports that a record itself names.
static unsigned named_ports(const struct of_action *a, const uint32_t **ports)
{
	const struct of_act_bundle *bundle = (const void *)a;
	if (a->type == OF_OUTPUT) {
		*ports = &((const struct of_act_output *)a)->port;
		return 1;
	}
	if (a->type != OF_BUNDLE || bundle->dst.n_bits)
		return 0;
	*ports = bundle->members;
	return bundle->n_members;
}

static bool sends_to(const struct of_action *a, uint32_t port)
{
	const uint32_t *ports = NULL;
	unsigned n = named_ports(a, &ports);
	for (unsigned i = 0; i < n; i++) {
		if (ports[i] == port)
			return true;
	}
	return false;
}

static bool uses_group(const struct of_action *a, uint32_t group)
{
	return a->type == OF_GROUP && ((const struct of_act_value *)a)->value == group;
}

static bool has_list(const struct of_action *a)
{
	return a->type == OF_CLONE || a->type == OF_WRITE_ACTIONS;
}

// Whether it is true of a record, or of one in a nested list.
static bool any(const void *records, size_t n_bytes,
		bool (*holds)(const struct of_action *a, uint32_t arg), uint32_t arg)
{
	for (size_t at = 0; at < n_bytes;) {
		const struct of_action *a = of_records_at(records, n_bytes, at);
		const struct of_act_nested *nested = (const void *)a;
		if (holds(a, arg) || (has_list(a) && any(nested + 1, nested->n_bytes, holds, arg)))
			return true;
		at += a->len;
	}
	return false;
}

static void each_port(const void *records, size_t n_bytes, void (*fn)(uint32_t port, void *arg),
		      void *arg)
{
	for (size_t at = 0; at < n_bytes;) {
		const struct of_action *a = of_records_at(records, n_bytes, at);
		const struct of_act_nested *nested = (const void *)a;
		const uint32_t *ports = NULL;
		unsigned n = named_ports(a, &ports);
		for (unsigned i = 0; i < n; i++)
			fn(ports[i], arg);
		if (has_list(a))
			each_port(nested + 1, nested->n_bytes, fn, arg);
		at += a->len;
	}
}

void of_actions_each_port(const struct of_actions *list, void (*fn)(uint32_t port, void *arg),
			  void *arg)
{
	if (list)
		each_port(list->records, list->n_bytes, fn, arg);
}

bool of_actions_output_to(const struct of_actions *list, uint32_t port)
{
	return list && any(list->records, list->n_bytes, sends_to, port);
}

bool of_actions_use_group(const struct of_actions *list, uint32_t group)
{
	return list && any(list->records, list->n_bytes, uses_group, group);
}
