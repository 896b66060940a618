#include "datapath/options.h"

#include "ctl/core_list.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static char err[256];

static int parse(struct options *o, char **argv)
{
	int argc = 0;
	while (argv[argc])
		argc++;
	return options_parse(o, argc, argv, err, sizeof(err));
}
#define PARSE(o, ...) parse(o, (char *[]){"swd", __VA_ARGS__, NULL})

static void core_list_takes_numbers_and_ranges_once_each(void **state)
{
	(void)state;
	unsigned cores[PMDS_MAX], n;
	assert_int_equal(core_list_parse("1,3-5,4,1", cores, &n, err, sizeof(err)), 0);
	assert_int_equal(n, 4);
	const unsigned expected[] = {1, 3, 4, 5};
	assert_memory_equal(cores, expected, sizeof(expected));
	assert_int_equal(core_list_parse("0", cores, &n, err, sizeof(err)), 0);
	assert_int_equal(n, 1);
}

static void core_list_refuses_what_is_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	 ",",	 "1,",	"1,,2", "a",	"1a",
					  "5-3", "1-",	 "-1",	"1-2-", "1024", "99999999999",
					  " 1",	 "0-64", "0x1", "1;2"};
	unsigned cores[PMDS_MAX], n;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (core_list_parse(bad[i], cores, &n, err, sizeof(err)) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(strstr(err, "core list"));
	}
}

static void options_have_defaults_and_override_them(void **state)
{
	(void)state;
	struct options o;
	assert_int_equal(PARSE(&o, "--pmd-cores", "1"), 0);
	assert_string_equal(o.run_dir, "/run/swd");
	assert_int_equal(o.mem_mb, 512);
	assert_int_equal(o.max_flows, 200000);
	assert_int_equal(o.ct_connections, 0);
	assert_int_equal(o.upcall_rate, 5000);
	assert_string_equal(o.isa, "auto");
	assert_int_equal(o.log_level, LOG_LEVEL_INFO);
	assert_int_equal(PARSE(&o, "--pmd-cores=2", "--run-dir", "/tmp/x", "--mem", "1024",
			       "--max-flows=77", "--ct-connections=99", "--upcall-rate", "0",
			       "--isa", "plain", "--log-level", "debug"),
			 0);
	assert_string_equal(o.run_dir, "/tmp/x");
	assert_int_equal(o.pmd_cores[0], 2);
	assert_int_equal(o.mem_mb, 1024);
	assert_int_equal(o.max_flows, 77);
	assert_int_equal(o.ct_connections, 99);
	assert_int_equal(o.upcall_rate, 0);
	assert_string_equal(o.isa, "plain");
	assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
}

static void help_and_version_need_nothing_else(void **state)
{
	(void)state;
	struct options o;
	assert_int_equal(PARSE(&o, "--help"), 0);
	assert_true(o.help);
	assert_int_equal(PARSE(&o, "--version"), 0);
	assert_true(o.version);
}

static void refused(int rc, const char *word)
{
	assert_int_equal(rc, -EINVAL);
	if (!strstr(err, word))
		fail_msg("\"%s\" does not say \"%s\"", err, word);
	assert_null(strchr(err, '\n'));
}

static void errors_name_the_option_at_fault(void **state)
{
	(void)state;
	struct options o;
	refused(PARSE(&o, "--mem", "512"), "--pmd-cores is missing");
	refused(PARSE(&o, "--pmd-cores", "1", "--mem", "12"), "--mem 12");
	refused(PARSE(&o, "--pmd-cores", "1", "--mem", "512M"), "--mem 512M");
	refused(PARSE(&o, "--pmd-cores", "1", "--mem", "-512"), "--mem -512");
	refused(PARSE(&o, "--pmd-cores", "1", "--upcall-rate", "1k"), "--upcall-rate 1k");
	refused(PARSE(&o, "--pmd-cores", "1", "--log-level", "loud"), "loud");
	refused(PARSE(&o, "--pmd-cores", "1", "--isa", "mmx"), "--isa mmx");
	refused(PARSE(&o, "--pmd-cores", "1", "--isa", "mmx"), "auto, plain");
	refused(PARSE(&o, "--pmd-cores", "1", "--nonsense"), "--nonsense");
	refused(PARSE(&o, "--pmd-cores", "1", "-x"), "-x");
	refused(PARSE(&o, "--pmd-cores"), "--pmd-cores needs a value");
	refused(PARSE(&o, "--pmd-cores", "1", "extra"), "extra");
	refused(PARSE(&o, "--pmd-cores", "1", "--run-dir", ""), "--run-dir");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(core_list_takes_numbers_and_ranges_once_each),
	    cmocka_unit_test(core_list_refuses_what_is_none),
	    cmocka_unit_test(options_have_defaults_and_override_them),
	    cmocka_unit_test(help_and_version_need_nothing_else),
	    cmocka_unit_test(errors_name_the_option_at_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
