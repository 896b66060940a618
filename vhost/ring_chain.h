// Chains of descriptors as pieces of our memory: how a ring's descriptors, once read and checked,
// are used. Shared by the split and the packed ring; for *_hot.c files.
#ifndef VHOST_RING_CHAIN_H
#define VHOST_RING_CHAIN_H

#include "datapath/eventfd_kick.h"
#include "vhost/virtqueue.h"

#include <errno.h>
#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>

#define CHAIN_PIECES_MAX   1024u // more are counted, not kept
#define INDIRECT_DESCS_MAX 1024u // of a table, where the ring is smaller: Linux ignores its size

static_assert(CHAIN_PIECES_MAX + 1 <= ARENA_SEGS, "an empty arena holds any frame");

#define DESC_FLAGS (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)

// A descriptor, read once. `id` is `next` in a split ring.
struct ring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t id;
};

// A guest's bytes that lie together in our memory.
struct ring_piece {
	uint8_t *data;
	uint64_t gpa;
	uint32_t len;
};

// One buffer of several descriptors, or (mergeable) several such buffers.
struct ring_chain {
	uint64_t len;	    // of all pieces kept
	unsigned n;	    // pieces kept
	bool cut;	    // there were more
	uint16_t id;	    // of the last buffer read: head descriptor or packed id
	uint16_t n_slots;   // it takes in the ring: packed: descriptors, split: 1
	unsigned n_walked;  // descriptors
	uint16_t direction; // VRING_DESC_F_WRITE or 0: of each descriptor
	struct ring_piece pieces[CHAIN_PIECES_MAX];
};

static inline void chain_reset(struct ring_chain *c, uint16_t direction)
{
	c->len = 0;
	c->n = 0;
	c->cut = false;
	c->n_walked = 0;
	c->direction = direction;
}

// The queue stops for good. Always -EFAULT.
static __rte_noinline __rte_cold int ring_fail(struct virtqueue *vq, enum virtqueue_fault fault,
					       uint16_t desc)
{
	if (vq->fault == VIRTQUEUE_NONE) {
		vq->fault_desc = desc;
		// Who reads the fault finds its descriptor.
		__atomic_store_n(&vq->fault, (uint8_t)fault, __ATOMIC_RELEASE);
	}
	return -EFAULT;
}

static __rte_noinline void guest_call(struct virtqueue *vq)
{
	int fd = __atomic_load_n(&vq->call_fd, __ATOMIC_RELAXED);

	if (fd >= 0)
		eventfd_kick_send(fd);
}

static inline bool region_has(const struct vhost_region *r, uint64_t gpa, uint32_t len)
{
	uint64_t ofs = gpa - r->gpa;

	return ofs < r->size && len <= r->size - ofs;
}

static __rte_noinline const struct vhost_region *region_search(struct virtqueue *vq, uint64_t gpa,
							       uint32_t len)
{
	for (unsigned i = 0; i < vq->mem->n; i++) {
		if (!region_has(&vq->mem->regions[i], gpa, len))
			continue;
		vq->last_region = (uint8_t)i;
		return &vq->mem->regions[i];
	}
	return NULL;
}

// The region that has all of these bytes, most likely the last one that was asked for, or NULL.
static inline const struct vhost_region *region_find(struct virtqueue *vq, uint64_t gpa,
						     uint32_t len)
{
	const struct vhost_region *r = &vq->mem->regions[vq->last_region];

	return likely(region_has(r, gpa, len)) ? r : region_search(vq, gpa, len);
}

// A buffer of one descriptor: where it is. Anything else is left without data, to be looked at
// again. What the descriptor points at, be it a chain's start or its table, is on its way to us.
static inline void buffer_look(struct virtqueue *vq, const struct ring_desc *d, uint16_t direction,
			       struct ring_buffer *b)
{
	const struct vhost_region *r = region_find(vq, d->addr, d->len);
	uint8_t *data;

	b->len = d->len;
	b->data = NULL;
	if (unlikely(!r))
		return;
	data = r->hva + (d->addr - r->gpa);
	if (direction) {
		rte_prefetch0_write(data);
		rte_prefetch0_write(data + RTE_CACHE_LINE_SIZE);
	} else {
		rte_prefetch0(data);
		rte_prefetch0(data + RTE_CACHE_LINE_SIZE);
	}
	if (likely((d->flags & DESC_FLAGS) == direction && !vq->log))
		b->data = data;
}

// One descriptor's bytes, split where regions end.
static int chain_add(struct virtqueue *vq, struct ring_chain *c, const struct ring_desc *d)
{
	uint64_t gpa = d->addr;
	uint32_t left = d->len;

	if (unlikely((d->flags & VRING_DESC_F_WRITE) != c->direction))
		return -VIRTQUEUE_DIRECTION;
	while (left > 0) {
		const struct vhost_region *r = region_find(vq, gpa, 1);
		uint64_t ofs;
		uint32_t len;

		if (unlikely(!r))
			return -VIRTQUEUE_ADDRESS;
		ofs = gpa - r->gpa;
		len = (uint32_t)RTE_MIN(left, r->size - ofs);
		if (likely(c->n < CHAIN_PIECES_MAX)) {
			c->pieces[c->n++] = (struct ring_piece){r->hva + ofs, gpa, len};
			c->len += len;
		} else {
			c->cut = true;
		}
		gpa += len;
		left -= len;
	}
	return 0;
}

// How many descriptors an indirect table has, or -VIRTQUEUE_INDIRECT.
static inline int indirect_count(const struct virtqueue *vq, const struct ring_desc *d)
{
	uint32_t n = d->len / sizeof(struct vring_desc);

	if (!vq->indirect || d->flags & VRING_DESC_F_NEXT || n == 0 ||
	    d->len % sizeof(struct vring_desc) != 0 ||
	    n > RTE_MAX((uint32_t)vq->size, INDIRECT_DESCS_MAX))
		return -VIRTQUEUE_INDIRECT;
	return (int)n;
}

// A walk over the bytes of a chain.
struct chain_cursor {
	const struct ring_piece *piece;
	uint32_t ofs;
};

// The next bytes that lie together, at most len of them, which the chain still has.
static inline uint8_t *cursor_next(struct chain_cursor *at, uint32_t len, uint32_t *got)
{
	uint8_t *data;

	while (at->ofs == at->piece->len) {
		at->piece++;
		at->ofs = 0;
	}
	data = at->piece->data + at->ofs;
	*got = RTE_MIN(len, at->piece->len - at->ofs);
	at->ofs += *got;
	return data;
}

#endif
