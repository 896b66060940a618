#include "datapath/upcall.h"

#include "datapath/offload.h"
#include "datapath/ring.h"

#include <errno.h>
#include <rte_mempool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DRAIN_QUANTUM	8 // packets from one ring before the next has its turn
#define POOL_SHARE_KEPT 8 // one part in so many of the packet pool is out of bounds for misses

// Read by PMDs at each miss; writer: control thread.
static struct {
	bool attached;
	int fd;
} __rte_cache_aligned shared = {.fd = -1};

// Set by the control thread before it sleeps, cleared by the PMD that wakes it. A line of its own.
static struct {
	bool armed;
} __rte_cache_aligned wake;

// Control thread's own.
static struct {
	struct rte_ring **rings;
	unsigned n, capacity;
	unsigned cursor; // whose turn it is
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

void upcall_set_attached(bool attached)
{
	__atomic_store_n(&shared.attached, attached, __ATOMIC_RELAXED);
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

	if (unlikely(!__atomic_load_n(&shared.attached, __ATOMIC_RELAXED))) {
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

bool upcall_arm(void)
{
	__atomic_store_n(&wake.armed, true, __ATOMIC_RELAXED);
	// A PMD that does not see armed set has queued before this looks: pairs with the fence in
	// upcall_wake().
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < drain.n; i++) {
		if (!rte_ring_empty(drain.rings[i])) {
			__atomic_store_n(&wake.armed, false, __ATOMIC_RELAXED);
			return false;
		}
	}
	return true;
}

unsigned upcall_drain(struct rte_mbuf **pkts, unsigned n)
{
	unsigned got = 0, n_empty = 0;

	while (got < n && n_empty < drain.n) {
		unsigned room = RTE_MIN(n - got, (unsigned)DRAIN_QUANTUM);
		unsigned taken;

		if (drain.cursor >= drain.n)
			drain.cursor = 0;
		taken = rte_ring_sc_dequeue_burst(drain.rings[drain.cursor++],
						  (void **)(pkts + got), room, NULL);
		n_empty = taken ? 0 : n_empty + 1;
		got += taken;
	}
	return got;
}

struct rte_ring *upcall_ring_create(int numa_node)
{
	struct rte_ring *ring;

	if (drain.n == drain.capacity) {
		unsigned size = drain.capacity ? 2 * drain.capacity : 64;
		struct rte_ring **grown = reallocarray(drain.rings, size, sizeof(*grown));

		if (!grown)
			return NULL;
		drain.rings = grown;
		drain.capacity = size;
	}
	ring = ring_create(sizeof(void *), UPCALL_RING_SIZE, numa_node);
	if (ring)
		drain.rings[drain.n++] = ring;
	return ring;
}

static void ring_clear(struct rte_ring *ring)
{
	void *m;

	while (rte_ring_sc_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
}

void upcall_ring_destroy(struct rte_ring *ring)
{
	if (!ring)
		return;
	for (unsigned i = 0; i < drain.n; i++) {
		if (drain.rings[i] == ring) {
			drain.rings[i] = drain.rings[--drain.n];
			break;
		}
	}
	ring_clear(ring);
	ring_destroy(ring);
}

void upcall_fini(void)
{
	int fd = shared.fd;

	upcall_set_attached(false);
	__atomic_store_n(&wake.armed, false, __ATOMIC_RELAXED);
	shared.fd = -1;
	if (fd >= 0)
		close(fd);
	free(drain.rings);
	drain.rings = NULL;
	drain.n = drain.capacity = drain.cursor = 0;
}
