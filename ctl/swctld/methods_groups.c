// group.add, group.add_many, group.mod, group.del, group.dump
#include "ctl/swctld/gone.h"
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

struct dump {
	struct swctld *d;
	struct of_ports ports;
	uint32_t id; // UINT32_MAX: all
};

static bool is_wanted(const struct dump *dump, const struct group *group)
{
	return dump->id == UINT32_MAX || dump->id == group->of.id;
}

static int dump_text(const struct dump *dump, const struct group **list, size_t n,
		     struct rpc_reply *reply)
{
	char *line = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&line, &len);
	if (!out)
		return rpc_refuse(reply, "out of memory");
	rpc_text_begin(reply, "text");
	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(dump, list[i]))
			continue;
		struct gone gone = gone_of_group(dump->d, &list[i]->of);
		rewind(out);
		of_group_print(out, &list[i]->of, &dump->ports);
		gone_print(dump->d, &gone, out);
		fputc('\n', out);
		fflush(out);
		rpc_text_add(reply, line, len);
	}
	rpc_text_end(reply);
	fclose(out);
	free(line);
	return 0;
}

static int dump_rows(const struct dump *dump, const struct group **list, size_t n,
		     struct rpc_reply *reply)
{
	rpc_rows_begin(reply, "groups");
	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(dump, list[i]))
			continue;
		json_t *row = group_json(list[i], &dump->ports);
		struct gone gone = gone_of_group(dump->d, &list[i]->of);
		gone_put_json(&gone, row);
		rpc_rows_add(reply, row);
	}
	rpc_rows_end(reply);
	return 0;
}

int method_group_dump(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct dump dump = {.d = d, .ports = ports_names(d->ports)};
	struct of_error error = {.column = 0};
	size_t n;
	if (of_group_id_parse(&dump.id, method_text(params, "group"), &error) < 0)
		return rpc_refuse_flow(reply, &error, 0);
	const struct group **list = groups_list(d->groups, &n);
	if (!list)
		return rpc_refuse(reply, "out of memory");
	int rc = method_flag(params, "as_text") ? dump_text(&dump, list, n, reply)
						: dump_rows(&dump, list, n, reply);
	free(list);
	return rc;
}
