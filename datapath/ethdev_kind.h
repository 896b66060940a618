// Port kinds that are devices of DPDK: what sets one apart from the others. port_ethdev.c does the
// rest.
#ifndef DATAPATH_ETHDEV_KIND_H
#define DATAPATH_ETHDEV_KIND_H

#include "datapath/port.h"

#define ETHDEV_DEVARGS_MAX (2 * PORT_OPTION_MAX + 128) // two paths, and what stands around them

// All: control thread. Errors are -errno with one line in err that names the thing and the mend.
struct ethdev_kind {
	// The device must have as many transmit queues as receive queues.
	bool txq_as_rxq;
	// The longest MTU of the interface that the device carries frames of, where ethdev lets its
	// driver be asked for less. 0: as ethdev says.
	uint16_t mtu_max;
	// A transmit with nothing to send, now and then, is what the driver's own frames leave by.
	bool tx_polls;
	// The port is there without its peer: an answer of -ENOTCONN (nobody is there) or
	// -ETIMEDOUT (and is not to be asked often) from prepare() opens it without a device, and a
	// link that is lost closes the device; port_watch.h tries again.
	bool (*waits)(const struct port *port);
	// Checks what only the host can tell, and makes what the device is to stand on. NULL: a
	// device needs neither.
	int (*prepare)(const struct port *port, char *err, size_t err_len);
	// Writes the device's name and arguments as rte_dev_probe() takes them, once prepare() said
	// 0. Two ports must not give one name: port->no makes it unique, as in "net_tap_swd7", and
	// "swd" keeps clear of those that operators write.
	void (*devargs)(const struct port *port, char *devargs, size_t len);
	// Called before and after all that the driver does to open the device, and to close it. A
	// driver that waits for its peer without end is stopped in between: unguard() says -ETIME
	// then, and the port opens without its device, as of -ETIMEDOUT. NULL, both: the driver
	// comes back by itself.
	void (*guard)(const struct port *port);
	int (*unguard)(const struct port *port, char *err, size_t err_len);
	// The device runs: what an operator asked for beyond devargs. NULL: nothing.
	int (*started)(struct port *port, uint16_t ethdev, char *err, size_t err_len);
	// The device that started is about to be closed. NULL: nothing.
	void (*closing)(const struct port *port, uint16_t ethdev);
	// The interface of the host that the device is, or is the other side of: its link is the
	// port's, and the port outlives it (port_watch.h). NULL, or an answer of NULL: none.
	const char *(*iface)(const struct port *port);
	// The device itself is taken away, and who takes it waits until the port has closed it:
	// port_watch.h opens it again when it is back. NULL: that cannot be, or is not told.
	bool (*unplugged)(const struct port *port);
	// Looked at twice a second, while the device is there. NULL: nothing to do.
	void (*look)(struct port *port, uint16_t ethdev);
	// The device is gone, or never came, after prepare() said 0. NULL: nothing to undo.
	void (*closed)(const struct port *port);
	// Why there is no link, for port_status.reason. NULL: the device tells no more than that.
	void (*down_reason)(const struct port *port, uint16_t ethdev, char *reason, size_t len);
	// The kind's own words, added to what all devices tell; the device is there. NULL: none.
	void (*status)(const struct port *port, struct port_status *status);
};

int ethdev_open(struct port *port, const struct port_config *config, char *err, size_t err_len);
void ethdev_close(struct port *port);
uint16_t ethdev_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
		   struct rte_mbuf **pkts, uint16_t n);
uint16_t ethdev_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
		   int *reason);
void ethdev_status(struct port *port, struct port_status *status);
void ethdev_losses(struct port *port, uint64_t *drops);

// A port whose device vanishes: port_watch.c asks, and takes its queues from the PMDs before it is
// lost and gives them back after it has opened anew. Control thread.
bool ethdev_vanished(const struct port *port); // its interface or device is not there any more
bool ethdev_waits(const struct port *port);
void ethdev_look(struct port *port); // what its kind does now and then
bool ethdev_lost(const struct port *port);
bool ethdev_link(struct port *port, char *reason, size_t len); // false: one line in reason
// Closes the device, and keeps the port, whose status says why; of a lost one: a new reason.
void ethdev_lose(struct port *port, const char *reason);
int ethdev_reopen(struct port *port, char *err, size_t err_len); // a lost one's; as open()

// A row of port.c's table.
#define ETHDEV_PORT_KIND(kind_name, ethdev_kind)                                                  \
	{                                                                                         \
		.name = (kind_name), .ethdev = (ethdev_kind), .open = ethdev_open,                \
		.close = ethdev_close, .rx = ethdev_rx, .tx = ethdev_tx, .status = ethdev_status, \
		.losses = ethdev_losses                                                           \
	}

#endif
