// Counters as differences over time.
#include "ctl/swctl/interval.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect(const char *before, const char *after, const char *want)
{
	json_t *b = json_loads(before, 0, NULL), *a = json_loads(after, 0, NULL);
	assert_non_null(b);
	assert_non_null(a);
	json_t *difference = swctl_interval_difference(b, a);
	char *got = json_dumps(difference, 0);
	assert_string_equal(got, want);
	free(got);
	json_decref(difference);
	// The results are the caller's: the next difference starts from them.
	char *kept = json_dumps(a, 0);
	assert_string_equal(kept, after);
	free(kept);
	json_decref(a);
	json_decref(b);
}

static void counters_are_subtracted_and_names_kept(void **state)
{
	(void)state;
	expect("{\"isa\": \"plain\", \"seconds\": 1.5, \"pmds\": [{\"core\": 7, \"numa\": 1, "
	       "\"iterations\": 5, \"copies\": 9007199254740993}]}",
	       "{\"isa\": \"plain\", \"seconds\": 4.0, \"pmds\": [{\"core\": 7, \"numa\": 1, "
	       "\"iterations\": 9, \"copies\": 9007199254740998}]}",
	       "{\"isa\": \"plain\", \"seconds\": 2.5, \"pmds\": [{\"core\": 7, \"numa\": 1, "
	       "\"iterations\": 4, \"copies\": 5}]}");
}

static void threads_are_told_apart_by_their_core(void **state)
{
	(void)state;
	expect("{\"seconds\": 1.0, \"pmds\": [{\"core\": 1, \"iterations\": 10}, "
	       "{\"core\": 2, \"iterations\": 20}]}",
	       "{\"seconds\": 2.0, \"pmds\": [{\"core\": 2, \"iterations\": 21}, "
	       "{\"core\": 3, \"iterations\": 33}]}",
	       "{\"seconds\": 1.0, \"pmds\": [{\"core\": 2, \"iterations\": 1}, "
	       "{\"core\": 3, \"iterations\": 33}]}");
}

static void what_started_anew_counts_from_its_start(void **state)
{
	(void)state;
	// A thread, and all of swd.
	expect("{\"seconds\": 1.0, \"pmds\": [{\"core\": 1, \"iterations\": 10, \"copies\": 1}]}",
	       "{\"seconds\": 2.0, \"pmds\": [{\"core\": 1, \"iterations\": 3, \"copies\": 2}]}",
	       "{\"seconds\": 1.0, \"pmds\": [{\"core\": 1, \"iterations\": 3, \"copies\": 2}]}");
	expect("{\"seconds\": 9.0, \"pmds\": [{\"core\": 1, \"iterations\": 10}]}",
	       "{\"seconds\": 0.5, \"pmds\": [{\"core\": 1, \"iterations\": 12}]}",
	       "{\"seconds\": 0.5, \"pmds\": [{\"core\": 1, \"iterations\": 12}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counters_are_subtracted_and_names_kept),
	    cmocka_unit_test(threads_are_told_apart_by_their_core),
	    cmocka_unit_test(what_started_anew_counts_from_its_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
