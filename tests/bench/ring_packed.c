#include "tests/bench/ring.h"

#define F_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED	(1u << VRING_PACKED_DESC_F_USED)

static uint16_t avail_flags(bool wrap)
{
	return wrap ? F_AVAIL : F_USED;
}

static bool is_used(uint16_t flags, bool wrap)
{
	return (flags & (F_AVAIL | F_USED)) == (wrap ? F_AVAIL | F_USED : 0);
}

// A whole descriptor with one store: aligned ones of 16 bytes are not torn.
static void store_desc(struct vring_packed_desc *desc, uint64_t addr, uint32_t len, uint32_t id,
		       uint16_t flags)
{
	uint64_t second = len | (uint64_t)id << 32 | (uint64_t)flags << 48;
	_mm_store_si128((__m128i *)desc, _mm_set_epi64x((long long)second, (long long)addr));
}

static void advance(uint32_t *at, bool *wrap, uint32_t n, uint32_t size)
{
	*at += n;
	if (*at >= size) {
		*at -= size;
		*wrap = !*wrap;
	}
}

static void init(struct ring *r, bool tx)
{
	struct vring_packed_desc_event *driver = r->driver;
	driver->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
	r->avail_wrap = true;
	r->used_wrap = true;
	for (uint32_t i = 0; i < r->n_slots; i++)
		r->order[i] = (uint16_t)(i * r->c.chain);
	if (tx)
		return;
	for (uint32_t i = 0; i < r->c.size; i++)
		store_desc((struct vring_packed_desc *)r->desc + i,
			   guest_memory_gpa(r->mem, ring_buffer(r, i)), r->c.buffer, i,
			   VRING_DESC_F_WRITE | avail_flags(true));
	r->avail_wrap = false;
	r->avail_n = r->c.size;
}

static void check_id(const struct ring *r, uint32_t id)
{
	if (!ring_id_good(r, id) || r->used_n == r->avail_n)
		ring_id_bad(id);
}

static void take_one(struct ring *r, uint32_t id)
{
	check_id(r, id);
	r->order[(r->used_n + r->n_slots) & r->mask] = (uint16_t)id;
	r->used_n++;
	advance(&r->used_at, &r->used_wrap, r->n_descs[id], r->c.size);
}

// In order, one used descriptor may stand for all chains up to the one that it names.
static void take_up_to(struct ring *r, uint32_t id)
{
	uint32_t slot;
	do {
		slot = r->order[r->used_n & r->mask];
		take_one(r, slot);
	} while (slot != id);
}

static void take_back(struct ring *r)
{
	const struct vring_packed_desc *desc = r->desc;
	for (uint32_t n = 0; n < BURST; n++) {
		const struct vring_packed_desc *d = &desc[r->used_at];
		if (!is_used(__atomic_load_n(&d->flags, __ATOMIC_ACQUIRE), r->used_wrap) ||
		    r->used_n == r->avail_n)
			return;
		if (r->c.in_order)
			take_up_to(r, d->id);
		else
			take_one(r, d->id);
	}
}

// A table for a split ring as one for a packed ring: `next` and `flags` stand the other way round,
// and nothing there is linked (virtio 1.2, section 2.8.8).
static struct vring_desc packed_table(struct vring_desc at, struct vring_desc *table)
{
	for (uint32_t i = 0; i < at.len / sizeof(*table); i++)
		table[i].flags = table[i].next = 0;
	return at;
}

// Writes a chain. With `hold`, its first descriptor is not available yet; returns the flags that
// make it so.
static uint16_t write_chain(struct ring *r, uint32_t slot, const struct vring_desc *ref, bool hold)
{
	struct vring_packed_desc *desc = r->desc;
	struct vring_desc parts[CHAIN_MAX];
	uint32_t n = 1;
	parts[0] = *ref;
	if (r->c.chain > 1 && r->c.indirect)
		parts[0] = packed_table(ring_indirect(r, slot, ref),
					(struct vring_desc *)r->tables + slot);
	else if (r->c.chain > 1)
		n = ring_cut(r, ref, parts, 0);
	uint16_t first = parts[0].flags | avail_flags(r->avail_wrap);
	for (uint32_t i = 0; i < n; i++) {
		uint16_t flags = parts[i].flags | avail_flags(r->avail_wrap);
		if (i == 0 && hold) // as it was: used in the round before
			flags = r->avail_wrap ? 0 : F_AVAIL | F_USED;
		store_desc(&desc[r->avail_at], parts[i].addr, parts[i].len, slot, flags);
		advance(&r->avail_at, &r->avail_wrap, 1, r->c.size);
	}
	r->n_descs[slot] = (uint8_t)n;
	r->n_published += n;
	return first;
}

static uint32_t tx(struct ring *r, struct port *port, uint64_t now)
{
	struct vring_packed_desc *first = (struct vring_packed_desc *)r->desc + r->avail_at;
	uint16_t first_flags = 0;
	ring_kick(r, &port->counts);
	take_back(r);
	uint32_t n = ring_tx_room(r, &port->source, now);
	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = r->order[(r->avail_n + i) & r->mask];
		struct vring_desc ref;
		ring_frame(r, &port->source, slot, &ref);
		uint16_t flags = write_chain(r, slot, &ref, i == 0);
		first_flags = i == 0 ? flags : first_flags;
	}
	ring_count_tx(r, port, n);
	r->avail_n += n;
	// The whole burst before the flags that make the switch see it.
	__atomic_store_n(&first->flags, first_flags, __ATOMIC_RELEASE);
	return n;
}

// Gives n buffers back that lie in used descriptors from used_at on: they become available where
// they are.
static void give_back(struct ring *r, uint32_t n)
{
	struct vring_packed_desc *desc = r->desc;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = desc[r->used_at].id & r->mask;
		store_desc(&desc[r->used_at], guest_memory_gpa(r->mem, ring_buffer(r, id)),
			   r->c.buffer, id, VRING_DESC_F_WRITE | avail_flags(!r->used_wrap));
		advance(&r->used_at, &r->used_wrap, 1, r->c.size);
	}
	r->avail_at = r->used_at;
	r->avail_wrap = !r->used_wrap;
	r->used_n += n;
	r->avail_n += n;
	r->n_published += n;
}

// Used descriptors from used_at on, at most BURST; those of plain length from the first on.
static uint32_t n_used(const struct ring *r, uint32_t len, uint32_t *n_plain)
{
	const struct vring_packed_desc *desc = r->desc;
	uint32_t at = r->used_at;
	bool wrap = r->used_wrap;
	uint32_t n = 0;
	*n_plain = 0;
	while (n < BURST) {
		if (!is_used(__atomic_load_n(&desc[at].flags, __ATOMIC_ACQUIRE), wrap))
			break;
		*n_plain += *n_plain == n && desc[at].len == len;
		n++;
		advance(&at, &wrap, 1, r->c.size);
	}
	return n;
}

static uint32_t look(struct ring *r, struct checker *c, uint32_t i, uint32_t n_bufs)
{
	const struct vring_packed_desc *desc = r->desc;
	struct ring_piece pieces[PIECES_MAX];
	for (uint32_t k = 0; k < n_bufs; k++) {
		const struct vring_packed_desc *d = &desc[(r->used_at + i + k) & r->mask];
		check_id(r, d->id);
		pieces[k].data = ring_buffer(r, d->id);
		pieces[k].len = d->len < r->c.buffer ? d->len : r->c.buffer;
	}
	if (n_bufs == 1 && checker_is_plain(c, pieces[0].len - VNET_HDR_LEN))
		checker_plain(c, 1);
	else
		ring_look_long(r, c, pieces, n_bufs);
	return n_bufs;
}

static uint32_t look_each(struct ring *r, struct checker *c, uint32_t n)
{
	const struct vring_packed_desc *desc = r->desc;
	uint32_t i = 0;
	if (c->each) {
		for (uint32_t k = 0; k < n; k++)
			__builtin_prefetch(
			    ring_buffer(r, desc[(r->used_at + k) & r->mask].id & r->mask));
	}
	while (i < n) {
		uint32_t id = desc[(r->used_at + i) & r->mask].id & r->mask;
		uint32_t n_bufs = ring_n_bufs(r, ring_buffer(r, id));
		if (n_bufs > n - i)
			break;
		i += look(r, c, i, n_bufs);
	}
	return i;
}

static uint32_t rx(struct ring *r, struct port *port)
{
	struct checker *c = &port->check;
	uint32_t n_plain;
	ring_kick(r, &port->counts);
	uint32_t n = n_used(r, c->fixed_len + VNET_HDR_LEN, &n_plain);
	if (n == 0)
		return 0;
	port->counts.rx_polls++;
	if (!c->each && !r->long_frames && c->until_sample >= n && n_plain == n)
		checker_plain(c, n);
	else
		n = look_each(r, c, n);
	give_back(r, n);
	return n;
}

static bool wants_kick(const struct ring *r)
{
	const struct vring_packed_desc_event *device = r->device;
	uint16_t flags = __atomic_load_n(&device->flags, __ATOMIC_RELAXED);
	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags == VRING_PACKED_EVENT_FLAG_ENABLE;
	uint16_t off_wrap = __atomic_load_n(&device->off_wrap, __ATOMIC_RELAXED);
	uint16_t event = off_wrap & 0x7fff;
	if (off_wrap >> VRING_PACKED_EVENT_F_WRAP_CTR != r->avail_wrap)
		event = (uint16_t)(event - r->c.size);
	return vring_need_event(event, (uint16_t)r->avail_at,
				(uint16_t)(r->avail_at - r->n_published));
}

const struct ring_ops ring_packed = {
    .driver_bytes = sizeof(struct vring_packed_desc_event),
    .device_bytes = sizeof(struct vring_packed_desc_event),
    .init = init,
    .tx = tx,
    .rx = rx,
    .wants_kick = wants_kick,
};
