#include "ctl/swctld/gone.h"

#include "ctl/swctld/db.h"
#include "ctl/swctld/ports.h"
#include "ctl/swctld/rules.h"

#include <stdlib.h>

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

static void each_port_of_rule(const struct rule *rule, void (*fn)(uint32_t no, void *arg),
			      void *arg)
{
	struct of_match match;
	cls_rule_match(&rule->cls, &match);
	if (match.mask.pkt.in_port == UINT32_MAX && match.key.pkt.in_port != 0)
		fn(match.key.pkt.in_port, arg);
	of_actions_each_port(rule->actions, fn, arg);
}

static void each_port_of_group(const struct of_group *group, void (*fn)(uint32_t no, void *arg),
			       void *arg)
{
	for (unsigned i = 0; i < group->n_buckets; i++) {
		if (group->buckets[i].watch_port != 0)
			fn(group->buckets[i].watch_port, arg);
		of_actions_each_port(group->buckets[i].actions, fn, arg);
	}
}

struct gone gone_of_rule(struct swctld *d, const struct rule *rule)
{
	struct gone gone = {.ports = d->ports};
	each_port_of_rule(rule, look_at, &gone);
	return gone;
}

struct gone gone_of_group(struct swctld *d, const struct of_group *group)
{
	struct gone gone = {.ports = d->ports};
	each_port_of_group(group, look_at, &gone);
	return gone;
}

void gone_print(struct swctld *d, const struct gone *gone, FILE *out)
{
	for (unsigned i = 0; i < gone->n; i++) {
		char *name = db_port_gone_name(d->db, gone->nos[i]);
		fprintf(out, "%sport %u%s%s%s is gone", i ? ", " : "  # ", gone->nos[i],
			name ? " (" : "", name ? name : "", name ? ")" : "");
		free(name);
	}
}

void gone_put_json(const struct gone *gone, json_t *object)
{
	if (gone->n == 0)
		return;
	json_t *list = json_array();
	for (unsigned i = 0; i < gone->n; i++)
		json_array_append_new(list, json_integer(gone->nos[i]));
	json_object_set_new(object, "gone", list);
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

size_t gone_count_rules(struct swctld *d, uint32_t no)
{
	size_t n, n_found = 0;
	struct rule **list = rules_list(d->rules, NULL, false, &n);
	for (size_t i = 0; list && i < n; i++) {
		struct wanted wanted = {.no = no};
		each_port_of_rule(list[i], compare, &wanted);
		n_found += wanted.found;
	}
	if (list)
		rules_list_free(list, n);
	return n_found;
}

size_t gone_count_groups(struct swctld *d, uint32_t no)
{
	size_t n, n_found = 0;
	const struct group **list = groups_list(d->groups, &n);
	for (size_t i = 0; list && i < n; i++) {
		struct wanted wanted = {.no = no};
		each_port_of_group(&list[i]->of, compare, &wanted);
		n_found += wanted.found;
	}
	free(list);
	return n_found;
}
