#include "memif/memif_ring.h"

#include "datapath/eventfd_kick.h"
#include "flowtable/tally.h"

#include <errno.h>
#include <rte_prefetch.h>
#include <string.h>

#define TX_CHAIN_MAX 128u // buffers of a frame, those of 128 bytes too

const char *memif_fault_text(enum memif_fault fault)
{
	static const char *const texts[] = {
#define X(id, text) text,
	    MEMIF_FAULTS(X)
#undef X
	};
	return texts[fault];
}

static inline struct memif_desc *desc_at(const struct memif_ring *ring, uint16_t i)
{
	return &ring->shared->desc[i & (ring->size - 1)];
}

// The client's buffer of a descriptor is always the same one.
static inline uint32_t own_offset(const struct memif_ring *ring, uint16_t i)
{
	return ring->buffer_offset + (uint32_t)(i & (ring->size - 1)) * ring->buffer_size;
}

static inline void desc_write(const struct memif_ring *ring, uint16_t i, uint32_t length,
			      uint16_t flags)
{
	*desc_at(ring, i) =
	    (struct memif_desc){.flags = flags, .length = length, .offset = own_offset(ring, i)};
}

void memif_ring_write(struct memif_ring *ring)
{
	struct memif_shared_ring *shared = ring->shared;
	shared->cookie = MEMIF_COOKIE;
	shared->flags = 0;
	shared->head = shared->tail = 0;
	for (uint16_t i = 0; i < ring->size; i++)
		desc_write(ring, i, ring->buffer_size, 0);
}

int memif_ring_start(struct memif_ring *ring, bool is_rx)
{
	struct memif_shared_ring *shared = ring->shared;
	if (__atomic_load_n(&shared->cookie, __ATOMIC_RELAXED) != MEMIF_COOKIE) {
		ring->fault = MEMIF_FAULT_COOKIE;
		return -EPROTO;
	}
	rte_spinlock_init(&ring->lock);
	ring->pos = 0;
	if (is_rx)
		__atomic_store_n(&shared->flags, MEMIF_RING_MASK_INT, __ATOMIC_RELAXED);
	// What the peer sees of an index, it also sees of the descriptors before it.
	if (!ring->client)
		__atomic_store_n(&shared->tail, 0, __ATOMIC_RELEASE);
	else
		__atomic_store_n(&shared->head, is_rx ? ring->size : 0, __ATOMIC_RELEASE);
	return 0;
}

static __rte_noinline void break_off(struct memif_ring *ring, enum memif_fault fault)
{
	__atomic_store_n(&ring->fault, (uint8_t)fault, __ATOMIC_RELAXED);
}

// How far the peer has come; what it wrote before that is read after it.
static inline uint16_t peer_index(const struct memif_ring *ring)
{
	struct memif_shared_ring *shared = ring->shared;
	return __atomic_load_n(ring->client ? &shared->tail : &shared->head, __ATOMIC_ACQUIRE);
}

// A descriptor that has been read and checked.
struct buffer {
	uint8_t *data;
	uint32_t len;
	uint16_t flags;
};

static inline bool buffer_read(struct memif_ring *ring, uint16_t i, struct buffer *b)
{
	const uint64_t *words = (const uint64_t *)desc_at(ring, i);
	const struct memif_regions *regions = ring->regions;
	uint64_t word = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
	uint32_t len = (uint32_t)(word >> 32), offset;
	uint16_t region = 0;

	b->flags = (uint16_t)word;
	b->len = len;
	if (ring->client) {
		offset = own_offset(ring, i);
		if (unlikely(len > ring->buffer_size)) {
			break_off(ring, MEMIF_FAULT_BUFFER);
			return false;
		}
	} else {
		region = (uint16_t)(word >> 16);
		offset = (uint32_t)__atomic_load_n(&words[1], __ATOMIC_RELAXED);
		if (unlikely(region >= regions->n)) {
			break_off(ring, MEMIF_FAULT_REGION);
			return false;
		}
		if (unlikely((uint64_t)offset + len > regions->regions[region].size)) {
			break_off(ring, MEMIF_FAULT_BUFFER);
			return false;
		}
	}
	b->data = regions->regions[region].addr + offset;
	return true;
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "buffer_read()");

// Receiving.

// Descriptors from pos on: the first ones have been read, and their bytes are on the way.
struct window {
	uint16_t n;	// read
	uint16_t avail; // there are
	struct buffer bufs[BURST_MAX];
};

static inline bool window_buffer(struct memif_ring *ring, const struct window *w, uint16_t i,
				 struct buffer *b)
{
	if (i < w->n) {
		*b = w->bufs[i];
		return true;
	}
	return buffer_read(ring, (uint16_t)(ring->pos + i), b);
}

// Appends to m, whose last segment is *last. False when out of mbufs.
static bool append(struct rte_mbuf *m, struct rte_mbuf **last, const struct buffer *b)
{
	uint32_t done = 0;

	while (done < b->len) {
		uint32_t n = RTE_MIN(b->len - done, (uint32_t)rte_pktmbuf_tailroom(*last));

		if (n == 0) {
			struct rte_mbuf *next = rte_pktmbuf_alloc(packet_pool());

			if (unlikely(!next))
				return false;
			(*last)->next = next;
			*last = next;
			m->nb_segs++;
			continue;
		}
		memcpy(rte_pktmbuf_mtod_offset(*last, void *, (*last)->data_len), b->data + done,
		       n);
		(*last)->data_len = (uint16_t)((*last)->data_len + n);
		m->pkt_len += n;
		done += n;
	}
	return true;
}

// What came of a frame.
enum rx_result { RX_FRAME, RX_MALFORMED, RX_NO_MBUFS, RX_FAULT };

// Any frame, from the i-th descriptor on, into m, which is empty. *n: how many descriptors it has.
static __rte_noinline enum rx_result rx_chain(struct memif_ring *ring, const struct window *w,
					      uint16_t i, struct rte_mbuf *m, uint16_t *n)
{
	struct rte_mbuf *last = m;
	bool too_long = false;
	struct buffer b;

	for (*n = 1;; ++*n, i++) {
		if (unlikely(!window_buffer(ring, w, i, &b)))
			return RX_FAULT;
		too_long = too_long || b.len > FRAME_MAX - m->pkt_len;
		if (!too_long && unlikely(!append(m, &last, &b)))
			return RX_NO_MBUFS;
		if (!(b.flags & MEMIF_DESC_NEXT))
			return too_long || m->pkt_len < FRAME_MIN ? RX_MALFORMED : RX_FRAME;
		if (unlikely(i + 1u == w->avail)) // no end
			return RX_MALFORMED;
	}
}

static inline bool is_simple(const struct buffer *b, const struct rte_mbuf *m)
{
	return !(b->flags & MEMIF_DESC_NEXT) && b->len >= FRAME_MIN &&
	       b->len <= rte_pktmbuf_tailroom(m);
}

static bool window_fill(struct memif_ring *ring, struct window *w, uint16_t n)
{
	uint16_t avail = (uint16_t)(peer_index(ring) - ring->pos);

	if (avail == 0)
		return false;
	if (unlikely(avail > ring->size)) {
		break_off(ring, MEMIF_FAULT_INDEX);
		return false;
	}
	w->avail = avail;
	w->n = RTE_MIN(avail, n);
	for (uint16_t i = 0; i < w->n; i++) {
		if (unlikely(!buffer_read(ring, (uint16_t)(ring->pos + i), &w->bufs[i]))) {
			w->n = i;
			return false;
		}
		rte_prefetch0(w->bufs[i].data);
	}
	return true;
}

// Gives n descriptors back to the peer.
static void rx_publish(struct memif_ring *ring, uint16_t n)
{
	struct memif_shared_ring *shared = ring->shared;
	uint16_t pos = (uint16_t)(ring->pos + n);

	if (ring->client) {
		for (uint16_t i = ring->pos; i != pos; i++)
			desc_write(ring, i, ring->buffer_size, 0);
	}
	ring->pos = pos;
	// Their bytes have been read before, and the descriptors written.
	if (ring->client)
		__atomic_store_n(&shared->head, (uint16_t)(pos + ring->size), __ATOMIC_RELEASE);
	else
		__atomic_store_n(&shared->tail, pos, __ATOMIC_RELEASE);
}

// n frames at most, into as many mbufs. Returns how many came of it; the first *used descriptors
// are done with.
static uint16_t rx_frames(struct memif_ring *ring, const struct window *w, struct rte_mbuf **pkts,
			  uint16_t n, uint16_t *used)
{
	uint16_t got = 0, i = 0;

	while (got < n && i < w->n) {
		struct rte_mbuf *m = pkts[got];
		const struct buffer *b = &w->bufs[i];
		enum rx_result result = RX_FRAME;
		uint16_t n_descs = 1;

		if (likely(is_simple(b, m))) {
			memcpy(rte_pktmbuf_mtod(m, void *), b->data, b->len);
			m->data_len = (uint16_t)b->len;
			m->pkt_len = b->len;
		} else {
			result = rx_chain(ring, w, i, m, &n_descs);
		}
		if (likely(result == RX_FRAME)) {
			got++;
		} else { // its mbuf goes to the next frame, empty
			rte_pktmbuf_free(m->next);
			rte_pktmbuf_reset(m);
			if (result != RX_MALFORMED)
				break;
			tally_add(&ring->n_malformed, 1);
		}
		i = (uint16_t)(i + n_descs);
	}
	*used = i;
	return got;
}

uint16_t memif_ring_rx(struct memif_ring *ring, struct rte_mbuf **pkts, uint16_t n)
{
	struct window w;
	uint16_t got, used;

	if (unlikely(ring->fault) || !window_fill(ring, &w, n) ||
	    unlikely(rte_pktmbuf_alloc_bulk(packet_pool(), pkts, w.n) != 0))
		return 0;
	got = rx_frames(ring, &w, pkts, w.n, &used);
	if (unlikely(got < w.n))
		rte_pktmbuf_free_bulk(pkts + got, w.n - got);
	rx_publish(ring, used);
	return got;
}

// Sending.

// Room for the i-th buffer from here on.
static inline bool room_read(struct memif_ring *ring, uint16_t i, struct buffer *b)
{
	if (ring->client) {
		b->data = ring->regions->regions[0].addr + own_offset(ring, i);
		b->len = ring->buffer_size;
		return true;
	}
	if (unlikely(!buffer_read(ring, i, b)))
		return false;
	if (unlikely(b->len == 0)) {
		break_off(ring, MEMIF_FAULT_EMPTY);
		return false;
	}
	return true;
}

// Room for len bytes: buffers from `pos` on, at most n. Returns how many, 0 when that is too
// little.
static uint16_t room_find(struct memif_ring *ring, uint16_t pos, uint16_t n, uint32_t len,
			  struct buffer *bufs)
{
	uint16_t i = 0;

	n = RTE_MIN(n, TX_CHAIN_MAX);
	for (uint32_t room = 0; room < len; i++) {
		if (i == n || unlikely(!room_read(ring, (uint16_t)(pos + i), &bufs[i])))
			return 0;
		room += bufs[i].len;
	}
	return i;
}

// The frame's bytes into n buffers that hold them. Leaves in the last one's len what is in it.
static void fill(const struct rte_mbuf *m, struct buffer *bufs, uint16_t n_bufs)
{
	const struct buffer *end = bufs + n_bufs;
	uint32_t in = 0; // bytes in *bufs

	for (; m; m = m->next) {
		const uint8_t *from = rte_pktmbuf_mtod(m, const uint8_t *);
		uint32_t left = m->data_len;

		while (left > 0) {
			if (in == bufs->len) {
				if (unlikely(++bufs == end))
					return;
				in = 0;
			}
			uint32_t n = RTE_MIN(left, bufs->len - in);

			memcpy(bufs->data + in, from, n);
			in += n;
			from += n;
			left -= n;
		}
	}
	bufs->len = in;
}

static inline void tx_desc(struct memif_ring *ring, uint16_t i, uint32_t len, uint16_t flags)
{
	struct memif_desc *desc = desc_at(ring, i);

	if (ring->client) {
		desc_write(ring, i, len, flags);
	} else {
		desc->flags = flags;
		desc->length = len;
	}
}

// Returns how many of the n descriptors from `pos` on it took; 0: there is no room.
static uint16_t tx_frame(struct memif_ring *ring, uint16_t pos, uint16_t n,
			 const struct rte_mbuf *m)
{
	struct buffer bufs[TX_CHAIN_MAX];
	uint16_t n_bufs = room_find(ring, pos, n, m->pkt_len, bufs);

	if (unlikely(n_bufs == 0))
		return 0;
	if (likely(m->nb_segs == 1 && n_bufs == 1)) {
		memcpy(bufs[0].data, rte_pktmbuf_mtod(m, const void *), m->pkt_len);
		bufs[0].len = m->pkt_len;
	} else {
		fill(m, bufs, n_bufs);
	}
	for (uint16_t i = 0; i < n_bufs; i++)
		tx_desc(ring, (uint16_t)(pos + i), bufs[i].len,
			i + 1 < n_bufs ? MEMIF_DESC_NEXT : 0);
	return n_bufs;
}

static void tx_publish(struct memif_ring *ring, uint16_t pos)
{
	struct memif_shared_ring *shared = ring->shared;

	ring->pos = pos;
	// Frames and descriptors are written before.
	__atomic_store_n(ring->client ? &shared->head : &shared->tail, pos, __ATOMIC_RELEASE);
	if (ring->kick_fd < 0)
		return;
	// The receiver unmasks and then looks at the index; we write it and then look at its mask.
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(!(__atomic_load_n(&shared->flags, __ATOMIC_RELAXED) & MEMIF_RING_MASK_INT)))
		eventfd_kick_send(ring->kick_fd);
}

// Descriptors that are ours to fill.
static inline uint16_t tx_room(struct memif_ring *ring)
{
	uint16_t index = peer_index(ring);
	uint16_t busy = (uint16_t)(ring->pos - index), empty = (uint16_t)(index - ring->pos);

	if (unlikely((ring->client ? busy : empty) > ring->size)) {
		break_off(ring, MEMIF_FAULT_INDEX);
		return 0;
	}
	return ring->client ? (uint16_t)(ring->size - busy) : empty;
}

// The buffers' first lines, to be written: they were last in the peer's cache. Only a hint, so what
// a descriptor says is not checked here; most clients have all buffers in region 0.
static inline void tx_prefetch(const struct memif_ring *ring, uint16_t n)
{
	const uint8_t *base = ring->regions->regions[0].addr;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t at = (uint16_t)(ring->pos + i);
		uint32_t offset =
		    ring->client ? own_offset(ring, at)
				 : __atomic_load_n(&desc_at(ring, at)->offset, __ATOMIC_RELAXED);

		__builtin_prefetch((const void *)((uintptr_t)base + offset), 1);
	}
}

uint16_t memif_ring_tx(struct memif_ring *ring, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t room, sent = 0, pos = ring->pos;

	if (unlikely(ring->fault))
		return 0;
	room = tx_room(ring);
	tx_prefetch(ring, RTE_MIN(n, room));
	while (sent < n && room > 0) {
		uint16_t taken = tx_frame(ring, pos, room, pkts[sent]);

		if (unlikely(taken == 0))
			break;
		pos = (uint16_t)(pos + taken);
		room = (uint16_t)(room - taken);
		sent++;
	}
	if (likely(sent > 0))
		tx_publish(ring, pos);
	return sent;
}
