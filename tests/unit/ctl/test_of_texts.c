// The lines of flows.txt are read, printed and read again; those of flows_bad.txt are refused with
// the message that stands behind them.
#include "ctl/of_flow.h"
#include "ctl/of_group.h"
#include "ctl/of_meter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOOD_FILE "tests/unit/ctl/flows.txt"
#define BAD_FILE  "tests/unit/ctl/flows_bad.txt"
#define ARROW	  " => "

static void fail_at(unsigned no, const char *text, const char *what)
{
	fail_msg("line %u: %s: %s", no, text, what);
}

static char *print_flow(const struct of_flow *f, const struct of_match *match)
{
	struct of_flow_view view = {match,	   f->actions,	      f->cookie,
				    f->priority,   f->idle_timeout_s, f->hard_timeout_s,
				    f->importance, f->table,	      f->flags};
	return of_flow_format(&view, NULL);
}

static bool same_flow(const struct of_flow *a, const struct of_match *match,
		      const struct of_flow *b)
{
	return memcmp(match, &b->match, sizeof(*match)) == 0 && a->priority == b->priority &&
	       a->table == b->table && a->flags == b->flags && a->cookie == b->cookie &&
	       a->idle_timeout_s == b->idle_timeout_s && a->hard_timeout_s == b->hard_timeout_s &&
	       a->importance == b->importance && b->n_ranges == 0 &&
	       of_actions_equal(a->actions, b->actions);
}

// A flow's text, after its rules were read again; of the last one when there are several.
static char *check_flow(unsigned no, const char *text)
{
	struct of_flow flow, again;
	struct of_error error;
	char *printed = NULL;
	if (of_flow_parse(&flow, OF_FLOW_ADD, text, NULL, &error) != 0)
		fail_at(no, text, error.text);
	for (unsigned i = 0; i < of_flow_n_variants(&flow); i++) {
		struct of_match match;
		of_flow_variant(&flow, i, &match);
		free(printed);
		printed = print_flow(&flow, &match);
		if (of_flow_parse(&again, OF_FLOW_ADD, printed, NULL, &error) != 0)
			fail_at(no, printed, error.text);
		if (!same_flow(&flow, &match, &again))
			fail_at(no, printed, "reads as another flow");
		of_flow_fini(&again);
	}
	of_flow_fini(&flow);
	return printed;
}

static bool same_group(const struct of_group *a, const struct of_group *b)
{
	bool same = a->id == b->id && a->type == b->type && a->has_method == b->has_method &&
		    a->is_dp_hash == b->is_dp_hash && a->selection_param == b->selection_param &&
		    memcmp(&a->hash_fields, &b->hash_fields, sizeof(a->hash_fields)) == 0 &&
		    a->n_buckets == b->n_buckets;
	for (unsigned i = 0; same && i < a->n_buckets; i++) {
		const struct of_bucket *x = &a->buckets[i], *y = &b->buckets[i];
		same = x->id == y->id && x->weight == y->weight && x->watch_port == y->watch_port &&
		       x->watch_group == y->watch_group && of_actions_equal(x->actions, y->actions);
	}
	return same;
}

static char *check_group(unsigned no, const char *text)
{
	struct of_group group, again;
	struct of_error error;
	if (of_group_parse(&group, text, NULL, &error) != 0)
		fail_at(no, text, error.text);
	char *printed = of_group_format(&group, NULL);
	if (of_group_parse(&again, printed, NULL, &error) != 0)
		fail_at(no, printed, error.text);
	if (!same_group(&group, &again))
		fail_at(no, printed, "reads as another group");
	of_group_fini(&group);
	of_group_fini(&again);
	return printed;
}

static char *check_meter(unsigned no, const char *text)
{
	struct of_meter meter, again;
	struct of_error error;
	if (of_meter_parse(&meter, text, &error) != 0)
		fail_at(no, text, error.text);
	char *printed = of_meter_format(&meter);
	if (of_meter_parse(&again, printed, &error) != 0)
		fail_at(no, printed, error.text);
	if (memcmp(&meter, &again, sizeof(meter)) != 0)
		fail_at(no, printed, "reads as another meter");
	return printed;
}

// Cuts "flow TEXT => COLUMN" in three. The column is NULL when there is none.
static const char *cut(char *line, char **text, char **column)
{
	*text = strchr(line, ' ');
	assert_non_null(*text);
	*(*text)++ = '\0';
	*column = strstr(*text, ARROW);
	if (*column) {
		**column = '\0';
		*column += strlen(ARROW);
	}
	return line;
}

static void check_good(unsigned no, char *line)
{
	char *text, *column, *printed;
	const char *kind = cut(line, &text, &column);
	if (strcmp(kind, "flow") == 0)
		printed = check_flow(no, text);
	else if (strcmp(kind, "group") == 0)
		printed = check_group(no, text);
	else
		printed = check_meter(no, text);
	if (column && strcmp(printed, column) != 0)
		fail_msg("line %u: %s: printed as %s, not %s", no, text, printed, column);
	free(printed);
}

static int read_kind(const char *kind, const char *text, struct of_error *error)
{
	struct of_flow flow;
	struct of_group group;
	struct of_meter meter;
	struct of_filter filter;
	if (strcmp(kind, "flow") == 0)
		return of_flow_parse(&flow, OF_FLOW_ADD, text, NULL, error);
	if (strcmp(kind, "mod") == 0)
		return of_flow_parse(&flow, OF_FLOW_MODIFY, text, NULL, error);
	if (strcmp(kind, "filter") == 0)
		return of_filter_parse(&filter, false, text, NULL, error);
	if (strcmp(kind, "group") == 0)
		return of_group_parse(&group, text, NULL, error);
	return of_meter_parse(&meter, text, error);
}

static void check_bad(unsigned no, char *line)
{
	char *text, *column;
	struct of_error error = {0};
	const char *kind = cut(line, &text, &column);
	if (!column)
		fail_at(no, text, "has no message");
	if (read_kind(kind, text, &error) != -EINVAL)
		fail_at(no, text, "is taken");
	if (strcmp(error.text, column) != 0)
		fail_msg("line %u: %s: %s, not %s", no, text, error.text, column);
	// The message starts with the column.
	assert_int_equal(error.column, strtoul(error.text + strlen("column "), NULL, 10));
}

static void each_line(const char *name, void (*check)(unsigned no, char *line), unsigned n_least)
{
	char line[4096];
	unsigned n = 0;
	FILE *file = fopen(name, "r");
	if (!file)
		fail_msg("%s: run from the repository's root", name);
	for (unsigned no = 1; fgets(line, sizeof(line), file); no++) {
		line[strcspn(line, "\n")] = '\0';
		if (!line[0] || line[0] == '#')
			continue;
		check(no, line);
		n++;
	}
	fclose(file);
	assert_true(n >= n_least);
}

static void what_ovs_ofctls_manual_describes_is_read_and_printed_alike(void **state)
{
	(void)state;
	each_line(GOOD_FILE, check_good, 300);
}

static void what_is_wrong_is_refused_with_its_place_and_mend(void **state)
{
	(void)state;
	each_line(BAD_FILE, check_bad, 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_ovs_ofctls_manual_describes_is_read_and_printed_alike),
	    cmocka_unit_test(what_is_wrong_is_refused_with_its_place_and_mend),
	};
	return cmocka_run_group_tests_name("of_texts", tests, NULL, NULL);
}
