// Refusals with a caret under the word at fault.
#include "ctl/swctl/complain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *complain(const char *message, json_t *data, json_t *params, const char *file,
		      enum complain_style style)
{
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);
	assert_non_null(out);
	swctl_complain(out, style, message, data, params, file);
	fclose(out);
	json_decref(data);
	json_decref(params);
	return got;
}

static void expect(const char *message, json_t *data, json_t *params, const char *file,
		   const char *want)
{
	char *got = complain(message, data, params, file, COMPLAIN_CARET);
	assert_string_equal(got, want);
	free(got);
}

static void the_caret_stands_under_the_word(void **state)
{
	(void)state;
	expect("column 12: \"nw_srcc\": unknown field",
	       json_pack("{s:i,s:s}", "column", 12, "word", "nw_srcc"),
	       json_pack("{s:s}", "flow", "priority=1,nw_srcc=1.2.3.4,actions=drop"), NULL,
	       "swctl: column 12: \"nw_srcc\": unknown field\n"
	       "  priority=1,nw_srcc=1.2.3.4,actions=drop\n"
	       "             ^~~~~~~\n");
}

static void a_mistake_at_the_end_has_its_caret_behind_the_text(void **state)
{
	(void)state;
	expect("actions= is missing", json_pack("{s:i,s:s}", "column", 4, "word", ""),
	       json_pack("{s:s}", "flow", "tcp"), NULL,
	       "swctl: actions= is missing\n  tcp\n     ^\n");
}

static void a_column_outside_the_text_gets_no_caret(void **state)
{
	(void)state;
	static const int columns[] = {0, -1, 5, 1 << 30};
	for (unsigned i = 0; i < 4; i++)
		expect("no", json_pack("{s:i}", "column", columns[i]),
		       json_pack("{s:s}", "flow", "tcp"), NULL, "swctl: no\n");
}

static void data_of_other_types_does_no_harm(void **state)
{
	(void)state;
	expect("no", json_pack("[i]", 1), json_pack("{s:s}", "flow", "tcp"), NULL, "swctl: no\n");
	expect("no", json_pack("{s:s,s:n}", "column", "x", "word"), json_pack("{}"), NULL,
	       "swctl: no\n");
	expect("no", NULL, NULL, NULL, "swctl: no\n");
	expect("no", json_pack("{s:i,s:i}", "line", 9, "column", 1),
	       json_pack("{s:s}", "flows", "tcp"), "f", "swctl: f:9: no\n");
}

static void a_files_line_is_named_once_and_shown(void **state)
{
	(void)state;
	expect("line 2: column 1: \"tpc\": unknown field",
	       json_pack("{s:i,s:i,s:s}", "line", 2, "column", 1, "word", "tpc"),
	       json_pack("{s:s}", "flows", "# first\r\ntpc,actions=drop\r\nudp"), "rules.txt",
	       "swctl: rules.txt:2: column 1: \"tpc\": unknown field\n"
	       "  tpc,actions=drop\n"
	       "  ^~~\n");
}

static void letters_of_several_bytes_do_not_move_the_caret(void **state)
{
	(void)state;
	expect("no", json_pack("{s:i,s:s}", "column", 4, "word", "b"),
	       json_pack("{s:s}", "flow", "\xc3\xa4,b"), NULL, "swctl: no\n  \xc3\xa4,b\n    ^\n");
}

static void of_a_long_flow_the_part_around_the_mistake_is_shown(void **state)
{
	(void)state;
	char flow[1001];
	memset(flow, 'a', 1000);
	flow[1000] = '\0';
	memcpy(flow + 500, "BAD", 3);
	char *got = complain("no", json_pack("{s:i,s:s}", "column", 501, "word", "BAD"),
			     json_pack("{s:s}", "flow", flow), NULL, COMPLAIN_CARET);
	char *text = strchr(got, '\n') + 1, *caret = strchr(text, '\n') + 1;
	assert_true(caret - text < 110);
	assert_int_equal(strchr(text, 'B') - text, strchr(caret, '^') - caret);
	assert_non_null(strstr(caret, "^~~\n"));
	free(got);
}

static void control_characters_of_a_file_do_not_reach_the_terminal(void **state)
{
	(void)state;
	expect("no", json_pack("{s:i,s:s}", "column", 3, "word", "x"),
	       json_pack("{s:s}", "flow", "\033\tx"), NULL, "swctl: no\n    x\n    ^\n");
}

static void colours_only_when_asked_for(void **state)
{
	(void)state;
	char *got = complain("no", json_pack("{s:i,s:s}", "column", 1, "word", "t"),
			     json_pack("{s:s}", "flow", "tcp"), NULL, COMPLAIN_COLOUR);
	assert_non_null(strstr(got, "\033[1;31m^\033[0m"));
	free(got);
}

static void what_is_no_terminal_gets_one_line(void **state)
{
	(void)state;
	char *got = complain("no", json_pack("{s:i,s:s}", "column", 1, "word", "t"),
			     json_pack("{s:s}", "flow", "tcp"), NULL, COMPLAIN_LINE);
	assert_string_equal(got, "swctl: no\n");
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_caret_stands_under_the_word),
	    cmocka_unit_test(a_mistake_at_the_end_has_its_caret_behind_the_text),
	    cmocka_unit_test(a_column_outside_the_text_gets_no_caret),
	    cmocka_unit_test(data_of_other_types_does_no_harm),
	    cmocka_unit_test(a_files_line_is_named_once_and_shown),
	    cmocka_unit_test(letters_of_several_bytes_do_not_move_the_caret),
	    cmocka_unit_test(of_a_long_flow_the_part_around_the_mistake_is_shown),
	    cmocka_unit_test(control_characters_of_a_file_do_not_reach_the_terminal),
	    cmocka_unit_test(colours_only_when_asked_for),
	    cmocka_unit_test(what_is_no_terminal_gets_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
