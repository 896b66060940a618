#define _GNU_SOURCE // affinity, thread names

#include "datapath/pmd_private.h"

#include "ctl/log.h"
#include "datapath/capabilities.h"
#include "datapath/classify.h"
#include "datapath/forward.h"

#include <errno.h>
#include <poll.h>
#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_power_intrinsics.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

const struct rxq_set pmd_no_rxqs;

struct start {
	struct pmd *pmd;
	sem_t done;
	int err;
};

// The loop.

static void clock_read(struct pmd *pmd, uint64_t tsc)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	pmd->now_ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	pmd->now_tsc = tsc;
}

static unsigned iterate(struct pmd *pmd, const struct rxq_set *set)
{
	unsigned n = 0;

	for (unsigned i = 0; i < set->n; i++)
		n += forward_rx(pmd, &set->polls[i]);
	if (unlikely(!rte_ring_empty(pmd->inject)))
		n += forward_injected(pmd);
	return n;
}

// The time between two calls belongs to the iteration between them.
static void account(struct pmd *pmd, uint64_t *tsc, unsigned n_packets)
{
	uint64_t now = rte_rdtsc();

	tally_add(&pmd->stats.iterations, 1);
	if (n_packets) {
		tally_add(&pmd->stats.busy_iterations, 1);
		tally_add(&pmd->stats.busy_cycles, now - *tsc);
	} else {
		tally_add(&pmd->stats.idle_cycles, now - *tsc);
	}
	*tsc = now;
	if (now - pmd->now_tsc >= pmd->tsc_per_ms)
		clock_read(pmd, now);
}

// Until the control thread has something. It writes wake_fd after each change, so none is slept
// through.
static void wait_for_wake(struct pmd *pmd)
{
	uint64_t count;

	while (read(pmd->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
		;
}

// rte_power_monitor() asks: do not wait when the word has changed since it was read.
static int word_changed(uint64_t value, const uint64_t opaque[RTE_POWER_MONITOR_OPAQUE_SZ])
{
	return value != opaque[0] ? -1 : 0;
}

// In the processor, which can do with less power until `wakes` is written or time is over.
static int nap_in_place(struct pmd *pmd, uint32_t wakes, uint64_t sleep_us)
{
	const struct rte_power_monitor_cond condition = {.addr = &pmd->wakes,
							 .size = sizeof pmd->wakes,
							 .fn = word_changed,
							 .opaque = {wakes}};

	return rte_power_monitor(&condition, rte_rdtsc() + sleep_us * pmd->tsc_per_ms / 1000);
}

// For sleep_us, or until the control thread has something. `wakes` was read before the round that
// found nothing to do.
static void nap(struct pmd *pmd, uint32_t wakes)
{
	uint64_t sleep_us = __atomic_load_n(&pmd->sleep_us, __ATOMIC_RELAXED);
	const struct timespec timeout = {.tv_sec = (time_t)(sleep_us / 1000000),
					 .tv_nsec = (long)(sleep_us % 1000000 * 1000)};
	struct pollfd wake = {.fd = pmd->wake_fd, .events = POLLIN};

	if (pmd->may_wait && nap_in_place(pmd, wakes, sleep_us) == 0)
		return;
	if (ppoll(&wake, 1, &timeout, NULL) > 0)
		wait_for_wake(pmd); // takes what is there
}

// Grace periods do not wait for a PMD that sleeps.
static void sleep_idle(struct pmd *pmd, bool has_queues, uint32_t wakes, uint64_t *tsc)
{
	uint64_t now;

	rcu_offline(pmd->rcu, pmd->rcu_id);
	if (has_queues)
		nap(pmd, wakes);
	else
		wait_for_wake(pmd);
	rcu_online(pmd->rcu, pmd->rcu_id);
	now = rte_rdtsc();
	tally_add(&pmd->stats.sleeps, 1);
	tally_add(&pmd->stats.sleep_cycles, now - *tsc);
	*tsc = now;
	clock_read(pmd, now);
}

static bool is_long_idle(const struct pmd *pmd, uint64_t cycles)
{
	uint64_t limit = __atomic_load_n(&pmd->idle_tsc, __ATOMIC_RELAXED);

	return limit && cycles >= limit;
}

static void loop(struct pmd *pmd)
{
	uint64_t tsc = rte_rdtsc(), busy_tsc = tsc;

	clock_read(pmd, tsc);
	while (likely(!__atomic_load_n(&pmd->stop, __ATOMIC_ACQUIRE))) {
		uint32_t wakes = __atomic_load_n(&pmd->wakes, __ATOMIC_ACQUIRE);
		const struct rxq_set *set = __atomic_load_n(&pmd->rxqs, __ATOMIC_ACQUIRE);
		unsigned n = iterate(pmd, set);
		bool has_queues = set->n > 0; // the set may go after this round

		rcu_quiescent(pmd->rcu, pmd->rcu_id);
		account(pmd, &tsc, n);
		if (n)
			busy_tsc = tsc;
		else if (unlikely(!has_queues || is_long_idle(pmd, tsc - busy_tsc)))
			sleep_idle(pmd, has_queues, wakes, &tsc);
	}
	while (forward_injected(pmd) > 0)
		rcu_quiescent(pmd->rcu, pmd->rcu_id);
}

// Buffers cached for this thread's lcore id would be out of reach until a thread gets that id
// again.
static void mempool_flush(void)
{
	struct rte_mempool *pool = packet_pool();
	struct rte_mempool_cache *cache =
	    pool ? rte_mempool_default_cache(pool, rte_lcore_id()) : NULL;

	if (cache)
		rte_mempool_cache_flush(cache, pool);
}

static void *thread_main(void *arg)
{
	struct start *start = arg;
	struct pmd *pmd = start->pmd;

	start->err = rte_thread_register() < 0 ? -rte_errno : 0;
	if (start->err) {
		sem_post(&start->done);
		return NULL;
	}
	capabilities_drop();
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); // ns, so that short sleeps are short
	rcu_online(pmd->rcu, pmd->rcu_id);
	sem_post(&start->done); // *start is gone from here on
	loop(pmd);
	rcu_offline(pmd->rcu, pmd->rcu_id);
	mempool_flush();
	rte_thread_unregister();
	return NULL;
}

// Start and stop.

static int core_numa_node(unsigned core)
{
	char path[96];

	for (int node = 0; node < RTE_MAX_NUMA_NODES; node++) {
		snprintf(path, sizeof path, "/sys/devices/system/node/node%d/cpu%u", node, core);
		if (access(path, F_OK) == 0)
			return node;
	}
	return SOCKET_ID_ANY;
}

static void *alloc(const struct pmd *pmd, size_t bytes)
{
	return rte_zmalloc_socket("pmd", bytes, RTE_CACHE_LINE_SIZE, pmd->numa_node);
}

static bool can_wait(void)
{
	struct rte_cpu_intrinsics can = {0};

	rte_cpu_get_intrinsics_support(&can);
	return can.power_monitor;
}

static int pmd_init(struct pmd *pmd, const struct pmd_config *config)
{
	pmd->rcu_id = rcu_reader_add(pmd->rcu);
	pmd->wake_fd = eventfd(0, EFD_CLOEXEC);
	int wake_err = -errno;

	pmd->ports = alloc(pmd, PORTS_MAX * sizeof(*pmd->ports));
	pmd->tx = alloc(pmd, PORTS_MAX * sizeof(*pmd->tx));
	pmd->arena = alloc(pmd, sizeof(*pmd->arena));
	pmd->reader = flow_reader_create(pmd->flows, config->pool->emc_entries,
					 config->pool->signature_entries, pmd->numa_node);
	pmd->flow_counters = flow_counters_create(pmd->flows, pmd->numa_node);
	if (pmd->rcu_id < 0)
		return pmd->rcu_id;
	if (pmd->wake_fd < 0)
		return wake_err;
	if (!pmd->ports || !pmd->tx || !pmd->arena || !pmd->reader || !pmd->flow_counters)
		return -ENOMEM;
	packet_arena_init(pmd->arena);
	return inject_init(pmd);
}

struct pmd *pmd_create(const struct pmd_config *config, char *err, size_t err_len)
{
	int node = core_numa_node(config->core);
	struct pmd *pmd;
	int ret = -ENOMEM;

	pmd = rte_zmalloc_socket("pmd", sizeof(*pmd), RTE_CACHE_LINE_SIZE, node);
	if (!pmd) { // that node may have no memory
		node = SOCKET_ID_ANY;
		pmd = rte_zmalloc_socket("pmd", sizeof(*pmd), RTE_CACHE_LINE_SIZE, node);
	}
	if (pmd) {
		pmd->core = (uint16_t)config->core;
		pmd->index = (uint16_t)config->index;
		pmd->numa_node = (int16_t)node;
		pmd->flows = config->pool->flows;
		pmd->rcu = config->pool->rcu;
		pmd->inject_rxq = config->inject_rxq;
		pmd->rxqs = &pmd_no_rxqs;
		pmd->classify = classify_ops_current();
		pmd->tsc_per_ms = rte_get_tsc_hz() / 1000;
		pmd->may_wait = can_wait();
		ret = pmd_init(pmd, config);
	}
	if (ret) {
		snprintf(err, err_len,
			 "core %u: no memory for its caches (%s); give swd more with --mem",
			 config->core, strerror(-ret));
		pmd_destroy(pmd);
		return NULL;
	}
	return pmd;
}

void pmd_destroy(struct pmd *pmd)
{
	if (!pmd)
		return;
	inject_fini(pmd);
	if (pmd->flow_counters)
		flow_counters_destroy(pmd->flows, pmd->flow_counters);
	if (pmd->reader)
		flow_reader_destroy(pmd->reader);
	rte_free(pmd->arena);
	rte_free(pmd->tx);
	rte_free(pmd->ports);
	if (pmd->wake_fd >= 0)
		close(pmd->wake_fd);
	if (pmd->rcu_id >= 0)
		rcu_reader_del(pmd->rcu, pmd->rcu_id);
	rte_free(pmd);
}

static int thread_create(struct pmd *pmd, struct start *start)
{
	pthread_attr_t attr;
	sigset_t all, before;
	cpu_set_t cores;
	int err;

	if (pmd->core >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&cores);
	CPU_SET(pmd->core, &cores);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof cores, &cores);
	// Signals are the control thread's.
	sigfillset(&all);
	sigdelset(&all, SIGBUS); // a peer's memory may vanish: datapath/memory_guard.h
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&pmd->thread, &attr, thread_main, start);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

int pmd_start(struct pmd *pmd, char *err, size_t err_len)
{
	struct start start = {.pmd = pmd};
	char name[16];
	int ret;

	sem_init(&start.done, 0, 0);
	ret = thread_create(pmd, &start);
	if (!ret) {
		while (sem_wait(&start.done) < 0 && errno == EINTR)
			;
		ret = start.err;
		if (ret)
			pthread_join(pmd->thread, NULL);
	}
	sem_destroy(&start.done);
	if (ret == -EINVAL) {
		snprintf(err, err_len,
			 "core %u is offline or not allowed to this process; bring it online or "
			 "widen the cpuset",
			 pmd->core);
		return ret;
	}
	if (ret) {
		snprintf(err, err_len, "core %u: cannot start a thread: %s", pmd->core,
			 strerror(-ret));
		return ret;
	}
	snprintf(name, sizeof name, "pmd-c%u", pmd->core);
	pthread_setname_np(pmd->thread, name);
	return 0;
}

void pmd_wake(struct pmd *pmd)
{
	const uint64_t one = 1;

	__atomic_add_fetch(&pmd->wakes, 1, __ATOMIC_RELEASE);
	if (write(pmd->wake_fd, &one, sizeof one) < 0)
		log_error("pmd on core %u: cannot wake it: %s", pmd->core, strerror(errno));
}

bool pmd_may_sleep(const struct pmd *pmd)
{
	return pmd->rxqs->n == 0 || pmd->idle_tsc != 0;
}

void pmd_set_idle(struct pmd *pmd, unsigned idle_us, unsigned sleep_us)
{
	__atomic_store_n(&pmd->sleep_us, sleep_us, __ATOMIC_RELAXED);
	__atomic_store_n(&pmd->idle_tsc, idle_us * pmd->tsc_per_ms / 1000, __ATOMIC_RELAXED);
	pmd_wake(pmd);
}

void pmd_stop(struct pmd *pmd)
{
	__atomic_store_n(&pmd->stop, true, __ATOMIC_RELEASE);
	pmd_wake(pmd);
	pthread_join(pmd->thread, NULL);
}
