#include "tests/bench/ring.h"

#include <string.h>

#define load_acquire(p)	    __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

static void init(struct ring *r, bool tx)
{
	struct vring_avail *avail = r->driver;
	struct vring_desc *desc = r->desc;
	avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	// With event index: a call once in 65536 buffers, when used idx passes this.
	avail->ring[r->c.size] = UINT16_MAX;
	r->order = avail->ring;
	for (uint32_t i = 0; i < r->n_slots; i++)
		avail->ring[i] = (uint16_t)(i * r->c.chain);
	if (tx)
		return;
	for (uint32_t i = 0; i < r->c.size; i++) {
		desc[i].addr = guest_memory_gpa(r->mem, ring_buffer(r, i));
		desc[i].len = r->c.buffer;
		desc[i].flags = VRING_DESC_F_WRITE;
	}
	r->avail_n = r->c.size;
	store_release(&avail->idx, (uint16_t)r->avail_n);
}

// Used buffers that were not taken back yet.
static uint32_t n_used(const struct ring *r)
{
	const struct vring_used *used = r->device;
	return (uint16_t)(load_acquire(&used->idx) - (uint16_t)r->used_n);
}

static void check_id(const struct ring *r, uint32_t id)
{
	if (!ring_id_good(r, id))
		ring_id_bad(id);
}

// Whether n used elements, from position `at` on, not beyond the ring's end, are the buffers that
// are next in order; `len` is what they must say as length.
static bool is_in_order(const struct ring *r, uint32_t at, uint32_t n, uint64_t mask, uint32_t len)
{
	const struct vring_used *used = r->device;
	uint64_t differ = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t elem;
		memcpy(&elem, &used->ring[at + i], sizeof(elem));
		differ |= (elem & mask) ^ (r->order[at + i] | (uint64_t)len << 32);
	}
	return differ == 0;
}

// Chains come back into `order` n_slots behind the place where they were used.
static void take_back(struct ring *r)
{
	const struct vring_used *used = r->device;
	uint32_t n = n_used(r);
	uint32_t at = r->used_n & r->mask;
	n = n < BURST ? n : BURST;
	bool whole = r->n_slots == r->c.size && at + n <= r->c.size;
	if (!whole || (!r->c.in_order && !is_in_order(r, at, n, UINT32_MAX, 0))) {
		for (uint32_t i = 0; i < n; i++) {
			uint32_t from = (r->used_n + i) & r->mask;
			uint32_t id = r->c.in_order ? r->order[from] : used->ring[from].id;
			check_id(r, id);
			r->order[(r->used_n + i + r->n_slots) & r->mask] = (uint16_t)id;
		}
	}
	r->used_n += n;
}

static void write_chain(struct ring *r, uint32_t slot, const struct vring_desc *ref)
{
	struct vring_desc *desc = (struct vring_desc *)r->desc + slot;
	if (r->c.chain == 1)
		*desc = *ref;
	else if (r->c.indirect)
		*desc = ring_indirect(r, slot, ref);
	else
		ring_cut(r, ref, desc, slot);
}

static uint32_t tx(struct ring *r, struct port *port, uint64_t now)
{
	struct vring_avail *avail = r->driver;
	ring_kick(r, &port->counts);
	take_back(r);
	uint32_t n = ring_tx_room(r, &port->source, now);
	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = r->order[(r->avail_n + i) & r->mask];
		struct vring_desc ref;
		if (ring_frame(r, &port->source, slot, &ref))
			write_chain(r, slot, &ref);
	}
	ring_count_tx(r, port, n);
	r->avail_n += n;
	r->n_published += n;
	// Descriptors and the ring's entries before the index.
	store_release(&avail->idx, (uint16_t)r->avail_n);
	return n;
}

// A frame of n_bufs buffers from the i-th used element on. All of them have come.
static void look(struct ring *r, struct checker *c, uint32_t i, uint32_t n_bufs)
{
	const struct vring_used *used = r->device;
	struct ring_piece pieces[PIECES_MAX];
	for (uint32_t k = 0; k < n_bufs; k++) {
		uint32_t at = (r->used_n + i + k) & r->mask;
		struct vring_used_elem elem = used->ring[at];
		check_id(r, elem.id);
		pieces[k].data = ring_buffer(r, elem.id);
		pieces[k].len = elem.len < r->c.buffer ? elem.len : r->c.buffer;
		r->order[at] = (uint16_t)elem.id;
	}
	if (n_bufs == 1 && checker_is_plain(c, pieces[0].len - VNET_HDR_LEN))
		checker_plain(c, 1);
	else
		ring_look_long(r, c, pieces, n_bufs);
}

// Looks at n used elements one by one; returns how many were whole frames.
static uint32_t look_each(struct ring *r, struct checker *c, uint32_t n)
{
	const struct vring_used *used = r->device;
	uint32_t i = 0;
	if (c->each) {
		for (uint32_t k = 0; k < n; k++)
			__builtin_prefetch(
			    ring_buffer(r, used->ring[(r->used_n + k) & r->mask].id & r->mask));
	}
	while (i < n) {
		uint32_t id = used->ring[(r->used_n + i) & r->mask].id & r->mask;
		uint32_t n_bufs = ring_n_bufs(r, ring_buffer(r, id));
		if (n_bufs > n - i)
			break;
		look(r, c, i, n_bufs);
		i += n_bufs;
	}
	return i;
}

static uint32_t rx(struct ring *r, struct port *port)
{
	struct vring_avail *avail = r->driver;
	struct checker *c = &port->check;
	ring_kick(r, &port->counts);
	uint32_t n = n_used(r);
	if (n == 0)
		return 0;
	port->counts.rx_polls++;
	port->counts.rx_full += n == r->c.size;
	n = n < BURST ? n : BURST;
	uint32_t at = r->used_n & r->mask;
	if (!c->each && !r->long_frames && c->until_sample >= n && at + n <= r->c.size &&
	    is_in_order(r, at, n, UINT64_MAX, c->fixed_len + VNET_HDR_LEN))
		checker_plain(c, n);
	else
		n = look_each(r, c, n);
	r->used_n += n;
	r->avail_n += n;
	r->n_published += n;
	store_release(&avail->idx, (uint16_t)r->avail_n);
	return n;
}

static bool wants_kick(const struct ring *r)
{
	const struct vring_used *used = r->device;
	if (!r->c.event_idx)
		return !(__atomic_load_n(&used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY);
	uint16_t event;
	memcpy(&event, &used->ring[r->c.size], sizeof(event));
	return vring_need_event(event, (uint16_t)r->avail_n,
				(uint16_t)(r->avail_n - r->n_published));
}

const struct ring_ops ring_split = {
    .driver_bytes = 6,
    .driver_each = 2,
    .device_bytes = 6,
    .device_each = 8,
    .init = init,
    .tx = tx,
    .rx = rx,
    .wants_kick = wants_kick,
};
