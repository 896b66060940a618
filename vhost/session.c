#include "vhost/session.h"

#include "vhost/mem_table.h"
#include "vhost/socket_path.h"
#include "vhost/wake.h"

#include <rte_vhost.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// Without them frames come whole and with their checksums, and go so.
#define OFFLOADS                                                                                  \
	(1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_GUEST_CSUM | 1ULL << VIRTIO_NET_F_GSO | \
	 1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 |                        \
	 1ULL << VIRTIO_NET_F_HOST_ECN | 1ULL << VIRTIO_NET_F_HOST_UFO |                          \
	 1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6 |                      \
	 1ULL << VIRTIO_NET_F_GUEST_ECN | 1ULL << VIRTIO_NET_F_GUEST_UFO)

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

static void refuse_message(struct vhost_session *s, struct message *m, const char *what,
			   const char *why)
{
	port_log_warn(s->port, "%s refused: %s", what, why);
	message_close_fds(m); // librte_vhost does not when a callback refuses
}

static enum rte_vhost_msg_result check_mem_table(struct vhost_session *s, struct message *m)
{
	char why[128];
	if (!message_fds_known(m) || mem_table_check_message(m, why, sizeof(why)) == 0)
		return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	refuse_message(s, m, "guest memory", why);
	return RTE_VHOST_MSG_RESULT_ERR;
}

// Offered to nobody, and it makes mapping fail when the guest does not acknowledge it.
static enum rte_vhost_msg_result refuse_postcopy(struct vhost_session *s, struct message *m)
{
	if (!message_fds_known(m))
		return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	refuse_message(s, m, "postcopy migration", "not offered");
	return RTE_VHOST_MSG_RESULT_ERR;
}

// The answer of librte_vhost 22.11 is always 128; ours keeps a guest from using queues that nobody
// polls.
static enum rte_vhost_msg_result answer_queue_num(struct vhost_session *s, struct message *m)
{
	if (message_fds_known(m))
		message_close_fds(m);
	m->u64 = s->n_pairs;
	m->size = sizeof(m->u64);
	return RTE_VHOST_MSG_RESULT_REPLY;
}

// Before librte_vhost handles a message; with the device's virtqueue locks held for those that
// session.h lists, so it does not wait either.
static enum rte_vhost_msg_result pre_message(int vid, void *msg)
{
	struct message *m = msg;
	struct vhost_session *s = session_by_vid(vid);
	if (!s)
		return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	switch (m->request) {
	case MESSAGE_GET_QUEUE_NUM:
		return answer_queue_num(s, m);
	case MESSAGE_SET_MEM_TABLE:
		return check_mem_table(s, m);
	case MESSAGE_POSTCOPY_ADVISE:
	case MESSAGE_POSTCOPY_LISTEN:
		return refuse_postcopy(s, m);
	default:
		return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	}
}

static const struct rte_vhost_user_extern_ops extern_ops = {.pre_msg_handle = pre_message};

static int new_connection(int vid)
{
	struct vhost_session *s = session_by_vid(vid);
	if (!s)
		return -1;
	struct vhost_conn *conn = conn_by_vid(s, -1);
	if (!conn) {
		port_log_warn(s->port, "connection refused: %s has %d already", s->path,
			      VHOST_CONNS_MAX);
		return -1;
	}
	conn->rx_enabled = 0;
	conn->tx_enabled = 0;
	pthread_mutex_lock(&sessions_mutex);
	conn->vid = vid;
	pthread_mutex_unlock(&sessions_mutex);
	return rte_vhost_extern_callback_register(vid, &extern_ops, NULL);
}

static void destroy_connection(int vid)
{
	struct vhost_session *s = session_by_vid(vid);
	struct vhost_conn *conn = conn_by_vid(s, vid);
	if (!conn)
		return;
	pthread_mutex_lock(&sessions_mutex);
	conn->vid = -1;
	pthread_mutex_unlock(&sessions_mutex);
	port_log_info(s->port, "peer disconnected");
}

static unsigned n_queues(const uint32_t *mask)
{
	return (unsigned)__builtin_popcount(session_queues(mask));
}

static int new_device(int vid)
{
	struct vhost_session *s = session_by_vid(vid);
	struct vhost_conn *conn = conn_by_vid(s, vid);
	if (!conn)
		return -1;
	if (session_active(s)) {
		// librte_vhost asks again at each message, so it comes to life when the first one
		// has gone.
		port_log_warn(s->port, "a second guest on %s has to wait until the first has gone",
			      s->path);
		return -1;
	}
	// A front end may have reset queues without telling; librte_vhost logs each use of one that
	// it has not.
	uint32_t existing = (uint32_t)((1ULL << RTE_MIN(rte_vhost_get_vring_num(vid) / 2, 31)) - 1);
	__atomic_and_fetch(&conn->rx_enabled, existing, __ATOMIC_RELAXED);
	__atomic_and_fetch(&conn->tx_enabled, existing, __ATOMIC_RELAXED);

	uint64_t features = 0;
	rte_vhost_get_negotiated_features(vid, &features);
	conn->mergeable = features & 1ULL << VIRTIO_NET_F_MRG_RXBUF;
	unsigned n_pairs = n_queues(&conn->tx_enabled);
	port_log_info(s->port, "link up, %s ring%s, %u queue pair%s",
		      features & 1ULL << VIRTIO_F_RING_PACKED ? "packed" : "split",
		      conn->mergeable ? ", mergeable buffers" : "", n_pairs,
		      n_pairs == 1 ? "" : "s");
	// A PMD that sees the connection sees its vid, masks and kind of buffers.
	__atomic_store_n(&s->active, conn, __ATOMIC_RELEASE);
	return 0;
}

static void destroy_device(int vid)
{
	struct vhost_session *s = session_by_vid(vid);
	struct vhost_conn *conn = conn_by_vid(s, vid);
	if (!conn || session_active(s) != conn)
		return;
	__atomic_store_n(&s->active, NULL, __ATOMIC_RELEASE);
	if (!s->closing)
		ports_synchronize(); // safe here: see the head of session.h
	port_log_info(s->port, "link down");
}

// Runs with the device's virtqueue locks held: does not wait, and calls nothing of librte_vhost
// that takes them.
static int vring_state_changed(int vid, uint16_t vring, int enable)
{
	struct vhost_session *s = session_by_vid(vid);
	struct vhost_conn *conn = conn_by_vid(s, vid);
	if (!conn || vring >= 2 * s->n_pairs)
		return 0;
	uint32_t bit = 1u << (vring / 2);
	uint32_t *mask = vring % 2 == 0 ? &conn->rx_enabled : &conn->tx_enabled;
	if (enable)
		__atomic_or_fetch(mask, bit, __ATOMIC_RELEASE);
	else
		__atomic_and_fetch(mask, ~bit, __ATOMIC_RELEASE);
	return 0;
}

static const struct rte_vhost_device_ops device_ops = {
    .new_device = new_device,
    .destroy_device = destroy_device,
    .vring_state_changed = vring_state_changed,
    .new_connection = new_connection,
    .destroy_connection = destroy_connection,
};

static int driver_start(struct vhost_session *s, char *err, size_t err_len)
{
	uint64_t flags =
	    RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS | (s->server ? 0 : RTE_VHOST_USER_CLIENT);
	if (rte_vhost_driver_register(s->path, flags) < 0) {
		snprintf(err, err_len, "librte_vhost takes no more sockets (%s)", s->path);
		return -ENOSPC;
	}
	if (rte_vhost_driver_disable_features(s->path, OFFLOADS) < 0 ||
	    rte_vhost_driver_callback_register(s->path, &device_ops) < 0) {
		snprintf(err, err_len, "librte_vhost does not set up %s", s->path);
		goto unregister;
	}
	// The socket is the owner's and the group's from its first moment on.
	mode_t old = umask(0117);
	int rc = rte_vhost_driver_start(s->path);
	umask(old);
	if (rc == 0) {
		vhost_events_wake();
		return 0;
	}
	snprintf(err, err_len, "cannot listen on %s: see the log", s->path);
unregister:
	rte_vhost_driver_unregister(s->path);
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
	for (unsigned i = 0; i < VHOST_CONNS_MAX; i++)
		s->conns[i].vid = -1;
	int rc = session_publish(s, err, err_len);
	if (rc < 0)
		return rc;
	rc = s->server ? socket_path_claim(s->path, err, err_len) : 0;
	if (rc == 0)
		rc = driver_start(s, err, err_len);
	if (rc < 0)
		session_retire(s);
	return rc;
}

void session_close(struct vhost_session *s)
{
	__atomic_store_n(&s->closing, true, __ATOMIC_RELEASE);
	rte_vhost_driver_unregister(s->path);
	session_retire(s);
}

unsigned session_n_conns(struct vhost_session *s)
{
	unsigned n = 0;
	pthread_mutex_lock(&sessions_mutex);
	for (unsigned i = 0; i < VHOST_CONNS_MAX; i++)
		n += s->conns[i].vid >= 0;
	pthread_mutex_unlock(&sessions_mutex);
	return n;
}
