#include "flowtable/rcu.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "eal.h"

static int setup(void **state)
{
	*state = rcu_create();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	rcu_destroy(*state);
	return 0;
}

static void set_flag(void *flag)
{
	*(bool *)flag = true;
}

static void without_readers_reclaim_frees_at_once(void **state)
{
	bool freed = false;

	rcu_retire(*state, set_flag, &freed);
	assert_false(freed);
	assert_int_equal(rcu_reclaim(*state), 0);
	assert_true(freed);
}

static void nothing_is_freed_before_each_reader_was_quiescent(void **state)
{
	struct rcu *rcu = *state;
	int a = rcu_reader_add(rcu), b = rcu_reader_add(rcu);
	bool first = false, second = false;

	assert_int_not_equal(a, b);
	rcu_online(rcu, a);
	rcu_online(rcu, b);
	rcu_retire(rcu, set_flag, &first);
	rcu_quiescent(rcu, a);
	assert_int_equal(rcu_reclaim(rcu), 1);
	assert_false(first);

	rcu_retire(rcu, set_flag, &second); // after a's quiescence
	rcu_quiescent(rcu, b);
	assert_int_equal(rcu_reclaim(rcu), 1);
	assert_true(first);
	assert_false(second);

	rcu_quiescent(rcu, a);
	assert_int_equal(rcu_reclaim(rcu), 0);
	assert_true(second);
	rcu_offline(rcu, a);
	rcu_offline(rcu, b);
	rcu_reader_del(rcu, a);
	rcu_reader_del(rcu, b);
}

static void offline_reader_holds_nothing_up(void **state)
{
	struct rcu *rcu = *state;
	int id = rcu_reader_add(rcu);
	bool freed = false;

	rcu_online(rcu, id);
	rcu_retire(rcu, set_flag, &freed);
	assert_int_equal(rcu_reclaim(rcu), 1);
	rcu_offline(rcu, id);
	assert_int_equal(rcu_reclaim(rcu), 0);
	assert_true(freed);
	rcu_reader_del(rcu, id);
}

static void reader_ids_run_out_and_come_back(void **state)
{
	struct rcu *rcu = *state;

	for (int i = 0; i < RCU_READERS_MAX; i++)
		assert_int_equal(rcu_reader_add(rcu), i);
	assert_int_equal(rcu_reader_add(rcu), -ENOSPC);
	rcu_reader_del(rcu, 77);
	assert_int_equal(rcu_reader_add(rcu), 77);
	for (int i = 0; i < RCU_READERS_MAX; i++)
		rcu_reader_del(rcu, i);
}

struct chain {
	struct rcu *rcu;
	bool freed;
};

static void retire_another(void *arg)
{
	struct chain *chain = arg;

	rcu_retire(chain->rcu, set_flag, &chain->freed);
}

static void free_function_may_retire(void **state)
{
	struct chain chain = {.rcu = *state};

	rcu_retire(*state, retire_another, &chain);
	assert_int_equal(rcu_reclaim(*state), 0);
	assert_true(chain.freed);
}

static void destroy_frees_what_waits(void **state)
{
	(void)state;
	struct rcu *rcu = rcu_create();
	bool freed = false;

	assert_non_null(rcu);
	rcu_retire(rcu, set_flag, &freed);
	rcu_destroy(rcu);
	assert_true(freed);
}

struct reader {
	struct rcu *rcu;
	int id;
	bool **published;
	bool stop;
	unsigned n_seen_freed;
};

static void *read_published(void *arg)
{
	struct reader *r = arg;

	rcu_online(r->rcu, r->id);
	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		const bool *freed = __atomic_load_n(r->published, __ATOMIC_ACQUIRE);

		r->n_seen_freed += __atomic_load_n(freed, __ATOMIC_RELAXED);
		rcu_quiescent(r->rcu, r->id);
	}
	rcu_offline(r->rcu, r->id);
	return NULL;
}

// The classic: publish, unpublish, synchronize, free; the reader never sees what was freed.
static void synchronize_waits_for_a_running_reader(void **state)
{
	bool flags[2] = {false, false}, *published = &flags[0];
	struct reader reader = {.rcu = *state, .published = &published};
	pthread_t thread;

	reader.id = rcu_reader_add(*state);
	assert_int_equal(pthread_create(&thread, NULL, read_published, &reader), 0);
	for (unsigned i = 0; i < 2000; i++) {
		bool *old = published, *new = old == &flags[0] ? &flags[1] : &flags[0];

		__atomic_store_n(new, false, __ATOMIC_RELAXED);
		__atomic_store_n(&published, new, __ATOMIC_RELEASE);
		rcu_synchronize(*state);
		__atomic_store_n(old, true, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	rcu_reader_del(*state, reader.id);
	assert_int_equal(reader.n_seen_freed, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(without_readers_reclaim_frees_at_once),
	    TEST(nothing_is_freed_before_each_reader_was_quiescent),
	    TEST(offline_reader_holds_nothing_up),
	    TEST(reader_ids_run_out_and_come_back),
	    TEST(free_function_may_retire),
	    TEST(destroy_frees_what_waits),
	    TEST(synchronize_waits_for_a_running_reader),
	};

	return cmocka_run_group_tests_name("rcu", tests, eal_setup, eal_teardown);
}
