// Port kinds that are devices of DPDK: what sets one apart from the others. port_ethdev.c does the
// rest.
#ifndef DATAPATH_ETHDEV_KIND_H
#define DATAPATH_ETHDEV_KIND_H

#include "datapath/port.h"

#define ETHDEV_DEVARGS_MAX (2 * PORT_OPTION_MAX)

// All: control thread. Errors are -errno with one line in err that names the thing and the mend.
struct ethdev_kind {
	// Writes the device's name and arguments as rte_dev_probe() takes them, after it has
	// checked what only the host can tell. Two ports must not give one name: port->no makes it
	// unique, as in "net_tap7".
	int (*devargs)(const struct port *port, char *devargs, size_t len, char *err,
		       size_t err_len);
	// The device runs: what an operator asked for beyond devargs. NULL: nothing.
	int (*started)(struct port *port, uint16_t ethdev, char *err, size_t err_len);
	// Why there is no link, for port_status.reason. NULL: the device tells no more than that.
	void (*down_reason)(const struct port *port, uint16_t ethdev, char *reason, size_t len);
};

int ethdev_open(struct port *port, const struct port_config *config, char *err, size_t err_len);
void ethdev_close(struct port *port);
uint16_t ethdev_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
		   struct rte_mbuf **pkts, uint16_t n);
uint16_t ethdev_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
		   int *reason);
void ethdev_status(struct port *port, struct port_status *status);
void ethdev_losses(struct port *port, uint64_t *drops);

// A row of port.c's table.
#define ETHDEV_PORT_KIND(kind_name, ethdev_kind)                                                  \
	{                                                                                         \
		.name = (kind_name), .ethdev = (ethdev_kind), .open = ethdev_open,                \
		.close = ethdev_close, .rx = ethdev_rx, .tx = ethdev_tx, .status = ethdev_status, \
		.losses = ethdev_losses                                                           \
	}

#endif
