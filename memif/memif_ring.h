// A ring of a memif: descriptors in a region, each of a buffer in a region. The peer may write to
// all of that at any moment: what is read is read once into private memory, checked, and used from
// there. Nothing is read back that we have written. Source: memif.h of VPP.
//
//     S2M   head: the client, which puts frames in; tail: the server, which has taken them out
//     M2S   head: the client, which puts empty buffers in; tail: the server, which has filled them
//
// So the two ends of a ring differ in who waits for which of the two. A receive ring is used by the
// PMD that polls it, a transmit ring by who sends, under `lock` where they share it.
#ifndef MEMIF_RING_H
#define MEMIF_RING_H

#include "datapath/packet.h"
#include "memif/memif_region.h"

#include <rte_spinlock.h>

#define MEMIF_REGIONS_MAX   16u
#define MEMIF_LOG2_RING_MAX 14
#define MEMIF_COOKIE	    0x3E31F20u

enum { MEMIF_RING_MASK_INT = 1 }; // flags of a ring: its receiver polls
enum { MEMIF_DESC_NEXT = 1 };	  // flags of a descriptor: the frame goes on in the next one

struct memif_desc {
	uint16_t flags;
	uint16_t region;
	uint32_t length; // of what is in the buffer, or of an empty one
	uint32_t offset; // of the buffer in its region
	uint32_t metadata;
};

struct memif_shared_ring {
	uint32_t cookie;
	uint16_t flags; // writer: the receiver
	uint16_t head;	// writer: the client
	uint8_t pad0[56];
	uint16_t tail; // writer: the server
	uint8_t pad1[62];
	struct memif_desc desc[];
};

static_assert(sizeof(struct memif_desc) == 16, "as shared");
static_assert(offsetof(struct memif_shared_ring, tail) == 64, "as shared");
static_assert(offsetof(struct memif_shared_ring, desc) == 128, "as shared");

// Why a link is closed: what its peer wrote into the shared memory.
#define MEMIF_FAULTS(X)                                                    \
	X(NONE, "none")                                                    \
	X(INDEX, "an index further ahead than the ring is long")           \
	X(REGION, "a descriptor of a region that there is none of")        \
	X(BUFFER, "a descriptor of a buffer that goes beyond its region")  \
	X(EMPTY, "a descriptor of an empty buffer that has no room")       \
	X(COOKIE, "a ring that does not begin with the protocol's cookie") \
	X(LOST, "less memory than it had shared: its file is cut off")

enum memif_fault {
#define X(id, text) MEMIF_FAULT_##id,
	MEMIF_FAULTS(X)
#undef X
};

const char *memif_fault_text(enum memif_fault fault);

// The regions of a link. Immutable while rings are in use.
struct memif_regions {
	unsigned n;
	struct memif_region regions[MEMIF_REGIONS_MAX];
};

struct memif_ring {
	// Line 0. Writer: control thread, before the ring is in use.
	struct memif_shared_ring *shared;
	const struct memif_regions *regions;
	uint16_t size;		// descriptors, a power of two
	bool client;		// we are: region 0 and its buffers are ours
	int kick_fd;		// -1: the receiver is not to be woken
	uint32_t buffer_offset; // client: of the first buffer in region 0
	uint32_t buffer_size;	// client: bytes of each

	// Line 1. Writer: who uses the ring.
	uint16_t pos __rte_cache_aligned; // the next descriptor
	uint8_t
	    fault; // enum memif_fault; the ring is not used any more. Read by the control thread
	uint64_t n_malformed; // frames too short, too long or without an end. As above
	rte_spinlock_t lock;
} __rte_cache_aligned;

// Bytes of one with so many descriptors.
static inline uint64_t memif_ring_bytes(unsigned log2_size)
{
	return sizeof(struct memif_shared_ring) + (sizeof(struct memif_desc) << log2_size);
}

// Client: writes the ring into region 0, with nothing in it: the server may still set its indexes
// to zero. Control thread.
void memif_ring_write(struct memif_ring *ring);
// From here on it is in use; a receive ring takes frames. -EPROTO when there is no ring. Control
// thread.
int memif_ring_start(struct memif_ring *ring, bool is_rx);

// Takes up to n (at most BURST_MAX) frames out, in mbufs of packet_pool(). Stops for good when the
// peer breaks a rule: `fault`.
uint16_t memif_ring_rx(struct memif_ring *ring, struct rte_mbuf **pkts, uint16_t n);
// Puts copies of frames in; frees nothing. Returns how many there was room for.
uint16_t memif_ring_tx(struct memif_ring *ring, struct rte_mbuf **pkts, uint16_t n);

#endif
