// The pool: which PMDs run, and which queues each of them polls. Control thread only.
#include "datapath/pmd.h"

#include "datapath/pmd_private.h"
#include "datapath/rebalance.h"
#include "datapath/rxqs.h"
#include "datapath/upcall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct pmd_pool_config config;
	struct pmd *pmds[PMDS_MAX]; // by index; NULL: free
	// Miss rings of injected packets, one per PMD index; they outlive their PMD, as its packets
	// do.
	struct rxq inject_rxqs[PMDS_MAX];
	struct pmd_settings settings;
	unsigned start_cores[PMDS_MAX], n_start_cores;
} pool;

static_assert(PMDS_MAX <= 64, "sets of PMDs are 64-bit words");

static bool in_set(uint64_t set, unsigned i)
{
	return set >> i & 1;
}

uint64_t pmd_pool_running(void)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < PMDS_MAX; i++) {
		if (pool.pmds[i])
			set |= UINT64_C(1) << i;
	}
	return set;
}

// Ports may rely on it (port.h): PMDs that send must know it before another one starts to.
static void senders_raise(unsigned n)
{
	if (n <= ports_n_senders)
		return;
	__atomic_store_n(&ports_n_senders, n, __ATOMIC_RELAXED);
	rcu_synchronize(pool.config.rcu);
}

// After a PMD has ended.
static void senders_lower(void)
{
	uint64_t running = pmd_pool_running();
	unsigned n = running ? 64 - (unsigned)__builtin_clzll(running) : 0;

	__atomic_store_n(&ports_n_senders, n, __ATOMIC_RELAXED);
}

// The PMD polls nothing any more.
static void retire(unsigned index)
{
	struct pmd *pmd = pool.pmds[index];

	pmd_stop(pmd);
	port_counters_fold(pmd);
	if (pmd->rxqs != &pmd_no_rxqs)
		free((void *)(uintptr_t)pmd->rxqs);
	pmd_destroy(pmd);
	pool.pmds[index] = NULL;
	senders_lower();
}

static int launch(unsigned core, unsigned index, char *err, size_t err_len)
{
	struct pmd_config config = {.pool = &pool.config, .core = core, .index = index};
	struct pmd *pmd;
	int ret;

	config.inject_rxq = &pool.inject_rxqs[index];
	if (!config.inject_rxq->upcalls)
		config.inject_rxq->upcalls = upcall_ring_create(0, UPCALL_RING_SIZE, SOCKET_ID_ANY);
	if (!config.inject_rxq->upcalls) {
		snprintf(err, err_len, "core %u: no memory for its rings; give swd more with --mem",
			 core);
		return -ENOMEM;
	}
	pmd = pmd_create(&config, err, err_len);
	if (!pmd)
		return -ENOMEM;
	senders_raise(index + 1);
	ret = pmd_start(pmd, err, err_len);
	if (ret) {
		pmd_destroy(pmd);
		senders_lower();
		return ret;
	}
	pool.pmds[index] = pmd;
	return 0;
}

static int index_of_core(unsigned core)
{
	for (int i = 0; i < PMDS_MAX; i++) {
		if (pool.pmds[i] && pool.pmds[i]->core == core)
			return i;
	}
	return -1;
}

static int index_free(void)
{
	for (int i = 0; i < PMDS_MAX; i++) {
		if (!pool.pmds[i])
			return i;
	}
	return -1;
}

// Ends the PMDs in `set`, whose queues others have.
static void retire_set(uint64_t set)
{
	for (unsigned i = 0; i < PMDS_MAX; i++) {
		if (in_set(set, i))
			retire(i);
	}
}

// Starts what is missing. *wanted gets the PMDs on these cores, *started those of them that are
// new.
static int launch_all(const unsigned *cores, unsigned n, uint64_t *wanted, uint64_t *started,
		      char *err, size_t err_len)
{
	*wanted = *started = 0;
	for (unsigned i = 0; i < n; i++) {
		int index = index_of_core(cores[i]);

		if (index < 0) {
			int ret;

			index = index_free();
			if (index < 0) {
				snprintf(err, err_len,
					 "too many cores at once: the pool has %d places",
					 PMDS_MAX);
				return -EINVAL;
			}
			ret = launch(cores[i], (unsigned)index, err, err_len);
			if (ret)
				return ret;
			*started |= UINT64_C(1) << index;
		}
		*wanted |= UINT64_C(1) << index;
	}
	return 0;
}

// Makes the pool run on these cores, with the settings that pool.settings holds.
static int run_on(const unsigned *cores, unsigned n, char *err, size_t err_len)
{
	uint64_t before = pmd_pool_running(), wanted, started;
	int ret = launch_all(cores, n, &wanted, &started, err, err_len);

	if (!ret) {
		if (wanted != before)
			rxqs_forget_loads();
		ret = rxqs_spread(wanted);
		if (ret)
			snprintf(err, err_len, "no memory to spread the queues over %u cores", n);
	}
	retire_set(ret ? started : before & ~wanted);
	return ret;
}

static void idle_apply(void)
{
	unsigned cursor = 0;

	for (struct pmd *pmd = pmd_pool_next(&cursor); pmd; pmd = pmd_pool_next(&cursor)) {
		if (pool.settings.idle_us || pmd->idle_tsc)
			pmd_set_idle(pmd, pool.settings.idle_us, pool.settings.sleep_us);
	}
}

int pmd_pool_set(const struct pmd_settings *settings, char *err, size_t err_len)
{
	const unsigned *cores = settings->n_cores ? settings->cores : pool.start_cores;
	unsigned n = settings->n_cores ? settings->n_cores : pool.n_start_cores;
	struct pmd_settings *before = malloc(sizeof(*before));
	int ret = before ? pmd_settings_check(settings, cores, n, err, err_len) : -ENOMEM;

	if (ret)
		goto out;
	*before = pool.settings;
	pool.settings = *settings;
	ret = run_on(cores, n, err, err_len);
	if (ret)
		pool.settings = *before;
	else
		idle_apply();
out:
	if (!before)
		snprintf(err, err_len, "out of memory");
	free(before);
	return ret;
}

int pmd_pool_set_cores(const unsigned *cores, unsigned n, char *err, size_t err_len)
{
	static struct pmd_settings settings; // large
	int ret;

	if (n == 0 || n > PMDS_MAX)
		return pmd_settings_check(&pool.settings, cores, 0, err, err_len);
	settings = pool.settings;
	memcpy(settings.cores, cores, n * sizeof cores[0]);
	settings.n_cores = n;
	ret = pmd_pool_set(&settings, err, err_len);
	if (!ret && pool.n_start_cores == 0) {
		memcpy(pool.start_cores, cores, n * sizeof cores[0]);
		pool.n_start_cores = n;
		pool.settings.n_cores = 0;
	}
	return ret;
}

const struct pmd_settings *pmd_pool_settings(void)
{
	return &pool.settings;
}

void pmd_pool_measure(uint64_t now_ms)
{
	rxqs_follow_nodes();
	pmd_load_measure();
	pmd_load_turn();
	rebalance_when_due(now_ms);
}

int pmd_pool_init(const struct pmd_pool_config *config)
{
	memset(&pool, 0, sizeof pool);
	pool.config = *config;
	rxqs_init(config->rcu);
	pmd_load_init();
	rebalance_reset();
	return 0;
}

void pmd_pool_fini(void)
{
	rxqs_spread(0);
	retire_set(pmd_pool_running());
	rxqs_fini();
	for (unsigned i = 0; i < PMDS_MAX; i++)
		upcall_ring_destroy(pool.inject_rxqs[i].upcalls);
	memset(&pool, 0, sizeof pool);
}

// What others want to know.

struct pmd *pmd_pool_at(unsigned index)
{
	return pool.pmds[index];
}

struct pmd *pmd_pool_on_core(unsigned core)
{
	int index = index_of_core(core);

	return index < 0 ? NULL : pool.pmds[index];
}

struct pmd *pmd_pool_next(unsigned *cursor)
{
	while (*cursor < PMDS_MAX) {
		struct pmd *pmd = pool.pmds[(*cursor)++];

		if (pmd)
			return pmd;
	}
	return NULL;
}

struct pmd *pmd_pool_of_port(uint32_t port_no)
{
	struct pmd *pmd = rxqs_pmd_of_port(port_no);
	unsigned cursor = 0;

	return pmd ? pmd : pmd_pool_next(&cursor);
}

bool pmd_pool_info(unsigned i, struct pmd_info *info)
{
	unsigned cursor = 0;
	struct pmd *pmd = pmd_pool_next(&cursor);
	const uint64_t *from;
	uint64_t *to;

	while (pmd && i-- > 0)
		pmd = pmd_pool_next(&cursor);
	if (!pmd)
		return false;
	*info = (struct pmd_info){
	    .core = pmd->core,
	    .index = pmd->index,
	    .numa_node = pmd->numa_node,
	    .isolated = pmd_settings_isolates(&pool.settings, pmd->core),
	    .recent_busy = load_window_sum(&pmd->busy),
	    .recent_all = pmd_load_all(),
	};
	from = (const uint64_t *)&pmd->stats;
	to = (uint64_t *)&info->stats;
	for (size_t at = 0; at < sizeof info->stats / sizeof(*to); at++)
		to[at] = tally_read(&from[at]);
	return true;
}

uint64_t pmd_pool_cache_bytes(void)
{
	unsigned cursor = 0;
	uint64_t bytes = 0;

	for (struct pmd *pmd = pmd_pool_next(&cursor); pmd; pmd = pmd_pool_next(&cursor))
		bytes += flow_reader_memory_bytes(pmd->reader);
	return bytes;
}
