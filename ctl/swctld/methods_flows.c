// flow.add, flow.add_many, flow.del, flow.dump
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/flow_stats.h"
#include "ctl/swctld/ports.h"
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/rpc.h"
#include "ctl/swctld/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BREATHE_ROWS 256

static int64_t wall_ms(void)
{
	return (int64_t)clock_read_ms(CLOCK_REALTIME);
}

static int refuse_change(struct swctld *d, struct rpc_reply *reply, int err)
{
	return rpc_refuse(reply, "%s", err == -ENOMEM ? "out of memory" : db_error(d->db));
}

// A rule from its text, or NULL with the reply set. `line` counts from 1; 0: the text stands alone.
static struct rule *parse_rule(struct swctld *d, const char *text, size_t line,
			       struct rpc_reply *reply)
{
	struct of_ports ports = ports_names(d->ports);
	struct of_error error = {0};
	struct rule *rule = rule_alloc();
	if (!rule) {
		rpc_refuse(reply, "out of memory");
		return NULL;
	}
	if (of_flow_parse(&rule->flow, text, &ports, &error) < 0) {
		rpc_refuse_flow(reply, &error, line);
		free(rule);
		return NULL;
	}
	return rule;
}

// Takes the rules over.
static int add_rules(struct swctld *d, struct rule **list, size_t n, struct rpc_reply *reply)
{
	struct rules_change change = {0};
	int err = rules_add(d->rules, list, n, clock_now_ms(), wall_ms(), &change);
	if (err)
		return refuse_change(d, reply, err);
	if (n > 0)
		revalidate_now(d->revalidator);
	reply->result =
	    json_pack("{s:i, s:i}", "added", (int)change.added, "replaced", (int)change.replaced);
	return 0;
}

int method_flow_add(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	const char *text = json_string_value(json_object_get(params, "flow"));
	struct rule *rule = parse_rule(d, text, 0, reply);
	return rule ? add_rules(d, &rule, 1, reply) : -1;
}

static bool is_comment(const char *line)
{
	line += strspn(line, " \t\r\n");
	return *line == '\0' || *line == '#';
}

// Without the comment behind it: no flow's text has a '#'.
static struct rule *parse_line(struct swctld *d, const char *text, size_t line,
			       struct rpc_reply *reply)
{
	const char *comment = strchr(text, '#');
	if (!comment)
		return parse_rule(d, text, line, reply);
	struct rule *rule = NULL;
	char *flow = strndup(text, (size_t)(comment - text));
	if (flow)
		rule = parse_rule(d, flow, line, reply);
	else
		rpc_refuse(reply, "out of memory");
	free(flow);
	return rule;
}

int method_flow_add_many(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	const json_t *lines = json_object_get(params, "flows");
	struct rule **list = calloc(json_array_size(lines) + 1, sizeof(struct rule *));
	size_t n = 0;
	if (!list)
		return rpc_refuse(reply, "out of memory");
	for (size_t i = 0; i < json_array_size(lines); i++) {
		const char *line = json_string_value(json_array_get(lines, i));
		if (is_comment(line))
			continue;
		list[n] = parse_line(d, line, i + 1, reply);
		if (!list[n])
			goto fail;
		n++;
	}
	int rc = add_rules(d, list, n, reply);
	free(list);
	return rc;

fail:
	while (n-- > 0)
		free(list[n]);
	free(list);
	return -1;
}

static int parse_filter(struct swctld *d, const json_t *params, struct of_filter *filter,
			struct rpc_reply *reply)
{
	const char *text = json_string_value(json_object_get(params, "match"));
	struct of_ports ports = ports_names(d->ports);
	struct of_error error = {0};
	if (of_filter_parse(filter, text ? text : "", &ports, &error) < 0)
		return rpc_refuse_flow(reply, &error, 0);
	return 0;
}

int method_flow_del(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct of_filter filter;
	struct rules_change change = {0};
	if (parse_filter(d, params, &filter, reply) < 0)
		return -1;
	int err = rules_del(d->rules, &filter, &change);
	if (err)
		return refuse_change(d, reply, err);
	if (change.deleted)
		revalidate_now(d->revalidator);
	reply->result = json_pack("{s:i}", "deleted", (int)change.deleted);
	return 0;
}

static json_t *take_text(char *text)
{
	json_t *json = text ? rpc_text(text) : NULL;
	free(text);
	return json;
}

static json_t *rule_json(const struct rule *rule, const struct of_ports *ports, uint64_t now_ms)
{
	const struct of_flow *f = &rule->flow;
	int64_t idle_ms = (int64_t)(now_ms - rule->used_ms);
	char cookie[24];
	snprintf(cookie, sizeof(cookie), "0x%llx", (unsigned long long)f->cookie);
	return json_pack("{s:o, s:o, s:o, s:i, s:s, s:i, s:i, s:I, s:I, s:f, s:f}", "flow",
			 take_text(of_flow_format(f, ports)), "match",
			 take_text(of_match_format(&f->match, ports)), "actions",
			 take_text(of_actions_format(f->actions, f->n_actions, ports)), "priority",
			 (int)f->priority, "cookie", cookie, "idle_timeout", (int)f->idle_timeout_s,
			 "hard_timeout", (int)f->hard_timeout_s, "n_packets",
			 (json_int_t)rule->n_packets, "n_bytes", (json_int_t)rule->n_bytes,
			 "duration_s", (double)(now_ms - rule->created_ms) / 1000, "idle_age_s",
			 idle_ms > 0 ? (double)idle_ms / 1000 : 0.0);
}

int method_flow_dump(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct of_filter filter;
	struct of_ports ports = ports_names(d->ports);
	size_t n;
	if (parse_filter(d, params, &filter, reply) < 0)
		return -1;
	flow_stats_refresh(d);
	const struct rule **list = rules_list(d->rules, &filter, &n);
	uint64_t now_ms = clock_now_ms();
	rpc_rows_begin(reply, "rules");
	for (size_t i = 0; i < n; i++) {
		rpc_rows_add(reply, rule_json(list[i], &ports, now_ms));
		if (i % BREATHE_ROWS == 0)
			datapath_breathe(d->datapath); // takes no rule away
	}
	rpc_rows_end(reply);
	free(list);
	return 0;
}
