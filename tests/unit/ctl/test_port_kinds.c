// Options of ports against the row of their kind.
#include "ctl/port_kinds.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct port_option_spec options[] = {
    {.key = "text", .type = PORT_OPTION_TEXT, .required = 1, .help = "any words"},
    {.key = "number", .type = PORT_OPTION_NUMBER, .min = 2, .max = 300, .help = "n"},
    {.key = "power", .type = PORT_OPTION_POWER, .min = 64, .max = 1024, .help = "n"},
    {.key = "word", .type = PORT_OPTION_WORD, .words = "one|two|three", .help = "w"},
    {.key = "path", .type = PORT_OPTION_PATH, .help = "p"},
    {.key = "iface", .type = PORT_OPTION_IFACE, .help = "i"},
    {.key = "mac", .type = PORT_OPTION_MAC, .help = "m"},
    {.key = "prefix", .type = PORT_OPTION_PREFIX, .help = "a"},
    {.key = "pci", .type = PORT_OPTION_PCI, .help = "d"},
    {.key = NULL},
};
static const struct port_kind_spec kind = {"test", "a test", "", options};

static char err[256];

// With text= beside it, so that only this option is at fault.
static int check(const char *key, const char *value)
{
	const char *keys[] = {"text", key}, *values[] = {"x", value};
	err[0] = '\0';
	return port_kind_check(&kind, keys, values, 2, "", err, sizeof(err));
}

static void values_of_their_type_pass(void **state)
{
	static const char *const good[][2] = {
	    {"number", "2"},
	    {"number", "300"},
	    {"number", "007"},
	    {"power", "64"},
	    {"power", "1024"},
	    {"word", "one"},
	    {"word", "three"},
	    {"path", "/a"},
	    {"iface", "eth0"},
	    {"iface", "a.b-c@d"},
	    {"iface", "123456789012345"},
	    {"mac", "02:00:00:aa:BB:01"},
	    {"prefix", "10.0.0.1/0"},
	    {"prefix", "10.0.0.1/32"},
	    {"prefix", "fd00::1/128"},
	    {"pci", "0000:00:04.0"},
	    {"pci", "00:1f.7"},
	    {"pci", "10000:e1:00.0"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (check(good[i][0], good[i][1]) < 0)
			fail_msg("%s", err);
	}
}

static void others_are_refused_with_key_and_value(void **state)
{
	static const char *const bad[][2] = {
	    {"number", ""},
	    {"number", "1"},
	    {"number", "301"},
	    {"number", "-2"},
	    {"number", "2 "},
	    {"number", "4294967298"},
	    {"power", ""},
	    {"power", "32"},
	    {"power", "100"},
	    {"power", "2048"},
	    {"word", ""},
	    {"word", "on"},
	    {"word", "one|two"},
	    {"word", "threes"},
	    {"path", ""},
	    {"path", "a/b"},
	    {"iface", ""},
	    {"iface", ".."},
	    {"iface", "a/b"},
	    {"iface", "a,b"},
	    {"iface", "1234567890123456"},
	    {"mac", ""},
	    {"mac", "00:00:00:00:00:00"},
	    {"mac", "01:00:00:00:00:01"},
	    {"mac", "02:00:00:00:00:0"},
	    {"mac", "02-00-00-00-00-01"},
	    {"mac", "02:00:00:00:00:01:02"},
	    {"prefix", "10.0.0.1"},
	    {"prefix", "10.0.0.1/33"},
	    {"prefix", "10.0.0/8"},
	    {"prefix", "fd00::1/129"},
	    {"prefix", "/8"},
	    {"prefix", "10.0.0.1/"},
	    {"prefix", "10.0.0.1/8x"},
	    {"pci", ""},
	    {"pci", "00:04"},
	    {"pci", "00:04.8"},
	    {"pci", "00:20.0"},
	    {"pci", "000:04.0"},
	    {"pci", "0000:00:04.0,x"},
	    {"pci", "0:0:0:4.0"},
	};
	char words[80];
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (check(bad[i][0], bad[i][1]) != -EINVAL)
			fail_msg("%s=%s passed", bad[i][0], bad[i][1]);
		snprintf(words, sizeof(words), "%s=%s", bad[i][0], bad[i][1]);
		if (!strstr(err, words))
			fail_msg("\"%s\" does not name %s", err, words);
	}
}

static void a_word_is_answered_with_all_that_there_are(void **state)
{
	(void)state;
	assert_int_equal(check("word", "four"), -EINVAL);
	assert_string_equal(err, "word=four does not do: use one, two or three");
}

static void the_fault_in_an_interface_s_name_is_told(void **state)
{
	static const char *const rows[][2] = {
	    {"nam/e", "iface=nam/e does not do: no \"/\" may stand in an interface's name"},
	    {"a b", "iface=a b does not do: no \" \" may stand in an interface's name"},
	    {"..", "iface=.. does not do: no interface has that name"},
	    {"", "iface= does not do: an interface's name has 1 to 15 bytes"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(check("iface", rows[i][0]), -EINVAL);
		assert_string_equal(err, rows[i][1]);
	}
}

static void an_address_of_either_family_is_shown_as_an_example(void **state)
{
	(void)state;
	assert_int_equal(check("prefix", "999::1/200"), -EINVAL);
	assert_non_null(strstr(err, "as 10.0.0.1/24 or fd00::1/64"));
}

static void a_kind_has_its_article(void **state)
{
	const struct port_kind_spec *af = port_kind_spec_find("af-packet", err, sizeof(err));
	const char *keys[] = {"colour"}, *values[] = {"x"};
	(void)state;
	assert_int_equal(port_kind_check(af, keys, values, 0, "", err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "an af-packet port needs iface="));
	assert_int_equal(port_kind_check(af, keys, values, 1, "", err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "is not one of an af-packet port"));
}

static void keys_are_known_and_stand_once_and_none_is_missing(void **state)
{
	const char *keys[] = {"text", "colour"}, *values[] = {"x", "y"};
	(void)state;
	assert_int_equal(port_kind_check(&kind, keys, values, 2, "tag=", err, sizeof(err)),
			 -EINVAL);
	assert_string_equal(err, "option \"colour\" is not one of a test port: use text=, number=, "
				 "power=, word=, path=, iface=, mac=, prefix=, pci=, tag=");
	keys[1] = "text";
	assert_int_equal(port_kind_check(&kind, keys, values, 2, "", err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "option \"text\" is given twice");
	assert_int_equal(port_kind_check(&kind, keys, values, 0, "", err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "a test port needs text=: any words");
}

// What help and completion print must be there, and what an absent option stands for must pass.
static void each_kind_has_words_and_fallbacks_that_pass(void **state)
{
	(void)state;
	for (unsigned i = 0; i < n_port_kind_specs; i++) {
		const struct port_kind_spec *k = &port_kind_specs[i];
		unsigned n = 0;
		assert_true(strlen(k->help) > 0 && strlen(k->name) < 16);
		assert_non_null(strstr(k->example, k->name));
		for (const struct port_option_spec *o = k->options; o->key; o++, n++) {
			const struct port_option_spec alone[] = {*o, {.key = NULL}};
			const struct port_kind_spec one = {k->name, "", "", alone};
			assert_true(strlen(o->help) > 0 && strlen(o->key) < 32);
			if (o->fallback && port_kind_check(&one, &o->key, &o->fallback, 1, "", err,
							   sizeof(err)) < 0)
				fail_msg("%s: %s", k->name, err);
		}
		assert_true(n <= PORT_KIND_OPTIONS_MAX);
	}
	assert_null(port_kind_spec_find("carrier-pigeon", err, sizeof(err)));
	assert_non_null(strstr(err, "carrier-pigeon"));
	assert_non_null(strstr(err, "vhost-user"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_of_their_type_pass),
	    cmocka_unit_test(others_are_refused_with_key_and_value),
	    cmocka_unit_test(a_word_is_answered_with_all_that_there_are),
	    cmocka_unit_test(the_fault_in_an_interface_s_name_is_told),
	    cmocka_unit_test(an_address_of_either_family_is_shown_as_an_example),
	    cmocka_unit_test(a_kind_has_its_article),
	    cmocka_unit_test(keys_are_known_and_stand_once_and_none_is_missing),
	    cmocka_unit_test(each_kind_has_words_and_fallbacks_that_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
