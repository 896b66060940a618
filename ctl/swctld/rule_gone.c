#include "ctl/swctld/rule_gone.h"

#include "ctl/swctld/db.h"
#include "ctl/swctld/ports.h"
#include "ctl/swctld/rules.h"

#include <stdlib.h>

#define GONE_MAX 8 // of one rule that are told

struct gone {
	const struct ports *ports;
	unsigned n;
	uint32_t nos[GONE_MAX];
};

static void look_at(uint32_t no, void *arg)
{
	struct gone *gone = arg;
	if (no > DB_PORT_NO_MAX || ports_by_no(gone->ports, no))
		return;
	for (unsigned i = 0; i < gone->n; i++) {
		if (gone->nos[i] == no)
			return;
	}
	if (gone->n < GONE_MAX)
		gone->nos[gone->n++] = no;
}

static void each_port(const struct rule *rule, void (*fn)(uint32_t no, void *arg), void *arg)
{
	struct of_match match;
	cls_rule_match(&rule->cls, &match);
	if (match.mask.pkt.in_port == UINT32_MAX && match.key.pkt.in_port != 0)
		fn(match.key.pkt.in_port, arg);
	of_actions_each_port(rule->actions, fn, arg);
}

static struct gone gone_of(struct swctld *d, const struct rule *rule)
{
	struct gone gone = {.ports = d->ports};
	each_port(rule, look_at, &gone);
	return gone;
}

void rule_gone_print(struct swctld *d, const struct rule *rule, FILE *out)
{
	struct gone gone = gone_of(d, rule);
	for (unsigned i = 0; i < gone.n; i++) {
		char *name = db_port_gone_name(d->db, gone.nos[i]);
		fprintf(out, "%sport %u%s%s%s is gone", i ? ", " : "  # ", gone.nos[i],
			name ? " (" : "", name ? name : "", name ? ")" : "");
		free(name);
	}
}

json_t *rule_gone_json(struct swctld *d, const struct rule *rule)
{
	struct gone gone = gone_of(d, rule);
	json_t *list = gone.n ? json_array() : NULL;
	for (unsigned i = 0; i < gone.n; i++)
		json_array_append_new(list, json_integer(gone.nos[i]));
	return list;
}

struct wanted {
	uint32_t no;
	bool found;
};

static void compare(uint32_t no, void *arg)
{
	struct wanted *wanted = arg;
	wanted->found |= no == wanted->no;
}

size_t rule_gone_count(struct swctld *d, uint32_t no)
{
	size_t n, n_found = 0;
	struct rule **list = rules_list(d->rules, NULL, false, &n);
	for (size_t i = 0; list && i < n; i++) {
		struct wanted wanted = {.no = no};
		each_port(list[i], compare, &wanted);
		n_found += wanted.found;
	}
	if (list)
		rules_list_free(list, n);
	return n_found;
}
