// Port kind "vhost-user": a guest's virtio-net device, by way of librte_vhost's rings.
#include "datapath/port.h"
#include "vhost/session.h"
#include "vhost/socket_path.h"

#include <rte_malloc.h>
#include <rte_vhost.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_FRAME   (9000 + 14 + 8) // a jumbo payload, Ethernet header, two VLAN tags
#define ENQUEUE_MAX 32		    // packets that librte_vhost takes at most in a call
#define TX_RETRIES  2 // after a call that filled the ring: the guest may be emptying it
#define SAFE_FRAME  (1500 + 14 + 4) // bytes that any guest's buffer holds

static const char *const option_keys[] = {"path", "mode", "queues", NULL};

static int mode_parse(const struct port_config *config, bool *server, char *err, size_t err_len)
{
	const char *mode = port_option(config, "mode");
	*server = !mode || strcmp(mode, "server") == 0;
	if (*server || strcmp(mode, "client") == 0)
		return 0;
	snprintf(err, err_len, "mode=%.40s does not do: use server (swd listens) or client", mode);
	return -EINVAL;
}

static int options_parse(struct vhost_session *s, const struct port_config *config, char *err,
			 size_t err_len)
{
	int rc = port_options_check(config, option_keys, err, err_len);
	if (rc < 0)
		return rc;
	const char *path = port_option(config, "path");
	if (!path || !path[0]) {
		snprintf(err, err_len, "a vhost-user port needs path=SOCKET");
		return -EINVAL;
	}
	rc = socket_path_check(path, err, err_len);
	if (rc < 0)
		return rc;
	snprintf(s->path, sizeof(s->path), "%s", path);
	rc = mode_parse(config, &s->server, err, err_len);
	if (rc < 0)
		return rc;
	return port_option_uint(config, "queues", 1, VHOST_PAIRS_MAX, 1, &s->n_pairs, err, err_len);
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

static uint16_t vhost_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
			 struct rte_mbuf **pkts, uint16_t n)
{
	(void)arena;
	struct vhost_conn *conn = session_active(port->priv);
	if (!conn || !(session_queues(&conn->tx_enabled) >> queue & 1))
		return 0;
	return rte_vhost_dequeue_burst(conn->vid, 2 * queue + 1, packet_pool(), pkts, n);
}

// The guest's receive vring for a PMD: its share of the enabled ones, which need not be the first
// ones. mask is not 0.
static uint16_t tx_vring(uint32_t mask, unsigned pmd_index)
{
	for (unsigned skip = pmd_index % (unsigned)__builtin_popcount(mask); skip > 0; skip--)
		mask &= mask - 1;
	return (uint16_t)(2 * __builtin_ctz(mask));
}

// librte_vhost stops at a frame that is longer than the guest's buffers as it does at a full ring.
// Such a frame must not hold up those behind it: it goes to the end of the list, where those are
// that are not sent. Returns whether that was done.
static bool long_frame_aside(const struct vhost_conn *conn, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *first = pkts[0];
	if (conn->mergeable || rte_pktmbuf_pkt_len(first) <= SAFE_FRAME)
		return false;
	memmove(pkts, pkts + 1, (n - 1u) * sizeof(pkts[0]));
	pkts[n - 1] = first;
	return true;
}

static uint16_t vhost_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
			 int *reason)
{
	struct vhost_conn *conn = session_active(port->priv);
	uint32_t mask = conn ? session_queues(&conn->rx_enabled) : 0;
	if (mask == 0) {
		*reason = DROP_PORT_DOWN;
		return 0;
	}
	uint16_t vring = tx_vring(mask, pmd_index);
	uint16_t sent = 0, left = n;
	for (unsigned retries = 0; left > 0 && retries <= TX_RETRIES;) {
		uint16_t burst = RTE_MIN(left, ENQUEUE_MAX);
		uint16_t taken = rte_vhost_enqueue_burst(conn->vid, vring, pkts + sent, burst);
		sent += taken;
		left -= taken;
		if (left > 0 && taken < burst && long_frame_aside(conn, pkts + sent, left))
			left--;
		else if (taken == 0)
			break;
		else
			retries += taken < burst;
	}
	rte_pktmbuf_free_bulk(pkts, sent); // enqueue copies
	*reason = left > 0 ? DROP_TX_FULL : DROP_MTU;
	return sent;
}

static void vhost_status(struct port *port, struct port_status *status)
{
	struct vhost_session *s = port->priv;
	struct vhost_conn *conn = session_active(s);
	memset(status, 0, sizeof(*status));
	if (conn) {
		status->n_rxq = (uint16_t)__builtin_popcount(session_queues(&conn->tx_enabled));
		status->n_txq = (uint16_t)__builtin_popcount(session_queues(&conn->rx_enabled));
	}
	status->link_up = status->n_rxq > 0 && status->n_txq > 0;
	if (!status->link_up) {
		const char *reason = "the guest's driver is not ready";
		if (session_n_conns(s) == 0)
			reason = s->server ? "no guest connected to the socket"
					   : "nobody listens on the socket";
		snprintf(status->reason, sizeof(status->reason), "%s", reason);
	}
	snprintf(status->detail, sizeof(status->detail), "%s %s", s->server ? "server" : "client",
		 s->path);
}

const struct port_kind port_kind_vhost = {
    .name = "vhost-user",
    .open = vhost_open,
    .close = vhost_close,
    .rx = vhost_rx,
    .tx = vhost_tx,
    .status = vhost_status,
};
