// A burst over a virtqueue, the same for split and packed rings. The *_hot.c file of a ring format
// includes this and defines what is declared first: how descriptors are found and given back.
#ifndef VHOST_RING_BURST_H
#define VHOST_RING_BURST_H

#include "flowtable/tally.h"
#include "vhost/ring_chain.h"
#include "vhost/ring_copy.h"
#include "vhost/ring_offload.h"

// Descriptors of chains that a burst walks at most, and those of one chain more: no guest keeps a
// PMD longer.
#define WALK_MAX 4096u
// Those that may be walked to find that a frame can never be sent: who sends goes on to the next
// one then, and a burst of such frames is to stay within the bound above. After more the ring is
// full.
#define WALK_IMPOSSIBLE_MAX (WALK_MAX / BURST_MAX)

#define PREFETCH_MAX 2048u // bytes of a frame that are asked for ahead of its copy

// What a burst has used, see used_begin().
struct ring_used {
	uint16_t first; // last_used before it
	bool wrap;	// used_wrap before it
	uint64_t held;	// packed: what makes it visible
};

// Looks at up to n slots from `ahead` after the next one on that the guest has made available, and
// prefetches their bytes. A slot is an avail entry (split) or a descriptor (packed). Returns how
// many.
static unsigned buffers_look(struct virtqueue *vq, unsigned ahead, unsigned n, uint16_t direction,
			     struct ring_buffer *bufs);
// Adds the chain that starts `ahead` slots after the next one. 0, -EAGAIN when there is none,
// -EFAULT when the queue has stopped.
static int chain_read(struct virtqueue *vq, unsigned ahead, struct ring_chain *c);
// Slots that have been dealt with.
static void slots_consume(struct virtqueue *vq, unsigned n);
// Used buffers become visible to the guest, all at once, at used_publish(); guest_notify() tells
// it, if it wants that.
static void used_begin(const struct virtqueue *vq, struct ring_used *used);
static void used_add(struct virtqueue *vq, struct ring_used *used, uint16_t id, uint32_t len,
		     unsigned n_slots);
static bool used_publish(struct virtqueue *vq, struct ring_used *used); // false: there are none
static void guest_notify(struct virtqueue *vq, uint16_t first);

static inline void window_move(struct virtqueue *vq, struct ring_window *w, unsigned first,
			       unsigned n, uint16_t direction)
{
	n = RTE_MIN(n, (unsigned)BURST_MAX);
	w->first = first;
	w->n = buffers_look(vq, first, n, direction, w->bufs);
	w->last = w->n < n;
}

// Gives back what a burst of n frames has used. As many slots more are looked at on the way: the
// next burst finds its buffers in the cache, and stores reach it before the notification waits for
// them.
static inline void burst_end(struct virtqueue *vq, struct ring_used *used, unsigned n,
			     uint16_t direction)
{
	bool is_used = used_publish(vq, used);

	window_move(vq, &vq->window, 0, n, direction);
	if (is_used)
		guest_notify(vq, used->first);
}

// The buffer of the slot at `ahead`, where a frame starts, of `n` frames yet to come; NULL when
// there is none.
static inline const struct ring_buffer *window_at(struct virtqueue *vq, struct ring_window *w,
						  unsigned ahead, unsigned n, uint16_t direction)
{
	if (likely(ahead < w->first + w->n))
		return &w->bufs[ahead - w->first];
	if (w->last)
		return NULL;
	window_move(vq, w, ahead, n, direction);
	return w->n > 0 ? w->bufs : NULL;
}

// A frame in one buffer whose sender left nothing to do, or NULL.
static inline struct rte_mbuf *take_simple(const struct virtqueue *vq, struct packet_arena *arena,
					   const struct ring_buffer *b)
{
	uint32_t frame_len = b->len - vq->hdr_len; // huge if there is no whole header
	uint32_t head_len;
	struct rte_mbuf *m;
	uint8_t *frame;

	if (unlikely(!b->data || frame_len - FRAME_MIN > FRAME_MAX - FRAME_MIN))
		return NULL;
	if (unlikely((b->data[0] & VIRTIO_NET_HDR_F_NEEDS_CSUM) | b->data[1])) // gso_type
		return NULL;
	if (unlikely(arena->n_segs == ARENA_SEGS))
		return NULL;
	head_len = RTE_MIN(frame_len, HEAD_COPY);
	m = packet_lend(arena, head_len, frame_len);
	if (unlikely(!m))
		return NULL;
	frame = b->data + vq->hdr_len;
	copy_head(rte_pktmbuf_mtod(m, uint8_t *), frame, head_len);
	if (frame_len > HEAD_COPY)
		packet_lend_segment(arena, m, m, frame + HEAD_COPY, frame_len - HEAD_COPY);
	return m;
}

static void chain_copy_out(struct chain_cursor *at, void *to, uint32_t len)
{
	uint8_t *dst = to;

	while (len > 0) {
		uint32_t got;
		const uint8_t *src = cursor_next(at, len, &got);

		copy_payload(dst, src, got);
		dst += got;
		len -= got;
	}
}

// What follows the head stays where it is. 0 or -ENOSPC.
static int lend_rest(struct packet_arena *arena, struct rte_mbuf *m, struct chain_cursor *at)
{
	uint32_t left = m->pkt_len - m->data_len;
	struct rte_mbuf *last = m;

	while (left > 0) {
		uint32_t len;
		uint8_t *data = cursor_next(at, RTE_MIN(left, (uint32_t)UINT16_MAX), &len);

		last = packet_lend_segment(arena, m, last, data, len);
		if (!last)
			return -ENOSPC;
		left -= len;
	}
	return 0;
}

// The chain's bytes as a lent packet. 0, -EINVAL for a frame that is not taken, -ENOSPC.
static int lend_chain(const struct virtqueue *vq, struct packet_arena *arena,
		      const struct ring_chain *c, struct rte_mbuf **out)
{
	struct chain_cursor at = {c->pieces, 0};
	struct virtio_net_hdr_v1 hdr;
	uint64_t frame_len = c->len - vq->hdr_len;
	uint32_t head_len = HEAD_COPY;
	const struct virtio_net_hdr *legacy = (const struct virtio_net_hdr *)&hdr;

	chain_copy_out(&at, &hdr, vq->hdr_len);
	if (c->cut || frame_len < FRAME_MIN || frame_len > header_frame_max(legacy))
		return -EINVAL;
	if (header_has_work(legacy))
		head_len = header_head_len(legacy);
	head_len = (uint32_t)RTE_MIN(head_len, frame_len);
	struct rte_mbuf *m = packet_lend(arena, head_len, (uint32_t)frame_len);
	if (!m)
		return -ENOSPC;
	uint8_t *head = rte_pktmbuf_mtod(m, uint8_t *);
	chain_copy_out(&at, head, head_len);
	if (header_has_work(legacy)) {
		if (header_check(vq->features, legacy, head, head_len, &packet_meta(m)->offload) <
		    0)
			return -EINVAL;
		m->ol_flags |= PACKET_OFFLOAD;
	}
	*out = m;
	return lend_rest(arena, m, &at);
}

// Any frame. 0 with *m, or without one when it was malformed; -ENOSPC when the arena must be empty
// for it, -EFAULT.
static __rte_noinline int take_chain(struct virtqueue *vq, struct packet_arena *arena,
				     const struct ring_chain *c, struct rte_mbuf **m)
{
	unsigned n_heads = arena->n_heads, n_segs = arena->n_segs;
	int rc;

	*m = NULL;
	if (c->len < vq->hdr_len)
		return ring_fail(vq, VIRTQUEUE_SHORT, c->id);
	rc = lend_chain(vq, arena, c, m);
	if (likely(rc == 0))
		return 0;
	*m = NULL;
	arena->n_heads = n_heads;
	arena->n_segs = n_segs;
	if (rc == -ENOSPC && n_heads + n_segs > 0)
		return rc;
	tally_add(&vq->n_malformed, 1);
	return 0;
}

static inline void taken_add(struct virtqueue *vq, uint16_t id, uint16_t n_slots)
{
	vq->taken[vq->n_taken++] = (struct virtqueue_taken){id, n_slots};
}

// A frame that takes a closer look, at `ahead`. How many slots it took, 0 when the burst ends
// before it.
static __rte_noinline unsigned take_complex(struct virtqueue *vq, struct packet_arena *arena,
					    unsigned ahead, unsigned *n_walked, struct rte_mbuf **m)
{
	struct ring_chain c;

	chain_reset(&c, 0);
	if (chain_read(vq, ahead, &c) < 0 || take_chain(vq, arena, &c, m) < 0)
		return 0;
	*n_walked += c.n_walked;
	taken_add(vq, c.id, c.n_slots);
	return c.n_slots;
}

static void ring_rx_done(struct virtqueue *vq);

static uint16_t ring_rx(struct virtqueue *vq, struct packet_arena *arena, struct rte_mbuf **pkts,
			uint16_t n)
{
	struct ring_window *w = &vq->window;
	unsigned slots = 0, n_walked = 0;
	uint16_t n_pkts = 0;

	if (unlikely(vq->fault))
		return 0;
	if (w->n < n)
		window_move(vq, w, 0, n, 0);
	while (vq->n_taken < n && n_walked < WALK_MAX) {
		const struct ring_buffer *b = window_at(vq, w, slots, n - vq->n_taken, 0);
		struct rte_mbuf *m;
		unsigned took = 1;

		if (!b)
			break;
		m = take_simple(vq, arena, b);
		if (likely(m))
			taken_add(vq, b->id, 1);
		else
			took = take_complex(vq, arena, slots, &n_walked, &m);
		if (unlikely(took == 0))
			break;
		slots += took;
		if (likely(m))
			pkts[n_pkts++] = m;
	}
	slots_consume(vq, slots);
	w->n = 0;
	if (unlikely(n_pkts == 0 && vq->n_taken > 0)) // nobody will call rx_done()
		ring_rx_done(vq);
	return n_pkts;
}

// Frame bytes to where they lie together. dst has room.
static inline void put_bytes(uint8_t *dst, const struct rte_mbuf *m)
{
	const struct rte_mbuf *seg = m;

	do {
		copy_payload(dst, rte_pktmbuf_mtod(seg, const uint8_t *), seg->data_len);
		dst += seg->data_len;
		seg = seg->next;
	} while (unlikely(seg));
}

// A frame for one buffer, with nothing left to do. False: it takes a closer look.
static inline bool put_simple(const struct virtqueue *vq, const struct ring_buffer *b,
			      const struct rte_mbuf *m)
{
	static const struct virtio_net_hdr_v1 plain = {.num_buffers = RTE_LE16(1)};

	if (unlikely(!b->data || b->len < vq->hdr_len + m->pkt_len || m->ol_flags & PACKET_OFFLOAD))
		return false;
	memcpy(b->data, &plain, sizeof(struct virtio_net_hdr));
	if (likely(vq->hdr_len == sizeof(plain)))
		memcpy(b->data, &plain, sizeof(plain));
	put_bytes(b->data + vq->hdr_len, m);
	return true;
}

// A long frame and the buffer that it will go to, on their way to us while the one before it is
// copied. Their first lines are here.
static inline void payload_prefetch(const struct ring_window *w, unsigned ahead,
				    const struct rte_mbuf *m)
{
	uint32_t end = RTE_MIN(m->pkt_len, PREFETCH_MAX);
	const struct ring_buffer *b = &w->bufs[ahead - w->first];
	const uint8_t *src;

	if (likely(m->pkt_len <= HEAD_COPY) || ahead >= w->first + w->n || !b->data || b->len < end)
		return;
	src = m->next ? rte_pktmbuf_mtod(m->next, const uint8_t *)
		      : rte_pktmbuf_mtod_offset(m, const uint8_t *, HEAD_COPY);
	for (uint32_t ofs = HEAD_COPY; ofs < end; ofs += RTE_CACHE_LINE_SIZE) {
		rte_prefetch0_write(b->data + ofs);
		rte_prefetch0(src + (ofs - HEAD_COPY));
	}
}

static void chain_copy_in(struct chain_cursor *at, const void *from, uint32_t len)
{
	const uint8_t *src = from;

	while (len > 0) {
		uint32_t got;
		uint8_t *dst = cursor_next(at, len, &got);

		copy_payload(dst, src, got);
		src += got;
		len -= got;
	}
}

// Buffers of a guest that together hold a frame.
struct put_room {
	struct ring_chain chain;
	unsigned n;
	unsigned n_slots;
	struct put_buffer {
		uint32_t len;
		uint16_t id;
		uint16_t n_slots;
	} bufs[CHAIN_PIECES_MAX];
};

// Finds `need` bytes. 0; -EAGAIN when the guest has not made as many available, or in too many
// descriptors, -EMSGSIZE when it never can, -EFAULT.
static int room_find(struct virtqueue *vq, struct put_room *room, unsigned ahead, uint64_t need)
{
	struct ring_chain *c = &room->chain;

	chain_reset(c, VRING_DESC_F_WRITE);
	room->n = 0;
	room->n_slots = 0;
	while (c->len < need) {
		uint64_t before = c->len;
		int rc;

		if (room->n_slots == vq->size || room->n == CHAIN_PIECES_MAX || c->cut ||
		    (room->n > 0 && !vq->mergeable))
			return c->n_walked > WALK_IMPOSSIBLE_MAX ? -EAGAIN : -EMSGSIZE;
		if (c->n_walked >= WALK_MAX)
			return -EAGAIN;
		rc = chain_read(vq, ahead + room->n_slots, c);
		if (rc < 0)
			return rc;
		if (room->n == 0 && c->len < vq->hdr_len)
			return ring_fail(vq, VIRTQUEUE_SHORT, c->id);
		room->bufs[room->n++] =
		    (struct put_buffer){(uint32_t)RTE_MIN(c->len - before, need - before), c->id,
					c->n_slots};
		room->n_slots += c->n_slots;
	}
	return 0;
}

static __rte_noinline __rte_cold void room_log(const struct virtqueue *vq,
					       const struct put_room *room, uint64_t len)
{
	const struct ring_piece *piece = room->chain.pieces;

	while (len > 0) {
		uint64_t n = RTE_MIN(len, piece->len);

		rte_vhost_log_write(vq->vid, piece->gpa, n);
		len -= n;
		piece++;
	}
}

// Any frame, from `ahead` on. 0, or as room_find().
static __rte_noinline int put_complex(struct virtqueue *vq, struct ring_used *used, unsigned ahead,
				      struct rte_mbuf *m, unsigned *n_slots, unsigned *n_walked)
{
	struct put_room room;
	struct chain_cursor at = {.ofs = 0};
	struct virtio_net_hdr_v1 hdr;
	uint64_t need = (uint64_t)vq->hdr_len + m->pkt_len;
	int rc;

	if (m->ol_flags & PACKET_OFFLOAD &&
	    !offload_is_taken(vq->features, &packet_meta(m)->offload))
		return -EMSGSIZE;
	rc = room_find(vq, &room, ahead, need);
	if (rc < 0)
		return rc;
	at.piece = room.chain.pieces;
	header_fill(&hdr, m, (uint16_t)room.n);
	chain_copy_in(&at, &hdr, vq->hdr_len);
	for (const struct rte_mbuf *seg = m; seg; seg = seg->next)
		chain_copy_in(&at, rte_pktmbuf_mtod(seg, const void *), seg->data_len);
	if (unlikely(vq->log))
		room_log(vq, &room, need);
	for (unsigned i = 0; i < room.n; i++)
		used_add(vq, used, room.bufs[i].id, room.bufs[i].len, room.bufs[i].n_slots);
	*n_slots = room.n_slots;
	*n_walked += room.chain.n_walked;
	return 0;
}

static uint16_t ring_tx(struct virtqueue *vq, struct rte_mbuf **pkts, uint16_t n, bool *impossible)
{
	struct ring_window *w = &vq->window;
	struct ring_used used;
	unsigned slots = 0, n_walked = 0;
	uint16_t i;

	*impossible = false;
	if (unlikely(vq->fault))
		return 0;
	if (w->n < n)
		window_move(vq, w, 0, n, VRING_DESC_F_WRITE);
	used_begin(vq, &used);
	for (i = 0; i < n && n_walked < WALK_MAX; i++) {
		const struct ring_buffer *b = window_at(vq, w, slots, n - i, VRING_DESC_F_WRITE);
		unsigned took = 1;

		if (unlikely(!b))
			break;
		if (i + 1 < n)
			payload_prefetch(w, slots + 1, pkts[i + 1]);
		if (likely(put_simple(vq, b, pkts[i]))) {
			used_add(vq, &used, b->id, vq->hdr_len + pkts[i]->pkt_len, 1);
		} else {
			int rc = put_complex(vq, &used, slots, pkts[i], &took, &n_walked);

			*impossible = rc == -EMSGSIZE;
			if (rc < 0)
				break;
		}
		slots += took;
	}
	slots_consume(vq, slots);
	burst_end(vq, &used, i, VRING_DESC_F_WRITE);
	return i;
}

#endif
