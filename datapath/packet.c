#include "datapath/packet.h"

#define POOL_CACHE 256 // mbufs kept per thread, so that PMDs seldom meet in the pool's ring

static struct rte_mempool *pool;

struct rte_mempool *packet_pool_create(unsigned n_mbufs)
{
	pool = rte_pktmbuf_pool_create("packets", n_mbufs, POOL_CACHE, PACKET_PRIV_SIZE,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return pool;
}

struct rte_mempool *packet_pool(void)
{
	return pool;
}
