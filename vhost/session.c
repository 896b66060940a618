#include "vhost/session.h"

#include "datapath/eventfd_kick.h"
#include "vhost/conn.h"
#include "vhost/conn_socket.h"
#include "vhost/message.h"
#include "vhost/request.h"
#include "vhost/socket_path.h"
#include "vhost/wake.h"

#include <rte_vhost.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// Never offered: librte_vhost offers them for rings of its own.
#define NOT_OURS \
	(1ULL << VIRTIO_NET_F_GSO | 1ULL << VIRTIO_NET_F_HOST_UFO | 1ULL << VIRTIO_NET_F_GUEST_UFO)
// Without them frames come whole and with their checksums, and go so.
#define OFFLOADS                                                           \
	(1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_GUEST_CSUM |     \
	 1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 | \
	 1ULL << VIRTIO_NET_F_HOST_ECN | 1ULL << VIRTIO_NET_F_GUEST_TSO4 | \
	 1ULL << VIRTIO_NET_F_GUEST_TSO6 | 1ULL << VIRTIO_NET_F_GUEST_ECN)

// Nor those with which librte_vhost would ask the guest's side, or hand it files.
#define PROTOCOL_NOT_OURS                                                                    \
	(1ULL << VHOST_USER_PROTOCOL_F_SLAVE_REQ | 1ULL << VHOST_USER_PROTOCOL_F_PAGEFAULT | \
	 1ULL << VHOST_USER_PROTOCOL_F_CRYPTO_SESSION |                                      \
	 1ULL << VHOST_USER_PROTOCOL_F_SLAVE_SEND_FD |                                       \
	 1ULL << VHOST_USER_PROTOCOL_F_HOST_NOTIFIER)

#define VRINGS_TX 0xaaaaaaaau // the guest's transmit vrings: odd numbers

static struct vhost_session *sessions;
static pthread_mutex_t sessions_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct vhost_session *session_by_path(const char *path)
{
	struct vhost_session *s = sessions;
	while (s && strcmp(s->path, path) != 0)
		s = s->next;
	return s;
}

// A session outlives its callbacks (rte_vhost_driver_unregister waits for them), so it may be used
// after the unlock.
static struct vhost_session *session_by_vid(int vid)
{
	char path[PATH_MAX];
	if (rte_vhost_get_ifname(vid, path, sizeof(path)) < 0)
		return NULL;
	pthread_mutex_lock(&sessions_mutex);
	struct vhost_session *s = session_by_path(path);
	pthread_mutex_unlock(&sessions_mutex);
	return s;
}

static struct vhost_conn *conn_by_vid(struct vhost_session *s, int vid)
{
	struct vhost_conn *conn = NULL;
	pthread_mutex_lock(&sessions_mutex);
	for (unsigned i = 0; s && i < VHOST_CONNS_MAX && !conn; i++) {
		if (s->conns[i].vid == vid)
			conn = &s->conns[i];
	}
	pthread_mutex_unlock(&sessions_mutex);
	return conn;
}

// With sessions_mutex.
static unsigned count_conns(const struct vhost_session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < VHOST_CONNS_MAX; i++)
		n += s->conns[i].vid >= 0;
	return n;
}

// With sessions_mutex. A client's place is its own from the start: librte_vhost forgets one whose
// connection is refused.
static unsigned n_sockets(void)
{
	unsigned n = 0;
	for (const struct vhost_session *s = sessions; s; s = s->next)
		n += 1 + (s->server ? count_conns(s) : 0);
	return n;
}

// Takes a slot for a connection that librte_vhost will watch. Otherwise it would hang up without a
// reason.
static bool conn_take(struct vhost_session *s, struct vhost_conn *conn, int vid, int socket)
{
	pthread_mutex_lock(&sessions_mutex);
	s->refused = s->server && n_sockets() >= VHOST_SOCKETS_MAX;
	if (!s->refused) {
		conn_init(conn, s);
		conn->socket = socket;
		__atomic_store_n(&conn->vid, vid, __ATOMIC_RELAXED); // guest.c looks
	}
	bool taken = !s->refused;
	pthread_mutex_unlock(&sessions_mutex);
	return taken;
}

// With virtqueue locks held for most messages; session.h says why waiting is right all the same.
static enum rte_vhost_msg_result pre_message(int vid, void *msg)
{
	struct vhost_conn *conn = conn_by_vid(session_by_vid(vid), vid);

	memory_guard_mappings(conn ? &conn->memory : NULL); // that librte_vhost makes for this
	return conn ? request_before(conn, msg) : RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static enum rte_vhost_msg_result post_message(int vid, void *msg)
{
	struct vhost_conn *conn = conn_by_vid(session_by_vid(vid), vid);

	if (conn)
		request_after(conn, msg);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static const struct rte_vhost_user_extern_ops extern_ops = {
    .pre_msg_handle = pre_message,
    .post_msg_handle = post_message,
};

// Takes the socket with the connection. NULL, or why not.
static const char *admit(struct vhost_session *s, int vid, int socket)
{
	struct vhost_conn *conn = conn_by_vid(s, -1);

	if (!conn)
		return "4 connections to its socket are the most";
	static_assert(VHOST_CONNS_MAX == 4, "as the text says");
	if (rte_vhost_extern_callback_register(vid, &extern_ops, NULL) < 0)
		return "librte_vhost does not take the port's callbacks";
	return conn_take(s, conn, vid, socket) ? NULL : VHOST_SOCKETS_TEXT;
}

static int new_connection(int vid)
{
	int socket = conn_socket_take();
	struct vhost_session *s = session_by_vid(vid);
	const char *why = s ? admit(s, vid, socket) : "";

	if (!why)
		return 0;
	if (s)
		port_log_warn(s->port, "connection refused: %s", why);
	conn_socket_close(socket, s ? s->path : "");
	return -1;
}

static void destroy_connection(int vid)
{
	struct vhost_session *s = session_by_vid(vid);
	struct vhost_conn *conn = conn_by_vid(s, vid);
	memory_guard_mappings(NULL);
	if (!conn)
		return;
	conn_socket_close(conn->socket, s->path);
	conn->socket = -1;
	pthread_mutex_lock(&sessions_mutex);
	__atomic_store_n(&conn->vid, -1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&sessions_mutex);
	port_log_info(s->port, "peer disconnected");
}

static int new_device(int vid)
{
	struct vhost_session *s = session_by_vid(vid);
	struct vhost_conn *conn = conn_by_vid(s, vid);
	if (!conn)
		return -1;
	if (s->active) {
		// librte_vhost asks again at each message, so it comes to life when the first one
		// has gone.
		port_log_warn(s->port, "a second guest on %s has to wait until the first has gone",
			      s->path);
		return -1;
	}
	conn_start(conn);
	__atomic_store_n(&s->port->numa_node, (int16_t)rte_vhost_get_numa_node(vid),
			 __ATOMIC_RELAXED);
	unsigned n_pairs = (unsigned)__builtin_popcount(conn->up & VRINGS_TX);
	port_log_info(s->port, "link up, %s ring%s, %u queue pair%s",
		      conn->features & 1ULL << VIRTIO_F_RING_PACKED ? "packed" : "split",
		      conn->features & 1ULL << VIRTIO_NET_F_MRG_RXBUF ? ", mergeable buffers" : "",
		      n_pairs, n_pairs == 1 ? "" : "s");
	return 0;
}

static void destroy_device(int vid)
{
	struct vhost_session *s = session_by_vid(vid);
	struct vhost_conn *conn = conn_by_vid(s, vid);
	if (!conn || !conn->running)
		return;
	conn_stop(conn);
	port_log_info(s->port, "link down");
}

static int vring_state_changed(int vid, uint16_t vring, int enable)
{
	struct vhost_session *s = session_by_vid(vid);
	struct vhost_conn *conn = conn_by_vid(s, vid);
	// SET_VRING_CALL turns a vring off and on; it goes on meanwhile (request_after).
	if (!conn || vring >= 2 * s->n_pairs ||
	    (conn->request == MESSAGE_SET_VRING_CALL && !enable))
		return 0;
	conn_vring_ready(conn, vring, enable);
	return 0;
}

static const struct rte_vhost_device_ops device_ops = {
    .new_device = new_device,
    .destroy_device = destroy_device,
    .vring_state_changed = vring_state_changed,
    .new_connection = new_connection,
    .destroy_connection = destroy_connection,
};

static void driver_stop(struct vhost_session *s)
{
	rte_vhost_driver_unregister(s->path);
	for (unsigned i = 0; i < VHOST_CONNS_MAX; i++)
		conn_socket_close(s->conns[i].socket, s->path); // it tells of no end there
	conn_socket_close_listener(s->listener, s->path);
}

static int driver_start(struct vhost_session *s, char *err, size_t err_len)
{
	uint64_t without = NOT_OURS | (s->offloads ? 0 : OFFLOADS), protocol = 0;
	if (rte_vhost_driver_register(s->path, s->server ? 0 : RTE_VHOST_USER_CLIENT) < 0) {
		snprintf(err, err_len, "librte_vhost takes no more sockets (%s)", s->path);
		return -ENOSPC;
	}
	if (rte_vhost_driver_disable_features(s->path, without) < 0 ||
	    rte_vhost_driver_get_protocol_features(s->path, &protocol) < 0 ||
	    rte_vhost_driver_set_protocol_features(s->path, protocol & ~PROTOCOL_NOT_OURS) < 0 ||
	    rte_vhost_driver_get_features(s->path, &s->offered) < 0 ||
	    rte_vhost_driver_callback_register(s->path, &device_ops) < 0) {
		snprintf(err, err_len, "librte_vhost does not set up %s", s->path);
		goto unregister;
	}
	// The socket is the owner's and the group's from its first moment on.
	mode_t old = umask(0117);
	int rc = rte_vhost_driver_start(s->path);
	umask(old);
	if (rc < 0) {
		snprintf(err, err_len, "cannot listen on %s: see the log", s->path);
		goto unregister;
	}
	if (s->server)
		s->listener = conn_socket_take_listener();
	vhost_events_wake();
	if (!s->server || port_socket_give(&s->port->config, s->path, err, err_len) == 0)
		return 0;
unregister:
	driver_stop(s);
	return -EIO;
}

static int session_publish(struct vhost_session *s, char *err, size_t err_len)
{
	int rc = 0;
	pthread_mutex_lock(&sessions_mutex);
	struct vhost_session *other = session_by_path(s->path);
	if (other) {
		snprintf(err, err_len, "path=%s belongs to port \"%s\" already", s->path,
			 other->port->config.name);
		rc = -EEXIST;
	} else if (n_sockets() >= VHOST_SOCKETS_MAX) {
		snprintf(err, err_len, "no socket left: " VHOST_SOCKETS_TEXT);
		rc = -ENOSPC;
	} else {
		s->next = sessions;
		sessions = s;
	}
	pthread_mutex_unlock(&sessions_mutex);
	return rc;
}

static void session_retire(struct vhost_session *s)
{
	pthread_mutex_lock(&sessions_mutex);
	struct vhost_session **link = &sessions;
	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	pthread_mutex_unlock(&sessions_mutex);
}

int session_open(struct vhost_session *s, char *err, size_t err_len)
{
	int rc = eventfd_kick_init(err, err_len);
	if (rc < 0)
		return rc;
	pthread_mutex_init(&s->mutex, NULL);
	s->listener = -1;
	for (unsigned i = 0; i < VHOST_CONNS_MAX; i++)
		conn_init(&s->conns[i], s);
	rc = session_publish(s, err, err_len);
	if (rc < 0)
		return rc;
	rc = s->server ? socket_path_claim(s->path, err, err_len)
		       : socket_path_check_peer(s->path, err, err_len);
	if (rc == 0)
		rc = driver_start(s, err, err_len);
	if (rc < 0)
		session_retire(s);
	return rc;
}

void session_close(struct vhost_session *s)
{
	driver_stop(s);
	session_retire(s);
	rte_pktmbuf_free(s->announce);
	pthread_mutex_destroy(&s->mutex);
}

bool session_is_refusing(struct vhost_session *s)
{
	pthread_mutex_lock(&sessions_mutex);
	bool refused = s->refused;
	pthread_mutex_unlock(&sessions_mutex);
	return refused;
}

unsigned session_n_conns(struct vhost_session *s)
{
	pthread_mutex_lock(&sessions_mutex);
	unsigned n = count_conns(s);
	pthread_mutex_unlock(&sessions_mutex);
	return n;
}

bool session_memory_lost(struct vhost_session *s)
{
	bool lost = false;
	pthread_mutex_lock(&sessions_mutex);
	for (unsigned i = 0; i < VHOST_CONNS_MAX; i++)
		lost |= s->conns[i].vid >= 0 && memory_owner_lost(&s->conns[i].memory);
	pthread_mutex_unlock(&sessions_mutex);
	return lost;
}

bool sessions_wait_for_peers(void)
{
	bool wait = false;

	pthread_mutex_lock(&sessions_mutex);
	for (const struct vhost_session *s = sessions; s && !wait; s = s->next)
		wait = !s->server && count_conns(s) == 0;
	pthread_mutex_unlock(&sessions_mutex);
	return wait;
}
