// The driver's side of a virtqueue. A ring is either split or packed (virtio 1.2,
// sections 2.7, 2.8).
//
// A transmit ring is cut into slots of `chain` descriptors; a slot carries one frame at a time. A
// receive ring has a buffer for each descriptor, always all of them with the switch or waiting
// here.
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include "tests/bench/port.h"

#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#define NO_FRAME   UINT32_MAX
#define TX_LEAST   32	 // frames of a refill
#define PIECES_MAX BURST // buffers of a frame
#define CHAIN_MAX  64	 // descriptors of a frame

struct ring_piece {
	const uint8_t *data;
	uint32_t len;
};

struct ring_config {
	uint32_t size;
	uint32_t chain; // descriptors of a slot; 1 on receive rings
	uint32_t cut;	// TX_LAYOUT_...
	bool in_order;
	bool event_idx;
	bool indirect;
	bool mergeable;
	uint32_t buffer;  // bytes of a receive buffer
	uint32_t longest; // frame with its header
	size_t stamp;	  // bytes for a stamped frame of a slot; 0: none
};

struct ring {
	const struct ring_ops *ops;
	struct guest_memory *mem;
	struct ring_config c;
	uint32_t mask;
	uint32_t n_slots;
	// What SET_VRING_ADDR tells: descriptors, driver area, device area.
	void *desc;
	void *driver;
	void *device;
	// Chains or buffers made available, and taken back, since the start; split: their low 16
	// bits are the ring's indexes.
	uint32_t avail_n;
	uint32_t used_n;
	// Packed: positions of the next descriptors, and the wrap counters.
	uint32_t avail_at;
	uint32_t used_at;
	bool avail_wrap;
	bool used_wrap;
	uint32_t n_published; // descriptors since the last look at whether a kick is wanted
	uint32_t *frames;     // by chain: the frame that its descriptors say, or NO_FRAME
	// The chains in the order of their use, n_slots of them from used_n on, free ones from
	// avail_n on. Split: the available ring itself.
	uint16_t *order;
	uint16_t *own_order;
	uint8_t *n_descs; // packed: by chain: descriptors that it takes now
	uint8_t *stamps;
	uint8_t *tables; // indirect descriptors, `chain` for each slot
	uint8_t *buffers;
	size_t buffer_stride;
	uint8_t *scratch; // of `longest` bytes
	bool long_frames; // may take several receive buffers
	int kick;
	int call;
};

struct ring_ops {
	size_t driver_bytes; // of the areas, and for each descriptor
	size_t driver_each;
	size_t device_bytes;
	size_t device_each;
	void (*init)(struct ring *r, bool tx);
	uint32_t (*tx)(struct ring *r, struct port *port, uint64_t now);
	uint32_t (*rx)(struct ring *r, struct port *port);
	bool (*wants_kick)(const struct ring *r);
};

extern const struct ring_ops ring_split, ring_packed;

// Bytes of guest memory that ring_create() takes.
size_t ring_bytes(const struct ring_config *c, bool tx);
int ring_create(struct ring *r, const struct ring_ops *ops, const struct ring_config *c, bool tx,
		struct guest_memory *mem);
void ring_destroy(struct ring *r);

// The slot's own copy of a frame, with a time stamp.
struct vring_desc ring_stamped(struct ring *r, const struct source *s, uint32_t slot,
			       uint32_t frame);

// The frame that a slot is to carry next, as one descriptor. False: the slot's descriptors say it
// already.
static inline bool ring_frame(struct ring *r, struct source *s, uint32_t slot,
			      struct vring_desc *ref)
{
	uint32_t frame = source_next(s);
	if (__builtin_expect(source_stamps(s), 0)) {
		*ref = ring_stamped(r, s, slot, frame);
		return true;
	}
	*ref = s->pool->refs[frame];
	bool same = r->frames[slot] == frame;
	r->frames[slot] = frame;
	return !same;
}

// Cuts a frame into the descriptors of a chain, the first of which has the index `first`. Returns
// how many; flags tell NEXT.
uint32_t ring_cut(const struct ring *r, const struct vring_desc *ref, struct vring_desc *desc,
		  uint32_t first);

// The indirect table of a slot, filled with a frame's descriptors: the descriptor that points
// there.
struct vring_desc ring_indirect(struct ring *r, uint32_t slot, const struct vring_desc *ref);

void ring_kick_now(const struct ring *r, struct port_counts *counts);

// Kicks the switch if it wants that and something was published. Called in the round after the one
// that published: by then the index is visible, and no fence is needed to read the wish behind it.
static inline void ring_kick(struct ring *r, struct port_counts *counts)
{
	if (r->n_published == 0)
		return;
	if (r->ops->wants_kick(r))
		ring_kick_now(r, counts);
	r->n_published = 0;
}

static inline uint32_t ring_n_free(const struct ring *r)
{
	return r->used_n + r->n_slots - r->avail_n;
}

// Whether the switch may say that it used this chain or buffer.
static inline bool ring_id_good(const struct ring *r, uint32_t id)
{
	return id < r->c.size && (r->c.chain == 1 || id % r->c.chain == 0);
}

// Ends the program: the switch used what it did not have.
void ring_id_bad(uint32_t id) __attribute__((noreturn));

// How many frames to send now: what is due, but without a rate no small batches, as long as the
// switch has some to go on with.
static inline uint32_t ring_tx_room(const struct ring *r, struct source *s, uint64_t now)
{
	uint32_t n = ring_n_free(r);
	uint32_t least = r->n_slots < 4 * TX_LEAST ? r->n_slots / 4 : TX_LEAST;
	if (n == 0 || (s->per_tick == 0 && n < least && s->budget >= least))
		return 0;
	return source_due(s, n < BURST ? n : BURST, now);
}

static inline void ring_count_tx(const struct ring *r, struct port *port, uint32_t n)
{
	port->counts.refills++;
	port->counts.starved += r->avail_n == r->used_n;
	port->counts.sent += n;
	source_sent(&port->source, n);
}

// A frame of several buffers, put together in r->scratch, and handed to check.
void ring_look_long(struct ring *r, struct checker *c, const struct ring_piece *pieces, uint32_t n);

// Buffers of the frame that begins at hdr: the switch says it where a frame may need several.
static inline uint32_t ring_n_bufs(const struct ring *r, const uint8_t *hdr)
{
	if (!r->long_frames)
		return 1;
	uint16_t n = ((const struct virtio_net_hdr_v1 *)hdr)->num_buffers;
	return n == 0 || n > PIECES_MAX ? 1 : n;
}

static inline uint8_t *ring_buffer(const struct ring *r, uint32_t id)
{
	return r->buffers + id * r->buffer_stride;
}

#endif
