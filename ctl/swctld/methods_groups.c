// group.add, group.add_many, group.mod, group.del, group.dump
#include "ctl/swctld/methods_change.h"
#include "ctl/swctld/ports.h"

#include <stdlib.h>

int method_group_add(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return method_command(d, "group add", method_text(params, "group"), "", reply);
}

int method_group_add_many(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return method_lines(d, CHANGE_GROUPS, json_object_get(params, "groups"), "", reply);
}

int method_group_mod(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	bool may_create = method_flag(params, "may_create");
	return method_command(d, may_create ? "group add_or_mod" : "group modify",
			      method_text(params, "group"), "", reply);
}

int method_group_del(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return method_command(d, "group delete", method_text(params, "group"), "", reply);
}

static json_t *group_json(const struct group *group, const struct of_ports *ports)
{
	static const char *const types[] = {"all", "select", "indirect", "ff"};
	uint64_t age_ms = clock_now_ms() - group->item.created_ms;
	return json_pack("{s:I, s:s, s:i, s:f, s:o}", "group_id", (json_int_t)group->of.id, "type",
			 types[group->of.type], "n_buckets", (int)group->of.n_buckets, "duration_s",
			 (double)age_ms / 1000, "group",
			 method_take_text(of_group_format(&group->of, ports)));
}

int method_group_dump(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct of_ports ports = ports_names(d->ports);
	struct of_error error = {.column = 0};
	uint32_t id;
	size_t n;
	if (of_group_id_parse(&id, method_text(params, "group"), &error) < 0)
		return rpc_refuse_flow(reply, &error, 0);
	const struct group **list = groups_list(d->groups, &n);
	if (!list)
		return rpc_refuse(reply, "out of memory");
	rpc_rows_begin(reply, "groups");
	for (size_t i = 0; i < n; i++) {
		if (id == UINT32_MAX || id == list[i]->of.id)
			rpc_rows_add(reply, group_json(list[i], &ports));
	}
	rpc_rows_end(reply);
	free(list);
	return 0;
}
