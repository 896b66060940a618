#include "memif/memif_wire.h"

#include "datapath/eventfd_kick.h"
#include "datapath/stranger_fd.h"
#include "flowtable/tally.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RING_ALIGN 64u
#define PAGE	   4096u

struct memif_wire *memif_wire_create(bool client)
{
	struct memif_wire *wire = rte_zmalloc("memif-wire", sizeof(*wire), RTE_CACHE_LINE_SIZE);
	if (wire)
		wire->client = client;
	return wire;
}

static void ring_close(struct memif_ring *ring)
{
	if (ring->kick_fd >= 0)
		close(ring->kick_fd);
}

void memif_wire_destroy(struct memif_wire *wire)
{
	if (!wire)
		return;
	for (unsigned i = 0; i < wire->n_rx; i++)
		ring_close(&wire->rx[i]);
	for (unsigned i = 0; i < wire->n_tx; i++)
		ring_close(&wire->tx[i]);
	for (unsigned i = 0; i < wire->regions.n; i++)
		memif_region_close(&wire->regions.regions[i]);
	rte_free(wire);
}

// The client's side: all in region 0, rings first (S2M before M2S), then their buffers.

static uint64_t ring_stride(const struct memif_layout *layout)
{
	return RTE_ALIGN_CEIL(memif_ring_bytes(layout->log2_size), (uint64_t)RING_ALIGN);
}

static uint64_t rings_bytes(const struct memif_layout *layout)
{
	uint64_t bytes = (layout->n_s2m + layout->n_m2s) * ring_stride(layout);
	return RTE_ALIGN_CEIL(bytes, (uint64_t)PAGE);
}

static uint64_t buffers_bytes(const struct memif_layout *layout)
{
	return (uint64_t)layout->buffer_bytes << layout->log2_size;
}

uint64_t memif_layout_bytes(const struct memif_layout *layout)
{
	return rings_bytes(layout) + (layout->n_s2m + layout->n_m2s) * buffers_bytes(layout);
}

static int ring_make(struct memif_wire *wire, const struct memif_layout *layout, unsigned index,
		     struct memif_ring *ring)
{
	uint8_t *base = wire->regions.regions[0].addr;
	*ring = (struct memif_ring){
	    .shared = (struct memif_shared_ring *)(base + index * ring_stride(layout)),
	    .regions = &wire->regions,
	    .size = (uint16_t)(1u << layout->log2_size),
	    .client = true,
	    .kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
	    .buffer_offset = (uint32_t)(rings_bytes(layout) + index * buffers_bytes(layout)),
	    .buffer_size = layout->buffer_bytes};
	if (ring->kick_fd < 0)
		return -errno;
	memif_ring_write(ring);
	return 0;
}

int memif_wire_make(struct memif_wire *wire, const struct memif_layout *layout, char *err,
		    size_t err_len)
{
	struct memif_region *region = &wire->regions.regions[0];
	int rc = memif_region_create(region, memif_layout_bytes(layout), err, err_len);
	if (rc < 0)
		return rc;
	wire->regions.n = 1;
	for (unsigned i = 0; i < layout->n_s2m && rc == 0; i++) {
		rc = ring_make(wire, layout, i, &wire->tx[i]);
		wire->n_tx++;
	}
	for (unsigned i = 0; i < layout->n_m2s && rc == 0; i++) {
		rc = ring_make(wire, layout, layout->n_s2m + i, &wire->rx[i]);
		wire->n_rx++;
	}
	if (rc < 0)
		snprintf(err, err_len, "no eventfd: %s", strerror(-rc));
	return rc;
}

static void describe(const struct memif_wire *wire, const struct memif_ring *ring, unsigned index,
		     uint16_t flags, struct memif_msg *msg, int *fd)
{
	msg->type = MEMIF_ADD_RING;
	msg->add_ring.flags = flags;
	msg->add_ring.index = (uint16_t)index;
	msg->add_ring.offset = (uint32_t)((uint8_t *)ring->shared - wire->regions.regions[0].addr);
	msg->add_ring.log2_ring_size = (uint8_t)__builtin_ctz(ring->size);
	*fd = ring->kick_fd;
}

bool memif_wire_message(const struct memif_wire *wire, unsigned i, struct memif_msg *msg, int *fd)
{
	if (i == 0) {
		msg->type = MEMIF_ADD_REGION;
		msg->add_region.size = wire->regions.regions[0].size;
		*fd = wire->regions.regions[0].fd;
		return true;
	}
	i--;
	if (i < wire->n_tx)
		describe(wire, &wire->tx[i], i, MEMIF_ADD_RING_S2M, msg, fd);
	else if (i - wire->n_tx < wire->n_rx)
		describe(wire, &wire->rx[i - wire->n_tx], i - wire->n_tx, 0, msg, fd);
	else
		return false;
	return true;
}

// The server's side.

int memif_wire_add_region(struct memif_wire *wire, const struct memif_msg *msg, int fd, char *err,
			  size_t err_len)
{
	struct memif_regions *regions = &wire->regions;
	uint64_t bytes = msg->add_region.size;
	if (msg->add_region.index != regions->n || regions->n == MEMIF_REGIONS_MAX) {
		stranger_fd_close(fd);
		snprintf(err, err_len, "region %u after %u of at most %u", msg->add_region.index,
			 regions->n, MEMIF_REGIONS_MAX);
		return -EPROTO;
	}
	int rc = memif_region_map(&regions->regions[regions->n], bytes, fd, err, err_len);
	if (rc < 0)
		return rc;
	regions->n++;
	for (unsigned i = 0; i + 1 < regions->n; i++)
		bytes += regions->regions[i].size;
	if (bytes <= MEMIF_LINK_BYTES_MAX)
		return 0;
	snprintf(err, err_len, "regions of more than %llu bytes", MEMIF_LINK_BYTES_MAX);
	return -ENOSPC;
}

static int ring_check(const struct memif_wire *wire, const struct memif_msg *msg, unsigned n,
		      unsigned queues, char *err, size_t err_len)
{
	const struct memif_regions *regions = &wire->regions;
	unsigned index = msg->add_ring.index, region = msg->add_ring.region,
		 log2_size = msg->add_ring.log2_ring_size;
	uint64_t offset = msg->add_ring.offset;
	const char *what = NULL;
	if (index != n)
		what = "is out of turn";
	else if (index >= queues)
		what = "is one more than this port has queues: raise queues=";
	else if (log2_size > MEMIF_LOG2_RING_MAX)
		what = "is too long";
	else if (msg->add_ring.private_hdr_size != 0)
		what = "has private headers";
	else if (region >= regions->n ||
		 offset + memif_ring_bytes(log2_size) > regions->regions[region].size)
		what = "is not in its region";
	else if (offset % sizeof(struct memif_desc) != 0)
		what = "is not aligned to its descriptors";
	if (!what)
		return 0;
	snprintf(err, err_len, "ring %u %s", index, what);
	return -EPROTO;
}

int memif_wire_add_ring(struct memif_wire *wire, const struct memif_msg *msg, int fd,
			unsigned queues, char *err, size_t err_len)
{
	bool s2m = msg->add_ring.flags & MEMIF_ADD_RING_S2M;
	unsigned *n = s2m ? &wire->n_rx : &wire->n_tx;
	int rc = ring_check(wire, msg, *n, queues, err, err_len);
	if (rc == 0 && (rc = eventfd_kick_send(fd)) < 0)
		snprintf(err, err_len, "a ring whose file is no eventfd: %s", strerror(-rc));
	if (rc < 0) {
		stranger_fd_close(fd);
		return rc;
	}
	struct memif_ring *ring = s2m ? &wire->rx[*n] : &wire->tx[*n];
	*ring = (struct memif_ring){
	    .shared =
		(struct memif_shared_ring *)(wire->regions.regions[msg->add_ring.region].addr +
					     msg->add_ring.offset),
	    .regions = &wire->regions,
	    .size = (uint16_t)(1u << msg->add_ring.log2_ring_size),
	    .kick_fd = fd};
	++*n;
	return 0;
}

// Both.

int memif_wire_start(struct memif_wire *wire, char *err, size_t err_len)
{
	int rc = wire->n_rx > 0 && wire->n_tx > 0 ? 0 : -EPROTO;
	if (rc < 0)
		snprintf(err, err_len, "no ring in one direction");
	for (unsigned i = 0; i < wire->n_rx && rc == 0; i++)
		rc = memif_ring_start(&wire->rx[i], true);
	for (unsigned i = 0; i < wire->n_tx && rc == 0; i++)
		rc = memif_ring_start(&wire->tx[i], false);
	enum memif_fault fault = memif_wire_fault(wire);
	if (fault)
		snprintf(err, err_len, "%s", memif_fault_text(fault));
	return fault ? -EPROTO : rc;
}

static enum memif_fault rings_fault(const struct memif_ring *rings, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned fault = __atomic_load_n(&rings[i].fault, __ATOMIC_RELAXED);
		if (fault)
			return fault;
	}
	return MEMIF_FAULT_NONE;
}

enum memif_fault memif_wire_fault(const struct memif_wire *wire)
{
	// First, for the zeros that are there then break rules too.
	for (unsigned i = 0; i < wire->regions.n; i++) {
		if (memif_region_lost(&wire->regions.regions[i]))
			return MEMIF_FAULT_LOST;
	}
	enum memif_fault fault = rings_fault(wire->rx, wire->n_rx);
	return fault ? fault : rings_fault(wire->tx, wire->n_tx);
}

uint64_t memif_wire_malformed(const struct memif_wire *wire)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < wire->n_rx; i++)
		n += tally_read(&wire->rx[i].n_malformed);
	return n;
}
