// States of translations that wait for their packet to come round.
#include "ctl/swctld/frozen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	*state = frozen_create();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	frozen_destroy(*state);
	return 0;
}

static uint32_t number_of(struct frozen_states *f, uint64_t metadata)
{
	struct frozen_head head = {.metadata_be = metadata};
	return frozen_number(f, &head, sizeof(head));
}

static void a_number_finds_the_bytes_it_was_given_for(void **state)
{
	struct frozen_states *f = *state;
	char bytes[sizeof(struct frozen_head) + 16], want[sizeof(bytes)];
	memset(bytes, 0x5a, sizeof(bytes));
	memcpy(want, bytes, sizeof(want));
	uint32_t number = frozen_number(f, bytes, sizeof(bytes));
	assert_int_not_equal(number, 0);
	memcpy(bytes, "gone", 4); // it has a copy
	const struct frozen_head *head = frozen_find(f, number);
	assert_non_null(head);
	assert_memory_equal(head, want, sizeof(want));
	assert_int_equal((uintptr_t)head % 8, 0);
	assert_null(frozen_find(f, number + 1));
	assert_null(frozen_find(f, 0));
}

static void equal_bytes_have_the_same_number(void **state)
{
	struct frozen_states *f = *state;
	uint64_t longer[sizeof(struct frozen_head) / 8 + 1] = {7};
	uint32_t a = number_of(f, 7), b = number_of(f, 8);
	assert_int_not_equal(a, b);
	assert_int_equal(number_of(f, 7), a);
	assert_int_not_equal(frozen_number(f, longer, sizeof(longer)), a);
	assert_int_equal(frozen_count(f), 3);
}

// swd may still hold megaflows of the swctld before.
static void a_state_has_the_same_number_in_each_process(void **state)
{
	struct frozen_states *other = frozen_create();
	number_of(other, 3);
	assert_int_equal(number_of(other, 7), number_of(*state, 7));
	assert_int_not_equal(number_of(other, 8), number_of(*state, 7));
	frozen_destroy(other);
}

static void a_state_lives_until_its_last_user_has_gone(void **state)
{
	struct frozen_states *f = *state;
	uint32_t number = number_of(f, 7);
	frozen_take(f, number);
	frozen_take(f, number);
	frozen_give(f, number);
	assert_non_null(frozen_find(f, number));
	frozen_give(f, number);
	assert_null(frozen_find(f, number));
	assert_int_equal(frozen_count(f), 0);
	frozen_take(f, number); // nothing: it is not there
	frozen_give(f, number);
	assert_int_not_equal(number_of(f, 7), 0);
}

static void what_nobody_took_makes_room(void **state)
{
	struct frozen_states *f = *state;
	uint32_t taken = number_of(f, 0);
	frozen_take(f, taken);
	for (unsigned i = 1; i < 3 * FROZEN_MAX; i++) {
		frozen_begin(f);
		assert_int_not_equal(number_of(f, i), 0);
	}
	assert_true(frozen_count(f) <= FROZEN_MAX);
	assert_non_null(frozen_find(f, taken));
}

// Its translation runs records that stand in the one, and goes on to the other.
static void what_a_translation_found_or_made_stays_while_it_runs(void **state)
{
	struct frozen_states *f = *state;
	uint32_t found = number_of(f, 0);
	for (unsigned i = 1; i < FROZEN_MAX; i++)
		number_of(f, i);
	frozen_begin(f);
	assert_non_null(frozen_find(f, found));
	uint32_t made = number_of(f, FROZEN_MAX);
	for (unsigned i = 1; i < FROZEN_MAX; i++)
		number_of(f, FROZEN_MAX + i);
	assert_non_null(frozen_find(f, found));
	assert_non_null(frozen_find(f, made));
}

static void when_all_are_in_use_there_is_no_number(void **state)
{
	struct frozen_states *f = *state;
	uint32_t first = 0;
	for (unsigned i = 0; i < FROZEN_MAX; i++) {
		uint32_t number = number_of(f, i);
		assert_int_not_equal(number, 0);
		frozen_take(f, number);
		first = first ? first : number;
	}
	assert_int_equal(number_of(f, FROZEN_MAX), 0);
	assert_int_equal(number_of(f, 0), first); // known ones keep theirs
	frozen_give(f, first);
	assert_int_not_equal(number_of(f, FROZEN_MAX), 0);
}

#define WITH_FROZEN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FROZEN(a_number_finds_the_bytes_it_was_given_for),
	    WITH_FROZEN(equal_bytes_have_the_same_number),
	    WITH_FROZEN(a_state_has_the_same_number_in_each_process),
	    WITH_FROZEN(a_state_lives_until_its_last_user_has_gone),
	    WITH_FROZEN(what_nobody_took_makes_room),
	    WITH_FROZEN(what_a_translation_found_or_made_stays_while_it_runs),
	    WITH_FROZEN(when_all_are_in_use_there_is_no_number),
	};
	return cmocka_run_group_tests_name("frozen", tests, NULL, NULL);
}
