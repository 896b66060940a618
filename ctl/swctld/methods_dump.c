// flow.dump, flow.aggregate, table.list
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/flow_stats.h"
#include "ctl/swctld/gone.h"
#include "ctl/swctld/methods_change.h"
#include "ctl/swctld/ports.h"
#include "ctl/swctld/rule_sort.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio_ext.h>
#include <stdlib.h>

#define BREATHE_ROWS 256
#define BULK_RULES   10000 // memory of such a dump is given back

// The rules that a dump is about, with fresh counters. 0 or -1 with the reply set.
static int choose(struct swctld *d, const json_t *params, struct rule ***list, size_t *n,
		  struct rpc_reply *reply)
{
	struct of_filter filter;
	struct of_error error = {.column = 0};
	struct of_ports ports = ports_names(d->ports);
	bool strict = method_flag(params, "strict");
	if (of_filter_parse(&filter, strict, method_text(params, "match"), &ports, &error) < 0)
		return rpc_refuse_flow(reply, &error, 0);
	flow_stats_refresh(d);
	*list = rules_list(d->rules, &filter, strict, n);
	return *list ? 0 : rpc_refuse(reply, "out of memory");
}

static int sort(const json_t *params, struct rule **list, size_t n, struct rpc_reply *reply)
{
	const json_t *up = json_object_get(params, "sort"),
		     *down = json_object_get(params, "rsort");
	struct of_error error = {.column = 0};
	if (up && down)
		return rpc_bad_params(reply, "sort and rsort exclude each other; give one");
	if (!up && !down)
		return 0;
	int err = rule_sort(list, n, json_string_value(up ? up : down), down != NULL, &error);
	if (err == -EINVAL)
		return rpc_refuse(reply, "%s: %s", up ? "sort" : "rsort", error.text);
	return err ? rpc_refuse(reply, "out of memory") : 0;
}

static uint64_t age_ms(uint64_t now_ms, uint64_t then_ms)
{
	int64_t age = (int64_t)(now_ms - then_ms);
	return age > 0 ? (uint64_t)age : 0;
}

static double age_s(uint64_t now_ms, uint64_t then_ms)
{
	return (double)age_ms(now_ms, then_ms) / 1000;
}

static json_t *rule_json(const struct rule *rule, const struct of_ports *ports, uint64_t now_ms)
{
	struct of_match match;
	struct of_flow_view view = rule_view(rule, &match);
	char cookie[24];
	snprintf(cookie, sizeof(cookie), "0x%llx", (unsigned long long)rule->cookie);
	return json_pack("{s:o, s:o, s:o, s:i, s:i, s:s, s:i, s:i, s:I, s:I, s:f, s:f, s:b}",
			 "flow", method_take_text(of_flow_format(&view, ports)), "match",
			 method_take_text(of_match_format(&match, ports)), "actions",
			 method_take_text(of_actions_format(rule->actions, ports)), "table",
			 (int)rule->table, "priority", (int)rule->cls.priority, "cookie", cookie,
			 "idle_timeout", (int)rule->idle_timeout_s, "hard_timeout",
			 (int)rule->hard_timeout_s, "n_packets", (json_int_t)rule->n_packets,
			 "n_bytes", (json_int_t)rule->n_bytes, "duration_s",
			 age_s(now_ms, rule->created_ms), "idle_age_s",
			 age_s(now_ms, rule->used_ms), "learned", rule->id == 0);
}

static void print_flags(FILE *out, unsigned flags)
{
	static const char *const names[] = {"send_flow_rem", NULL, NULL, "no_packet_counts",
					    "no_byte_counts"};
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i] && (flags & 1 << i))
			fprintf(out, ", %s", names[i]);
	}
}

static void print_match(FILE *out, const struct of_match *match, const struct of_ports *ports)
{
	static const struct of_key nothing;
	if (!of_key_equal(&match->mask, &nothing))
		fputc(',', out);
	of_match_print(out, match, ports);
}

// In ovs-ofctl's form.
static void print_stats(FILE *out, const struct rule *rule, const struct of_ports *ports,
			uint64_t now_ms)
{
	struct of_match match;
	uint64_t age = age_ms(now_ms, rule->created_ms);
	cls_rule_match(&rule->cls, &match);
	fprintf(out,
		" cookie=0x%" PRIx64 ", duration=%" PRIu64 ".%03us, table=%u, n_packets=%" PRIu64
		", n_bytes=%" PRIu64,
		rule->cookie, age / 1000, (unsigned)(age % 1000), rule->table, rule->n_packets,
		rule->n_bytes);
	if (rule->idle_timeout_s)
		fprintf(out, ", idle_timeout=%u", rule->idle_timeout_s);
	if (rule->hard_timeout_s)
		fprintf(out, ", hard_timeout=%u", rule->hard_timeout_s);
	if (rule->importance)
		fprintf(out, ", importance=%u", rule->importance);
	print_flags(out, rule->flags);
	fprintf(out, ", idle_age=%" PRIu64, age_ms(now_ms, rule->used_ms) / 1000);
	if (rule->modified_ms != rule->created_ms)
		fprintf(out, ", hard_age=%" PRIu64, age_ms(now_ms, rule->modified_ms) / 1000);
	fprintf(out, ", priority=%u", rule->cls.priority);
	print_match(out, &match, ports);
	fputs(" actions=", out);
	of_actions_print(out, rule->actions, ports);
}

static void print_plain(FILE *out, const struct rule *rule, const struct of_ports *ports)
{
	struct of_match match;
	struct of_flow_view view = rule_view(rule, &match);
	of_flow_print(out, &view, ports);
}

struct dump {
	struct swctld *d;
	struct of_ports ports;
	const struct of_ports *shown; // NULL: numbers
	bool plain;		      // without counters and times
	uint64_t now_ms;
};

static void breathe(const struct dump *dump, size_t i)
{
	if (i % BREATHE_ROWS == 0)
		datapath_breathe(dump->d->datapath);
}

// One text of all lines, which costs swctl and swctld a fraction of what an object a rule does.
static int dump_text(const struct dump *dump, struct rule **list, size_t n, struct rpc_reply *reply)
{
	char *line = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&line, &len);
	if (!out)
		return rpc_refuse(reply, "out of memory");
	__fsetlocking(out, FSETLOCKING_BYCALLER); // one thread
	rpc_text_begin(reply, "text");
	for (size_t i = 0; i < n; i++) {
		rewind(out);
		if (dump->plain)
			print_plain(out, list[i], dump->shown);
		else
			print_stats(out, list[i], dump->shown, dump->now_ms);
		struct gone gone = gone_of_rule(dump->d, list[i]);
		gone_print(dump->d, &gone, out);
		fputc('\n', out);
		fflush(out);
		rpc_text_add(reply, line, len);
		breathe(dump, i);
	}
	rpc_text_end(reply);
	fclose(out);
	free(line);
	return 0;
}

static int dump_rows(const struct dump *dump, struct rule **list, size_t n, struct rpc_reply *reply)
{
	rpc_rows_begin(reply, "rules");
	for (size_t i = 0; i < n; i++) {
		json_t *row = rule_json(list[i], dump->shown, dump->now_ms);
		struct gone gone = gone_of_rule(dump->d, list[i]);
		gone_put_json(&gone, row);
		rpc_rows_add(reply, row);
		breathe(dump, i);
	}
	rpc_rows_end(reply);
	return 0;
}

int method_flow_dump(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct dump dump = {.d = d, .ports = ports_names(d->ports)};
	bool numbers = method_flag(params, "no_names");
	struct rule **list = NULL;
	size_t n = 0;
	if (numbers && method_flag(params, "names"))
		return rpc_bad_params(reply, "names and no_names exclude each other; give one");
	if (choose(d, params, &list, &n, reply) < 0)
		return -1;
	int rc = sort(params, list, n, reply);
	dump.shown = numbers ? NULL : &dump.ports;
	dump.plain = method_flag(params, "no_stats");
	dump.now_ms = clock_now_ms();
	if (rc == 0 && method_flag(params, "as_text"))
		rc = dump_text(&dump, list, n, reply);
	else if (rc == 0)
		rc = dump_rows(&dump, list, n, reply);
	rules_list_free(list, n);
	if (n > BULK_RULES)
		malloc_trim(0);
	return rc;
}

int method_flow_aggregate(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct rule **list = NULL;
	size_t n = 0;
	uint64_t packets = 0, bytes = 0;
	if (choose(d, params, &list, &n, reply) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		packets += list[i]->n_packets;
		bytes += list[i]->n_bytes;
	}
	rules_list_free(list, n);
	reply->result = json_pack("{s:I, s:I, s:I}", "packet_count", (json_int_t)packets,
				  "byte_count", (json_int_t)bytes, "flow_count", (json_int_t)n);
	return 0;
}

int method_table_list(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	const struct classifier *const *tables = rules_tables(d->rules);
	(void)params;
	rpc_rows_begin(reply, "tables");
	for (unsigned t = 0; t <= OF_TABLE_MAX; t++) {
		unsigned n = tables[t] ? classifier_n_rules(tables[t]) : 0;
		if (n > 0)
			rpc_rows_add(reply,
				     json_pack("{s:i, s:i, s:i}", "table", (int)t, "active", (int)n,
					       "masks", (int)classifier_n_masks(tables[t])));
	}
	rpc_rows_end(reply);
	return 0;
}
