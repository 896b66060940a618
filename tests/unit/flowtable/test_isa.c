#include "flowtable/isa.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void plain_is_always_supported(void **state)
{
	(void)state;
	assert_true(isa_supported(ISA_PLAIN));
	assert_int_equal(isa_set("plain"), 0);
	assert_int_equal(isa_current(), ISA_PLAIN);
}

static void auto_is_the_best_supported(void **state)
{
	(void)state;
	assert_int_equal(isa_set("auto"), 0);
	assert_true(isa_supported(isa_current()));
	for (unsigned isa = isa_current() + 1; isa < N_ISAS; isa++)
		assert_false(isa_supported((enum isa)isa));
}

static void each_is_chosen_by_its_name_or_not_supported(void **state)
{
	(void)state;
	for (unsigned isa = 0; isa < N_ISAS; isa++) {
		assert_int_equal(isa_set("plain"), 0);

		int err = isa_set(isa_name((enum isa)isa));

		assert_int_equal(err, isa_supported((enum isa)isa) ? 0 : -ENOTSUP);
		assert_int_equal(isa_current(), err ? ISA_PLAIN : isa);
	}
}

static void unknown_name_is_refused(void **state)
{
	(void)state;
	assert_int_equal(isa_set("plain"), 0);
	assert_int_equal(isa_set("avx"), -EINVAL);
	assert_int_equal(isa_set(""), -EINVAL);
	assert_int_equal(isa_current(), ISA_PLAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_is_always_supported),
	    cmocka_unit_test(auto_is_the_best_supported),
	    cmocka_unit_test(each_is_chosen_by_its_name_or_not_supported),
	    cmocka_unit_test(unknown_name_is_refused),
	};

	return cmocka_run_group_tests_name("isa", tests, NULL, NULL);
}
