#include "flowtable/of_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

// The bytes that hold fields, the last of them reg15's.
#define N_BYTES (OF_KEY_WORDS * sizeof(uint64_t))

static void each_byte_counts_in_each_operation(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_BYTES; i++) {
		struct of_key a = {0}, b = {0}, mask = {0}, all, dst;

		memset(&all, 0xff, sizeof(all));
		((uint8_t *)&a)[i] = 0x50;
		((uint8_t *)&mask)[i] = 0x30;
		assert_false(of_key_equal(&a, &b));
		assert_true(of_key_equal(&a, &a));
		assert_false(of_key_equal_masked(&a, &b, &mask));
		((uint8_t *)&b)[i] = 0x10;
		assert_true(of_key_equal_masked(&a, &b, &mask));
		of_key_mask(&dst, &a, &mask);
		assert_true(of_key_equal(&dst, &b));
		assert_true(of_mask_covers(&mask, &b));
		assert_false(of_mask_covers(&mask, &a));
		assert_true(of_mask_covers(&all, &a));
		of_mask_merge(&b, &a);
		assert_true(of_key_equal(&a, &b));
	}
}

static void a_key_can_be_masked_in_its_place(void **state)
{
	struct of_key key = {.metadata_be = 0xff, .reg_be = {[15] = 7}};
	struct of_key mask = {.metadata_be = 0x0f, .reg_be = {[15] = 2}};

	(void)state;
	of_key_mask(&key, &key, &mask);
	assert_int_equal(key.metadata_be, 0x0f);
	assert_int_equal(key.reg_be[15], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_byte_counts_in_each_operation),
	    cmocka_unit_test(a_key_can_be_masked_in_its_place),
	};
	return cmocka_run_group_tests_name("of_key", tests, NULL, NULL);
}
