// A vhost-user socket and the guest on it. librte_vhost speaks the protocol and maps the guest's
// memory; the rings are ours (virtqueue.h).
//
// What PMDs see of a guest is a struct vhost_device, which does not change while it is published:
// whatever changes is published anew, and a grace period later nobody looks at what was before.
//   - A message that may move a ring, its positions or memory is let through to librte_vhost only
//     when PMDs have let go of the device, and librte_vhost has our positions back (conn_pause);
//     after it everything is set up again from what librte_vhost then says (conn_resume). When
//     librte_vhost refuses the message, the next one does that.
//   - Enabling and disabling a queue and another call file do not disturb the other queues.
//   - Memory that the guest takes away (memory_guard.h) takes the device away from PMDs at once, in
//     the handler of the signal. It stays away until librte_vhost has mapped other memory.
//   - The set of queues that PMDs send to decides which of them is whose, so it changes in three
//     steps: the old set, but each queue locked; the new set, locked; the new set.
//
// Threads: librte_vhost calls back on its event thread, which handles all messages; on its
// reconnection thread (new connections of a client); and, while a socket is opened or closed, on
// the control thread, with no callback of that socket running elsewhere.
//
// Locks: a PMD takes no lock of librte_vhost's, and waits for nobody but another PMD that copies a
// burst (virtqueue.lock). So every grace period ends by itself, and any callback may wait for one,
// whatever librte_vhost holds meanwhile: the access locks of all queues during SET_*, its global
// mutex in rte_vhost_driver_unregister(). Our own two mutexes are never held across a call into
// librte_vhost or a grace period.
#ifndef VHOST_SESSION_H
#define VHOST_SESSION_H

#include "datapath/memory_guard.h"
#include "datapath/port.h"
#include "vhost/virtqueue.h"

#include <pthread.h>
#include <sys/un.h>

#define VHOST_PAIRS_MAX	 8 // queue pairs a port may have
#define VHOST_VRINGS_MAX (2 * VHOST_PAIRS_MAX)
#define VHOST_CONNS_MAX	 4 // connections at a time to one socket; one of them is active
// That librte_vhost watches (MAX_FDS of its fd_man.h, less one of its own): a server's takes one,
// each of its connections another; a client's is kept for it.
#define VHOST_SOCKETS_MAX 1023
#define VHOST_SOCKETS_TEXT \
	"librte_vhost watches 1023 sockets and no more; mode=client needs one a port"

// A guest's queues as PMDs see them. Immutable while published.
struct vhost_device {
	uint32_t n_rx;
	bool shared; // PMDs may meet in a receive queue, whatever their number
	struct virtqueue *rx[VHOST_PAIRS_MAX]; // the guest's receive queues that are in use
	struct virtqueue *tx[VHOST_PAIRS_MAX]; // its transmit queue of each pair; NULL: not in use
};

// Writer: librte_vhost's threads.
struct vhost_conn {
	struct memory_owner memory; // what librte_vhost has mapped for it
	int vid;		    // librte_vhost's device id; -1: slot is free
	int socket;		    // a duplicate of librte_vhost's, see conn_socket.h
	struct vhost_session *session;
	uint32_t request; // message that is being handled
	uint32_t ready;	  // bit v: librte_vhost says that vring v can be used
	uint32_t up;	  // bit v: queues[v] is set up
	uint32_t known;	  // bit v: it was before, so the front end has its position from us
	uint32_t told;	  // bit v: its fault is in the log; guarded by session->mutex
	bool running;	  // librte_vhost has all that a device needs
	bool paused;
	bool mem_known; // librte_vhost has a memory table
	bool was_reset;
	bool has_driver; // it has chosen features
	uint64_t features;
	struct vhost_mem mem;
	struct virtqueue queues[VHOST_VRINGS_MAX];
};

struct vhost_session {
	struct vhost_device *device; // published; NULL: no guest, or not at this moment
	struct rte_mbuf *announce; // to be received next: a guest that moved here tells where it is
	// What rx() took from, until rx_done(): the device may be gone by then. Writer: the queue's
	// PMD.
	struct {
		struct virtqueue *vq;
	} __rte_cache_aligned taken[VHOST_PAIRS_MAX];
	// Cold.
	struct vhost_device snapshots[2]; // the one that is or was published last, and the next
	bool snapshot;			  // which
	struct vhost_conn *active;	  // whose device it is
	struct vhost_conn conns[VHOST_CONNS_MAX];
	pthread_mutex_t mutex; // the control thread looks at device, queues and n_malformed
	uint64_t n_malformed;  // of queues that are gone
	struct port *port;
	struct vhost_session *next; // guarded by session.c's mutex, as conns' slots
	unsigned n_pairs;
	bool server;
	uint64_t offered; // features
	bool offloads;	  // checksums and segmentation are offered to the guest
	int listener;	  // a duplicate of librte_vhost's, as vhost_conn.socket; -1: none
	bool refused;	  // a guest, for want of a socket; guarded by session.c's mutex
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

// Opens the socket; callbacks may come before it returns. port, path (checked), server, offloads
// and n_pairs are set. Control thread.
int session_open(struct vhost_session *s, char *err, size_t err_len);
// No PMD uses the session any more. No callback comes after it. Control thread.
void session_close(struct vhost_session *s);
// Connections at this moment, ready or not. Control thread.
unsigned session_n_conns(struct vhost_session *s);
// Whether one of them has taken memory away. Control thread.
bool session_memory_lost(struct vhost_session *s);
// Whether a client has no connection. Control thread.
bool sessions_wait_for_peers(void);
// Whether the last guest that came was refused, since librte_vhost watches no more sockets. Control
// thread.
bool session_is_refusing(struct vhost_session *s);

static inline struct vhost_device *session_device(struct vhost_session *s)
{
	return __atomic_load_n(&s->device, __ATOMIC_ACQUIRE);
}

#endif
