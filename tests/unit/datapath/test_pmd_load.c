#include "datapath/rebalance.h"
#include "pmd_pool_fixture.h"

static uint64_t recent(void)
{
	struct pmd_info info;

	assert_true(pmd_pool_info(0, &info));
	return info.recent_all;
}

static void ports_that_come_and_go_do_not_shorten_the_time_that_loads_are_of(void **state)
{
	uint64_t begin = rte_rdtsc(), before;

	(void)state;
	cores(other_core(), 0, 1);
	assert_int_equal(pmd_pool_add_port(&a.port), 0);
	AWAIT(rte_rdtsc() - begin > rte_get_tsc_hz() / 10);
	pmd_pool_measure(0);
	before = recent();
	assert_true(before > rte_get_tsc_hz() / 20);
	for (unsigned i = 0; i < 2 * LOAD_PARTS; i++) {
		assert_int_equal(pmd_pool_add_port(&b.port), 0);
		pmd_pool_del_port(&b.port);
	}
	assert_true(recent() >= before);
	for (unsigned i = 0; i < LOAD_PARTS + 1; i++)
		pmd_pool_measure(0);
	assert_true(recent() < before);
	pmd_pool_del_port(&a.port);
}

// As if bursts of the queue had kept its PMD, which is idle, busy for so long.
static void keep_busy(unsigned rxq, uint64_t cycles)
{
	struct pmd *pmd = pmd_pool_at(pmd_pool_rxq(rxq)->pmd_index);

	pmd_pool_rxq(rxq)->sampled_cycles += 1000;
	__atomic_add_fetch(&pmd->stats.busy_cycles, cycles, __ATOMIC_RELAXED);
}

static void the_time_that_a_thread_sleeps_without_queues_counts_as_it_passes(void **state)
{
	uint64_t begin = rte_rdtsc();

	(void)state;
	cores(other_core(), 0, 1);
	AWAIT(rte_rdtsc() - begin > rte_get_tsc_hz() / 10);
	pmd_pool_measure(0);
	assert_true(recent() > rte_get_tsc_hz() / 20);
}

static void what_a_removed_port_did_is_no_other_s_load(void **state)
{
	(void)state;
	cores(other_core(), 0, 1);
	assert_int_equal(pmd_pool_add_port(&b.port), 0);
	assert_int_equal(pmd_pool_add_port(&a.port), 0);
	pmd_load_measure();
	keep_busy(0, 1000000);
	keep_busy(1, 1);
	pmd_pool_del_port(&b.port);
	assert_ptr_equal(pmd_pool_rxq(0)->port, &a.port);
	assert_in_range(load_window_sum(&pmd_pool_rxq(0)->load), 0, 600000);
	pmd_pool_del_port(&a.port);
}

static void a_queue_takes_its_load_to_a_new_core(void **state)
{
	uint64_t hz = rte_get_tsc_hz(), begin = rte_rdtsc();
	struct rebalance_plan plan;

	(void)state;
	if (other_core() == 0)
		skip();
	cores(other_core(), 0, 1);
	assert_int_equal(pmd_pool_add_port(&a.port), 0);
	AWAIT(rte_rdtsc() - begin > hz / 10);
	keep_busy(3, hz / 20);
	pmd_pool_measure(0);
	cores(other_core(), 0, 2);
	assert_int_equal(pmd_pool_rxq(3)->pmd_index, 1);
	AWAIT(iterations(1) > 10);
	pmd_pool_measure(0);
	assert_int_equal(rebalance_plan_make(&plan), 0);
	assert_in_range(plan.places[3].load, RXQS_LOAD_FULL / 20, RXQS_LOAD_FULL / 2);
	rebalance_plan_fini(&plan);
	pmd_pool_del_port(&a.port);
}

static unsigned owner(unsigned rxq)
{
	return pmd_pool_rxq(rxq)->pmd_index;
}

// As if the queues of the first one's PMD had each taken so many hundredths of a core of late, and
// the others nothing.
static void pretend_loads(unsigned percent)
{
	pmd_load_measure();
	for (unsigned i = 0; i < 4; i++) {
		struct rxq *rxq = pmd_pool_rxq(i);

		rxq->load = (struct load_window){.seen = rxq->load.seen};
		if (owner(i) == owner(0))
			load_window_add(&rxq->load, pmd_load_all() / 100 * percent);
	}
}

static void set_rebalance_s(unsigned rebalance_s)
{
	static struct pmd_settings settings; // large

	settings = *pmd_pool_settings();
	settings.rebalance_s = rebalance_s;
	assert_int_equal(pmd_pool_set(&settings, err, sizeof err), 0);
}

static unsigned n_with_first(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 4; i++)
		n += owner(i) == owner(0);
	return n;
}

static void queues_move_by_themselves_as_often_as_is_set_and_where_it_pays(void **state)
{
	uint64_t now_ms = 100000, begin = rte_rdtsc();

	(void)state;
	if (other_core() == 0)
		skip();
	cores(other_core(), 0, 2);
	assert_int_equal(pmd_pool_add_port(&a.port), 0);
	assert_int_equal(n_with_first(), 2);
	AWAIT(rte_rdtsc() - begin > rte_get_tsc_hz() / 10); // beside which the test takes no time
	for (unsigned i = 0; i < 3; i++) {		    // it is off
		pretend_loads(80);
		pmd_pool_measure(now_ms += 100000);
	}
	assert_int_equal(n_with_first(), 2);
	set_rebalance_s(5);
	pretend_loads(9); // from 18 % to 9 %: not worth it
	pmd_pool_measure(now_ms += 5000);
	assert_int_equal(n_with_first(), 2);
	pretend_loads(80);
	pmd_pool_measure(now_ms + 4999);
	assert_int_equal(n_with_first(), 2);
	pretend_loads(80);
	pmd_pool_measure(now_ms + 5000);
	assert_int_not_equal(n_with_first(), 2);
	assert_true(is_polled(&a, 0) && is_polled(&a, 1) && is_polled(&a, 2) && is_polled(&a, 3));
	pmd_pool_del_port(&a.port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(ports_that_come_and_go_do_not_shorten_the_time_that_loads_are_of),
	    T(the_time_that_a_thread_sleeps_without_queues_counts_as_it_passes),
	    T(what_a_removed_port_did_is_no_other_s_load),
	    T(a_queue_takes_its_load_to_a_new_core),
	    T(queues_move_by_themselves_as_often_as_is_set_and_where_it_pays),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
