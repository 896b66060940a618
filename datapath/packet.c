#include "datapath/packet.h"

#include <errno.h>
#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>
#include <string.h>

#define POOL_CACHE 256 // mbufs kept per thread, so that PMDs seldom meet in the pool's ring

static struct rte_mempool *pool;

struct rte_mempool *packet_pool_create(unsigned n_mbufs)
{
	static const struct rte_mbuf_dynflag offload = {.name = "swd_offload"};

	if (rte_mbuf_dynflag_register_bitnum(&offload, __builtin_ctzll(PACKET_OFFLOAD)) < 0)
		return NULL;
	pool = rte_pktmbuf_pool_create("packets", n_mbufs, POOL_CACHE, PACKET_PRIV_SIZE,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return pool;
}

struct rte_mempool *packet_pool(void)
{
	return pool;
}

void packet_arena_init(struct packet_arena *arena)
{
	memset(arena, 0, sizeof(*arena));
	for (unsigned i = 0; i < ARENA_HEADS; i++) {
		struct lent_packet *lent = &arena->heads[i];

		lent->mbuf.buf_addr = lent->room;
		lent->mbuf.buf_len = sizeof(lent->room);
		lent->mbuf.priv_size = PACKET_PRIV_SIZE;
		rte_mbuf_refcnt_set(&lent->mbuf, 1);
	}
	for (unsigned i = 0; i < ARENA_SEGS; i++) {
		arena->segs[i].nb_segs = 1;
		rte_mbuf_refcnt_set(&arena->segs[i], 1);
	}
}

void packet_free_bulk(struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		packet_free(pkts[i]);
}

struct rte_mbuf *packet_own(struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	if (!packet_is_lent(m))
		return m;
	copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);
	if (likely(copy))
		*packet_meta(copy) = *packet_meta(m);
	return copy;
}

// From the segments behind the head into the head, which has room for HEADERS_MAX.
static void pull_lent(struct rte_mbuf *m, uint32_t need)
{
	while (m->data_len < need && m->next) {
		struct rte_mbuf *seg = m->next;
		uint32_t n = RTE_MIN(need - m->data_len, (uint32_t)seg->data_len);

		memcpy(rte_pktmbuf_mtod_offset(m, void *, m->data_len),
		       rte_pktmbuf_mtod(seg, const void *), n);
		m->data_len = (uint16_t)(m->data_len + n);
		seg->data_off = (uint16_t)(seg->data_off + n);
		seg->data_len = (uint16_t)(seg->data_len - n);
		if (seg->data_len == 0) {
			m->next = seg->next;
			m->nb_segs--;
		}
	}
}

static struct rte_mbuf *copy_lent(struct packet_arena *arena, struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	pull_lent(m, RTE_MIN(m->pkt_len, HEADERS_MAX)); // from now on nobody changes segments
	copy = packet_lend(arena, m->data_len, m->pkt_len);
	if (!copy)
		return NULL;
	copy->data_off = m->data_off;
	copy->nb_segs = m->nb_segs;
	copy->ol_flags = m->ol_flags;
	copy->next = m->next;
	memcpy(rte_pktmbuf_mtod(copy, void *), rte_pktmbuf_mtod(m, const void *), m->data_len);
	*packet_meta(copy) = *packet_meta(m);
	return copy;
}

struct rte_mbuf *packet_copy(struct packet_arena *arena, struct rte_mbuf *m)
{
	struct rte_mbuf *copy = packet_is_lent(m) ? copy_lent(arena, m) : NULL;

	if (copy)
		return copy;
	copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);
	if (likely(copy))
		*packet_meta(copy) = *packet_meta(m);
	return copy;
}

int packet_pull_headers(struct rte_mbuf **m)
{
	uint32_t need = RTE_MIN(rte_pktmbuf_pkt_len(*m), HEADERS_MAX);
	struct rte_mbuf *copy;

	if (packet_is_lent(*m)) {
		pull_lent(*m, need);
		return 0;
	}
	if (likely(RTE_MBUF_DIRECT(*m) && rte_mbuf_refcnt_read(*m) == 1 && (*m)->data_len >= need))
		return 0;
	copy = rte_pktmbuf_copy(*m, pool, 0, UINT32_MAX);
	if (!copy)
		return -ENOMEM;
	*packet_meta(copy) = *packet_meta(*m);
	rte_pktmbuf_free(*m);
	*m = copy;
	return 0;
}
