// flow.add, flow.add_many, flow.mod, flow.del, flow.replace, flow.diff, bundle
#include "ctl/swctld/methods_change.h"
#include "ctl/swctld/ports.h"

#include <errno.h>
#include <stdlib.h>

int method_flow_add(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return method_command(d, "flow add", method_text(params, "flow"), "added replaced", reply);
}

int method_flow_add_many(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return method_lines(d, CHANGE_FLOWS, json_object_get(params, "flows"), "added replaced",
			    reply);
}

int method_flow_mod(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	bool strict = method_flag(params, "strict");
	return method_command(d, strict ? "flow modify_strict" : "flow modify",
			      method_text(params, "flow"), "added modified", reply);
}

int method_flow_del(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	bool strict = method_flag(params, "strict");
	return method_command(d, strict ? "flow delete_strict" : "flow delete",
			      method_text(params, "match"), "deleted", reply);
}

int method_flow_replace(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return method_lines(d, CHANGE_REPLACE, json_object_get(params, "flows"),
			    "added modified deleted", reply);
}

int method_bundle(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return method_lines(d, CHANGE_BUNDLE, json_object_get(params, "commands"), "", reply);
}

struct diff {
	struct rpc_reply *reply;
	struct of_ports ports;
};

static void put_difference(const struct rule *rule, bool is_new, void *arg)
{
	const struct diff *diff = arg;
	struct of_match match;
	struct of_flow_view view = rule_view(rule, &match);
	char *text = of_flow_format(&view, &diff->ports);
	if (text)
		rpc_rows_add(diff->reply, json_sprintf("%c%s", is_new ? '+' : '-', text));
	free(text);
}

// The change that replace-flows would make, shown and undone.
int method_flow_diff(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct diff diff = {reply, ports_names(d->ports)};
	struct of_error error = {.column = 0};
	struct change c;
	size_t line;
	const json_t *text = json_object_get(params, "flows");
	change_begin(&c, d, &diff.ports, true);
	int err = change_lines(&c, CHANGE_REPLACE, json_string_value(text),
			       json_string_length(text), &line, &error);
	if (!err) {
		rpc_rows_begin(reply, "lines");
		err = rules_each_difference(d->rules, put_difference, &diff);
		rpc_rows_end(reply);
	}
	change_abort(&c);
	if (err == -EINVAL)
		return rpc_refuse_flow(reply, &error, line);
	return err ? rpc_refuse(reply, "%s", change_why(&c, err)) : 0;
}
