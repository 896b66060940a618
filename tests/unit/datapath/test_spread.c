#include "datapath/spread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct spread_pmd pmds[SPREAD_PMDS];
static struct spread_queue queues[64];
static unsigned n;

static int up(void **state)
{
	(void)state;
	memset(pmds, 0, sizeof pmds);
	n = 0;
	return 0;
}

static void pmd(unsigned index, int node)
{
	pmds[index] = (struct spread_pmd){.running = true, .numa_node = node};
}

static struct spread_queue *queue(uint16_t owner, uint64_t load)
{
	queues[n] = (struct spread_queue){.owner = owner,
					  .pin = SPREAD_NOBODY,
					  .numa_node = -1,
					  .load = load};
	return &queues[n++];
}

static unsigned owned(uint16_t owner)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		count += queues[i].owner == owner;
	return count;
}

static void queues_are_evened_out_with_as_few_moves_as_that_needs(void **state)
{
	(void)state;
	pmd(0, 0);
	pmd(1, 0);
	pmd(2, 0);
	for (unsigned i = 0; i < 10; i++)
		queue(0, 0);
	for (unsigned i = 0; i < 4; i++)
		queue(1, 0);
	spread_queues(queues, n, pmds, true);
	assert_int_equal(owned(0), 5);
	assert_int_equal(owned(1) + owned(2), 9);
	assert_in_range(owned(1), 4, 5);
	for (unsigned i = 10; i < 14; i++)
		assert_int_equal(queues[i].owner, 1); // had not too many: none has moved
}

static void without_evening_only_homeless_queues_move(void **state)
{
	(void)state;
	pmd(0, 0);
	pmd(1, 0);
	for (unsigned i = 0; i < 6; i++)
		queue(0, 0);
	queue(5, 0); // does not run
	queue(SPREAD_NOBODY, 0);
	spread_queues(queues, n, pmds, false);
	assert_int_equal(owned(0), 6);
	assert_int_equal(owned(1), 2);
}

static void pinned_queues_go_to_their_pin_and_stay(void **state)
{
	(void)state;
	pmd(0, 0);
	pmd(1, 0);
	for (unsigned i = 0; i < 4; i++)
		queue(1, 10)->pin = 0;
	spread_queues(queues, n, pmds, true);
	assert_int_equal(owned(0), 4);
	assert_int_equal(spread_rebalance(queues, n, pmds, 1), 0);
	assert_int_equal(owned(0), 4);
}

static void isolated_pmds_have_pinned_queues_only(void **state)
{
	(void)state;
	pmd(0, 0);
	pmd(1, 0);
	pmds[1].isolated = true;
	for (unsigned i = 0; i < 4; i++)
		queue((uint16_t)(i % 2), 10);
	queue(SPREAD_NOBODY, 10)->pin = 1;
	spread_queues(queues, n, pmds, true);
	assert_int_equal(owned(0), 4);
	assert_int_equal(queues[4].owner, 1);
	assert_int_equal(spread_rebalance(queues, n, pmds, 1), 0);
}

static void nobody_owns_queues_when_no_pmd_runs(void **state)
{
	(void)state;
	queue(0, 1);
	queue(SPREAD_NOBODY, 1)->pin = 3;
	spread_queues(queues, n, pmds, true);
	assert_int_equal(owned(SPREAD_NOBODY), 2);
}

static void queues_stay_on_their_numa_node_when_a_pmd_is_there(void **state)
{
	(void)state;
	pmd(0, 0);
	pmd(1, 1);
	for (unsigned i = 0; i < 6; i++)
		queue(SPREAD_NOBODY, 100)->numa_node = 1;
	spread_queues(queues, n, pmds, true);
	assert_int_equal(owned(1), 6);
	assert_int_equal(spread_rebalance(queues, n, pmds, 1), 0);
	queues[0].owner = 0; // far, as when a guest came later
	assert_true(spread_crosses(&queues[0], pmds));
	spread_queues(queues, n, pmds, true);
	assert_int_equal(owned(1), 6);
	queues[0].numa_node = 7; // no PMD there: any will do
	queues[0].owner = SPREAD_NOBODY;
	spread_queues(queues, n, pmds, true);
	assert_int_equal(queues[0].owner, 0);
	assert_true(spread_crosses(&queues[0], pmds));
}

static void a_rebalance_takes_load_from_the_busiest(void **state)
{
	(void)state;
	pmd(0, 0);
	pmd(1, 0);
	queue(0, 5000);
	queue(0, 3000);
	queue(0, 1500);
	queue(1, 500);
	assert_int_equal(spread_busiest(queues, n), 9500);
	assert_in_range(spread_rebalance(queues, n, pmds, 100), 1, 2);
	assert_int_equal(spread_busiest(queues, n), 5000);
}

static void a_rebalance_that_gains_less_than_a_step_moves_nothing(void **state)
{
	(void)state;
	pmd(0, 0);
	pmd(1, 0);
	queue(0, 5000);
	queue(0, 50);
	queue(1, 4980);
	assert_int_equal(spread_rebalance(queues, n, pmds, 100), 0);
	queues[1].load = 2500;
	queues[2].load = 1000;
	assert_int_equal(spread_rebalance(queues, n, pmds, 100), 1);
	assert_int_equal(queues[1].owner, 1);
}

#define T(name) cmocka_unit_test_setup(name, up)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(queues_are_evened_out_with_as_few_moves_as_that_needs),
	    T(without_evening_only_homeless_queues_move),
	    T(pinned_queues_go_to_their_pin_and_stay),
	    T(isolated_pmds_have_pinned_queues_only),
	    T(nobody_owns_queues_when_no_pmd_runs),
	    T(queues_stay_on_their_numa_node_when_a_pmd_is_there),
	    T(a_rebalance_takes_load_from_the_busiest),
	    T(a_rebalance_that_gains_less_than_a_step_moves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
