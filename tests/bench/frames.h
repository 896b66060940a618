// The frames that a port sends: built beforehand, in guest memory, each behind its virtio header.
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include "tests/bench/memory.h"

#include <linux/virtio_ring.h>

#define VNET_HDR_LEN  12 // struct virtio_net_hdr_v1
#define FRAME_MIN     60
#define FRAME_MAX     9000
#define TSO_MSS	      1448
#define TSO_HDR_LEN   66 // Ethernet, IPv4, TCP with timestamps
#define TSO_FRAME_LEN (TSO_HDR_LEN + 45 * TSO_MSS)
#define IMIX_LEN_MAX  1514
#define FLOWS_MAX     1000000
#define CLASSES_MAX   250

enum frame_kind { FRAMES_FIXED, FRAMES_IMIX, FRAMES_TSO };

struct frame_spec {
	enum frame_kind kind;
	uint32_t size; // of FRAMES_FIXED
	uint32_t n_flows;
	uint32_t n_classes;
	unsigned from; // port indexes
	unsigned to;
};

// What the payload begins with: which frame of which port this is.
struct frame_tag {
	uint16_t magic;
	uint8_t from;
	uint8_t stamped;
	uint32_t id;
	uint64_t tsc; // when it was sent, of stamped frames
} __attribute__((packed));

// Frame i has flow i % n_flows. Behind the n frames stands one more, an ARP announcement.
struct frame_pool {
	struct frame_spec spec;
	uint32_t n;
	const struct guest_memory *mem;
	struct vring_desc *refs; // ready-made: guest address and length, virtio header included
};

// Lengths in bytes, without FCS.
uint32_t frame_spec_max(const struct frame_spec *spec);
uint32_t frame_spec_len(const struct frame_spec *spec, uint32_t frame);
static inline unsigned frame_tag_offset(const struct frame_spec *spec)
{
	return spec->kind == FRAMES_TSO ? TSO_HDR_LEN : 42;
}

// Frames of a pool for a ring of n_slots, so that few flows give each slot its own frame for good.
uint32_t frame_pool_count(const struct frame_spec *spec, uint32_t n_slots);
// Bytes of guest memory for n frames and the announcement.
size_t frame_pool_bytes(const struct frame_spec *spec, uint32_t n);
int frame_pool_create(struct frame_pool *pool, const struct frame_spec *spec, uint32_t n,
		      struct guest_memory *mem);
void frame_pool_destroy(struct frame_pool *pool);

static inline uint8_t *frame_pool_hdr(const struct frame_pool *pool, uint32_t frame)
{
	return guest_memory_at(pool->mem, pool->refs[frame].addr);
}

#define FRAME_MAGIC 0x6742

#endif
