// Port kind "ring": two ports of one switch that are the ends of a patch cable. What one is sent,
// the other receives.
#include "datapath/port.h"

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_ring.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

// One end. The control thread makes and unmakes the pair.
struct ring_end {
	struct rte_ring *in;   // to be received
	struct ring_end *peer; // NULL: no other end yet. Writer: control thread
};

static const char *cable_of(const struct port *port)
{
	return port_option(&port->config, "name");
}

static unsigned ends_find(const struct port *port, struct port **found)
{
	uint32_t cursor = 0;
	unsigned n = 0;
	for (struct port *other; (other = port_next(&cursor)) != NULL;) {
		if (other != port && other->kind == port->kind &&
		    strcmp(cable_of(other), cable_of(port)) == 0) {
			*found = other;
			n++;
		}
	}
	return n;
}

static int check_cable(const struct port *port, char *err, size_t err_len)
{
	const char *name = cable_of(port);
	if (strlen(name) < PORT_NAME_MAX)
		return 0;
	snprintf(err, err_len, "name=%.40s... is too long: use 1 to %d bytes", name,
		 PORT_NAME_MAX - 1);
	return -EINVAL;
}

static int end_create(struct port *port, struct ring_end **out, char *err, size_t err_len)
{
	char name[RTE_RING_NAMESIZE];
	unsigned size = port_option_number(&port->config, "size");
	snprintf(name, sizeof(name), "swd-port-%u", port->no);
	struct ring_end *end = rte_zmalloc("ring-port", sizeof(*end), RTE_CACHE_LINE_SIZE);
	// One PMD polls the queue; any of them may send.
	if (end)
		end->in =
		    rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SC_DEQ | RING_F_EXACT_SZ);
	if (!end || !end->in) {
		rte_free(end);
		snprintf(err, err_len, "out of hugepage memory: start swd with a larger --mem");
		return -ENOMEM;
	}
	*out = end;
	return 0;
}

static int ring_open(struct port *port, const struct port_config *config, char *err, size_t err_len)
{
	struct port *other = NULL;
	struct ring_end *end;
	(void)config;
	int rc = check_cable(port, err, err_len);
	if (rc < 0)
		return rc;
	if (ends_find(port, &other) > 1) {
		snprintf(err, err_len, "name=%.63s has two ends already: \"%s\" is one",
			 cable_of(port), other->config.name);
		return -EEXIST;
	}
	rc = end_create(port, &end, err, err_len);
	if (rc < 0)
		return rc;
	port->priv = end;
	port->n_rxq = port->n_txq = 1;
	port->max_frame = FRAME_MAX;
	if (other) {
		end->peer = other->priv;
		// Who sees the peer sees its ring.
		__atomic_store_n(&end->peer->peer, end, __ATOMIC_RELEASE);
	}
	return 0;
}

static void ring_close(struct port *port)
{
	struct ring_end *end = port->priv;
	struct rte_mbuf *m;
	if (end->peer) {
		__atomic_store_n(&end->peer->peer, NULL, __ATOMIC_RELAXED);
		ports_synchronize(); // nobody sends into our ring any more
	}
	while (rte_ring_dequeue(end->in, (void **)&m) == 0) {
		rte_pktmbuf_free(m);
		ports_gone_drops[DROP_DEVICE_MISSED]++; // the other end has sent it
	}
	rte_ring_free(end->in);
	rte_free(end);
}

static uint16_t ring_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
			struct rte_mbuf **pkts, uint16_t n)
{
	const struct ring_end *end = port->priv;
	(void)queue;
	(void)arena;
	return (uint16_t)rte_ring_dequeue_burst(end->in, (void **)pkts, n, NULL);
}

static uint16_t ring_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
			int *reason)
{
	const struct ring_end *end = port->priv;
	struct ring_end *peer = __atomic_load_n(&end->peer, __ATOMIC_ACQUIRE);
	(void)pmd_index;
	if (!peer) {
		*reason = DROP_PORT_DOWN;
		return 0;
	}
	*reason = DROP_TX_FULL;
	return (uint16_t)rte_ring_enqueue_burst(peer->in, (void *const *)pkts, n, NULL);
}

static void ring_status(struct port *port, struct port_status *status)
{
	const struct ring_end *end = port->priv;
	memset(status, 0, sizeof(*status));
	status->link_up = end->peer != NULL;
	if (!status->link_up)
		snprintf(status->reason, sizeof(status->reason),
			 "no other end: add a port with type=ring name=%.63s", cable_of(port));
	snprintf(status->detail, sizeof(status->detail), "cable %.63s", cable_of(port));
	status->n_rxq = port->n_rxq;
	status->n_txq = port->n_txq;
}

const struct port_kind port_kind_ring = {
    .name = "ring",
    .open = ring_open,
    .close = ring_close,
    .rx = ring_rx,
    .tx = ring_tx,
    .status = ring_status,
};
