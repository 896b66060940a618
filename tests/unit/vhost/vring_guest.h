// A guest for tests of the rings: its memory, its driver's side of one virtqueue, split or packed.
//
// Its memory is two regions, one behind the other in its own addresses, apart in ours, each between
// pages that nobody may touch; so is each part of the ring, which ends where such a page starts.
#ifndef TESTS_UNIT_VHOST_VRING_GUEST_H
#define TESTS_UNIT_VHOST_VRING_GUEST_H

#include "datapath/eventfd_kick.h"
#include "vhost/virtqueue.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/virtio_config.h>
#include <rte_common.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define FEATURE(name) (1ULL << (name))
#define GUEST_GPA     0x100000ULL
#ifndef GUEST_RAM
#define GUEST_RAM (1u << 20) // bytes of each region
#endif
#define GUEST_BOUNDARY	(GUEST_GPA + GUEST_RAM)
#define GUEST_END	(GUEST_GPA + 2ull * GUEST_RAM)
#define GUEST_SIZE	256
#define GUEST_DESCS_MAX 4096
#define GUEST_FEATURES                                                        \
	(FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | \
	 FEATURE(VIRTIO_NET_F_CSUM) | FEATURE(VIRTIO_NET_F_HOST_TSO4) |       \
	 FEATURE(VIRTIO_NET_F_HOST_TSO6) | FEATURE(VIRTIO_NET_F_GUEST_CSUM) | \
	 FEATURE(VIRTIO_NET_F_GUEST_TSO4) | FEATURE(VIRTIO_NET_F_GUEST_TSO6))

struct variant {
	bool packed;
	enum isa isa;
};

struct guest_desc {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags; // VRING_DESC_F_WRITE
};

struct guest {
	bool packed;
	uint16_t size;
	struct vhost_mem mem;
	struct rte_vhost_vring ring;
	struct virtqueue vq;
	struct packet_arena *arena;
	int call_fd;
	// The driver.
	uint16_t next_desc; // split: to use; packed: slot
	uint16_t next_id;   // packed
	uint16_t avail_idx;
	uint16_t used_idx; // packed: slot
	bool avail_wrap, used_wrap;
	uint16_t n_slots[65536]; // of packed ids
};

static size_t page_round(size_t len)
{
	return RTE_ALIGN_CEIL(len, 4096u);
}

// Memory between two guards, which ends at the second one.
static void *guarded_alloc(size_t len)
{
	size_t room = page_round(len);
	uint8_t *p = mmap(NULL, room + 2 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(mprotect(p + 4096, room, PROT_READ | PROT_WRITE), 0);
	return p + 4096 + room - len;
}

static void guarded_free(void *p, size_t len)
{
	assert_int_equal(munmap((uint8_t *)p + len - page_round(len) - 4096,
				page_round(len) + 2 * 4096),
			 0);
}

static size_t desc_bytes(const struct guest *g)
{
	return g->size * sizeof(struct vring_desc);
}

static size_t avail_bytes(const struct guest *g)
{
	return g->packed ? sizeof(struct vring_packed_desc_event)
			 : sizeof(struct vring_avail) + (g->size + 1u) * sizeof(uint16_t);
}

static size_t used_bytes(const struct guest *g)
{
	return g->packed
		   ? sizeof(struct vring_packed_desc_event)
		   : RTE_ALIGN_CEIL(sizeof(struct vring_used) +
					g->size * sizeof(struct vring_used_elem) + sizeof(uint16_t),
				    4u);
}

static void guest_connect(struct guest *g, uint64_t features, uint16_t last_avail,
			  uint16_t last_used)
{
	struct virtqueue_config config = {.ring = &g->ring,
					  .mem = &g->mem,
					  .features = features,
					  .last_avail = last_avail,
					  .last_used = last_used,
					  .index = 1};

	if (g->packed)
		config.features |= FEATURE(VIRTIO_F_RING_PACKED);
	assert_int_equal(virtqueue_init(&g->vq, &config), 0);
}

static struct guest *guest_create(const struct variant *v, uint16_t size, uint64_t features)
{
	struct guest *g = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*g), 64u));
	char err[160];

	assert_non_null(g);
	memset(g, 0, sizeof(*g));
	g->packed = v->packed;
	g->size = size;
	g->mem.n = 2;
	for (unsigned i = 0; i < 2; i++)
		g->mem.regions[i] = (struct vhost_region){GUEST_GPA + i * (uint64_t)GUEST_RAM,
							  GUEST_RAM, guarded_alloc(GUEST_RAM)};
	g->call_fd = eventfd(0, EFD_NONBLOCK);
	assert_int_equal(eventfd_kick_init(err, sizeof(err)), 0);
	g->ring.desc = guarded_alloc(desc_bytes(g));
	g->ring.avail = guarded_alloc(avail_bytes(g));
	g->ring.used = guarded_alloc(used_bytes(g));
	g->ring.callfd = g->call_fd;
	g->ring.size = size;
	g->avail_wrap = true;
	g->used_wrap = true;
	g->arena = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*g->arena), 64u));
	packet_arena_init(g->arena);
	assert_int_equal(isa_set(isa_name(v->isa)), 0);
	guest_connect(g, features, v->packed ? 0x8000 : 0, v->packed ? 0x8000 : 0);
	return g;
}

static inline void guest_destroy(struct guest *g)
{
	virtqueue_fini(&g->vq);
	for (unsigned i = 0; i < 2; i++)
		guarded_free(g->mem.regions[i].hva, GUEST_RAM);
	guarded_free(g->ring.desc, desc_bytes(g));
	guarded_free(g->ring.avail, avail_bytes(g));
	guarded_free(g->ring.used, used_bytes(g));
	close(g->call_fd);
	free(g->arena);
	free(g);
}

// The guest's byte at gpa, which must be in its memory.
static uint8_t *guest_byte(const struct guest *g, uint64_t gpa)
{
	for (unsigned i = 0; i < g->mem.n; i++) {
		const struct vhost_region *r = &g->mem.regions[i];

		if (gpa - r->gpa < r->size)
			return r->hva + (gpa - r->gpa);
	}
	fail_msg("the guest has no memory at %#lx", (unsigned long)gpa);
	return NULL;
}

// The guest's own access to its memory, over regions' ends.
static void guest_access(struct guest *g, uint64_t gpa, void *bytes, size_t len, bool write)
{
	uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++) {
		uint8_t *byte = guest_byte(g, gpa + i);

		if (write)
			*byte = at[i];
		else
			at[i] = *byte;
	}
}

static inline void guest_write(struct guest *g, uint64_t gpa, const void *bytes, size_t len)
{
	guest_access(g, gpa, (void *)(uintptr_t)bytes, len, true);
}

static inline void guest_read(struct guest *g, uint64_t gpa, void *bytes, size_t len)
{
	guest_access(g, gpa, bytes, len, false);
}

// A table of the descriptors, in guest memory at gpa.
static inline void guest_table(struct guest *g, uint64_t gpa, const struct guest_desc *descs,
			       unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct vring_desc d = {descs[i].gpa, descs[i].len, descs[i].flags, 0};
		struct vring_packed_desc p = {d.addr, d.len, 0, d.flags};

		if (i + 1 < n) {
			d.flags |= VRING_DESC_F_NEXT;
			d.next = (uint16_t)(i + 1);
		}
		guest_write(g, gpa + i * sizeof(d), g->packed ? (void *)&p : (void *)&d, sizeof(d));
	}
}

static uint16_t offer_split(struct guest *g, const struct guest_desc *descs, unsigned n)
{
	uint16_t head = g->next_desc;

	for (unsigned i = 0; i < n; i++) {
		struct vring_desc *d = &g->ring.desc[g->next_desc];

		g->next_desc = (uint16_t)((g->next_desc + 1) % g->size);
		*d = (struct vring_desc){descs[i].gpa, descs[i].len, descs[i].flags, g->next_desc};
		if (i + 1 < n)
			d->flags |= VRING_DESC_F_NEXT;
	}
	g->ring.avail->ring[g->avail_idx++ % g->size] = head;
	__atomic_store_n(&g->ring.avail->idx, g->avail_idx, __ATOMIC_RELEASE);
	return head;
}

static uint16_t offer_packed(struct guest *g, const struct guest_desc *descs, unsigned n)
{
	uint16_t id = g->next_id++;
	uint16_t head = g->next_desc, head_flags = 0;

	g->n_slots[id] = (uint16_t)n;
	for (unsigned i = 0; i < n; i++) {
		struct vring_packed_desc *d = &g->ring.desc_packed[g->next_desc];
		uint16_t flags = (uint16_t)(descs[i].flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0) |
					    (g->avail_wrap ? 1u << VRING_PACKED_DESC_F_AVAIL
							   : 1u << VRING_PACKED_DESC_F_USED));

		*d = (struct vring_packed_desc){descs[i].gpa, descs[i].len, id,
						i == 0 ? d->flags : flags};
		if (i == 0)
			head_flags = flags;
		if (++g->next_desc == g->size) {
			g->next_desc = 0;
			g->avail_wrap = !g->avail_wrap;
		}
	}
	__atomic_store_n(&g->ring.desc_packed[head].flags, head_flags, __ATOMIC_RELEASE);
	return id;
}

// Makes a chain available. Its id.
static inline uint16_t guest_offer(struct guest *g, const struct guest_desc *descs, unsigned n)
{
	return g->packed ? offer_packed(g, descs, n) : offer_split(g, descs, n);
}

// The same as an indirect table at gpa.
static inline uint16_t guest_offer_indirect(struct guest *g, uint64_t gpa,
					    const struct guest_desc *descs, unsigned n)
{
	struct guest_desc d = {gpa, n * (uint32_t)sizeof(struct vring_desc), VRING_DESC_F_INDIRECT};

	guest_table(g, gpa, descs, n);
	return guest_offer(g, &d, 1);
}

static bool used_split(struct guest *g, uint32_t *id, uint32_t *len)
{
	struct vring_used_elem *elem = &g->ring.used->ring[g->used_idx % g->size];

	if (__atomic_load_n(&g->ring.used->idx, __ATOMIC_ACQUIRE) == g->used_idx)
		return false;
	*id = elem->id;
	*len = elem->len;
	g->used_idx++;
	return true;
}

static bool used_packed(struct guest *g, uint32_t *id, uint32_t *len)
{
	struct vring_packed_desc *d = &g->ring.desc_packed[g->used_idx];
	uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);

	if (!!(flags & 1u << VRING_PACKED_DESC_F_AVAIL) != g->used_wrap ||
	    !!(flags & 1u << VRING_PACKED_DESC_F_USED) != g->used_wrap)
		return false;
	*id = d->id;
	*len = d->len;
	g->used_idx = (uint16_t)(g->used_idx + g->n_slots[d->id]);
	if (g->used_idx >= g->size) {
		g->used_idx = (uint16_t)(g->used_idx - g->size);
		g->used_wrap = !g->used_wrap;
	}
	return true;
}

// Takes back a used buffer. False when there is none.
static inline bool guest_used(struct guest *g, uint32_t *id, uint32_t *len)
{
	return g->packed ? used_packed(g, id, len) : used_split(g, id, len);
}

static inline void guest_expect_used(struct guest *g, uint32_t id, uint32_t len)
{
	uint32_t got_id, got_len;

	assert_true(guest_used(g, &got_id, &got_len));
	assert_int_equal(got_id, id);
	assert_int_equal(got_len, len);
}

static inline void guest_expect_none_used(struct guest *g)
{
	uint32_t id, len;

	assert_false(guest_used(g, &id, &len));
}

// Notifications since the last call.
static inline uint64_t guest_calls(struct guest *g)
{
	eventfd_t n = 0;

	return eventfd_read(g->call_fd, &n) == 0 ? n : 0;
}

// Byte i of frame `no`: no two frames or places are alike.
static inline uint8_t frame_byte(unsigned no, unsigned i)
{
	return (uint8_t)((no * 2654435761u + i * 40503u) >> 7 ^ i);
}

// The whole packet at `to`, which holds pkt_len bytes.
static inline void packet_bytes(const struct rte_mbuf *m, uint8_t *to)
{
	unsigned n_segs = 0, len = 0;

	for (const struct rte_mbuf *seg = m; seg; seg = seg->next, n_segs++) {
		assert_true(len + seg->data_len <= m->pkt_len);
		memcpy(to + len, rte_pktmbuf_mtod(seg, void *), seg->data_len);
		len += seg->data_len;
	}
	assert_int_equal(n_segs, m->nb_segs);
	assert_int_equal(len, m->pkt_len);
}

static inline void packet_expect(const struct rte_mbuf *m, unsigned no, unsigned len)
{
	static uint8_t bytes[128 * 1024];

	assert_int_equal(m->pkt_len, len);
	packet_bytes(m, bytes);
	for (unsigned i = 0; i < len; i++)
		if (bytes[i] != frame_byte(no, i))
			fail_msg("frame %u of %u bytes differs at byte %u", no, len, i);
}

// What came from a guest is whole, and in bounds: of what a frame may be, and of its memory.
static inline void packet_expect_bounds(const struct guest *g, const struct rte_mbuf *m)
{
	static uint8_t bytes[128 * 1024];
	const struct packet_offload *offload =
	    (const void *)&packet_meta((void *)(uintptr_t)m)->offload;
	bool left = m->ol_flags & PACKET_OFFLOAD;

	assert_in_range(m->pkt_len, FRAME_MIN,
			left && offload->gso_size ? GSO_FRAME_MAX : FRAME_MAX);
	assert_in_range(m->data_len, RTE_MIN(m->pkt_len, HEAD_COPY), HEADERS_MAX);
	packet_bytes(m, bytes); // faults if it is not memory
	for (const struct rte_mbuf *seg = m->next; seg; seg = seg->next) {
		bool inside = false;

		for (unsigned i = 0; i < g->mem.n; i++) {
			const struct vhost_region *r = &g->mem.regions[i];
			const uint8_t *data = seg->buf_addr;

			inside |= data >= r->hva && data + seg->data_len <= r->hva + r->size;
		}
		assert_true(inside);
	}
	if (left) {
		assert_in_range(offload->csum_start, FRAME_MIN, m->data_len);
		assert_in_range(offload->csum_start + offload->csum_offset + 2, 0, m->data_len);
		assert_in_range(offload->gso_headers, 0, m->data_len);
	}
}

// Runs each test with each ring format and instruction set that runs here.
struct vring_test {
	const char *name;
	void (*run)(void **state);
};

#define VRING_TEST(f)   \
	{               \
#f, (f) \
	}

static inline int vring_tests_run(const char *group, const struct vring_test *tests, unsigned n)
{
	static struct variant variants[2 * N_ISAS];
	static struct CMUnitTest units[64 * 2 * N_ISAS];
	static char names[64 * 2 * N_ISAS][128];
	unsigned n_variants = 0, n_units = 0;

	assert_true(n <= 64);
	for (unsigned i = 0; i < 2 * N_ISAS; i++)
		if (isa_supported(i % N_ISAS))
			variants[n_variants++] = (struct variant){i >= N_ISAS, i % N_ISAS};
	for (unsigned v = 0; v < n_variants; v++) {
		for (unsigned i = 0; i < n; i++, n_units++) {
			snprintf(names[n_units], sizeof(names[0]), "%s %s: %s",
				 variants[v].packed ? "packed" : "split", isa_name(variants[v].isa),
				 tests[i].name);
			units[n_units] = (struct CMUnitTest){names[n_units], tests[i].run, NULL,
							     NULL, &variants[v]};
		}
	}
	return _cmocka_run_group_tests(group, units, n_units, NULL, NULL);
}

#endif
