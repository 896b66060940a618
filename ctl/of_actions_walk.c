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

// The list that stands in a record; NULL: none does.
static const void *inner_list(const struct of_action *a, size_t *n_bytes)
{
	const struct of_act_nested *nested = (const void *)a;
	const struct of_act_ct *ct = (const void *)a;
	if (a->type == OF_CT) {
		*n_bytes = ct->n_bytes;
		return ct + 1;
	}
	if (a->type != OF_CLONE && a->type != OF_WRITE_ACTIONS)
		return NULL;
	*n_bytes = nested->n_bytes;
	return nested + 1;
}

struct walk {
	bool (*fn)(const struct of_action *action, void *arg);
	void *arg;
};

static bool walk_records(const struct walk *w, const void *records, size_t n_bytes)
{
	for (size_t at = 0; at < n_bytes;) {
		const struct of_action *a = of_records_at(records, n_bytes, at);
		size_t n_inner = 0;
		const void *inner = inner_list(a, &n_inner);
		if (!w->fn(a, w->arg) || (inner && !walk_records(w, inner, n_inner)))
			return false;
		at += a->len;
	}
	return true;
}

static bool each(const struct of_actions *list,
		 bool (*fn)(const struct of_action *action, void *arg), void *arg)
{
	const struct walk w = {fn, arg};
	return !list || walk_records(&w, list->records, list->n_bytes);
}

struct of_type {
	enum of_action_type type;
	struct walk walk;
};

static bool call_of_type(const struct of_action *a, void *arg)
{
	const struct of_type *of = arg;
	return a->type != of->type || of->walk.fn(a, of->walk.arg);
}

bool of_actions_each_of(const struct of_actions *list, enum of_action_type type,
			bool (*fn)(const struct of_action *action, void *arg), void *arg)
{
	struct of_type of = {type, {fn, arg}};
	return each(list, call_of_type, &of);
}

static bool is_other(const struct of_action *a, void *arg)
{
	const uint32_t *value = arg;
	return *value != UINT32_MAX && ((const struct of_act_value *)a)->value != *value;
}

bool of_actions_use(const struct of_actions *list, enum of_action_type type, uint32_t value)
{
	return !of_actions_each_of(list, type, is_other, &value);
}

static bool sends_elsewhere(const struct of_action *a, void *arg)
{
	const uint32_t *port = arg, *ports = NULL;
	unsigned n = named_ports(a, &ports);
	for (unsigned i = 0; i < n; i++) {
		if (ports[i] == *port)
			return false;
	}
	return true;
}

bool of_actions_output_to(const struct of_actions *list, uint32_t port)
{
	return !each(list, sends_elsewhere, &port);
}

struct port_visit {
	void (*fn)(uint32_t port, void *arg);
	void *arg;
};

static bool visit_ports(const struct of_action *a, void *arg)
{
	const struct port_visit *visit = arg;
	const uint32_t *ports = NULL;
	unsigned n = named_ports(a, &ports);
	for (unsigned i = 0; i < n; i++)
		visit->fn(ports[i], visit->arg);
	return true;
}

void of_actions_each_port(const struct of_actions *list, void (*fn)(uint32_t port, void *arg),
			  void *arg)
{
	struct port_visit visit = {fn, arg};
	each(list, visit_ports, &visit);
}
