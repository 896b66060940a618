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

void packet_meta_copy(struct packet_meta *dst, const struct packet_meta *src)
{
	memcpy(dst, src, offsetof(struct packet_meta, flow));
	flow_meta_copy(&dst->flow, &src->flow);
	dst->userspace = src->userspace;
}

// The first len bytes, all of them private. rte_pktmbuf_copy() takes ol_flags along.
static struct rte_mbuf *copy_whole(const struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, pool, 0, len);

	if (likely(copy))
		packet_meta_copy(packet_meta(copy), packet_meta((struct rte_mbuf *)(uintptr_t)m));
	return copy;
}

struct rte_mbuf *packet_own(struct rte_mbuf *m)
{
	return packet_is_lent(m) ? copy_whole(m, UINT32_MAX) : m;
}

// Tags that were taken off leave less room behind the head than the longest head wants.
static void head_move_back(struct rte_mbuf *m)
{
	uint8_t *room = m->buf_addr;

	memmove(room + HEAD_ROOM, rte_pktmbuf_mtod(m, const void *), m->data_len);
	m->data_off = HEAD_ROOM;
}

// From the segments behind the head into the head, which has room for HEADERS_MAX.
static void pull_lent(struct rte_mbuf *m)
{
	uint32_t need = RTE_MIN(m->pkt_len, HEADERS_MAX);

	if (m->data_len >= need)
		return;
	if (m->data_off > HEAD_ROOM)
		head_move_back(m);
	while (m->data_len < need && m->next) {
		struct rte_mbuf *seg = m->next;
		uint32_t n = RTE_MIN(need - m->data_len, (uint32_t)seg->data_len);

		memcpy(rte_pktmbuf_mtod_offset(m, void *, m->data_len), seg->buf_addr, n);
		m->data_len = (uint16_t)(m->data_len + n);
		seg->buf_addr = (uint8_t *)seg->buf_addr + n;
		seg->data_len = (uint16_t)(seg->data_len - n);
		if (seg->data_len == 0) {
			m->next = seg->next;
			m->nb_segs--;
		}
	}
}

// Its segments are its own too, as pulling headers changes them.
static struct rte_mbuf *copy_lent(struct packet_arena *arena, struct rte_mbuf *m, uint32_t len)
{
	uint32_t head_len = RTE_MIN(len, (uint32_t)m->data_len);
	struct rte_mbuf *copy = packet_lend(arena, head_len, len), *last = copy;

	if (unlikely(!copy))
		return NULL;
	copy->data_off = m->data_off;
	copy->ol_flags = m->ol_flags;
	memcpy(rte_pktmbuf_mtod(copy, void *), rte_pktmbuf_mtod(m, const void *), head_len);
	packet_meta_copy(packet_meta(copy), packet_meta(m));
	len -= head_len;
	for (struct rte_mbuf *seg = m->next; len > 0; seg = seg->next) {
		uint32_t n = RTE_MIN(len, (uint32_t)seg->data_len);

		last = packet_lend_segment(arena, copy, last, seg->buf_addr, n);
		if (unlikely(!last))
			return NULL;
		len -= n;
	}
	return copy;
}

struct rte_mbuf *packet_copy(struct packet_arena *arena, struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *copy = NULL;

	len = RTE_MIN(len, m->pkt_len);
	if (packet_is_lent(m))
		copy = copy_lent(arena, m, len);
	if (!copy)
		copy = copy_whole(m, len);
	if (unlikely(!copy))
		return NULL;
	if (len < m->pkt_len)
		copy->ol_flags &= ~PACKET_OFFLOAD;
	return copy;
}

int packet_replace(struct rte_mbuf **m)
{
	struct rte_mbuf *copy = copy_whole(*m, UINT32_MAX);

	if (!copy)
		return -ENOMEM;
	packet_free(*m);
	*m = copy;
	return 0;
}

int packet_pull_headers(struct rte_mbuf **m)
{
	uint32_t need = RTE_MIN(rte_pktmbuf_pkt_len(*m), HEADERS_MAX);

	if (packet_is_lent(*m)) {
		pull_lent(*m);
		return 0;
	}
	if (likely(RTE_MBUF_DIRECT(*m) && rte_mbuf_refcnt_read(*m) == 1 && (*m)->data_len >= need))
		return 0;
	return packet_replace(m);
}
