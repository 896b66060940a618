// A pool of PMDs with two ports, which each test adds itself.
#ifndef TESTS_UNIT_DATAPATH_PMD_POOL_FIXTURE_H
#define TESTS_UNIT_DATAPATH_PMD_POOL_FIXTURE_H

#include "datapath/pmd_private.h"
#include "datapath/upcall.h"
#include "fake_port.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

static struct rcu *rcu;
static struct flow_table *flows;
static struct fake_port a, b;
static char err[160];

// Waits, but not for ever.
#define AWAIT(condition)                                                \
	do {                                                            \
		time_t end_ = time(NULL) + 10;                          \
		while (!(condition)) {                                  \
			if (time(NULL) > end_)                          \
				fail_msg("never true: %s", #condition); \
			rcu_reclaim(rcu);                               \
			sched_yield();                                  \
		}                                                       \
	} while (0)

static inline int pool_up(void **state)
{
	(void)state;
	assert_int_equal(upcall_init(), 0);
	upcall_set_attached(true);
	rcu = rcu_create();
	flows = flow_table_create(rcu, 1024, SOCKET_ID_ANY);
	const struct pmd_pool_config config = {.rcu = rcu,
					       .flows = flows,
					       .emc_entries = 1024,
					       .signature_entries = 1024};

	assert_int_equal(pmd_pool_init(&config), 0);
	fake_port_open(&a, 1, 4);
	fake_port_open(&b, 2, 1);
	pmd_pool_port_counters_reset(1);
	pmd_pool_port_counters_reset(2);
	return 0;
}

static inline int pool_down(void **state)
{
	(void)state;
	pmd_pool_fini();
	fake_port_close(&a);
	fake_port_close(&b);
	flow_table_destroy(flows);
	rcu_destroy(rcu);
	upcall_fini();
	packets_assert_all_back();
	return 0;
}

// Core 1 where there is one: 0 is the test's own.
static inline unsigned other_core(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : 0;
}

static inline void cores(unsigned first, unsigned second, unsigned n)
{
	const unsigned list[] = {first, second};

	err[0] = '\0';
	if (pmd_pool_set_cores(list, n, err, sizeof err) != 0)
		fail_msg("%s", err);
}

static inline unsigned polls(struct fake_port *port, unsigned queue)
{
	return __atomic_load_n(&port->polls[queue], __ATOMIC_RELAXED);
}

static inline bool is_polled(struct fake_port *port, unsigned queue)
{
	unsigned before = polls(port, queue);

	AWAIT(polls(port, queue) > before + 1);
	return true;
}

static inline unsigned iterations(unsigned i)
{
	struct pmd_info info;

	assert_true(pmd_pool_info(i, &info));
	return (unsigned)info.stats.iterations;
}

#define T(name) cmocka_unit_test_setup_teardown(name, pool_up, pool_down)

#endif
