// Chains of buckets behind those that overflow: they come and go as connections do.
#include "datapath/ct_bucket.h"

#include "flowtable/rcu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <rte_memory.h>

#include "tests/unit/flowtable/eal.h"

#define CONNS 64u // 16 buckets, and 8 to be chained
#define MANY  (CT_PLACES + 1)

static struct ct_buckets t;
static struct rcu *rcu;

static int up(void **state)
{
	(void)state;
	rcu = rcu_create();
	return ct_buckets_init(&t, CONNS, SOCKET_ID_ANY);
}

static int down(void **state)
{
	(void)state;
	ct_buckets_fini(&t);
	rcu_destroy(rcu);
	return 0;
}

static uint32_t place_of(unsigned bucket, unsigned i)
{
	return ct_place(bucket * MANY + i, CT_PLACE_BOTH);
}

// One more than the bucket has places for. Returns how many found one.
static unsigned fill(unsigned bucket)
{
	unsigned n = 0;

	while (n < MANY && ct_bucket_add(&t, &t.array[bucket], 7, place_of(bucket, n)) == 0)
		n++;
	return n;
}

static void empty(unsigned bucket)
{
	for (unsigned i = 0; i < MANY; i++)
		ct_bucket_del(&t.array[bucket], place_of(bucket, i));
}

static unsigned n_overflowing(void)
{
	unsigned n = 0;

	while (n <= t.mask && fill(n) == MANY)
		n++;
	return n;
}

static void chained_buckets_that_are_empty_serve_others(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned at = 0; at <= t.mask; at += t.n_spare) {
			for (unsigned i = 0; i < t.n_spare; i++)
				assert_int_equal(fill(at + i), MANY);
			for (unsigned i = 0; i < t.n_spare; i++)
				empty(at + i);
			ct_buckets_trim(&t, rcu);
			rcu_reclaim(rcu);
		}
	}
}

static void none_is_taken_back_under_a_reader(void **state)
{
	int reader = rcu_reader_add(rcu);

	(void)state;
	rcu_online(rcu, reader);
	assert_int_equal(n_overflowing(), t.n_spare);
	for (unsigned i = 0; i <= t.mask; i++)
		empty(i);
	ct_buckets_trim(&t, rcu);
	rcu_reclaim(rcu);
	assert_int_equal(fill(0), CT_PLACES); // in the bucket itself
	empty(0);
	rcu_quiescent(rcu, reader);
	rcu_reclaim(rcu);
	assert_int_equal(n_overflowing(), t.n_spare);
	rcu_offline(rcu, reader);
	rcu_reader_del(rcu, reader);
}

static void one_that_is_in_use_stays(void **state)
{
	(void)state;
	assert_int_equal(n_overflowing(), t.n_spare);
	ct_buckets_trim(&t, rcu);
	rcu_reclaim(rcu);
	for (unsigned i = 0; i < t.n_spare; i++) {
		const struct ct_bucket *chained = t.array[i].next;

		assert_non_null(chained);
		assert_int_equal(chained->places[0], place_of(i, CT_PLACES));
	}
}

static void room_is_made_before_it_is_taken(void **state)
{
	struct ct_bucket *b = &t.array[0];

	(void)state;
	for (unsigned i = 0; i < CT_PLACES - 1; i++)
		assert_int_equal(ct_bucket_add(&t, b, 7, place_of(0, i)), 0);
	assert_int_equal(ct_bucket_room(&t, b, 1), 0);
	assert_null(b->next);
	assert_int_equal(ct_bucket_room(&t, b, 2), 0);
	assert_non_null(b->next);
	for (unsigned i = 1; i < t.n_spare; i++)
		assert_int_equal(fill(i), MANY);
	assert_int_equal(fill(t.n_spare), CT_PLACES);
	assert_int_equal(ct_bucket_room(&t, &t.array[t.n_spare], 1), -ENOSPC);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
	    TEST(chained_buckets_that_are_empty_serve_others),
	    TEST(none_is_taken_back_under_a_reader),
	    TEST(one_that_is_in_use_stays),
	    TEST(room_is_made_before_it_is_taken),
	};

	return cmocka_run_group_tests(tests, eal_setup, eal_teardown);
}
