#include "ctl/swctld/rpc_budget.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_MS 100000

static struct rpc_budgets budgets;

static int setup(void **state)
{
	(void)state;
	budgets = (struct rpc_budgets){0};
	return 0;
}

static void a_fifth_of_the_time_is_given_back(void **state)
{
	(void)state;
	struct rpc_budget *b = rpc_budget_get(&budgets, 1, NOW_MS);
	assert_int_equal(rpc_budget_wait_ms(b, NOW_MS), 0);
	rpc_budget_take(b, RPC_BUDGET_SAVED_US + 100000);
	unsigned wait_ms = rpc_budget_wait_ms(b, NOW_MS);
	assert_in_range(wait_ms, 500, 502);
	assert_int_not_equal(rpc_budget_wait_ms(b, NOW_MS + 400), 0);
	assert_int_equal(rpc_budget_wait_ms(b, NOW_MS + wait_ms), 0);
}

static void no_more_is_saved_up_than_the_bound(void **state)
{
	(void)state;
	struct rpc_budget *b = rpc_budget_get(&budgets, 1, NOW_MS);
	assert_int_equal(rpc_budget_wait_ms(b, NOW_MS + 86400000), 0);
	rpc_budget_take(b, RPC_BUDGET_SAVED_US);
	assert_int_not_equal(rpc_budget_wait_ms(b, NOW_MS + 86400000), 0);
}

static void connections_of_a_user_share_its_budget_and_are_bounded(void **state)
{
	(void)state;
	struct rpc_budget *b = rpc_budget_get(&budgets, 1, NOW_MS);
	for (int i = 1; i < RPC_BUDGET_CONNECTIONS; i++)
		assert_ptr_equal(rpc_budget_get(&budgets, 1, NOW_MS), b);
	assert_null(rpc_budget_get(&budgets, 1, NOW_MS));
	assert_non_null(rpc_budget_get(&budgets, 2, NOW_MS));
	rpc_budget_put(b);
	assert_ptr_equal(rpc_budget_get(&budgets, 1, NOW_MS), b);
}

static void who_comes_back_finds_its_debt(void **state)
{
	(void)state;
	struct rpc_budget *b = rpc_budget_get(&budgets, 1, NOW_MS);
	rpc_budget_take(b, 10000000);
	rpc_budget_put(b);
	// As many others as there is room for, and some more.
	for (uid_t uid = 2; uid < 2 * RPC_BUDGETS; uid++)
		rpc_budget_put(rpc_budget_get(&budgets, uid, NOW_MS + 1));
	b = rpc_budget_get(&budgets, 1, NOW_MS + 2);
	assert_int_not_equal(rpc_budget_wait_ms(b, NOW_MS + 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_fifth_of_the_time_is_given_back, setup),
	    cmocka_unit_test_setup(no_more_is_saved_up_than_the_bound, setup),
	    cmocka_unit_test_setup(connections_of_a_user_share_its_budget_and_are_bounded, setup),
	    cmocka_unit_test_setup(who_comes_back_finds_its_debt, setup),
	};
	return cmocka_run_group_tests_name("rpc_budget", tests, NULL, NULL);
}
