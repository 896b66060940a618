// A reader hammers lookups while the writer adds, deletes, replaces and grows. The promise: a flow
// that stays is never missed, and whatever is found is what the key asks for.
//
// The writer works in rounds. A round has a mask of its own; its first N_STAY flows stay while
// thousands come and go in the same subtable, which starts small and grows. Then the next round's
// flows are put in, the round number moves on, and after a grace period the old round's flows are
// deleted, subtable and all.
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
#include "flowtable/emc.h"
#include "table.h"

#define STRESS_MS   1000
#define N_STAY	    64u
#define N_CHURN	    3000u
#define EMC_ENTRIES 512
#define BURST	    32

struct stress {
	struct fixture f;
	int id;
	uint32_t round; // writer: the control thread
	bool stop;
	// Writer: the reader.
	uint64_t n_bursts;
	uint64_t n_missed, n_wrong; // what must stay 0
	uint64_t n_churn_found, n_emc_hits;
	struct flow_counters *counters;
	uint64_t n_counted;
};

static uint16_t variant_of(uint32_t round)
{
	return (uint16_t)(1 + round % 100) | (round % 2 ? 0x8000 : 0);
}

static uint32_t flow_no(uint32_t round, uint32_t i)
{
	return round << 16 | i;
}

// Flow n of the table outputs to port n, in every life of its actions.
static bool is_flow(const struct megaflow *mf, uint32_t n)
{
	const struct flow_actions *actions = megaflow_actions(mf);

	return actions->n == 1 && actions->list[0].u.port == n && mf->match.key.ip_dst_be == n &&
	       mf->match.key.in_port == n % 97;
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

// As a PMD does it: cache, table, insertion into the cache; every other time without the cache, so
// that the table has work.
static void lookup_burst(struct stress *s, struct emc *emc, const struct flow_key *keys,
			 const uint32_t *hashes, struct megaflow **flows)
{
	uint64_t missed = (1ULL << BURST) - 1, n_tried = 0;

	if (s->n_bursts % 2)
		missed = emc_lookup(emc, keys, hashes, missed, flows);
	s->n_emc_hits += BURST - (unsigned)__builtin_popcountll(missed);
	flow_table_lookup(s->f.table, keys, missed, flows, &n_tried);
	for (unsigned i = 0; i < BURST; i++)
		if (missed >> i & 1 && flows[i])
			emc_insert(emc, &keys[i], hashes[i], flows[i]);
}

static void *read_flows(void *arg)
{
	static struct flow_key keys[BURST];
	struct stress *s = arg;
	struct emc *emc = emc_create(EMC_ENTRIES, SOCKET_ID_ANY);
	unsigned seed = 1;

	rcu_online(s->f.rcu, s->id);
	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		uint32_t round = __atomic_load_n(&s->round, __ATOMIC_ACQUIRE);
		uint32_t numbers[BURST], hashes[BURST];
		struct megaflow *flows[BURST];
		uint64_t stay = 0;

		for (unsigned i = 0; i < BURST; i++) {
			bool stays = i % 4 != 0;
			uint32_t r = (uint32_t)rand_r(&seed);

			stay |= (uint64_t)stays << i;
			numbers[i] = flow_no(round, stays ? r % N_STAY : N_STAY + r % N_CHURN);
			keys[i] = flow_match_of(numbers[i], variant_of(round)).key;
			hashes[i] = flow_key_hash(&keys[i], 0);
		}
		lookup_burst(s, emc, keys, hashes, flows);
		check_burst(s, numbers, stay, flows);
		s->n_bursts++;
		rcu_quiescent(s->f.rcu, s->id);
	}
	rcu_offline(s->f.rcu, s->id);
	emc_destroy(emc);
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
		stay[i] = add_flow(&s->f, flow_no(round, i), variant_of(round));
}

static void churn(struct stress *s, uint32_t round, struct megaflow **stay)
{
	static struct megaflow *flows[N_CHURN];

	for (uint32_t i = 0; i < N_CHURN; i++) {
		flows[i] = add_flow(&s->f, flow_no(round, N_STAY + i), variant_of(round));
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

static void flow_that_stays_is_never_missed(void **state)
{
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

	print_message("%u rounds, %lu bursts, %lu of the churn found, %lu hits in the cache\n",
		      round, s.n_bursts, s.n_churn_found, s.n_emc_hits);
	assert_int_equal(s.n_missed, 0);
	assert_int_equal(s.n_wrong, 0);
	assert_true(s.n_churn_found > 0 && s.n_emc_hits > 0);
	assert_int_equal(flow_table_n_flows(s.f.table), N_STAY);
	flow_table_stats(s.f.table, stay[round % 2][0], &stats);
	assert_true(stats.packets <= s.n_counted);
	rcu_reader_del(s.f.rcu, s.id);
	rcu_online(s.f.rcu, s.f.reader);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, table_setup, table_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(flow_that_stays_is_never_missed),
	};

	return cmocka_run_group_tests_name("flow stress", tests, eal_setup, eal_teardown);
}
