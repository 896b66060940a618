#include "flowtable/hash_counts.h"

#include "tests/unit/ctl/random_flow.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_HASHES 96

// Few places for many hashes, the last places among them: searches are long and go round the end.
static uint32_t crowded(unsigned i)
{
	return 0xfffffff8 + i % 12 + (i / 12 << 16);
}

static void it_has_what_was_added_more_often_than_deleted(void **state)
{
	(void)state;
	struct hash_counts h = {0};
	unsigned model[N_HASHES] = {0};
	for (unsigned step = 0; step < 30000; step++) {
		unsigned i = random_below(N_HASHES);
		bool growing = step / 1000 % 2 == 0;
		if (model[i] > 0 && !(growing && random_one_in(2))) {
			hash_counts_del(&h, crowded(i));
			model[i]--;
		} else if (growing || random_one_in(4)) {
			assert_int_equal(hash_counts_add(&h, crowded(i)), 0);
			model[i]++;
		}
		for (unsigned j = 0; j < N_HASHES; j++)
			assert_int_equal(hash_counts_has(&h, crowded(j)), model[j] > 0);
	}
	for (unsigned i = 0; i < N_HASHES; i++) {
		for (; model[i] > 0; model[i]--)
			hash_counts_del(&h, crowded(i));
	}
	assert_int_equal(h.n, 0);
	hash_counts_fini(&h);
}

static void an_empty_one_has_nothing(void **state)
{
	(void)state;
	struct hash_counts h = {0};
	assert_false(hash_counts_has(&h, 0));
	assert_int_equal(hash_counts_add(&h, 1), 0);
	assert_false(hash_counts_has(&h, 0));
	hash_counts_del(&h, 1);
	assert_false(hash_counts_has(&h, 1));
	hash_counts_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_has_what_was_added_more_often_than_deleted),
	    cmocka_unit_test(an_empty_one_has_nothing),
	};
	return cmocka_run_group_tests_name("hash_counts", tests, NULL, NULL);
}
