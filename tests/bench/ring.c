#include "tests/bench/ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define AREA_ALIGN 4096
#define LINE	   64

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

// An odd number of cache lines: equal offsets in all buffers fall into different sets of a cache.
static size_t buffer_stride(uint32_t buffer)
{
	return (round_up(buffer, LINE) / LINE | 1) * LINE;
}

size_t ring_bytes(const struct ring_config *c, bool tx)
{
	// 16 bytes are a descriptor's, 8 and 2 at most what an area has for each.
	size_t bytes = 4 * AREA_ALIGN + c->size * (16ul + 8 + 2) + 4 * LINE;
	if (!tx)
		return bytes + c->size * buffer_stride(c->buffer);
	if (c->indirect)
		bytes += c->size * 16ul + AREA_ALIGN;
	return bytes + c->size / c->chain * c->stamp;
}

static int arrays_create(struct ring *r)
{
	r->frames = malloc(r->c.size * sizeof(*r->frames));
	r->n_descs = calloc(r->c.size, 1);
	r->own_order = calloc(r->c.size, sizeof(*r->own_order));
	r->scratch = malloc(r->c.longest);
	if (!r->frames || !r->n_descs || !r->own_order || !r->scratch)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->c.size; i++)
		r->frames[i] = NO_FRAME;
	r->order = r->own_order;
	return 0;
}

int ring_create(struct ring *r, const struct ring_ops *ops, const struct ring_config *c, bool tx,
		struct guest_memory *mem)
{
	r->ops = ops;
	r->c = *c;
	r->mem = mem;
	r->mask = c->size - 1;
	r->n_slots = c->size / c->chain;
	r->long_frames = c->mergeable && c->longest > c->buffer;
	r->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->kick < 0 || r->call < 0)
		return -errno;
	r->desc = guest_memory_alloc(mem, 16ul * c->size, AREA_ALIGN);
	r->driver = guest_memory_alloc(mem, ops->driver_bytes + ops->driver_each * c->size, LINE);
	r->device = guest_memory_alloc(mem, ops->device_bytes + ops->device_each * c->size, LINE);
	if (!tx) {
		r->buffer_stride = buffer_stride(c->buffer);
		r->buffers = guest_memory_alloc(mem, c->size * r->buffer_stride, AREA_ALIGN);
	}
	if (tx && c->indirect)
		r->tables = guest_memory_alloc(mem, 16ul * c->size, LINE);
	if (tx && c->stamp > 0)
		r->stamps = guest_memory_alloc(mem, r->n_slots * c->stamp, LINE);
	int rc = arrays_create(r);
	if (rc == 0)
		ops->init(r, tx);
	return rc;
}

void ring_destroy(struct ring *r)
{
	free(r->frames);
	free(r->n_descs);
	free(r->scratch);
	free(r->own_order);
}

struct vring_desc ring_stamped(struct ring *r, const struct source *s, uint32_t slot,
			       uint32_t frame)
{
	uint8_t *hdr = r->stamps + slot / r->c.chain * r->c.stamp;
	struct vring_desc ref = s->pool->refs[frame];
	source_stamp(s, frame, hdr);
	ref.addr = guest_memory_gpa(r->mem, hdr);
	r->frames[slot] = NO_FRAME;
	return ref;
}

uint32_t ring_cut(const struct ring *r, const struct vring_desc *ref, struct vring_desc *desc,
		  uint32_t first)
{
	uint32_t step = r->c.cut == TX_LAYOUT_TWO ? VNET_HDR_LEN : r->c.cut;
	uint64_t addr = ref->addr;
	uint32_t left = ref->len;
	uint32_t n = 0;
	while (left > 0) {
		bool last = left <= step || n + 1 == r->c.chain;
		desc[n].addr = addr;
		desc[n].len = last ? left : step;
		desc[n].flags = last ? 0 : VRING_DESC_F_NEXT;
		desc[n].next = last ? 0 : (uint16_t)(first + n + 1);
		addr += desc[n].len;
		left -= desc[n].len;
		n++;
	}
	return n;
}

struct vring_desc ring_indirect(struct ring *r, uint32_t slot, const struct vring_desc *ref)
{
	struct vring_desc *table = (struct vring_desc *)r->tables + slot;
	uint32_t n = ring_cut(r, ref, table, 0);
	return (struct vring_desc){.addr = guest_memory_gpa(r->mem, table),
				   .len = 16 * n,
				   .flags = VRING_DESC_F_INDIRECT};
}

void ring_kick_now(const struct ring *r, struct port_counts *counts)
{
	counts->kicks++;
	if (eventfd_write(r->kick, 1) < 0)
		perror("bench-gen: kick");
}

void ring_look_long(struct ring *r, struct checker *c, const struct ring_piece *pieces, uint32_t n)
{
	uint32_t total = 0;
	for (uint32_t i = 0; i < n; i++)
		total += pieces[i].len;
	const uint8_t *hdr = pieces[0].data;
	uint32_t head = pieces[0].len;
	if (checker_wants_whole(c) && total <= r->c.longest) {
		for (uint32_t i = 0, at = 0; i < n; at += pieces[i].len, i++)
			memcpy(r->scratch + at, pieces[i].data, pieces[i].len);
		hdr = r->scratch;
		head = total;
	}
	checker_look(c, hdr, head, total < VNET_HDR_LEN ? 0 : total - VNET_HDR_LEN);
}

void ring_id_bad(uint32_t id)
{
	fprintf(stderr, "bench-gen: the switch used buffer %u, which it did not have\n", id);
	exit(2);
}
