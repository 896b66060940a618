// Long strings of JSON lines, taken out and put back: the same as jansson alone.
#include "ctl/json_lift.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LONG (JSON_LIFT_MIN + 1000)

// {"jsonrpc": ..., "params": {"a": 1, "flows": "<piece, again and again>"<tail>
static char *line_of(const char *piece, const char *tail)
{
	char *line;
	size_t len, n = 0;
	FILE *out = open_memstream(&line, &len);
	fputs("{\"jsonrpc\":\"2.0\",\"params\":{\"a\":\"\\\\\\\"b\",\"flows\":\"", out);
	for (; n < LONG; n += strlen(piece))
		fputs(piece, out);
	fprintf(out, "\"%s", tail);
	fclose(out);
	return line;
}

// Whether it was lifted; then the result is checked against jansson's.
static bool lifts(char *line)
{
	struct json_lift lift;
	bool taken = json_lift_take(&lift, line, strlen(line));
	if (taken) {
		assert_true(lift.len < 200);
		json_t *whole = json_loads(line, 0, NULL);
		json_t *parsed = json_loadb(lift.line, lift.len, 0, NULL);
		assert_non_null(parsed);
		taken = json_lift_put(&lift, parsed, "params");
		if (taken)
			assert_true(json_equal(whole, parsed));
		json_decref(whole);
		json_decref(parsed);
		json_lift_fini(&lift);
	}
	free(line);
	return taken;
}

static void a_long_string_is_the_same_as_without_lifting(void **state)
{
	(void)state;
	assert_true(lifts(line_of("tcp,actions=drop\\n", "},\"id\":1}")));
	assert_true(lifts(line_of("a", "}}")));
	assert_true(lifts(line_of("\\\"\\\\\\/\\b\\f\\n\\r\\t", ",\"z\":\"\\\\\"}}")));
	assert_true(lifts(line_of("\\\\", ",\"z\":\"(lift\"}}")));
}

static void what_is_not_plain_is_left_to_jansson(void **state)
{
	(void)state;
	assert_false(lifts(line_of("\\u0041", "}}")));
	assert_false(lifts(line_of("\xc3\xa4", "}}")));
	assert_false(lifts(line_of("a\nb", "}}")));
	assert_false(lifts(line_of("\\x", "}}")));
	assert_false(lifts(line_of("a", ",\"z\":\"(lifted)\"}}")));
	assert_false(lifts(strdup("{\"params\":{\"flows\":\"short\"}}")));
	assert_false(lifts(strdup("")));
}

static void a_string_that_does_not_end_is_not_lifted(void **state)
{
	(void)state;
	char *line = line_of("a", "");
	line[strlen(line) - 1] = '\0';
	assert_false(lifts(line));
	line = line_of("\\\"", "");
	assert_false(lifts(strndup(line, strlen(line) - 1)));
	free(line);
}

static void a_string_elsewhere_is_not_put_into_the_params(void **state)
{
	(void)state;
	char *line = line_of("a", "}}");
	memcpy(strstr(line, "params"), "parans", 6);
	assert_false(lifts(line));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_long_string_is_the_same_as_without_lifting),
	    cmocka_unit_test(what_is_not_plain_is_left_to_jansson),
	    cmocka_unit_test(a_string_that_does_not_end_is_not_lifted),
	    cmocka_unit_test(a_string_elsewhere_is_not_put_into_the_params),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
