// A flow's, filter's, group's or meter's text: whatever it is, it is refused with a place in the
// text, or it reads the same after printing.
#include "ctl/of_flow.h"
#include "ctl/of_group.h"
#include "ctl/of_meter.h"

#include "tests/unit/ctl/flow_ports.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_error(const struct of_error *error, const char *line)
{
	check(error->column >= 1 && error->column <= strlen(line) + 1);
	check(strlen(error->text) < sizeof(error->text) && error->text[0]);
}

static void check_variant(const struct of_flow *flow, const struct of_match *match)
{
	struct of_flow again;
	struct of_error error;
	struct of_flow_view view = {match,
				    flow->actions,
				    flow->cookie,
				    flow->priority,
				    flow->idle_timeout_s,
				    flow->hard_timeout_s,
				    flow->importance,
				    flow->table,
				    flow->flags};
	char *text = of_flow_format(&view, &ports);
	check(text);
	check(of_flow_parse(&again, OF_FLOW_ADD, text, &ports, &error) == 0);
	check(memcmp(match, &again.match, sizeof(*match)) == 0);
	check(of_actions_equal(flow->actions, again.actions));
	check(flow->cookie == again.cookie && flow->priority == again.priority);
	check(flow->table == again.table && flow->flags == again.flags);
	of_flow_fini(&again);
	free(text);
}

static void try_flow(const char *line, enum of_flow_form form)
{
	struct of_flow flow;
	struct of_error error;
	if (of_flow_parse(&flow, form, line, &ports, &error) != 0) {
		check_error(&error, line);
		return;
	}
	unsigned n = of_flow_n_variants(&flow);
	check(n >= 1 && n <= OF_VARIANTS_MAX);
	for (unsigned i = 0; i < n; i += 1 + n / 4) {
		struct of_match match;
		of_flow_variant(&flow, i, &match);
		check_variant(&flow, &match);
	}
	of_flow_fini(&flow);
}

static void try_filter(const char *line, bool strict)
{
	struct of_filter filter;
	struct of_error error;
	if (of_filter_parse(&filter, strict, line, &ports, &error) != 0)
		check_error(&error, line);
}

static void try_group(const char *line)
{
	struct of_group group, again;
	struct of_error error;
	if (of_group_parse(&group, line, &ports, &error) != 0) {
		check_error(&error, line);
		return;
	}
	char *text = of_group_format(&group, &ports);
	check(text);
	check(of_group_parse(&again, text, &ports, &error) == 0);
	check(group.id == again.id && group.type == again.type);
	check(memcmp(&group.hash_fields, &again.hash_fields, sizeof(group.hash_fields)) == 0);
	check(group.n_buckets == again.n_buckets);
	for (unsigned i = 0; i < group.n_buckets; i++)
		check(of_actions_equal(group.buckets[i].actions, again.buckets[i].actions));
	of_group_fini(&group);
	of_group_fini(&again);
	free(text);
}

static void try_meter(const char *line)
{
	struct of_meter meter, again;
	struct of_error error;
	if (of_meter_parse(&meter, line, &error) != 0) {
		check_error(&error, line);
		return;
	}
	char *text = of_meter_format(&meter);
	check(text);
	check(of_meter_parse(&again, text, &error) == 0);
	check(memcmp(&meter, &again, sizeof(meter)) == 0);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *line = malloc(len + 1);
	check(line);
	memcpy(line, data, len);
	line[len] = '\0';
	try_filter(line, false);
	try_filter(line, true);
	try_flow(line, OF_FLOW_ADD);
	try_flow(line, OF_FLOW_MODIFY);
	try_group(line);
	try_meter(line);
	free(line);
	return 0;
}
