// Port kind "dpdk": any virtual device that DPDK has a driver for, by its devargs.
#include "datapath/ethdev_probe.h"
#include "datapath/pmd.h"
#include "datapath/port.h"

#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_spinlock.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define N_DESC	    512
#define QUEUES_MAX  PORT_QUEUES_MAX
#define MTU_MIN	    68 // RFC 791
#define MTU_MAX	    9600
#define FRAME_EXTRA (RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN) // beyond the MTU, without FCS

static const char *const option_keys[] = {"devargs", "queues", "mtu", NULL};

// A transmit queue's lock, alone on its line: PMDs that have a queue each do not meet.
struct txq_lock {
	rte_spinlock_t lock;
} __rte_cache_aligned;

struct ethdev_port {
	uint16_t id; // ethdev's
	uint16_t n_txq;
	bool linearize; // the device takes no chained mbufs
	bool link_up;	// last seen; writer: control thread and EAL's interrupt thread
	bool owned;	// we probed it, so we remove it
	uint16_t mtu;
	struct rte_eth_dev_info info;
	struct txq_lock txq[];
};

static int options_parse(const struct port_config *config, unsigned *n_rxq, unsigned *mtu,
			 char *err, size_t err_len)
{
	int rc = port_options_check(config, option_keys, err, err_len);
	if (rc < 0)
		return rc;
	const char *devargs = port_option(config, "devargs");
	if (!devargs || !devargs[0]) {
		snprintf(err, err_len,
			 "a dpdk port needs devargs=DEVICE, as in devargs=net_tap0,iface=tap0");
		return -EINVAL;
	}
	rc = port_option_uint(config, "queues", 1, QUEUES_MAX, 1, n_rxq, err, err_len);
	if (rc < 0)
		return rc;
	return port_option_uint(config, "mtu", MTU_MIN, MTU_MAX, 0, mtu, err, err_len);
}

// One line that names the device, the step and the cause.
static int refuse(int rc, const char *device, const char *step, char *err, size_t err_len)
{
	snprintf(err, err_len, "device \"%.80s\": %s: %s", device, step, rte_strerror(-rc));
	return rc;
}

// As many transmit queues as there may be PMDs; net_tap wants as many as receive queues.
static uint16_t txq_wanted(const struct rte_eth_dev_info *info, uint16_t n_rxq)
{
	if (strcmp(info->driver_name, "net_tap") == 0)
		return n_rxq;
	long n_cpus = RTE_MIN(sysconf(_SC_NPROCESSORS_ONLN), PMDS_MAX);
	long wanted = RTE_MAX((long)n_rxq, n_cpus);
	return (uint16_t)RTE_MAX(1, RTE_MIN(wanted, (long)info->max_tx_queues));
}

static int link_changed(uint16_t id, enum rte_eth_event_type type, void *arg, void *ret)
{
	struct ethdev_port *p = arg;
	struct rte_eth_link link;
	(void)type;
	(void)ret;
	if (rte_eth_link_get_nowait(id, &link) == 0)
		__atomic_store_n(&p->link_up, link.link_status, __ATOMIC_RELAXED);
	return 0;
}

// Bytes of a frame that fit into one buffer.
static uint32_t buffer_room(void)
{
	return rte_pktmbuf_data_room_size(packet_pool()) - RTE_PKTMBUF_HEADROOM;
}

static int device_configure(struct ethdev_port *p, uint16_t n_rxq, bool jumbo)
{
	struct rte_eth_conf conf = {0};
	uint64_t rx = p->info.rx_offload_capa, tx = p->info.tx_offload_capa;

	if (jumbo)
		conf.rxmode.offloads |= rx & RTE_ETH_RX_OFFLOAD_SCATTER;
	conf.txmode.offloads |= tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	p->linearize = !(tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	// virtio-user in server mode needs it to take a peer again.
	conf.intr_conf.lsc = !!(*p->info.dev_flags & RTE_ETH_DEV_INTR_LSC);
	return rte_eth_dev_configure(p->id, n_rxq, p->n_txq, &conf);
}

static int queues_setup(struct ethdev_port *p, uint16_t n_rxq)
{
	uint16_t n_rxd = N_DESC, n_txd = N_DESC;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &n_rxd, &n_txd);
	int node = rte_eth_dev_socket_id(p->id);
	for (uint16_t q = 0; rc == 0 && q < n_rxq; q++)
		rc = rte_eth_rx_queue_setup(p->id, q, n_rxd, node, NULL, packet_pool());
	for (uint16_t q = 0; rc == 0 && q < p->n_txq; q++)
		rc = rte_eth_tx_queue_setup(p->id, q, n_txd, node, NULL);
	return rc;
}

static int device_start(struct ethdev_port *p, const char *devargs, uint16_t n_rxq, unsigned mtu,
			char *err, size_t err_len)
{
	int rc = device_configure(p, n_rxq, mtu + FRAME_EXTRA > buffer_room());
	if (rc < 0)
		return refuse(rc, devargs, "cannot configure its queues", err, err_len);
	rc = queues_setup(p, n_rxq);
	if (rc < 0)
		return refuse(rc, devargs, "cannot set up its queues", err, err_len);
	rc = mtu ? rte_eth_dev_set_mtu(p->id, (uint16_t)mtu) : 0;
	if (rc < 0)
		return refuse(rc, devargs, "cannot set its mtu", err, err_len);
	rc = rte_eth_dev_start(p->id);
	if (rc < 0)
		return refuse(rc, devargs, "cannot start", err, err_len);
	// Some drivers have no such mode, for they always receive everything.
	rc = rte_eth_promiscuous_enable(p->id);
	if (rc < 0 && rc != -ENOTSUP) {
		rte_eth_dev_stop(p->id);
		return refuse(rc, devargs, "cannot receive frames for others (promiscuous mode)",
			      err, err_len);
	}
	if (rte_eth_dev_get_mtu(p->id, &p->mtu) < 0)
		p->mtu = RTE_ETHER_MTU;
	rte_eth_dev_callback_register(p->id, RTE_ETH_EVENT_INTR_LSC, link_changed, p);
	link_changed(p->id, RTE_ETH_EVENT_INTR_LSC, p, NULL);
	return 0;
}

// Allocates the port's state for a device that is there.
static int device_describe(uint16_t id, const char *devargs, unsigned n_rxq,
			   struct ethdev_port **out, char *err, size_t err_len)
{
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(id, &info);
	if (rc < 0)
		return refuse(rc, devargs, "tells nothing about itself", err, err_len);
	if (n_rxq > info.max_rx_queues) {
		snprintf(err, err_len, "queues=%u is too many: device \"%.80s\" has %u", n_rxq,
			 devargs, info.max_rx_queues);
		return -EINVAL;
	}
	uint16_t n_txq = txq_wanted(&info, (uint16_t)n_rxq);
	struct ethdev_port *p =
	    rte_zmalloc("ethdev-port", sizeof(*p) + n_txq * sizeof(p->txq[0]), RTE_CACHE_LINE_SIZE);
	if (!p) {
		snprintf(err, err_len, "out of hugepage memory: start swd with a larger --mem");
		return -ENOMEM;
	}
	p->id = id;
	p->n_txq = n_txq;
	p->info = info;
	*out = p;
	return 0;
}

static int ethdev_open(struct port *port, const struct port_config *config, char *err,
		       size_t err_len)
{
	unsigned n_rxq = 0, mtu = 0;
	struct ethdev_port *p = NULL;
	uint16_t id;
	bool owned;

	int rc = options_parse(config, &n_rxq, &mtu, err, err_len);
	if (rc < 0)
		return rc;
	const char *devargs = port_option(config, "devargs");
	rc = ethdev_probe(devargs, &id, &owned, err, err_len);
	if (rc < 0)
		return rc;
	rc = device_describe(id, devargs, n_rxq, &p, err, err_len);
	if (rc < 0)
		goto remove;
	p->owned = owned;
	rc = device_start(p, devargs, (uint16_t)n_rxq, mtu, err, err_len);
	if (rc < 0)
		goto free_port;
	port->priv = p;
	port->n_rxq = (uint16_t)n_rxq;
	port->n_txq = p->n_txq;
	port->numa_node = (int16_t)rte_eth_dev_socket_id(p->id);
	port->max_frame = p->mtu + FRAME_EXTRA;
	if (p->linearize)
		port->max_frame = RTE_MIN(port->max_frame, buffer_room());
	return 0;

free_port:
	rte_free(p);
remove:
	ethdev_remove(id, owned);
	return rc;
}

static void ethdev_close(struct port *port)
{
	struct ethdev_port *p = port->priv;
	// As long as the callback runs, on EAL's interrupt thread, it stays registered.
	while (rte_eth_dev_callback_unregister(p->id, RTE_ETH_EVENT_INTR_LSC, link_changed, p) ==
	       -EAGAIN)
		sched_yield();
	int rc = rte_eth_dev_stop(p->id);
	if (rc < 0)
		port_log_warn(port, "device did not stop: %s", rte_strerror(-rc));
	ethdev_remove(p->id, p->owned);
	rte_free(p);
}

static uint16_t ethdev_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
			  struct rte_mbuf **pkts, uint16_t n)
{
	(void)arena;
	const struct ethdev_port *p = port->priv;
	n = rte_eth_rx_burst(p->id, queue, pkts, n);
	for (uint16_t i = 0; i < n; i++)
		pkts[i]->ol_flags &= ~PACKET_OFFLOAD; // a buffer's former life
	return n;
}

// How many packets from the start of the burst the device can take as they are now.
static uint16_t linearize(struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (pkts[i]->nb_segs > 1 && rte_pktmbuf_linearize(pkts[i]) < 0)
			return i;
	}
	return n;
}

static uint16_t ethdev_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
			  int *reason)
{
	struct ethdev_port *p = port->priv;
	uint16_t queue = pmd_index % p->n_txq;
	uint16_t fit = p->linearize ? linearize(pkts, n) : n;

	rte_spinlock_lock(&p->txq[queue].lock);
	uint16_t sent = rte_eth_tx_burst(p->id, queue, pkts, fit);
	rte_spinlock_unlock(&p->txq[queue].lock);
	if (sent < fit)
		*reason =
		    __atomic_load_n(&p->link_up, __ATOMIC_RELAXED) ? DROP_TX_FULL : DROP_PORT_DOWN;
	else
		*reason = DROP_MTU; // the next one does not fit into one buffer
	return sent;
}

static void ethdev_status(struct port *port, struct port_status *status)
{
	struct ethdev_port *p = port->priv;
	struct rte_ether_addr mac;

	memset(status, 0, sizeof(*status));
	link_changed(p->id, RTE_ETH_EVENT_INTR_LSC, p, NULL);
	status->link_up = __atomic_load_n(&p->link_up, __ATOMIC_RELAXED);
	if (!status->link_up)
		snprintf(status->reason, sizeof(status->reason), "device %s reports no link",
			 p->info.driver_name);
	snprintf(status->detail, sizeof(status->detail), "%s %s", p->info.driver_name,
		 port_option(&port->config, "devargs"));
	status->n_rxq = port->n_rxq;
	status->n_txq = port->n_txq;
	status->mtu = p->mtu;
	if (rte_eth_macaddr_get(p->id, &mac) == 0)
		memcpy(status->mac, mac.addr_bytes, sizeof(status->mac));
}

const struct port_kind port_kind_ethdev = {
    .name = "dpdk",
    .open = ethdev_open,
    .close = ethdev_close,
    .rx = ethdev_rx,
    .tx = ethdev_tx,
    .status = ethdev_status,
};
