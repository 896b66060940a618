#include "ctl/swctld/actions_use.h"

struct walk {
	enum of_action_type type;
	bool (*fn)(const struct of_action *action, void *arg);
	void *arg;
};

static bool walk_records(const struct walk *w, const char *records, size_t n_bytes)
{
	for (size_t at = 0; at < n_bytes;) {
		const struct of_action *a = of_records_at(records, n_bytes, at);
		if (a->type == w->type && !w->fn(a, w->arg))
			return false;
		// Nested records lie within their parent's.
		bool nests = a->type == OF_WRITE_ACTIONS || a->type == OF_CLONE;
		if (nests && !walk_records(w, (const char *)a + sizeof(struct of_act_nested),
					   ((const struct of_act_nested *)a)->n_bytes))
			return false;
		at += a->len;
	}
	return true;
}

bool actions_each_of(const struct of_actions *list, enum of_action_type type,
		     bool (*fn)(const struct of_action *action, void *arg), void *arg)
{
	struct walk w = {type, fn, arg};
	return !list || walk_records(&w, (const char *)list->records, list->n_bytes);
}

static bool is_other(const struct of_action *action, void *arg)
{
	const uint32_t *value = arg;
	return *value != UINT32_MAX && ((const struct of_act_value *)action)->value != *value;
}

bool actions_use(const struct of_actions *list, enum of_action_type type, uint32_t value)
{
	return !actions_each_of(list, type, is_other, &value);
}
