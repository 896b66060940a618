#include "datapath/ring.h"

#include <rte_malloc.h>

struct rte_ring *ring_create(unsigned esize, unsigned n, int numa_node)
{
	// An exact size of n takes the next power of two above n.
	ssize_t bytes = rte_ring_get_memsize_elem(esize, rte_align32pow2(n + 1));
	struct rte_ring *ring;

	if (bytes < 0)
		return NULL;
	ring = rte_zmalloc_socket("ring", (size_t)bytes, RTE_CACHE_LINE_SIZE, numa_node);
	if (!ring)
		return NULL;
	if (rte_ring_init(ring, "swd", n, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ) < 0) {
		rte_free(ring);
		return NULL;
	}
	return ring;
}

void ring_destroy(struct rte_ring *ring)
{
	rte_free(ring);
}
