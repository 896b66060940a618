// A virtqueue as the switch works on it: the device's side of a split or packed ring (virtio 1.2,
// sections 2.7 and 2.8) in a guest's memory, which the guest may change at any moment. What is read
// is read once into private memory, checked, and used from there.
//
// A virtqueue knows nothing of librte_vhost's connections: vhost/session.c sets it up from what a
// front end said, publishes it, and takes it away from all PMDs before anything of it changes. A
// guest's transmit queue is used by the PMD that polls it; its receive queue by the PMDs that send
// to the port, under `lock` when they share it.
#ifndef VHOST_VIRTQUEUE_H
#define VHOST_VIRTQUEUE_H

#include "datapath/packet.h"
#include "flowtable/isa.h"

#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <rte_spinlock.h>
#include <rte_vhost.h>

#define VHOST_REGIONS_MAX 8
#define VRING_SIZE_MAX	  32768

// Guest physical addresses to ours. Immutable while published.
struct vhost_mem {
	unsigned n;
	struct vhost_region {
		uint64_t gpa;
		uint64_t size; // bytes
		uint8_t *hva;
	} regions[VHOST_REGIONS_MAX];
	uint64_t page_bytes; // of the smallest pages; 0: not known
	uint64_t inode;	     // of the first region's file
};

// Why a queue stopped for good (until the guest resets it).
#define VIRTQUEUE_FAULTS(X)                                                                    \
	X(NONE, "works")                                                                       \
	X(INDEX, "the available index is further ahead than the ring is long")                 \
	X(HEAD, "a descriptor number is beyond the ring")                                      \
	X(LOOP, "a chain of descriptors is longer than the ring or does not end")              \
	X(ADDRESS, "a buffer is outside the guest's memory")                                   \
	X(INDIRECT, "an indirect table is not allowed there or has no valid size")             \
	X(DIRECTION, "a buffer is writable where it must be readable, or the other way round") \
	X(SHORT, "a buffer is too short for the packet's header")

enum virtqueue_fault {
#define X(id, text) VIRTQUEUE_##id,
	VIRTQUEUE_FAULTS(X)
#undef X
};

const char *virtqueue_fault_text(enum virtqueue_fault fault);

struct virtqueue_ops;

// A buffer of a single descriptor in one region: data, or NULL when it takes a closer look.
struct ring_buffer {
	uint8_t *data;
	uint32_t len;
	uint16_t id;
};

// Slots from `first` on that have been looked at: descriptors, read once and checked.
struct ring_window {
	unsigned first; // from last_avail
	unsigned n;
	bool last; // the guest had made no more available
	struct ring_buffer bufs[BURST_MAX];
};

struct virtqueue {
	// Lines 0 and 1. Writer: virtqueue_init(), virtqueue_fini().
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *desc_packed;
	};
	union {
		struct vring_avail *avail;
		struct vring_packed_desc_event *driver_event; // the guest's
	};
	union {
		struct vring_used *used;
		struct vring_packed_desc_event *device_event; // ours
	};
	const struct vhost_mem *mem;
	const struct virtqueue_ops *ops;
	uint64_t features; // negotiated, VIRTIO_*
	uint64_t log_gpa;  // of the used ring or the packed ring, for dirty logging
	uint16_t size;
	uint16_t index; // librte_vhost's: 2q the guest's receive queue, 2q + 1 its transmit queue
	int call_fd;	// our own duplicate; -1: none; writer while published: conn_vring_call()
	int vid;
	uint8_t hdr_len; // of the virtio_net_hdr: 12 with VERSION_1 or MRG_RXBUF, otherwise 10
	bool packed, event_idx, in_order, indirect, mergeable;
	bool log; // dirty pages are to be logged, by rte_vhost_log_write()

	// Line 2: where we are. Writer: who uses the queue.
	uint16_t last_avail __rte_cache_aligned; // next descriptor or avail entry to take
	uint16_t last_used;			 // next used entry to write
	uint16_t avail_seen;			 // split: the guest's index when it was last read
	bool avail_wrap, used_wrap;		 // packed ring's wrap counters
	uint16_t n_taken;			 // taken by rx and not given back yet
	bool signalled_valid;
	uint8_t last_region; // where the last address was found
	// Read by the control thread.
	uint8_t fault; // enum virtqueue_fault
	uint16_t fault_desc;
	uint64_t n_malformed; // frames that were thrown away: offload fields that do not fit, too
			      // long, too short

	rte_spinlock_t lock __rte_cache_aligned; // receive queue shared by PMDs

	// What rx took, to be given back: head descriptors or packed ids and chain lengths.
	struct virtqueue_taken {
		uint16_t id;
		uint16_t n_descs;
	} taken[BURST_MAX];

	struct ring_window window; // what is likely to come next, prefetched
} __rte_cache_aligned;

// One per instruction set and ring format; hot.
struct virtqueue_ops {
	// The guest's transmit queue: takes up to n (at most BURST_MAX) frames, lent. Descriptors
	// stay with us until rx_done. Returns how many; malformed ones are skipped and counted,
	// and a burst of nothing else is given back at once.
	uint16_t (*rx)(struct virtqueue *vq, struct packet_arena *arena, struct rte_mbuf **pkts,
		       uint16_t n);
	// Gives back all that rx took: one published index, and one notification if the guest wants
	// it.
	void (*rx_done)(struct virtqueue *vq);
	// The guest's receive queue: copies frames into its buffers, in one copy from wherever they
	// lie. Publishes once. Returns how many were sent, from the front, and frees nothing. When
	// it is fewer than n, *impossible tells whether the next one can never be sent to this
	// guest (longer than its buffers, or it has not negotiated what is left to do in it);
	// otherwise buffers are short.
	uint16_t (*tx)(struct virtqueue *vq, struct rte_mbuf **pkts, uint16_t n, bool *impossible);
};

ISA_DECLARE(struct virtqueue_ops, vring_split_ops);  // vring_split_hot.c
ISA_DECLARE(struct virtqueue_ops, vring_packed_ops); // vring_packed_hot.c

struct virtqueue_config {
	const struct rte_vhost_vring *ring;
	const struct vhost_mem *mem;
	uint64_t features;
	uint16_t last_avail,
	    last_used; // as rte_vhost_get_vring_base() has them; packed: bit 15 is the wrap counter
	uint16_t index;
	int vid;
	bool log;
	bool resume; // a device before us may have died on it: the ring tells where it stood
};

// Sets a virtqueue up and asks the guest not to kick. Duplicates the call fd. 0 or -errno. No PMD
// uses it.
int virtqueue_init(struct virtqueue *vq, const struct virtqueue_config *config);
// The positions, as rte_vhost_set_vring_base() wants them. No PMD uses it.
void virtqueue_base(const struct virtqueue *vq, uint16_t *last_avail, uint16_t *last_used);
void virtqueue_call(const struct virtqueue *vq); // whether the guest wants it or not
void virtqueue_fini(struct virtqueue *vq);	 // closes the duplicate
// Our own duplicate of a guest's call file (-1: none), which librte_vhost closes when it likes. 0
// or -errno, *own is -1 then.
int virtqueue_call_fd_dup(int fd, int *own);

// The region that has `len` bytes of ours from `part` on, all of them, or NULL.
const struct vhost_region *vhost_mem_region(const struct vhost_mem *mem, const void *part,
					    size_t len);

#endif
