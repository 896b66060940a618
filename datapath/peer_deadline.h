// An end to a driver's waiting. DPDK's virtio-user driver reads its peer's answers with no limit of
// time, on the thread that opens or closes the device.
#ifndef DATAPATH_PEER_DEADLINE_H
#define DATAPATH_PEER_DEADLINE_H

#include "datapath/unix_peer.h"

#include <stdbool.h>

#define PEER_DEADLINE_S 2

// What the driver is asked to do from here to peer_deadline_end() takes no longer than
// PEER_DEADLINE_S: then the sockets to the peer are shut down, and what waits all the same is
// interrupted (SIGURG), again and again, so that the driver fails. The calling thread is the
// driver's. NULL: not a driver, but calls that signals interrupt. Control thread; one at a time.
void peer_deadline_begin(const struct unix_peer_id *peer);
// Whether the time was over. If not, a socket that stays open has such a limit for each message
// from now on: the driver writes and reads also when the switch's memory grows.
bool peer_deadline_end(void);

#endif
