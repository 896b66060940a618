// A vhost-user socket and the guest on it: what librte_vhost's threads tell, kept so that PMDs can
// read it without locks.
//
// Threads: librte_vhost calls back on its event thread, on its reconnection thread (new connections
// of a client) and, while a socket is opened or closed, on the control thread. A connection becomes
// visible to PMDs through `active` when its device is ready, and is taken away again by
// destroy_device: unpublish, grace period, and only then may librte_vhost give its vid to somebody
// else.
//
// The grace period waits for PMDs, and a PMD may wait for a virtqueue's access lock inside
// rte_vhost_enqueue_burst() (dequeue only tries it). So it must not be waited for by a thread that
// holds such a lock, nor by one that holds what a holder of such a lock waits for. In
// librte_vhost 22.11:
//   - messages that change a running queue (SET_FEATURES, SET_MEM_TABLE, SET_VRING_*) hold all
//   access locks of the device
//     while they run; of our callbacks they reach vring_state_changed and pre_message only, which
//     do not wait;
//   - destroy_device comes from GET_VRING_BASE, RESET_OWNER and the end of a connection, which hold
//   none: it waits there;
//   - rte_vhost_driver_unregister() calls destroy_device with its global mutex held, for which
//   SET_FEATURES on another
//     device waits with that device's access locks held. Waiting there could lock up, and is not
//     needed: by then no PMD uses the port (`closing`).
#ifndef VHOST_SESSION_H
#define VHOST_SESSION_H

#include "datapath/port.h"

#include <sys/un.h>

#define VHOST_PAIRS_MAX 8 // queue pairs a port may have
#define VHOST_CONNS_MAX 4 // connections at a time to one socket; one of them is active

// Writer: librte_vhost's threads. Readers: PMDs, by way of `active`.
struct vhost_conn {
	int vid;	     // librte_vhost's device id; -1: slot is free
	bool mergeable;	     // a frame may fill several of the guest's buffers
	uint32_t rx_enabled; // bit q: the guest's receive queue q (vring 2q) can take packets
	uint32_t tx_enabled; // bit q: the guest's transmit queue q (vring 2q + 1) can be read
};

struct vhost_session {
	struct vhost_conn *active; // published; NULL: no guest
	struct vhost_conn conns[VHOST_CONNS_MAX];
	// Cold.
	struct port *port;
	struct vhost_session *next; // guarded by session.c's mutex, as conns' slots
	unsigned n_pairs;
	bool server;
	bool closing;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

// Opens the socket; callbacks may come before it returns. port, path (checked), server and n_pairs
// are set. Control thread.
int session_open(struct vhost_session *s, char *err, size_t err_len);
// No PMD uses the session any more. No callback comes after it. Control thread.
void session_close(struct vhost_session *s);
// Connections at this moment, ready or not. Control thread.
unsigned session_n_conns(struct vhost_session *s);

static inline struct vhost_conn *session_active(struct vhost_session *s)
{
	return __atomic_load_n(&s->active, __ATOMIC_ACQUIRE);
}

static inline uint32_t session_queues(const uint32_t *mask)
{
	return __atomic_load_n(mask, __ATOMIC_ACQUIRE);
}

#endif
