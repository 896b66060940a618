// Split rings (virtio 1.2, section 2.7).
#include "vhost/ring_burst.h"

// Both halves are read once each.
static inline struct ring_desc desc_read(const struct vring_desc *desc)
{
	const uint64_t *words = (const uint64_t *)desc;
	uint64_t addr = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
	uint64_t rest = __atomic_load_n(&words[1], __ATOMIC_RELAXED);

	return (struct ring_desc){addr, (uint32_t)rest, (uint16_t)(rest >> 32),
				  (uint16_t)(rest >> 48)};
}

static inline uint16_t avail_entry(const struct virtqueue *vq, unsigned ahead)
{
	unsigned slot = (vq->last_avail + ahead) & (vq->size - 1u);

	return __atomic_load_n(&vq->avail->ring[slot], __ATOMIC_RELAXED);
}

// Entries that wait, as far as is known when there are `enough`.
static inline unsigned avail_count(struct virtqueue *vq, unsigned enough)
{
	uint16_t n = (uint16_t)(vq->avail_seen - vq->last_avail);

	if (n >= enough)
		return n;
	// The index before the entries and descriptors that it covers.
	vq->avail_seen = __atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE);
	n = (uint16_t)(vq->avail_seen - vq->last_avail);
	if (unlikely(n > vq->size)) {
		ring_fail(vq, VIRTQUEUE_INDEX, 0);
		return 0;
	}
	return n;
}

static inline unsigned buffers_look(struct virtqueue *vq, unsigned ahead, unsigned n,
				    uint16_t direction, struct ring_buffer *bufs)
{
	unsigned n_avail = avail_count(vq, ahead + n);

	n = n_avail > ahead ? RTE_MIN(n, n_avail - ahead) : 0;
	for (unsigned i = 0; i < n; i++) {
		struct ring_buffer *b = &bufs[i];
		struct ring_desc d;

		b->id = avail_entry(vq, ahead + i);
		b->data = NULL;
		if (unlikely(b->id >= vq->size))
			continue;
		d = desc_read(&vq->desc[b->id]);
		buffer_look(vq, &d, direction, b);
	}
	return n;
}

// Adds an indirect table, whose descriptors are linked like the ring's. 0 or a fault, negative.
static int table_read(struct virtqueue *vq, const struct ring_desc *table, struct ring_chain *c)
{
	int n = indirect_count(vq, table);
	struct ring_desc d = {.id = 0, .flags = VRING_DESC_F_NEXT};

	if (n < 0)
		return n;
	for (int walked = 0; d.flags & VRING_DESC_F_NEXT; walked++) {
		uint64_t gpa = table->addr + d.id * sizeof(struct vring_desc);
		const struct vhost_region *r;
		int rc;

		if (d.id >= n || walked == n)
			return -VIRTQUEUE_LOOP;
		r = region_find(vq, gpa, sizeof(struct vring_desc));
		if (!r)
			return -VIRTQUEUE_ADDRESS;
		d = desc_read((const struct vring_desc *)(r->hva + (gpa - r->gpa)));
		if (d.flags & VRING_DESC_F_INDIRECT)
			return -VIRTQUEUE_INDIRECT;
		rc = chain_add(vq, c, &d);
		if (rc < 0)
			return rc;
		c->n_walked++;
	}
	return 0;
}

// 0 or a fault, negative.
static int descs_read(struct virtqueue *vq, uint16_t head, struct ring_chain *c)
{
	struct ring_desc d = {.id = head, .flags = VRING_DESC_F_NEXT};

	for (unsigned walked = 0; d.flags & VRING_DESC_F_NEXT; walked++) {
		int rc;

		if (d.id >= vq->size)
			return -VIRTQUEUE_HEAD;
		if (walked == vq->size)
			return -VIRTQUEUE_LOOP;
		d = desc_read(&vq->desc[d.id]);
		if (d.flags & VRING_DESC_F_INDIRECT)
			return table_read(vq, &d, c);
		rc = chain_add(vq, c, &d);
		if (rc < 0)
			return rc;
		c->n_walked++;
	}
	return 0;
}

static int chain_read(struct virtqueue *vq, unsigned ahead, struct ring_chain *c)
{
	int rc;

	if (ahead >= avail_count(vq, ahead + 1))
		return vq->fault ? -EFAULT : -EAGAIN;
	c->id = avail_entry(vq, ahead);
	c->n_slots = 1;
	rc = descs_read(vq, c->id, c);
	return rc < 0 ? ring_fail(vq, (enum virtqueue_fault) - rc, c->id) : 0;
}

static inline void slots_consume(struct virtqueue *vq, unsigned n)
{
	vq->last_avail = (uint16_t)(vq->last_avail + n);
}

static inline void used_begin(const struct virtqueue *vq, struct ring_used *used)
{
	used->first = vq->last_used;
}

static inline void used_add(struct virtqueue *vq, struct ring_used *used, uint16_t id, uint32_t len,
			    unsigned n_slots)
{
	struct vring_used_elem *elem = &vq->used->ring[vq->last_used & (vq->size - 1u)];

	(void)used;
	(void)n_slots;
	elem->id = id;
	elem->len = len;
	vq->last_used++;
}

static __rte_noinline __rte_cold void used_log(const struct virtqueue *vq, uint16_t first)
{
	for (uint16_t i = first; i != vq->last_used; i++) {
		size_t ofs = offsetof(struct vring_used, ring) +
			     (i & (vq->size - 1u)) * sizeof(struct vring_used_elem);

		rte_vhost_log_write(vq->vid, vq->log_gpa + ofs, sizeof(struct vring_used_elem));
	}
	rte_vhost_log_write(vq->vid, vq->log_gpa, offsetof(struct vring_used, ring));
}

// After the index has been published.
static inline void guest_notify(struct virtqueue *vq, uint16_t first)
{
	bool wanted;

	// The guest sees the index, or we see what it asked for before it looked at the index.
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vq->event_idx) {
		uint16_t event = __atomic_load_n(&vq->avail->ring[vq->size], __ATOMIC_RELAXED);

		wanted = vring_need_event(event, vq->last_used, first) || !vq->signalled_valid;
		vq->signalled_valid = true;
	} else {
		wanted = !(__atomic_load_n(&vq->avail->flags, __ATOMIC_RELAXED) &
			   VRING_AVAIL_F_NO_INTERRUPT);
	}
	if (unlikely(wanted))
		guest_call(vq);
}

static inline bool used_publish(struct virtqueue *vq, struct ring_used *used)
{
	if (vq->last_used == used->first)
		return false;
	// The guest finds entries and bytes when it sees the index.
	__atomic_store_n(&vq->used->idx, vq->last_used, __ATOMIC_RELEASE);
	if (unlikely(vq->log))
		used_log(vq, used->first);
	return true;
}

static void ring_rx_done(struct virtqueue *vq)
{
	struct ring_used used;
	unsigned n = vq->n_taken;

	used_begin(vq, &used);
	for (unsigned i = 0; i < n; i++)
		used_add(vq, &used, vq->taken[i].id, 0, 1);
	vq->n_taken = 0;
	burst_end(vq, &used, n, 0);
}

const struct virtqueue_ops ISA(vring_split_ops) = {
    .rx = ring_rx,
    .rx_done = ring_rx_done,
    .tx = ring_tx,
};
