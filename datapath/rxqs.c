#include "datapath/rxqs.h"

#include "ctl/log.h"
#include "datapath/spread.h"
#include "datapath/upcall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct rcu *rcu;
	struct rxq **list;
	unsigned n, capacity;
	uint16_t port_pmd[PORTS_MAX]; // who polls a port's first queue, or SPREAD_NOBODY
	bool by_load;		      // placed by measured load: numbers are not evened out
} queues;

// The set of queues whose owner is `index` in `places`, and, with `staying`, was before.
static struct rxq_set *set_build(const struct spread_queue *places, uint16_t index, bool staying)
{
	size_t bytes = sizeof(struct rxq_set) + queues.n * sizeof(struct rxq_poll);
	struct rxq_set *set;

	set =
	    aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(bytes, (size_t)RTE_CACHE_LINE_SIZE));
	if (!set)
		return NULL;
	set->n = 0;
	for (unsigned i = 0; i < queues.n; i++) {
		struct rxq *rxq = queues.list[i];

		if (places[i].owner != index || (staying && rxq->pmd_index != index))
			continue;
		set->polls[set->n++] = (struct rxq_poll){
		    .rx = rxq->port->kind->rx,
		    .rx_done = rxq->port->kind->rx_done,
		    .port = rxq->port,
		    .rxq = rxq,
		    .port_no = rxq->port->no,
		    .queue = rxq->queue,
		};
	}
	return set;
}

static void set_free(void *set)
{
	free(set);
}

static void set_publish(struct pmd *pmd, const struct rxq_set *set)
{
	const struct rxq_set *old = pmd->rxqs;

	__atomic_store_n(&pmd->rxqs, set, __ATOMIC_RELEASE);
	if (old->n == 0 || pmd_may_sleep(pmd))
		pmd_wake(pmd);
	if (old != &pmd_no_rxqs)
		rcu_retire(queues.rcu, set_free, (void *)(uintptr_t)old);
}

struct sets {
	struct rxq_set *staying[PMDS_MAX];
	struct rxq_set *all[PMDS_MAX];
};

static void sets_free(struct sets *sets)
{
	for (unsigned i = 0; i < PMDS_MAX; i++) {
		free(sets->staying[i]);
		free(sets->all[i]);
	}
}

static int sets_build(struct sets *sets, const struct spread_queue *places)
{
	memset(sets, 0, sizeof(*sets));
	for (uint16_t i = 0; i < PMDS_MAX; i++) {
		if (!pmd_pool_at(i))
			continue;
		sets->staying[i] = set_build(places, i, true);
		sets->all[i] = set_build(places, i, false);
		if (!sets->staying[i] || !sets->all[i]) {
			sets_free(sets);
			return -ENOMEM;
		}
	}
	return 0;
}

static void owners_set(const struct spread_queue *places)
{
	for (unsigned i = 0; i < PORTS_MAX; i++)
		queues.port_pmd[i] = SPREAD_NOBODY;
	for (unsigned i = 0; i < queues.n; i++) {
		struct rxq *rxq = queues.list[i];

		rxq->pmd_index = places[i].owner;
		rxq->numa_node = (int16_t)places[i].numa_node;
		if (rxq->queue == 0)
			queues.port_pmd[rxq->port->no] = places[i].owner;
	}
}

// Gives the queues to their owners: first all leave whom they have to leave, then, when no PMD can
// still be polling them, they go to their new PMD. Queues that stay are in both sets. 0, or -ENOMEM
// and nothing has changed.
static int owners_apply(const struct spread_queue *places)
{
	bool leaving = false;
	struct sets sets;
	int err = sets_build(&sets, places);

	if (err)
		return err;
	for (unsigned i = 0; i < PMDS_MAX; i++) {
		struct pmd *pmd = pmd_pool_at(i);

		if (!pmd || sets.staying[i]->n == pmd->rxqs->n)
			continue;
		set_publish(pmd, sets.staying[i]);
		sets.staying[i] = NULL;
		leaving = true;
	}
	if (leaving)
		rcu_synchronize(queues.rcu);
	for (unsigned i = 0; i < PMDS_MAX; i++) {
		if (!pmd_pool_at(i))
			continue;
		set_publish(pmd_pool_at(i), sets.all[i]);
		sets.all[i] = NULL;
	}
	owners_set(places);
	sets_free(&sets);
	return 0;
}

// Cycles of a core in ten thousand.
static uint64_t load_of(const struct rxq *rxq)
{
	uint64_t all = pmd_load_all();

	return all ? (uint64_t)(RXQS_LOAD_FULL * (double)load_window_sum(&rxq->load) / (double)all)
		   : 0;
}

static int16_t node_of(const struct rxq *rxq)
{
	return __atomic_load_n(&rxq->port->numa_node, __ATOMIC_RELAXED);
}

struct spread_queue *rxqs_places(unsigned *n)
{
	struct spread_queue *places = malloc((queues.n + 1) * sizeof(*places));

	*n = queues.n;
	for (unsigned i = 0; places && i < queues.n; i++) {
		const struct rxq *rxq = queues.list[i];
		int core = pmd_settings_pin(pmd_pool_settings(), rxq->port->no, rxq->queue);
		const struct pmd *pin = core < 0 ? NULL : pmd_pool_on_core((unsigned)core);

		places[i] = (struct spread_queue){
		    .owner = rxq->pmd_index,
		    .before = rxq->pmd_index,
		    .pin = pin ? pin->index : SPREAD_NOBODY,
		    .numa_node = node_of(rxq),
		    .load = load_of(rxq),
		};
	}
	return places;
}

void rxqs_pmds(uint64_t set, struct spread_pmd *pmds)
{
	for (unsigned i = 0; i < PMDS_MAX; i++) {
		const struct pmd *pmd = pmd_pool_at(i);

		pmds[i] = (struct spread_pmd){.running = pmd && (set >> i & 1)};
		if (!pmds[i].running)
			continue;
		pmds[i].numa_node = pmd->numa_node;
		pmds[i].isolated = pmd_settings_isolates(pmd_pool_settings(), pmd->core);
	}
}

static void warn_of_crossings(const struct spread_queue *places, const struct spread_pmd *pmds)
{
	for (unsigned i = 0; i < queues.n; i++) {
		bool told = queues.list[i]->crosses && places[i].owner == places[i].before;

		queues.list[i]->crosses = spread_crosses(&places[i], pmds);
		if (queues.list[i]->crosses && !told)
			log_warn(
			    "port %s queue %u: core %u on NUMA node %d polls it, its memory is "
			    "on node %d: slow; give the pool a core there",
			    queues.list[i]->port->config.name, queues.list[i]->queue,
			    pmd_pool_at(places[i].owner)->core, pmds[places[i].owner].numa_node,
			    places[i].numa_node);
	}
}

int rxqs_move(const struct spread_queue *places)
{
	struct spread_pmd pmds[PMDS_MAX];
	int err;

	pmd_load_measure(); // what was done until now was done by those who poll now
	err = owners_apply(places);
	if (err)
		return err;
	rxqs_pmds(pmd_pool_running(), pmds);
	warn_of_crossings(places, pmds);
	return 0;
}

int rxqs_spread(uint64_t set)
{
	struct spread_pmd pmds[PMDS_MAX];
	unsigned n;
	struct spread_queue *places = rxqs_places(&n);
	int err;

	if (!places)
		return -ENOMEM;
	rxqs_pmds(set, pmds);
	spread_queues(places, n, pmds, !queues.by_load);
	err = rxqs_move(places);
	free(places);
	return err;
}

void rxqs_follow_nodes(void)
{
	for (unsigned i = 0; i < queues.n; i++) {
		if (node_of(queues.list[i]) == queues.list[i]->numa_node)
			continue;
		rxqs_spread(pmd_pool_running()); // without memory for it, the next time
		return;
	}
}

void rxqs_forget_loads(void)
{
	queues.by_load = false;
}

void rxqs_keep_loads(void)
{
	queues.by_load = true;
}

static void rxq_destroy(struct rxq *rxq)
{
	upcall_ring_destroy(rxq->upcalls);
	free(rxq);
}

static int rxq_add(struct port *port, uint16_t queue)
{
	struct rxq *rxq = calloc(1, sizeof(*rxq));

	if (!rxq)
		return -ENOMEM;
	*rxq = (struct rxq){.port = port, .queue = queue, .pmd_index = SPREAD_NOBODY};
	rxq->upcalls = upcall_ring_create(port->no, UPCALL_RING_SIZE, SOCKET_ID_ANY);
	if (!rxq->upcalls) {
		free(rxq);
		return -ENOMEM;
	}
	queues.list[queues.n++] = rxq;
	return 0;
}

// Frees the queues that `list` holds, which nobody polls.
static void rxqs_destroy(struct rxq **list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rxq_destroy(list[i]);
}

static int rxqs_reserve(unsigned n)
{
	struct rxq **rxqs;

	if (n <= queues.capacity)
		return 0;
	rxqs = reallocarray(queues.list, 2 * (size_t)n, sizeof(*rxqs));
	if (!rxqs)
		return -ENOMEM;
	queues.list = rxqs;
	queues.capacity = 2 * n;
	return 0;
}

int pmd_pool_add_port(struct port *port)
{
	unsigned before = queues.n;
	int err = port->n_rxq <= PORT_QUEUES_MAX ? rxqs_reserve(before + port->n_rxq) : -EINVAL;

	for (uint16_t i = 0; i < port->n_rxq && !err; i++)
		err = rxq_add(port, i);
	if (!err)
		err = rxqs_spread(pmd_pool_running());
	if (err) {
		rxqs_destroy(queues.list + before, queues.n - before);
		queues.n = before;
	}
	return err;
}

void pmd_pool_del_port(struct port *port)
{
	struct rxq *gone[PORT_QUEUES_MAX];
	unsigned kept = 0, n_gone = 0;

	pmd_load_measure(); // its share of what was done is none of those that stay
	for (unsigned i = 0; i < queues.n; i++) {
		if (queues.list[i]->port == port)
			gone[n_gone++] = queues.list[i];
		else
			queues.list[kept++] = queues.list[i];
	}
	queues.n = kept;
	if (rxqs_spread(pmd_pool_running()) < 0) {
		// No memory even for a few pointers. That nobody polls is safe; the next change
		// puts the others back.
		log_error("port %s: out of memory while it is removed; all queues pause",
			  port->config.name);
		for (unsigned i = 0; i < PMDS_MAX; i++) {
			if (pmd_pool_at(i))
				set_publish(pmd_pool_at(i), &pmd_no_rxqs);
		}
		for (unsigned i = 0; i < kept; i++)
			queues.list[i]->pmd_index = SPREAD_NOBODY;
		rcu_synchronize(queues.rcu);
	}
	rxqs_destroy(gone, n_gone);
}

struct rxq *pmd_pool_rxq(unsigned i)
{
	return i < queues.n ? queues.list[i] : NULL;
}

struct pmd *rxqs_pmd_of_port(uint32_t port_no)
{
	if (port_no >= PORTS_MAX || queues.port_pmd[port_no] == SPREAD_NOBODY)
		return NULL;
	return pmd_pool_at(queues.port_pmd[port_no]);
}

void rxqs_init(struct rcu *rcu)
{
	memset(&queues, 0, sizeof queues);
	queues.rcu = rcu;
	for (unsigned i = 0; i < PORTS_MAX; i++)
		queues.port_pmd[i] = SPREAD_NOBODY;
}

void rxqs_fini(void)
{
	rxqs_destroy(queues.list, queues.n);
	free(queues.list);
	memset(&queues, 0, sizeof queues);
}
