// Port kind "tunnel": where packets of a tunnel come from, once they are out of it. It has no
// device: what is sent into a tunnel goes out by another port, inside a packet of that one's.
#include "datapath/port.h"
#include "datapath/tunnel.h"

#include <stdio.h>
#include <string.h>

static int tunnel_open(struct port *port, const struct port_config *config, char *err,
		       size_t err_len)
{
	(void)config;
	(void)err;
	(void)err_len;
	port->n_rxq = 0;
	port->n_txq = 1;
	port->max_frame = GSO_FRAME_MAX;
	return 0;
}

static void tunnel_close(struct port *port)
{
	tunnel_port_set(port->no, TUNNEL_NONE, 0);
}

static uint16_t tunnel_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
			  struct rte_mbuf **pkts, uint16_t n)
{
	(void)port;
	(void)queue;
	(void)arena;
	(void)pkts;
	(void)n;
	return 0;
}

// Without a header of the tunnel's, a packet goes nowhere.
static uint16_t tunnel_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
			  int *reason)
{
	(void)port;
	(void)pmd_index;
	(void)pkts;
	(void)n;
	*reason = DROP_PORT_DOWN;
	return 0;
}

static void tunnel_status(struct port *port, struct port_status *status)
{
	memset(status, 0, sizeof(*status));
	status->link_up = true;
	snprintf(status->detail, sizeof(status->detail), "no device");
	status->n_txq = port->n_txq;
}

const struct port_kind port_kind_tunnel = {
    .name = "tunnel",
    .hidden = true,
    .open = tunnel_open,
    .close = tunnel_close,
    .rx = tunnel_rx,
    .tx = tunnel_tx,
    .status = tunnel_status,
};
