#include "ctl/swctld/methods_change.h"

#include "ctl/swctld/datapath.h"
#include "ctl/swctld/dp_sync.h"
#include "ctl/swctld/ports.h"
#include "ctl/swctld/revalidate.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define BULK_BYTES ((size_t)1 << 20) // of text; its memory is given back

const char *method_text(const json_t *params, const char *name)
{
	const char *text = json_string_value(json_object_get(params, name));
	return text ? text : "";
}

bool method_flag(const json_t *params, const char *name)
{
	return json_is_true(json_object_get(params, name));
}

json_t *method_take_text(char *text)
{
	json_t *json = text ? rpc_text(text) : NULL;
	free(text);
	return json;
}

static const struct {
	const char *name;
	size_t offset;
} rule_counts[] = {
    {"added", offsetof(struct rules_change, added)},
    {"replaced", offsetof(struct rules_change, replaced)},
    {"modified", offsetof(struct rules_change, modified)},
    {"deleted", offsetof(struct rules_change, deleted)},
};

static void put_items(json_t *result, const char *name, const struct items_change *items)
{
	if (items->added || items->modified || items->deleted)
		json_object_set_new(result, name,
				    json_pack("{s:i, s:i, s:i}", "added", (int)items->added,
					      "modified", (int)items->modified, "deleted",
					      (int)items->deleted));
}

static json_t *counts_json(const struct rules_change *what, const char *always)
{
	json_t *result = json_object();
	for (size_t i = 0; i < sizeof(rule_counts) / sizeof(rule_counts[0]); i++) {
		unsigned n = *(const unsigned *)((const char *)what + rule_counts[i].offset);
		if (n || strstr(always, rule_counts[i].name))
			json_object_set_new(result, rule_counts[i].name, json_integer(n));
	}
	put_items(result, "groups", &what->groups);
	put_items(result, "meters", &what->meters);
	return result;
}

static bool is_change(const struct items_change *items)
{
	return items->added || items->modified || items->deleted;
}

// What is on disk now goes to swd, before the reply tells of it.
static void spread(struct swctld *d, const struct rules_change *what)
{
	if (is_change(&what->meters))
		dp_sync_meters_now(d);
	if (what->n_told || is_change(&what->groups)) {
		revalidate_rules_changed(d->revalidator, what);
		revalidate_now(d->revalidator);
	}
}

static int finish(struct swctld *d, struct change *c, int err, const struct of_error *error,
		  size_t line, const char *always, struct rpc_reply *reply)
{
	struct rules_change what = {.added = 0};
	if (err)
		change_abort(c);
	else
		err = change_commit(c, &what);
	if (err == -EINVAL)
		return rpc_refuse_flow(reply, error, line);
	if (err)
		return rpc_refuse(reply, "%s", change_why(c, err));
	spread(d, &what);
	reply->result = counts_json(&what, always);
	return 0;
}

int method_command(struct swctld *d, const char *verb, const char *text, const char *always,
		   struct rpc_reply *reply)
{
	struct of_ports ports = ports_names(d->ports);
	struct of_error error = {.column = 0};
	struct change c;
	int err = change_begin(&c, d, &ports, false);
	if (err)
		return rpc_refuse(reply, "%s", change_why(&c, err));
	err = change_command(&c, verb, text, &error);
	return finish(d, &c, err, &error, 0, always, reply);
}

int method_lines(struct swctld *d, enum change_syntax syntax, const json_t *text,
		 const char *always, struct rpc_reply *reply)
{
	struct of_ports ports = ports_names(d->ports);
	struct of_error error = {.column = 0};
	struct change c;
	size_t line = 0, len = json_string_length(text);
	int err = change_begin(&c, d, &ports, false);
	if (err)
		return rpc_refuse(reply, "%s", change_why(&c, err));
	err = change_lines(&c, syntax, json_string_value(text), len, &line, &error);
	int rc = finish(d, &c, err, &error, line, always, reply);
	if (len > BULK_BYTES)
		malloc_trim(0);
	return rc;
}
