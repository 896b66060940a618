// The state of a port that is a device of DPDK, for the files that make it up: port_ethdev.c (the
// port's life), ethdev_device.c (its device), ethdev_mtu.c, ethdev_status.c, and ethdev_burst.c
// (its packets). Control thread, where nothing else is said.
#ifndef DATAPATH_ETHDEV_PORT_H
#define DATAPATH_ETHDEV_PORT_H

#include "datapath/ethdev_kind.h"
#include "datapath/ethdev_offload.h"

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_spinlock.h>

#include <string.h>

#define ETHDEV_TAGS_EXTRA  (2 * RTE_VLAN_HLEN)
#define ETHDEV_FRAME_EXTRA (RTE_ETHER_HDR_LEN + ETHDEV_TAGS_EXTRA) // beyond the MTU, without FCS

// A transmit queue's lock, alone on its line: PMDs that have a queue each do not meet.
struct txq_lock {
	rte_spinlock_t lock;
} __rte_cache_aligned;

struct ethdev_port {
	// What PMDs read for each burst.
	uint16_t id; // ethdev's
	uint16_t n_txq;
	uint16_t mtu;	 // writer: control thread
	bool linearize;	 // the device takes no chained mbufs
	bool kernel_rx;	 // shows frames that the kernel's senders have not finished
	bool link_up;	 // last seen; writer: control thread and EAL's interrupt thread
	bool tap_beyond; // a tap whose MTU is more than its driver sends; writer: control thread
	bool lost;	 // the device is closed, until it opens anew; writer: control thread
	unsigned iface_index; // of kind->iface(); 0: none. EAL's interrupt thread reads it, too
	struct ethdev_offload offload;
	// The control thread's.
	bool owned;		       // we probed it, so we remove it
	bool promisc;		       // the host's interface heard all before we made it
	uint16_t iface_mtu;	       // the last seen of info.if_index; 0: none yet
	int segments;		       // veth_segments_ask()'s, or -1
	int tap_fd;		       // a queue of a tap's, the driver's own; -1: none
	char reason[160];	       // why it is lost
	uint64_t past[N_DROP_REASONS]; // what devices lost that were this port before
	struct rte_eth_dev_info info;
	char devargs[ETHDEV_DEVARGS_MAX];
	// Writers: PMDs.
	uint64_t n_cut_off;  // frames thrown away in rx(); atomically
	uint64_t polled_tsc; // of kinds with tx_polls; the PMD of queue 0
	struct txq_lock txq[];
};

static_assert(offsetof(struct ethdev_port, owned) <= RTE_CACHE_LINE_SIZE, "one line is hot");

// net_tun is the same driver.
static inline bool ethdev_is_tap(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_tap") == 0 ||
	       strcmp(info->driver_name, "net_tun") == 0;
}

// When it starts, the driver puts the descriptors of all its receive and transmit queues into one
// message (tap_mp_req_on_rxtx() of DPDK 22.11), and writes past its end when there are more.
#define ETHDEV_TAP_QUEUES_MAX (RTE_MP_MAX_FD_NUM / 2)

// kind->iface()'s, or NULL.
static inline const char *ethdev_iface(const struct port *port)
{
	const struct ethdev_kind *kind = port->kind->ethdev;
	return kind->iface ? kind->iface(port) : NULL;
}

// Bytes of a frame that fit into one buffer.
static inline uint32_t ethdev_buffer_room(void)
{
	return rte_pktmbuf_data_room_size(packet_pool()) - RTE_PKTMBUF_HEADROOM;
}

// Receive queues, as an operator asked for them; kinds without the option have one.
static inline unsigned ethdev_queues_asked(const struct port *port)
{
	return RTE_MAX(1u, port_option_number(&port->config, "queues"));
}

// Opens the device that devargs name, with the queues and the MTU that the port's options ask for,
// and sets the port's n_rxq, n_txq, numa_node, max_frame and tx_offloads. *out is to be freed by
// rte_free(), after ethdev_device_close(). 0 or -errno with one line in err.
int ethdev_device_open(struct port *port, const char *devargs, struct ethdev_port **out, char *err,
		       size_t err_len);
void ethdev_device_close(const struct port *port, struct ethdev_port *p);

// Of the device and its interface. 0 or -errno with one line in err.
int ethdev_mtu_set(const struct port *port, const struct ethdev_port *p, unsigned mtu, char *err,
		   size_t err_len);
// Has the port follow the interface's own MTU, which an operator may change at any time, as far as
// the device does; the log tells where it does not. p is port->priv, or to be that.
void ethdev_mtu_follow(struct port *port, struct ethdev_port *p);
// Bytes that its tx takes, as struct port's max_frame.
uint32_t ethdev_max_frame(const struct ethdev_port *p);

// Looks whether frames can pass, and keeps it in p->link_up. reason says why not for some causes,
// and is empty for others.
bool ethdev_link_refresh(const struct port *port, struct ethdev_port *p, char *reason, size_t len);
// Asks the device for its link. As rte_eth_dev_cb_fn; arg is the port's state. Any thread.
int ethdev_link_changed(uint16_t id, enum rte_eth_event_type type, void *arg, void *ret);
// Adds what the device has lost, by enum drop_reason.
void ethdev_losses_read(const struct ethdev_port *p, uint64_t *drops);

#endif
