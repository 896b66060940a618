// Whose misses go to the control side first: PMDs and the drain are played by the test.
#include "datapath/upcall.h"

#include "fake_port.h"

#define MISS_RING_SIZE 256 // packets

#define QUEUES 4 // of the port that floods

static struct rxq flood[QUEUES], trickle;

static struct rte_mbuf *pkts[MISS_RING_SIZE * (QUEUES + 1)];

static int up(void **state)
{
	(void)state;
	assert_int_equal(upcall_init(), 0);
	upcall_set_attached(true);
	for (unsigned i = 0; i < QUEUES; i++)
		flood[i] =
		    (struct rxq){.upcalls = upcall_ring_create(1, MISS_RING_SIZE, SOCKET_ID_ANY)};
	trickle = (struct rxq){.upcalls = upcall_ring_create(2, MISS_RING_SIZE, SOCKET_ID_ANY)};
	return 0;
}

static int down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUEUES; i++)
		upcall_ring_destroy(flood[i].upcalls);
	upcall_ring_destroy(trickle.upcalls);
	upcall_fini();
	packets_assert_all_back();
	return 0;
}

// A miss of a port, if there is room.
static bool miss(struct rxq *rxq, uint32_t port_no)
{
	struct rte_mbuf *m = packet_udp(1, 100);
	enum drop_reason reason;

	packet_meta(m)->in_port = port_no;
	if (upcall_enqueue(rxq, m, &reason))
		return true;
	rte_pktmbuf_free(m);
	return false;
}

static void flood_rings(void)
{
	for (unsigned i = 0; i < QUEUES; i++) {
		while (miss(&flood[i], 1))
			;
	}
}

struct taken {
	unsigned n, of_flood, of_trickle;
	unsigned first_of_trickle; // its place
};

static struct taken drain(unsigned n, bool past_budget)
{
	struct taken taken = {.n = upcall_drain(pkts, n, past_budget), .first_of_trickle = n};

	for (unsigned i = 0; i < taken.n; i++) {
		if (packet_meta(pkts[i])->in_port == 1)
			taken.of_flood++;
		else if (taken.of_trickle++ == 0)
			taken.first_of_trickle = i;
	}
	rte_pktmbuf_free_bulk(pkts, taken.n);
	return taken;
}

// Until the flooding port is past its budget.
static void spend_budget(void)
{
	do {
		flood_rings();
	} while (drain(512, false).n == 512);
}

static void ports_have_turns_and_not_queues(void **state)
{
	struct taken taken;

	(void)state;
	flood_rings();
	for (unsigned i = 0; i < 100; i++)
		miss(&trickle, 2);
	taken = drain(128, true);
	assert_int_equal(taken.of_flood, 64);
	assert_int_equal(taken.of_trickle, 64);
}

static void queues_of_a_port_have_turns(void **state)
{
	(void)state;
	flood_rings();
	assert_int_equal(drain(QUEUES * 16, true).n, QUEUES * 16);
	for (unsigned i = 0; i < QUEUES; i++)
		assert_int_equal(rte_ring_count(flood[i].upcalls),
				 rte_ring_get_capacity(flood[i].upcalls) - 16);
}

static void a_port_within_its_budget_goes_before_one_that_floods(void **state)
{
	uint64_t start, turn = rte_get_tsc_hz() / 1000 * 8; // that 8 packets of a budget take
	unsigned waited = 0;

	(void)state;
	upcall_set_rate(1000);
	spend_budget();
	start = rte_rdtsc();
	for (unsigned i = 0; i < 50; i++) {
		struct taken taken;

		flood_rings();
		assert_true(miss(&trickle, 2));
		taken = drain(32, true);
		assert_int_equal(taken.n, 32); // the flood fills what is left
		assert_int_equal(taken.of_trickle, 1);
		waited += taken.first_of_trickle;
	}
	// But for the turns that are the flood's own, of its budget.
	assert_true(waited <= 8 * (1 + (rte_rdtsc() - start) / turn));
}

static void without_budgets_each_waits_for_its_turn_only(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		struct taken taken;

		flood_rings();
		assert_true(miss(&trickle, 2));
		taken = drain(32, true);
		assert_int_equal(taken.of_trickle, 1);
		assert_true(taken.first_of_trickle <= 8);
	}
}

static void a_port_past_its_budget_is_served_when_no_other_waits(void **state)
{
	(void)state;
	upcall_set_rate(1000);
	spend_budget();
	flood_rings();
	assert_int_equal(drain(512, true).of_flood, 512);
}

static void what_is_past_a_budget_can_be_left(void **state)
{
	struct taken taken;

	(void)state;
	upcall_set_rate(100);
	spend_budget();
	flood_rings();
	assert_true(miss(&trickle, 2));
	taken = drain(512, false);
	assert_int_equal(taken.of_trickle, 1);
	assert_true(taken.of_flood <= 8);
	assert_false(upcall_arm()); // the rest waits
}

static void a_budget_is_what_a_port_has_of_its_own(void **state)
{
	uint64_t start, hz = rte_get_tsc_hz(), now, before, held_up = 0;
	double seconds, n = 0;

	(void)state;
	upcall_set_rate(20000);
	start = now = rte_rdtsc();
	while (now - start < hz / 4) {
		flood_rings();
		before = now;
		now = rte_rdtsc();
		// Longer than 512 of them take: what the budget grew by may not have been asked
		// for.
		if (now - before > hz / 50)
			held_up += now - before;
		n += drain(512, false).n;
	}
	seconds = (double)(now - start) / (double)hz;
	// A tenth of a second's worth at once, then the rate.
	assert_true(n >= 0.95 * 20000 * (seconds + 0.1 - (double)held_up / (double)hz));
	assert_true(n <= 1.05 * 20000 * (seconds + 0.1));
}

static void what_was_served_past_the_budget_costs_nothing_later(void **state)
{
	uint64_t start;

	(void)state;
	upcall_set_rate(1000);
	spend_budget();
	for (unsigned i = 0; i < 20; i++) { // ten seconds' worth
		flood_rings();
		drain(512, true);
	}
	start = rte_rdtsc();
	while (drain(8, false).n == 0)
		assert_true(rte_rdtsc() - start < 5 * rte_get_tsc_hz());
}

static void a_port_that_goes_leaves_the_others_their_turns(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUEUES; i++) {
		flood_rings();
		upcall_ring_destroy(flood[i].upcalls);
		flood[i].upcalls = upcall_ring_create(3 + i, MISS_RING_SIZE, SOCKET_ID_ANY);
	}
	assert_true(miss(&trickle, 2));
	while (drain(512, true).n > 0)
		;
	assert_true(upcall_arm());
}

static uint64_t n_lost(void)
{
	struct port_counters gone;

	pmd_pool_gone_counters(&gone);
	return gone.drops[DROP_UPCALL_LOST];
}

static void what_waits_in_a_ring_that_goes_is_counted(void **state)
{
	uint64_t before = n_lost();

	(void)state;
	assert_true(miss(&trickle, 2));
	assert_true(miss(&trickle, 2));
	upcall_ring_destroy(trickle.upcalls);
	trickle.upcalls = NULL;
	assert_int_equal(n_lost(), before + 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(ports_have_turns_and_not_queues),
	    T(queues_of_a_port_have_turns),
	    T(a_port_within_its_budget_goes_before_one_that_floods),
	    T(without_budgets_each_waits_for_its_turn_only),
	    T(a_port_past_its_budget_is_served_when_no_other_waits),
	    T(what_is_past_a_budget_can_be_left),
	    T(a_budget_is_what_a_port_has_of_its_own),
	    T(what_was_served_past_the_budget_costs_nothing_later),
	    T(a_port_that_goes_leaves_the_others_their_turns),
	    T(what_waits_in_a_ring_that_goes_is_counted),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
