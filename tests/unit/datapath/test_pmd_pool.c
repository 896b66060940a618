#include "pmd_pool_fixture.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>

static unsigned n_pmds(void)
{
	struct pmd_info info;
	unsigned n = 0;

	while (pmd_pool_info(n, &info))
		n++;
	return n;
}

// Of the set that the PMD itself sees.
static unsigned n_rxqs_of(unsigned pmd_index)
{
	unsigned cursor = pmd_index;
	const struct pmd *pmd = pmd_pool_next(&cursor);

	assert_non_null(pmd);
	assert_int_equal(pmd->index, pmd_index);
	return pmd->rxqs->n;
}

// All that comes in at `from` leaves at `to`.
static void install(uint32_t from, uint32_t to)
{
	struct flow_match match = {.key = {.in_port = from}, .mask = {.in_port = UINT32_MAX}};
	struct flow_actions *actions = flow_actions_alloc(1);

	actions->list[0] = (struct action){.type = ACTION_OUTPUT, .u.port = to};
	assert_int_equal(flow_table_add(flows, &match, actions, NULL), 0);
}

// Whether a PMD is inside its rx.
static bool is_inside(const struct fake_port *port, unsigned queue)
{
	return __atomic_load_n(&port->polling[queue], __ATOMIC_ACQUIRE);
}

static struct port_counters counters(uint32_t no)
{
	struct port_counters c;

	pmd_pool_port_counters(no, &c);
	return c;
}

static struct port_counters gone(void)
{
	struct port_counters c;

	pmd_pool_gone_counters(&c);
	return c;
}

static void refuses_cores_that_do_not_exist_and_changes_nothing(void **state)
{
	const unsigned bad[][2] = {{0, 9999}, {0, 65537}, {UINT32_MAX, 0}, {0, 0}};

	(void)state;
	cores(other_core(), 0, 1);
	assert_int_equal(pmd_pool_add_port(&b.port), 0);
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		err[0] = '\0';
		assert_int_equal(pmd_pool_set_cores(bad[i], 2, err, sizeof err), -EINVAL);
		assert_non_null(strstr(err, "core"));
		assert_int_equal(n_pmds(), 1);
		assert_true(is_polled(&b, 0));
	}
	assert_int_equal(pmd_pool_set_cores(bad[0], 0, err, sizeof err), -EINVAL);
}

static void a_port_starts_on_a_running_pool_while_others_go_on(void **state)
{
	(void)state;
	cores(other_core(), 0, 1);
	install(1, 2);
	install(2, 1);
	assert_int_equal(pmd_pool_add_port(&a.port), 0);
	for (uint16_t i = 0; i < 1000; i++) {
		rte_ring_sp_enqueue(a.in[i % 4], packet_udp(i, 100));
		if (i == 500)
			assert_int_equal(pmd_pool_add_port(&b.port), 0);
	}
	rte_ring_sp_enqueue(b.in[0], packet_udp(1, 100));
	AWAIT(rte_ring_count(b.out) == 1000 && rte_ring_count(a.out) == 1);
	AWAIT(counters(2).tx_packets == 1000);
	assert_int_equal(counters(1).rx_packets, 1000);
	assert_int_equal(counters(1).rx_bytes, 100 * 1000);
	pmd_pool_del_port(&a.port);
	assert_true(is_polled(&b, 0));
}

static void a_removed_port_is_polled_no_more_and_leaves_no_misses(void **state)
{
	struct rte_mbuf *m;
	unsigned before;

	(void)state;
	cores(other_core(), 0, 1);
	assert_int_equal(pmd_pool_add_port(&a.port), 0);
	assert_int_equal(pmd_pool_add_port(&b.port), 0);
	for (unsigned q = 0; q < 4; q++)
		rte_ring_sp_enqueue(a.in[q], packet_udp(1, 100));
	AWAIT(rte_ring_count(pmd_pool_rxq(0)->upcalls) == 1 &&
	      rte_ring_count(pmd_pool_rxq(3)->upcalls) == 1);
	__atomic_store_n(&a.slow_us, 200, __ATOMIC_RELAXED);
	assert_true(is_polled(&a, 0));
	pmd_pool_del_port(&a.port);
	for (unsigned q = 0; q < 4; q++)
		assert_false(is_inside(&a, q));
	before = polls(&a, 0) + polls(&a, 3);
	assert_int_equal(upcall_drain(&m, 1, true), 0);
	assert_true(is_polled(&b, 0));
	assert_int_equal(polls(&a, 0) + polls(&a, 3), before);
	assert_ptr_equal(pmd_pool_rxq(0)->port, &b.port);
	assert_null(pmd_pool_rxq(1));
}

static void new_cores_take_queues_over_without_losing_a_packet(void **state)
{
	struct pmd_info info[2];

	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	cores(other_core(), 0, 1);
	install(1, 2);
	assert_int_equal(pmd_pool_add_port(&a.port), 0);
	for (uint16_t i = 0; i < 2000; i++) {
		rte_ring_sp_enqueue(a.in[i % 4], packet_udp(i, 100));
		if (i == 500)
			cores(1, 0, 2);
		if (i == 1000)
			cores(0, 0, 1);
		if (i == 1500)
			cores(1, 0, 2);
	}
	assert_int_equal(n_pmds(), 2);
	assert_true(pmd_pool_info(0, &info[0]) && pmd_pool_info(1, &info[1]));
	assert_int_equal(n_rxqs_of(info[0].index), 2);
	assert_int_equal(n_rxqs_of(info[1].index), 2);
	assert_int_equal(info[0].core + info[1].core, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_true(pmd_pool_rxq(i)->pmd_index == info[0].index ||
			    pmd_pool_rxq(i)->pmd_index == info[1].index);
	AWAIT(rte_ring_count(b.out) == 2000);
	AWAIT(counters(2).tx_packets == 2000); // those of ended PMDs too
	assert_false(pmd_pool_info(2, &info[0]));
}

// With a receive function that takes long, a queue that is given away too early has two PMDs in it.
static void no_queue_has_two_pmds_while_it_moves(void **state)
{
	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	__atomic_store_n(&a.slow_us, 500, __ATOMIC_RELAXED);
	cores(1, 0, 1);
	assert_int_equal(pmd_pool_add_port(&a.port), 0);
	for (unsigned i = 0; i < 5; i++) {
		cores(1, 0, 2);
		assert_true(is_polled(&a, 0) && is_polled(&a, 3));
		cores(i % 2, 0, 1);
		assert_true(is_polled(&a, 0) && is_polled(&a, 3));
	}
	assert_int_equal(a.n_clashes, 0);
}

#define HOARD_BYTES (64 << 10)
static void *hoard[16384];

// Memory for none, for a part of one, for one: whenever two do not fit, none may be there.
static void a_pool_that_does_not_fit_in_memory_changes_nothing(void **state)
{
	const unsigned both[] = {0, 1};
	unsigned n = 0, n_failures = 0;

	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	while (n < RTE_DIM(hoard) && (hoard[n] = rte_malloc("hoard", HOARD_BYTES, 0)))
		n++;
	while (pmd_pool_set_cores(both, 2, err, sizeof err) != 0) {
		assert_int_equal(n_pmds(), 0);
		assert_non_null(strstr(err, "--mem"));
		n_failures++;
		for (unsigned i = 0; i < 4 && n > 0; i++)
			rte_free(hoard[--n]);
	}
	assert_int_equal(n_pmds(), 2);
	assert_true(n_failures > 4);
	while (n > 0)
		rte_free(hoard[--n]);
}

static void counters_start_again_with_a_new_port(void **state)
{
	(void)state;
	cores(other_core(), 0, 1);
	install(2, 1);
	assert_int_equal(pmd_pool_add_port(&b.port), 0);
	rte_ring_sp_enqueue(b.in[0], packet_udp(1, 100));
	AWAIT(counters(1).tx_packets == 1);
	uint64_t sent_by_gone = gone().tx_packets;
	pmd_pool_port_counters_reset(1);
	assert_int_equal(counters(1).tx_packets, 0);
	assert_int_equal(gone().tx_packets, sent_by_gone + 1);
	rte_ring_sp_enqueue(b.in[0], packet_udp(1, 100));
	AWAIT(counters(1).tx_packets == 1);
	assert_int_equal(counters(9999).tx_packets, 0);
}

static int inject_one(void)
{
	struct rte_mbuf *m = packet_udp(1, 100);
	struct flow_actions *actions = flow_actions_alloc(1);

	actions->list[0] = (struct action){.type = ACTION_OUTPUT, .u.port = 2};
	packet_meta(m)->in_port = 1;
	packet_meta(m)->no_eth = false;
	return pmd_pool_inject(m, actions);
}

// Both by a PMD that polls the port, and by one that has nothing to poll and sleeps.
static void injected_packets_run_their_actions(void **state)
{
	(void)state;
	cores(other_core(), 0, 1);
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(inject_one(), 0);
	AWAIT(rte_ring_count(b.out) == 400);
	assert_int_equal(pmd_pool_add_port(&a.port), 0);
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(inject_one(), 0);
	AWAIT(rte_ring_count(b.out) == 800);
	pmd_pool_reclaim();
}

// What is refused is freed; what is accepted arrives.
static void a_flood_of_injected_packets_is_bounded(void **state)
{
	unsigned n = 0;

	(void)state;
	cores(other_core(), 0, 1);
	for (unsigned i = 0; i < 1900; i++)
		n += inject_one() == 0;
	AWAIT(rte_ring_count(b.out) == n);
	assert_true(n >= 512);
}

static void injection_into_a_stalled_pmd_ends_at_the_rings_size(void **state)
{
	unsigned n = 0;

	(void)state;
	cores(other_core(), 0, 1);
	assert_int_equal(pmd_pool_add_port(&a.port), 0);
	__atomic_store_n(&a.gate_closed, true, __ATOMIC_RELEASE);
	AWAIT(is_inside(&a, 0) || is_inside(&a, 1) || is_inside(&a, 2) || is_inside(&a, 3));
	while (inject_one() == 0)
		n++;
	assert_in_range(n, 512, 512 + 32); // a burst may have gone in before the gate closed
	__atomic_store_n(&a.gate_closed, false, __ATOMIC_RELEASE);
	AWAIT(rte_ring_count(b.out) == n);
}

static void injection_is_refused_without_a_pool(void **state)
{
	(void)state;
	assert_int_equal(inject_one(), -ENOBUFS);
}

static void a_pmd_without_queues_sleeps(void **state)
{
	unsigned before;

	(void)state;
	cores(other_core(), 0, 1);
	assert_int_equal(pmd_pool_add_port(&b.port), 0);
	assert_true(is_polled(&b, 0));
	pmd_pool_del_port(&b.port);
	before = iterations(0);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(inject_one(), 0);
		AWAIT(rte_ring_count(b.out) == i + 1);
	}
	// Each wake-up costs a few iterations; one that polls makes thousands in this time.
	assert_in_range(iterations(0) - before, 1, 20 * 3 + 3);
}

// Which indexes may send decides whether a port needs locks.
static void ports_know_how_many_pmds_may_send(void **state)
{
	(void)state;
	assert_int_equal(ports_n_senders, 0);
	cores(0, 0, 1);
	assert_int_equal(ports_n_senders, 1);
	if (other_core() == 0)
		return;
	cores(0, 1, 2);
	assert_int_equal(ports_n_senders, 2);
	cores(1, 0, 1); // the second place stays taken
	assert_int_equal(ports_n_senders, 2);
	cores(0, 0, 1);
	assert_int_equal(ports_n_senders, 1);
	pmd_pool_set_cores((unsigned[]){0, 9999}, 2, err, sizeof err);
	assert_int_equal(ports_n_senders, 1);
	pmd_pool_fini();
	assert_int_equal(ports_n_senders, 0);
	assert_int_equal(pmd_pool_init(&(struct pmd_pool_config){.rcu = rcu, .flows = flows}), 0);
}

static uint64_t sleeps(void)
{
	struct pmd_info info;

	assert_true(pmd_pool_info(0, &info));
	return info.stats.sleeps;
}

static int compare(const void *left, const void *right)
{
	double l = *(const double *)left, r = *(const double *)right;

	return (l > r) - (l < r);
}

// Microseconds that single packets take through the switch, each after a pause. The median.
static double latency_us(unsigned pause_us, double *worst)
{
	double us[200];
	unsigned before = rte_ring_count(b.out);

	for (unsigned i = 0; i < RTE_DIM(us); i++) {
		struct rte_mbuf *m = packet_udp(1, 100);
		uint64_t start;

		rte_delay_us_block(pause_us + i % 50);
		start = rte_rdtsc();
		rte_ring_sp_enqueue(a.in[0], m);
		while (rte_ring_count(b.out) == before + i)
			rte_pause();
		us[i] = (double)(rte_rdtsc() - start) * 1e6 / (double)rte_get_tsc_hz();
	}
	qsort(us, RTE_DIM(us), sizeof us[0], compare);
	*worst = us[RTE_DIM(us) * 99 / 100];
	return us[RTE_DIM(us) / 2];
}

static void idle_saving_costs_a_packet_at_most_a_sleep(void **state)
{
	static struct pmd_settings settings; // large
	double polling, sleeping, polling_worst, sleeping_worst;

	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	cores(1, 0, 1);
	install(1, 2);
	assert_int_equal(pmd_pool_add_port(&a.port), 0);
	polling = latency_us(300, &polling_worst);
	settings = *pmd_pool_settings();
	settings.idle_us = 100;
	settings.sleep_us = 50;
	assert_int_equal(pmd_pool_set(&settings, err, sizeof err), 0);
	AWAIT(sleeps() > 10);
	sleeping = latency_us(300, &sleeping_worst);
	// Others on the machine may have had the PMD's core meanwhile.
	for (unsigned more = 20; more > 0 && sleeping >= polling + 2 * 50; more--)
		sleeping = latency_us(300, &sleeping_worst);
	print_message("polling: median %.1f us, 99th %.1f; sleeping 50 us: median %.1f, 99th "
		      "%.1f\n",
		      polling, polling_worst, sleeping, sleeping_worst);
	assert_true(sleeping < polling + 2 * 50);
	settings.sleep_us = SWD_PMD_SLEEP_US_MAX; // changes are not slept through, however long
	assert_int_equal(pmd_pool_set(&settings, err, sizeof err), 0);
	for (unsigned i = 0; i < 100; i++) {
		unsigned before = rte_ring_count(b.out);

		rte_delay_us_block(200);
		assert_int_equal(inject_one(), 0);
		AWAIT(rte_ring_count(b.out) == before + 1);
	}
	settings.idle_us = 0;
	assert_int_equal(pmd_pool_set(&settings, err, sizeof err), 0);
}

static void settings_that_do_not_fit_are_refused_whole(void **state)
{
	static struct pmd_settings settings; // large

	(void)state;
	cores(other_core(), 0, 1);
	settings = *pmd_pool_settings();
	settings.n_isolated = 1;
	settings.isolated[0] = other_core();
	settings.idle_us = 7;
	assert_int_equal(pmd_pool_set(&settings, err, sizeof err), -EINVAL);
	assert_non_null(strstr(err, "isolated"));
	settings.n_isolated = 0;
	settings.n_pins = 1;
	settings.pins[0] = (struct swd_pmd_pin){.port_no = 1, .core = 77};
	assert_int_equal(pmd_pool_set(&settings, err, sizeof err), -EINVAL);
	assert_non_null(strstr(err, "pinned"));
	assert_int_equal(pmd_pool_settings()->idle_us, 0);
	assert_int_equal(pmd_pool_settings()->n_pins, 0);
}

// A guest's memory is known when it connects, after its port was added.
static void queues_go_to_the_node_of_their_memory_when_it_is_known(void **state)
{
	(void)state;
	if (other_core() == 0)
		skip();
	cores(other_core(), 0, 2);
	pmd_pool_at(0)->numa_node = 0;
	pmd_pool_at(1)->numa_node = 1;
	b.port.numa_node = -1;
	assert_int_equal(pmd_pool_add_port(&b.port), 0);
	assert_int_equal(pmd_pool_rxq(0)->pmd_index, 0);
	__atomic_store_n(&b.port.numa_node, 1, __ATOMIC_RELAXED);
	pmd_pool_measure(0);
	assert_int_equal(pmd_pool_rxq(0)->pmd_index, 1);
	assert_true(is_polled(&b, 0));
	pmd_pool_del_port(&b.port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(refuses_cores_that_do_not_exist_and_changes_nothing),
	    T(a_port_starts_on_a_running_pool_while_others_go_on),
	    T(a_removed_port_is_polled_no_more_and_leaves_no_misses),
	    T(new_cores_take_queues_over_without_losing_a_packet),
	    T(no_queue_has_two_pmds_while_it_moves),
	    T(a_pool_that_does_not_fit_in_memory_changes_nothing),
	    T(counters_start_again_with_a_new_port),
	    T(injected_packets_run_their_actions),
	    T(a_flood_of_injected_packets_is_bounded),
	    T(injection_into_a_stalled_pmd_ends_at_the_rings_size),
	    T(injection_is_refused_without_a_pool),
	    T(a_pmd_without_queues_sleeps),
	    T(ports_know_how_many_pmds_may_send),
	    T(idle_saving_costs_a_packet_at_most_a_sleep),
	    T(settings_that_do_not_fit_are_refused_whole),
	    T(queues_go_to_the_node_of_their_memory_when_it_is_known),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
