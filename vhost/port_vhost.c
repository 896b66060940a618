// Port kind "vhost-user": a guest's virtio-net device.
#include "datapath/port.h"
#include "flowtable/tally.h"
#include "vhost/guest.h"
#include "vhost/session.h"
#include "vhost/socket_path.h"

#include <errno.h>
#include <pthread.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_FRAME  (9000 + 14) // a jumbo payload, Ethernet header
#define TX_RETRIES 2	       // after a call that filled the ring: the guest may be emptying it

static int options_parse(struct vhost_session *s, const struct port_config *config, char *err,
			 size_t err_len)
{
	const char *path = port_option(config, "path");
	int rc = socket_path_check(path, err, err_len);
	if (rc < 0)
		return rc;
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->server = port_option_is(config, "mode", "server");
	rc = port_socket_check(config, s->server, err, err_len);
	if (rc < 0)
		return rc;
	s->offloads = port_option_is(config, "offloads", "on");
	s->n_pairs = port_option_number(config, "queues");
	return 0;
}

static int vhost_open(struct port *port, const struct port_config *config, char *err,
		      size_t err_len)
{
	struct vhost_session *s = rte_zmalloc("vhost-session", sizeof(*s), RTE_CACHE_LINE_SIZE);
	if (!s) {
		snprintf(err, err_len, "out of hugepage memory: start swd with a larger --mem");
		return -ENOMEM;
	}
	s->port = port;
	int rc = options_parse(s, config, err, err_len);
	if (rc < 0)
		goto free_session;
	port->priv = s;
	port->n_rxq = (uint16_t)s->n_pairs;
	port->n_txq = (uint16_t)s->n_pairs;
	port->max_frame = MAX_FRAME;
	rc = session_open(s, err, err_len);
	if (rc < 0)
		goto free_session;
	return 0;

free_session:
	rte_free(s);
	return rc;
}

static void vhost_close(struct port *port)
{
	session_close(port->priv);
	rte_free(port->priv);
}

// Rare enough to be a call of its own.
static __rte_noinline struct rte_mbuf *announcement(struct vhost_session *s)
{
	return __atomic_exchange_n(&s->announce, NULL, __ATOMIC_ACQ_REL);
}

static uint16_t vhost_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
			 struct rte_mbuf **pkts, uint16_t n)
{
	struct vhost_session *s = port->priv;
	struct vhost_device *device = session_device(s);
	struct virtqueue *vq = device ? device->tx[queue] : NULL;

	if (unlikely(!vq))
		return 0;
	s->taken[queue].vq = vq;
	if (unlikely(queue == 0 && __atomic_load_n(&s->announce, __ATOMIC_RELAXED))) {
		pkts[0] = announcement(s);
		return 1;
	}
	return vq->ops->rx(vq, arena, pkts, n);
}

static void vhost_rx_done(struct port *port, uint16_t queue)
{
	struct vhost_session *s = port->priv;
	struct virtqueue *vq = s->taken[queue].vq;

	vq->ops->rx_done(vq);
}

// Sends what it can; packets that this guest can never take go to the end of the list, so that they
// do not hold up those behind them. *left is how many of the others are not sent. Returns how many
// are.
static uint16_t send_burst(struct virtqueue *vq, struct rte_mbuf **pkts, uint16_t n, uint16_t *left)
{
	uint16_t sent = 0;

	*left = n;
	for (unsigned retries = 0; *left > 0 && retries <= TX_RETRIES;) {
		uint16_t burst = RTE_MIN(*left, BURST_MAX);
		bool impossible = false;
		uint16_t taken = vq->ops->tx(vq, pkts + sent, burst, &impossible);

		sent += taken;
		*left -= taken;
		if (likely(taken == burst))
			continue;
		if (impossible) {
			struct rte_mbuf *first = pkts[sent];

			memmove(pkts + sent, pkts + sent + 1, (n - sent - 1u) * sizeof(pkts[0]));
			pkts[n - 1] = first;
			--*left;
		} else if (taken == 0) {
			break;
		} else {
			retries++;
		}
	}
	return sent;
}

static uint16_t vhost_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
			 int *reason)
{
	struct vhost_device *device = session_device(port->priv);
	struct virtqueue *vq;
	uint16_t sent, left;
	bool shared;

	if (unlikely(!device || device->n_rx == 0)) {
		*reason = DROP_PORT_DOWN;
		return 0;
	}
	vq = device->rx[device->n_rx > 1 ? pmd_index % device->n_rx : 0];
	shared =
	    device->shared || __atomic_load_n(&ports_n_senders, __ATOMIC_RELAXED) > device->n_rx;
	if (shared)
		rte_spinlock_lock(&vq->lock);
	sent = send_burst(vq, pkts, n, &left);
	if (shared)
		rte_spinlock_unlock(&vq->lock);
	packet_free_bulk(pkts, sent); // they are copied
	if (unlikely(sent < n)) {
		if (vq->fault)
			*reason = DROP_PORT_DOWN;
		else
			*reason = left > 0 ? DROP_TX_FULL : DROP_MTU;
	}
	return sent;
}

// The queues' health.

struct health {
	unsigned n_rxq, n_txq; // that work, as the switch sees them
	char fault[160];       // of the first one that does not
	bool is_news;	       // it is not in the log yet
};

static bool queue_works(struct vhost_session *s, const struct virtqueue *vq, struct health *health)
{
	uint32_t bit = 1u << vq->index;
	unsigned fault = __atomic_load_n(&vq->fault, __ATOMIC_ACQUIRE); // then its descriptor

	if (fault == VIRTQUEUE_NONE)
		return true;
	if (health->fault[0])
		return false;
	snprintf(health->fault, sizeof(health->fault),
		 "queue %u of the guest stopped: %s (descriptor %u)", vq->index,
		 virtqueue_fault_text(fault), vq->fault_desc);
	health->is_news = !(s->active->told & bit);
	s->active->told |= bit;
	return false;
}

static void health_check(struct vhost_session *s, struct health *health)
{
	memset(health, 0, sizeof(*health));
	pthread_mutex_lock(&s->mutex);
	const struct vhost_device *device = session_device(s);
	for (unsigned q = 0; device && q < VHOST_PAIRS_MAX; q++) {
		if (device->tx[q])
			health->n_rxq += queue_works(s, device->tx[q], health);
		if (q < device->n_rx)
			health->n_txq += queue_works(s, device->rx[q], health);
	}
	pthread_mutex_unlock(&s->mutex);
	if (health->is_news)
		port_log_warn(s->port, "%s", health->fault);
}

static const char *no_listener_reason(const char *path)
{
	if (access(path, W_OK) < 0 && errno == EACCES)
		return "swd may not write to the socket: its rights, or its folder's, keep it off";
	return "nobody listens on the socket";
}

static const char *down_reason(struct vhost_session *s)
{
	if (session_memory_lost(s))
		return "the guest has taken away memory that it had shared (its file was cut off)";
	if (session_n_conns(s) > 0)
		return "the guest's driver is not ready";
	if (session_is_refusing(s))
		return VHOST_SOCKETS_TEXT;
	return s->server ? "no guest connected to the socket" : no_listener_reason(s->path);
}

static void vhost_status(struct port *port, struct port_status *status)
{
	struct vhost_session *s = port->priv;
	struct health health;

	health_check(s, &health);
	memset(status, 0, sizeof(*status));
	status->n_rxq = (uint16_t)health.n_rxq;
	status->n_txq = (uint16_t)health.n_txq;
	status->link_up = status->n_rxq > 0 && status->n_txq > 0;
	int len = snprintf(status->detail, sizeof(status->detail), "%s %s",
			   s->server ? "server" : "client", s->path);
	if (!status->link_up)
		snprintf(status->reason, sizeof(status->reason), "%s",
			 health.fault[0] ? health.fault : down_reason(s));
	else if (health.fault[0])
		snprintf(status->detail + len, sizeof(status->detail) - len, "; %s", health.fault);
}

static void vhost_losses(struct port *port, uint64_t *drops)
{
	struct vhost_session *s = port->priv;
	uint64_t n;

	pthread_mutex_lock(&s->mutex);
	n = s->n_malformed;
	for (unsigned i = 0; i < VHOST_CONNS_MAX; i++) {
		for (unsigned v = 0; v < VHOST_VRINGS_MAX; v++)
			n += tally_read(&s->conns[i].queues[v].n_malformed);
	}
	pthread_mutex_unlock(&s->mutex);
	drops[DROP_MALFORMED] += n;
}

const struct port_kind port_kind_vhost = {
    .name = "vhost-user",
    .open = vhost_open,
    .close = vhost_close,
    .rx = vhost_rx,
    .rx_done = vhost_rx_done,
    .tx_copies = true,
    .tx = vhost_tx,
    .status = vhost_status,
    .guest = vhost_guest,
    .losses = vhost_losses,
};
