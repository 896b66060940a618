// A reader hammers lookups while the writer adds, deletes, replaces and grows. The promise: a flow
// that stays is never missed, and whatever is found is what the key asks for.
//
// The writer works in rounds. A round has N_MASKS masks of its own; its first N_STAY flows stay
// while thousands come and go in the same subtables, which start small and grow, and in and out of
// the ports' lists. Then the next round's flows are put in, the round number moves on, and after a
// grace period the old round's flows are deleted, subtables and all. Every instruction set has its
// turn.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "eal.h"
#include "table.h"

#define STRESS_MS 700
#define N_STAY	  64u
#define N_CHURN	  3000u
#define N_MASKS	  6u // of a round; flow i has the i-th
#define BURST	  32

struct stress {
	struct fixture f;
	int id;
	uint32_t round; // writer: the control thread
	bool stop;
	// Writer: the reader.
	uint64_t n_bursts;
	uint64_t n_missed, n_wrong; // what must stay 0
	uint64_t n_churn_found;
	struct lookup_stats stats;
	struct flow_counters *counters;
	uint64_t n_counted;
};

static uint16_t variant_of(uint32_t round, uint32_t i)
{
	return (uint16_t)(1 + round % 100 * N_MASKS + i % N_MASKS) | (round % 2 ? 0x8000 : 0);
}

static uint32_t flow_no(uint32_t round, uint32_t i)
{
	return round << 16 | i;
}

// Flow n of the table outputs to port n, in every life of its actions.
static bool is_flow(const struct megaflow *mf, uint32_t n)
{
	const struct flow_actions *actions = megaflow_actions(mf);

	struct flow_match match;

	megaflow_match(mf, &match);
	return actions->n == 1 && actions->list[0].u.port == n && match.key.ip_dst_be == n &&
	       match.key.in_port == n % FLOW_PORTS;
}

static void check_burst(struct stress *s, const uint32_t *numbers, uint64_t stay,
			struct megaflow *const *flows)
{
	for (unsigned i = 0; i < BURST; i++) {
		if (!flows[i]) {
			s->n_missed += stay >> i & 1;
			continue;
		}
		s->n_wrong += !is_flow(flows[i], numbers[i]);
		s->n_churn_found += !(stay >> i & 1);
		flow_counters_add(s->counters, flows[i], 1, 64, 1, 0);
		s->n_counted++;
	}
}

// A flow of the round for in_port `port`, from the `n` that start at `first`.
static uint32_t flow_at(uint32_t round, uint32_t first, uint32_t n, uint32_t r, uint32_t port)
{
	uint32_t i = r % (n - FLOW_PORTS);

	while (flow_no(round, first + i) % FLOW_PORTS != port)
		i++;
	return first + i;
}

static void *read_flows(void *arg)
{
	static struct flow_key keys[BURST];
	struct stress *s = arg;
	unsigned seed = 1;

	rcu_online(s->f.rcu, s->id);
	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		uint32_t round = __atomic_load_n(&s->round, __ATOMIC_ACQUIRE);
		uint32_t numbers[BURST], port = (uint32_t)rand_r(&seed) % FLOW_PORTS;
		struct megaflow *flows[BURST];
		uint64_t stay = 0;

		for (unsigned i = 0; i < BURST; i++) {
			bool stays = i % 4 != 0;
			uint32_t r = (uint32_t)rand_r(&seed), at;

			stay |= (uint64_t)stays << i;
			at = stays ? flow_at(round, 0, N_STAY, r, port)
				   : flow_at(round, N_STAY, N_CHURN, r, port);
			numbers[i] = flow_no(round, at);
			keys[i] = flow_match_of(numbers[i], variant_of(round, at)).key;
		}
		lookup_rows[isa_current()]->lookup(s->f.caches, keys, BURST, flows, &s->stats);
		check_burst(s, numbers, stay, flows);
		__atomic_store_n(&s->n_bursts, s->n_bursts + 1, __ATOMIC_RELAXED);
		rcu_quiescent(s->f.rcu, s->id);
	}
	rcu_offline(s->f.rcu, s->id);
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void add_stayers(struct stress *s, uint32_t round, struct megaflow **stay)
{
	for (uint32_t i = 0; i < N_STAY; i++)
		stay[i] = add_flow(&s->f, flow_no(round, i), variant_of(round, i));
}

static void churn(struct stress *s, uint32_t round, struct megaflow **stay)
{
	static struct megaflow *flows[N_CHURN];

	for (uint32_t i = 0; i < N_CHURN; i++) {
		flows[i] =
		    add_flow(&s->f, flow_no(round, N_STAY + i), variant_of(round, N_STAY + i));
		if (i % 3 == 0) { // come and go at once
			flow_table_del(s->f.table, flows[i], NULL);
			flows[i] = NULL;
		}
		if (i % 16 == 0)
			flow_table_set_actions(s->f.table, stay[i / 16 % N_STAY],
					       output_to(flow_no(round, i / 16 % N_STAY)));
		if (i % 64 == 0)
			rcu_reclaim(s->f.rcu);
	}
	for (uint32_t i = 0; i < N_CHURN; i++)
		if (flows[i])
			flow_table_del(s->f.table, flows[i], NULL);
}

static void start_reader(struct stress *s, pthread_t *thread)
{
	cpu_set_t cpus;

	assert_int_equal(pthread_create(thread, NULL, read_flows, s), 0);
	CPU_ZERO(&cpus); // EAL has pinned this thread, and so its children; a machine with one core
			 // is all right too
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &cpus);
	pthread_setaffinity_np(*thread, sizeof(cpus), &cpus);
}

static void hammer(void **state, enum isa isa)
{
	if (!isa_supported(isa))
		skip();
	assert_int_equal(isa_set(isa_name(isa)), 0);

	struct stress s = {.f = *(struct fixture *)*state};
	struct megaflow *stay[2][N_STAY];
	uint64_t end_ms = now_ms() + STRESS_MS;
	struct flow_stats stats;
	uint32_t round = 0;
	pthread_t thread;

	rcu_offline(s.f.rcu, s.f.reader); // the fixture's own
	s.id = rcu_reader_add(s.f.rcu);
	s.counters = flow_counters_create(s.f.table, SOCKET_ID_ANY);
	add_stayers(&s, round, stay[0]);
	start_reader(&s, &thread);
	while (now_ms() < end_ms || __atomic_load_n(&s.n_bursts, __ATOMIC_RELAXED) < 1000) {
		churn(&s, round, stay[round % 2]);
		add_stayers(&s, round + 1, stay[(round + 1) % 2]);
		__atomic_store_n(&s.round, round + 1, __ATOMIC_RELEASE);
		rcu_synchronize(
		    s.f.rcu); // after it the reader asks for the next round's flows only
		for (uint32_t i = 0; i < N_STAY; i++)
			flow_table_del(s.f.table, stay[round % 2][i], NULL);
		round++;
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);

	print_message(
	    "%u rounds, %lu bursts, %lu of the churn found; hits: %lu EMC, %lu signature, "
	    "%lu megaflow\n",
	    round, s.n_bursts, s.n_churn_found, s.stats.emc_hits, s.stats.signature_hits,
	    s.stats.megaflow_hits);
	assert_int_equal(s.n_missed, 0);
	assert_int_equal(s.n_wrong, 0);
	assert_true(s.n_churn_found > 0 && s.stats.emc_hits > 0 && s.stats.signature_hits > 0 &&
		    s.stats.megaflow_hits > 0);
	assert_int_equal(flow_table_n_flows(s.f.table), N_STAY);
	flow_table_stats(s.f.table, stay[round % 2][0], &stats);
	assert_true(stats.packets <= s.n_counted);
	rcu_reader_del(s.f.rcu, s.id);
	rcu_online(s.f.rcu, s.f.reader);
}

static void flow_that_stays_is_never_missed_plain(void **state)
{
	hammer(state, ISA_PLAIN);
}

static void flow_that_stays_is_never_missed_avx2(void **state)
{
	hammer(state, ISA_AVX2);
}

static void flow_that_stays_is_never_missed_avx512(void **state)
{
	hammer(state, ISA_AVX512);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, table_setup, table_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(flow_that_stays_is_never_missed_plain),
	    TEST(flow_that_stays_is_never_missed_avx2),
	    TEST(flow_that_stays_is_never_missed_avx512),
	};

	return cmocka_run_group_tests_name("flow stress", tests, eal_setup, eal_teardown);
}
