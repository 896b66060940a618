// Aligned tables.
#include "ctl/swctl/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct text_column columns[] = {
    {"PORT", TEXT_RIGHT},    {"NAME", TEXT_LEFT}, {"MTU", TEXT_RIGHT},
    {"PACKETS", TEXT_RIGHT}, {"WHY", TEXT_LEFT},
};

static void expect(struct text_table *table, const char *want)
{
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);
	assert_non_null(out);
	assert_int_equal(text_table_print(table, out), 0);
	fclose(out);
	assert_string_equal(got, want);
	free(got);
	text_table_destroy(table);
}

static void put_row(struct text_table *table, int port, const char *name, const char *mtu,
		    long packets, const char *why)
{
	text_table_put(table, "%d", port);
	text_table_put(table, "%s", name);
	text_table_put(table, "%s", mtu);
	text_table_put(table, "%ld", packets);
	text_table_put(table, "%s", why);
}

static void numbers_stand_right_words_left_and_no_line_ends_in_spaces(void **state)
{
	(void)state;
	struct text_table *table = text_table_create(columns, 5);
	put_row(table, 1, "vm1", "1500", 7, "fine");
	put_row(table, 1023, "a-long-name", "9000", 123456789, "x");
	expect(table, "PORT  NAME          MTU    PACKETS  WHY\n"
		      "   1  vm1          1500          7  fine\n"
		      "1023  a-long-name  9000  123456789  x\n");
}

static void a_column_without_content_is_left_out(void **state)
{
	(void)state;
	struct text_table *table = text_table_create(columns, 5);
	put_row(table, 1, "vm1", "", 7, "");
	expect(table, "PORT  NAME  PACKETS\n   1  vm1         7\n");
}

static void an_empty_cell_among_full_ones_is_a_dash(void **state)
{
	(void)state;
	struct text_table *table = text_table_create(columns, 5);
	put_row(table, 1, "vm1", "", 7, "");
	put_row(table, 2, "vm2", "1500", 8, "");
	expect(table,
	       "PORT  NAME   MTU  PACKETS\n   1  vm1      -        7\n   2  vm2   1500        8\n");
}

static void letters_of_several_bytes_count_as_one(void **state)
{
	(void)state;
	struct text_table *table = text_table_create(columns + 1, 2);
	text_table_put(table, "z\xc3\xbcrich");
	text_table_put(table, "1");
	text_table_put(table, "bern");
	text_table_put(table, "22");
	expect(table, "NAME    MTU\nz\xc3\xbcrich    1\nbern     22\n");
}

static void what_a_terminal_would_obey_is_tamed(void **state)
{
	(void)state;
	struct text_table *table = text_table_create(columns + 1, 1);
	text_table_put(table, "a\033[2Jb\n");
	expect(table, "NAME\na?[2Jb?\n");
}

static void a_table_without_rows_prints_nothing(void **state)
{
	(void)state;
	expect(text_table_create(columns, 5), "");
}

static void a_table_that_could_not_be_made_is_reported(void **state)
{
	(void)state;
	text_table_put(NULL, "x");
	assert_int_equal(text_table_print(NULL, stdout), -ENOMEM);
	text_table_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_stand_right_words_left_and_no_line_ends_in_spaces),
	    cmocka_unit_test(a_column_without_content_is_left_out),
	    cmocka_unit_test(an_empty_cell_among_full_ones_is_a_dash),
	    cmocka_unit_test(letters_of_several_bytes_count_as_one),
	    cmocka_unit_test(what_a_terminal_would_obey_is_tamed),
	    cmocka_unit_test(a_table_without_rows_prints_nothing),
	    cmocka_unit_test(a_table_that_could_not_be_made_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
