#include "ctl/swctld/flow_ids.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

static void a_number_finds_its_object_until_it_is_given_back(void **state)
{
	struct flow_ids ids;
	int a, b;
	(void)state;
	flow_ids_init(&ids);
	uint32_t first = flow_ids_take(&ids, &a), second = flow_ids_take(&ids, &b);
	assert_true(first >= FLOW_IDS_FIRST && second >= FLOW_IDS_FIRST);
	assert_ptr_equal(flow_ids_find(&ids, first), &a);
	assert_ptr_equal(flow_ids_find(&ids, second), &b);
	flow_ids_give(&ids, first);
	assert_null(flow_ids_find(&ids, first));
	assert_ptr_equal(flow_ids_find(&ids, second), &b);
	flow_ids_fini(&ids);
}

static void a_number_that_was_given_back_stays_nobodys_for_long(void **state)
{
	struct flow_ids ids;
	int object;
	(void)state;
	flow_ids_init(&ids);
	uint32_t old = flow_ids_take(&ids, &object);
	flow_ids_give(&ids, old);
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t id = flow_ids_take(&ids, &object);
		assert_int_not_equal(id, old);
		assert_null(flow_ids_find(&ids, old));
		flow_ids_give(&ids, id);
	}
	flow_ids_fini(&ids);
}

static void numbers_that_nobody_has_find_nothing(void **state)
{
	struct flow_ids ids;
	(void)state;
	flow_ids_init(&ids);
	for (uint32_t id = 0; id < 100000; id += 7)
		assert_null(flow_ids_find(&ids, id));
	assert_null(flow_ids_find(&ids, UINT32_MAX));
	flow_ids_fini(&ids);
}

static void all_objects_come_once_while_some_are_given_back(void **state)
{
	enum { N = 5000 };
	static char seen[N];
	static int objects[N];
	struct flow_ids ids;
	uint32_t cursor = 0, numbers[N];
	int *object;
	unsigned n = 0;
	(void)state;
	flow_ids_init(&ids);
	for (int i = 0; i < N; i++)
		numbers[i] = flow_ids_take(&ids, &objects[i]);
	while ((object = flow_ids_next(&ids, &cursor))) {
		int i = (int)(object - objects);
		assert_int_equal(seen[i]++, 0);
		flow_ids_give(&ids, numbers[i]);
		n++;
	}
	assert_int_equal(n, N);
	cursor = 0;
	assert_null(flow_ids_next(&ids, &cursor));
	flow_ids_fini(&ids);
}

struct gone {
	uint32_t ids[8];
	unsigned n;
};

static void note_gone(uint32_t id, void *arg)
{
	struct gone *gone = arg;
	gone->ids[gone->n++] = id;
}

static void reserved_numbers_are_for_who_claims_them(void **state)
{
	enum { GENERATION = 1 << FLOW_IDS_PLACE_BITS };
	struct flow_ids ids;
	struct gone gone = {.n = 0};
	int mine, other;
	const uint32_t claimed = FLOW_IDS_FIRST + 3 + 5 * GENERATION, left = FLOW_IDS_FIRST + 9;
	(void)state;
	flow_ids_init(&ids);
	assert_true(flow_ids_reserve(&ids, claimed));
	assert_true(flow_ids_reserve(&ids, left));
	assert_null(flow_ids_find(&ids, claimed));
	for (unsigned i = 0; i < 20; i++) {
		uint32_t place = flow_ids_take(&ids, &other) % GENERATION;
		assert_true(place != claimed % GENERATION && place != left);
	}
	assert_false(flow_ids_claim(&ids, claimed + GENERATION, &mine));
	assert_false(flow_ids_claim(&ids, FLOW_IDS_FIRST, &mine)); // another's
	assert_false(flow_ids_claim(&ids, 0, &mine));
	assert_false(flow_ids_claim(&ids, UINT32_MAX, &mine));
	assert_true(flow_ids_claim(&ids, claimed, &mine));
	assert_false(flow_ids_claim(&ids, claimed, &other));
	assert_ptr_equal(flow_ids_find(&ids, claimed), &mine);
	flow_ids_release(&ids, note_gone, &gone);
	assert_int_equal(gone.n, 1);
	assert_int_equal(gone.ids[0], left);
	assert_int_equal(flow_ids_take(&ids, &other), left + GENERATION);
	assert_ptr_equal(flow_ids_find(&ids, claimed), &mine);
	flow_ids_fini(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_number_finds_its_object_until_it_is_given_back),
	    cmocka_unit_test(a_number_that_was_given_back_stays_nobodys_for_long),
	    cmocka_unit_test(numbers_that_nobody_has_find_nothing),
	    cmocka_unit_test(all_objects_come_once_while_some_are_given_back),
	    cmocka_unit_test(reserved_numbers_are_for_who_claims_them),
	};
	return cmocka_run_group_tests_name("flow_ids", tests, NULL, NULL);
}
