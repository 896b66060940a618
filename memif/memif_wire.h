// What the two ends of a connection share: regions, and rings in them. The control thread sets it
// up, message by message; from memif_wire_start() on PMDs use its rings, until they are known to
// have let go of it.
#ifndef MEMIF_WIRE_H
#define MEMIF_WIRE_H

#include "memif/memif_msg.h"
#include "memif/memif_ring.h"

#define MEMIF_QUEUES_MAX 8 // pairs of rings

struct memif_wire {
	bool client; // we are
	unsigned n_rx, n_tx;
	struct memif_ring rx[MEMIF_QUEUES_MAX];
	struct memif_ring tx[MEMIF_QUEUES_MAX];
	struct memif_regions regions;
};

// How a client makes it.
struct memif_layout {
	unsigned n_s2m, n_m2s; // rings
	unsigned log2_size;    // of each
	uint32_t buffer_bytes;
};

// All: control thread; 0 or -errno with one line in err.

struct memif_wire *memif_wire_create(bool client); // NULL: no memory
void memif_wire_destroy(struct memif_wire *wire);  // NULL: nothing

// Client: memory and rings.
uint64_t memif_layout_bytes(const struct memif_layout *layout);
int memif_wire_make(struct memif_wire *wire, const struct memif_layout *layout, char *err,
		    size_t err_len);
// The client's messages that tell of them, with the descriptor that each passes, -1 for none. i:
// from 0 on. False: there are no more.
bool memif_wire_message(const struct memif_wire *wire, unsigned i, struct memif_msg *msg, int *fd);

// Server: what the client's messages tell of. `fd` is taken over. At most `queues` rings each way.
int memif_wire_add_region(struct memif_wire *wire, const struct memif_msg *msg, int fd, char *err,
			  size_t err_len);
int memif_wire_add_ring(struct memif_wire *wire, const struct memif_msg *msg, int fd,
			unsigned queues, char *err, size_t err_len);

// Both ends know of all.
int memif_wire_start(struct memif_wire *wire, char *err, size_t err_len);
// What the peer has broken since: enum memif_fault.
enum memif_fault memif_wire_fault(const struct memif_wire *wire);
uint64_t memif_wire_malformed(const struct memif_wire *wire);

#endif
