// Packed rings (virtio 1.2, section 2.8).
#include "vhost/packed_desc.h"
#include "vhost/ring_burst.h"

#define AVAIL PACKED_AVAIL
#define USED  PACKED_USED

// The place `ahead` of where we are, and the wrap counter there.
static inline unsigned slot_at(const struct virtqueue *vq, unsigned ahead, bool *wrap)
{
	unsigned slot = vq->last_avail + ahead;

	*wrap = vq->avail_wrap;
	if (slot >= vq->size) {
		slot -= vq->size;
		*wrap = !*wrap;
	}
	return slot;
}

// Both halves are read once each; the second one first: it has the flags, which say whether the
// guest has written the other.
static inline struct ring_desc desc_read(const struct vring_packed_desc *desc)
{
	const uint64_t *words = (const uint64_t *)desc;
	uint64_t rest = __atomic_load_n(&words[1], __ATOMIC_ACQUIRE);
	uint64_t addr = __atomic_load_n(&words[0], __ATOMIC_RELAXED);

	return (struct ring_desc){addr, (uint32_t)rest, (uint16_t)(rest >> 48),
				  (uint16_t)(rest >> 32)};
}

static inline bool desc_is_available(const struct ring_desc *d, bool wrap)
{
	return (d->flags & (AVAIL | USED)) == (wrap ? AVAIL : USED);
}

static inline unsigned buffers_look(struct virtqueue *vq, unsigned ahead, unsigned n,
				    uint16_t direction, struct ring_buffer *bufs)
{
	unsigned i;

	n = RTE_MIN(n, vq->size - ahead);
	for (i = 0; i < n; i++) {
		bool wrap;
		unsigned slot = slot_at(vq, ahead + i, &wrap);
		struct ring_desc d = desc_read(&vq->desc_packed[slot]);

		if (!desc_is_available(&d, wrap))
			break;
		bufs[i].id = d.id;
		buffer_look(vq, &d, direction, &bufs[i]);
	}
	return i;
}

// Adds an indirect table: all its descriptors, in order. 0 or a fault, negative.
static int table_read(struct virtqueue *vq, const struct ring_desc *table, struct ring_chain *c)
{
	int n = indirect_count(vq, table);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		uint64_t gpa = table->addr + (unsigned)i * sizeof(struct vring_packed_desc);
		const struct vhost_region *r =
		    region_find(vq, gpa, sizeof(struct vring_packed_desc));
		struct ring_desc d;
		int rc;

		if (!r)
			return -VIRTQUEUE_ADDRESS;
		d = desc_read((const struct vring_packed_desc *)(r->hva + (gpa - r->gpa)));
		if (d.flags & VRING_DESC_F_INDIRECT)
			return -VIRTQUEUE_INDIRECT;
		rc = chain_add(vq, c, &d);
		if (rc < 0)
			return rc;
		c->n_walked++;
	}
	return 0;
}

// From descriptor d at `ahead` to the end of its chain, whose id is the buffer's. 0 or a fault,
// negative.
static int descs_read(struct virtqueue *vq, unsigned ahead, struct ring_desc d,
		      struct ring_chain *c)
{
	for (c->n_slots = 1;; c->n_slots++) {
		bool wrap;
		int rc;

		c->id = d.id;
		if (d.flags & VRING_DESC_F_INDIRECT)
			return table_read(vq, &d, c);
		rc = chain_add(vq, c, &d);
		if (rc < 0)
			return rc;
		c->n_walked++;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		if (ahead + c->n_slots >= vq->size)
			return -VIRTQUEUE_LOOP;
		d = desc_read(&vq->desc_packed[slot_at(vq, ahead + c->n_slots, &wrap)]);
	}
}

static int chain_read(struct virtqueue *vq, unsigned ahead, struct ring_chain *c)
{
	struct ring_desc d;
	unsigned slot;
	bool wrap;
	int rc;

	if (ahead >= vq->size)
		return -EAGAIN;
	slot = slot_at(vq, ahead, &wrap);
	d = desc_read(&vq->desc_packed[slot]);
	if (!desc_is_available(&d, wrap))
		return -EAGAIN;
	rc = descs_read(vq, ahead, d, c);
	return rc < 0 ? ring_fail(vq, (enum virtqueue_fault) - rc, (uint16_t)slot) : 0;
}

static inline void slots_consume(struct virtqueue *vq, unsigned n)
{
	vq->last_avail = (uint16_t)slot_at(vq, n, &vq->avail_wrap);
}

static inline void used_begin(const struct virtqueue *vq, struct ring_used *used)
{
	used->first = vq->last_used;
	used->wrap = vq->used_wrap;
	used->held = 0;
}

static inline void used_word_store(struct virtqueue *vq, unsigned slot, uint64_t word)
{
	uint64_t *words = (uint64_t *)&vq->desc_packed[slot];

	// The frame's bytes before the flags that give it to the guest.
	__atomic_store_n(&words[1], word, __ATOMIC_RELEASE);
}

static inline bool used_is_empty(const struct virtqueue *vq, const struct ring_used *used)
{
	return vq->last_used == used->first && vq->used_wrap == used->wrap;
}

// The guest looks at them in order: the first one is held back until all are written.
static inline void used_add(struct virtqueue *vq, struct ring_used *used, uint16_t id, uint32_t len,
			    unsigned n_slots)
{
	unsigned flags = (vq->used_wrap ? AVAIL | USED : 0) | (len ? VRING_DESC_F_WRITE : 0);
	unsigned next = vq->last_used + n_slots;

	if (unlikely(n_slots > 1))
		vq->desc_packed[vq->last_used].addr = PACKED_SLOTS(n_slots);
	if (used_is_empty(vq, used))
		used->held = PACKED_WORD(len, id, flags);
	else
		used_word_store(vq, vq->last_used, PACKED_WORD(len, id, flags));
	if (next >= vq->size) {
		next -= vq->size;
		vq->used_wrap = !vq->used_wrap;
	}
	vq->last_used = (uint16_t)next;
}

// Slots that were skipped are logged too.
static __rte_noinline __rte_cold void used_log(const struct virtqueue *vq, uint16_t first)
{
	unsigned slot = first;

	do {
		rte_vhost_log_write(vq->vid, vq->log_gpa + slot * sizeof(struct vring_packed_desc),
				    sizeof(struct vring_packed_desc));
		slot = slot + 1u == vq->size ? 0 : slot + 1;
	} while (slot != vq->last_used);
}

// Whether the guest waits for the slot at off_wrap, which lies in what was used from `first` on.
static bool event_is_due(const struct virtqueue *vq, uint16_t first)
{
	uint16_t off_wrap = __atomic_load_n(&vq->driver_event->off_wrap, __ATOMIC_RELAXED);
	bool wrap = off_wrap >> VRING_PACKED_EVENT_F_WRAP_CTR;
	uint16_t off = off_wrap & ((1u << VRING_PACKED_EVENT_F_WRAP_CTR) - 1);
	uint16_t old = first;

	if (vq->last_used <= old)
		old = (uint16_t)(old - vq->size);
	if (wrap != vq->used_wrap)
		off = (uint16_t)(off - vq->size);
	return vring_need_event(off, vq->last_used, old);
}

// After the used descriptors have been published.
static inline void guest_notify(struct virtqueue *vq, uint16_t first)
{
	uint16_t flags;

	// The guest sees the descriptors, or we see what it asked for before it looked at them.
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	flags = __atomic_load_n(&vq->driver_event->flags, __ATOMIC_ACQUIRE);
	if (likely(flags == VRING_PACKED_EVENT_FLAG_DISABLE))
		return;
	if (flags == VRING_PACKED_EVENT_FLAG_DESC && vq->event_idx && vq->signalled_valid &&
	    !event_is_due(vq, first))
		return;
	vq->signalled_valid = true;
	guest_call(vq);
}

static inline bool used_publish(struct virtqueue *vq, struct ring_used *used)
{
	if (used_is_empty(vq, used))
		return false;
	used_word_store(vq, used->first, used->held);
	if (unlikely(vq->log))
		used_log(vq, used->first);
	return true;
}

// In order, one descriptor with the last id stands for all.
static void ring_rx_done(struct virtqueue *vq)
{
	struct ring_used used;
	unsigned n = vq->n_taken, n_slots = 0;

	used_begin(vq, &used);
	for (unsigned i = 0; i < n; i++) {
		n_slots += vq->taken[i].n_descs;
		if (vq->in_order && i + 1 < n)
			continue;
		used_add(vq, &used, vq->taken[i].id, 0, n_slots);
		n_slots = 0;
	}
	vq->n_taken = 0;
	burst_end(vq, &used, n, 0);
}

const struct virtqueue_ops ISA(vring_packed_ops) = {
    .rx = ring_rx,
    .rx_done = ring_rx_done,
    .tx = ring_tx,
};
