// AF_XDP sockets of this process. net_af_xdp of DPDK 22.11.11 does not close those of a device that
// it closes: an interface's queue stays taken then until the process ends. So we note which sockets
// came with a device, and close what is left of them.
#ifndef DATAPATH_XSK_SOCKETS_H
#define DATAPATH_XSK_SOCKETS_H

#include "datapath/port.h"

#include <stdint.h>

struct xsk_sockets {
	unsigned n;
	struct {
		int fd;
		uint64_t inode; // the same number may be another file's later
	} sockets[PORT_QUEUES_MAX];
};

// All: control thread, which is who opens devices.

// Remembers which are there, before a device is opened.
void xsk_sockets_begin(void);
// Those that have come since, at most as many as a port has queues.
void xsk_sockets_end(struct xsk_sockets *came);
// Closes what its driver has left open.
void xsk_sockets_close(const struct xsk_sockets *sockets);

#endif
