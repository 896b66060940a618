#include "datapath/upcall.h"

#include "datapath/datapaths.h"
#include "datapath/offload.h"
#include "datapath/ring.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_mempool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DRAIN_QUANTUM	8 // packets from one port before the next has its turn
#define BUDGET_SHARE	10 // a budget holds what a port may send up in one part in so many of a second
#define POOL_SHARE_KEPT 8 // one part in so many of the packet pool is out of bounds for misses

// Read by PMDs at each miss; writer: control thread.
static struct {
	uint32_t attached; // a bit per slot of a datapath
	int fd;
} __rte_cache_aligned shared = {.fd = -1};

// Set by the control thread before it sleeps, cleared by the PMD that wakes it. A line of its own.
static struct {
	bool armed;
} __rte_cache_aligned wake;

// The rings of a port: they share its turn and its budget.
struct source {
	uint32_t port_no; // 0: a ring of injected packets, a source of its own
	unsigned n_rings;
	unsigned cursor; // whose turn it is
	struct rte_ring *rings[PORT_QUEUES_MAX];
	uint64_t full_at; // tsc at which its budget is full again
};

// Control thread's own.
static struct {
	struct source **sources;
	unsigned n, capacity;
	unsigned cursors[2]; // whose turn it is: of sources past their budget, and within
	uint64_t cost,
	    budget; // cycles that a packet takes of a budget, and that it has; 0: unlimited
} __rte_cache_aligned drain;

int upcall_init(void)
{
	shared.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return shared.fd < 0 ? -errno : 0;
}

int upcall_fd(void)
{
	return shared.fd;
}

void upcall_set_attached(uint32_t dps)
{
	__atomic_store_n(&shared.attached, dps, __ATOMIC_RELAXED);
}

static bool is_attached(uint32_t port_no)
{
	unsigned slot = port_no < PORTS_MAX ? datapath_slots[port_no] : 0;

	return __atomic_load_n(&shared.attached, __ATOMIC_RELAXED) >> slot & 1;
}

// Waiting misses hold buffers that established traffic receives into: with many queues, all rings
// together are larger than the pool.
static bool pool_is_short(void)
{
	const struct rte_mempool *pool = packet_pool();

	return rte_mempool_get_ops(pool->ops_index)->get_count(pool) < pool->size / POOL_SHARE_KEPT;
}

// The packet, or a copy if it is lent, with nothing left to do. NULL with a reason.
static struct rte_mbuf *plain_copy(struct rte_mbuf *m, enum drop_reason *reason)
{
	struct rte_mbuf *own = packet_own(m);
	int err = own ? 0 : -ENOMEM;

	if (unlikely(own && own->ol_flags & PACKET_OFFLOAD))
		err = offload_checksum(&own);
	if (likely(!err))
		return own;
	*reason = err == -ENOMEM ? DROP_NO_MEMORY : DROP_MALFORMED;
	if (own && own != m)
		rte_pktmbuf_free(own);
	return NULL;
}

bool upcall_enqueue(struct rxq *rxq, struct rte_mbuf *m, enum drop_reason *reason)
{
	struct rte_mbuf *own;

	if (unlikely(!is_attached(packet_meta(m)->in_port))) {
		*reason = DROP_NO_CONTROLLER;
		return false;
	}
	if (unlikely(rte_pktmbuf_pkt_len(m) > UPCALL_PACKET_MAX)) {
		*reason = DROP_UPCALL_TOO_BIG;
		return false;
	}
	if (unlikely(pool_is_short())) {
		*reason = DROP_NO_MEMORY;
		return false;
	}
	if (unlikely(rte_ring_full(rxq->upcalls))) {
		*reason = DROP_UPCALL_RING_FULL;
		return false;
	}
	own = plain_copy(m, reason);
	return own && rte_ring_sp_enqueue(rxq->upcalls, own) == 0; // one producer: there is room
}

void upcall_wake(void)
{
	const uint64_t one = 1;

	// What was queued must be seen by a control thread that arms after this reads armed: pairs
	// with the fence in upcall_arm().
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&wake.armed, __ATOMIC_RELAXED) ||
	    !__atomic_exchange_n(&wake.armed, false, __ATOMIC_RELAXED))
		return;
	if (write(shared.fd, &one, sizeof one) < 0)
		return; // the counter is at its end: the fd is readable anyway
}

static bool source_is_empty(const struct source *source)
{
	for (unsigned i = 0; i < source->n_rings; i++) {
		if (!rte_ring_empty(source->rings[i]))
			return false;
	}
	return true;
}

static bool is_of(const struct source *source, uint32_t dps)
{
	return dps >> datapath_slots[source->port_no] & 1;
}

bool upcall_arm(void)
{
	return upcall_arm_of(UINT32_MAX);
}

bool upcall_arm_of(uint32_t dps)
{
	__atomic_store_n(&wake.armed, true, __ATOMIC_RELAXED);
	// A PMD that does not see armed set has queued before this looks: pairs with the fence in
	// upcall_wake().
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < drain.n; i++) {
		if (is_of(drain.sources[i], dps) && !source_is_empty(drain.sources[i])) {
			__atomic_store_n(&wake.armed, false, __ATOMIC_RELAXED);
			return false;
		}
	}
	return true;
}

void upcall_set_rate(unsigned per_second)
{
	uint64_t hz = rte_get_tsc_hz();

	drain.cost = per_second ? hz / per_second : 0;
	drain.budget = RTE_MAX(hz / BUDGET_SHARE, drain.cost * DRAIN_QUANTUM);
}

static bool is_within_budget(const struct source *source, uint64_t now)
{
	return drain.cost == 0 || (int64_t)(source->full_at - now) < (int64_t)drain.budget;
}

// What is taken beyond the budget costs nothing later: one turn of debt at most.
static void charge(struct source *source, uint64_t now, unsigned n)
{
	uint64_t from = (int64_t)(source->full_at - now) > 0 ? source->full_at : now;

	source->full_at =
	    RTE_MIN(from + n * drain.cost, now + drain.budget + drain.cost * DRAIN_QUANTUM);
}

static unsigned source_take(struct source *source, struct rte_mbuf **pkts, unsigned n)
{
	unsigned got = 0;

	for (unsigned i = 0; i < source->n_rings && got < n; i++) {
		if (source->cursor >= source->n_rings)
			source->cursor = 0;
		got += rte_ring_sc_dequeue_burst(source->rings[source->cursor++],
						 (void **)(pkts + got), n - got, NULL);
	}
	return got;
}

// A turn each for the sources of these datapaths within their budget, or for those past it, until
// none has anything.
static unsigned take_turns(uint32_t dps, struct rte_mbuf **pkts, unsigned n, uint64_t now,
			   bool within)
{
	unsigned *cursor = &drain.cursors[within];
	unsigned got = 0, n_idle = 0;

	while (got < n && n_idle < drain.n) {
		struct source *source;
		unsigned taken = 0;

		if (*cursor >= drain.n)
			*cursor = 0;
		source = drain.sources[(*cursor)++];
		if (is_of(source, dps) && is_within_budget(source, now) == within)
			taken = source_take(source, pkts + got,
					    RTE_MIN(n - got, (unsigned)DRAIN_QUANTUM));
		if (taken)
			charge(source, now, taken);
		n_idle = taken ? 0 : n_idle + 1;
		got += taken;
	}
	return got;
}

unsigned upcall_drain_of(uint32_t dps, uint32_t dps_past, struct rte_mbuf **pkts, unsigned n)
{
	uint64_t now = rte_rdtsc();
	unsigned got = take_turns(dps, pkts, n, now, true);

	return dps_past ? got + take_turns(dps_past, pkts + got, n - got, now, false) : got;
}

unsigned upcall_drain(struct rte_mbuf **pkts, unsigned n, bool past_budget)
{
	return upcall_drain_of(UINT32_MAX, past_budget ? UINT32_MAX : 0, pkts, n);
}

static struct source *source_find(uint32_t port_no)
{
	for (unsigned i = 0; i < drain.n && port_no; i++) {
		if (drain.sources[i]->port_no == port_no &&
		    drain.sources[i]->n_rings < PORT_QUEUES_MAX)
			return drain.sources[i];
	}
	return NULL;
}

static struct source *source_add(uint32_t port_no)
{
	struct source *source;

	if (drain.n == drain.capacity) {
		unsigned size = drain.capacity ? 2 * drain.capacity : 64;
		struct source **grown = reallocarray(drain.sources, size, sizeof(*grown));

		if (!grown)
			return NULL;
		drain.sources = grown;
		drain.capacity = size;
	}
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->port_no = port_no;
	source->full_at = rte_rdtsc();
	drain.sources[drain.n++] = source;
	return source;
}

static void source_del(struct source *source)
{
	for (unsigned i = 0; i < drain.n; i++) {
		if (drain.sources[i] == source) {
			drain.sources[i] = drain.sources[--drain.n];
			break;
		}
	}
	free(source);
}

struct rte_ring *upcall_ring_create(uint32_t port_no, unsigned n_packets, int numa_node)
{
	struct source *source = source_find(port_no);
	struct rte_ring *ring;

	if (!source)
		source = source_add(port_no);
	if (!source)
		return NULL;
	ring = ring_create(sizeof(void *), n_packets, numa_node);
	if (ring)
		source->rings[source->n_rings++] = ring;
	else if (source->n_rings == 0)
		source_del(source);
	return ring;
}

static void ring_clear(struct rte_ring *ring)
{
	void *m;

	while (rte_ring_sc_dequeue(ring, &m) == 0) {
		pmd_pool_count_drop(packet_meta(m)->in_port, DROP_UPCALL_LOST, 1);
		rte_pktmbuf_free(m);
	}
}

// False: it is not this source's. The source goes with its last ring.
static bool source_remove(struct source *source, const struct rte_ring *ring)
{
	unsigned i = 0;

	while (i < source->n_rings && source->rings[i] != ring)
		i++;
	if (i == source->n_rings)
		return false;
	source->rings[i] = source->rings[--source->n_rings];
	if (source->n_rings == 0)
		source_del(source);
	return true;
}

void upcall_ring_destroy(struct rte_ring *ring)
{
	if (!ring)
		return;
	for (unsigned i = 0; i < drain.n; i++) {
		if (source_remove(drain.sources[i], ring))
			break;
	}
	ring_clear(ring);
	ring_destroy(ring);
}

void upcall_fini(void)
{
	int fd = shared.fd;

	upcall_set_attached(0);
	__atomic_store_n(&wake.armed, false, __ATOMIC_RELAXED);
	shared.fd = -1;
	if (fd >= 0)
		close(fd);
	while (drain.n > 0)
		source_del(drain.sources[0]);
	free(drain.sources);
	memset(&drain, 0, sizeof drain);
}
