// The device of a port: opened with its queues, and closed.
#include "datapath/ethdev_port.h"
#include "datapath/ethdev_probe.h"
#include "datapath/host_iface.h"
#include "datapath/pmd.h"
#include "datapath/veth_segments.h"

#include <rte_alarm.h>
#include <rte_malloc.h>

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define N_DESC 512
// Of a read of net_tap's: as many as the kernel takes without a list of its own (UIO_FASTIOV), with
// the one of the packet's information. They hold an MTU that is raised later, too.
#define N_TAP_RXD 7

// One line that names the device, the step and the cause.
static int refuse(int rc, const char *device, const char *step, char *err, size_t err_len)
{
	snprintf(err, err_len, "device \"%.80s\": %s: %s", device, step, rte_strerror(-rc));
	return rc;
}

static unsigned rxqs_max(const struct rte_eth_dev_info *info)
{
	return ethdev_is_tap(info) ? RTE_MIN(info->max_rx_queues, ETHDEV_TAP_QUEUES_MAX)
				   : info->max_rx_queues;
}

// As many transmit queues as there may be PMDs; net_tap wants as many as receive queues.
static uint16_t txq_wanted(const struct port *port, const struct rte_eth_dev_info *info,
			   uint16_t n_rxq)
{
	if (port->kind->ethdev->txq_as_rxq || ethdev_is_tap(info))
		return n_rxq;
	long n_cpus = RTE_MIN(sysconf(_SC_NPROCESSORS_ONLN), PMDS_MAX);
	long wanted = RTE_MAX((long)n_rxq, n_cpus);
	return (uint16_t)RTE_MAX(1, RTE_MIN(wanted, (long)info->max_tx_queues));
}

// Frames as the kernel has them, unless the device is a file (net_pcap's may be).
static bool shows_unfinished(const struct rte_eth_dev_info *info)
{
	static const char *const drivers[] = {"net_af_packet", "net_af_xdp", "net_pcap",
					      "net_bonding"};

	for (size_t i = 0; i < RTE_DIM(drivers); i++) {
		if (strcmp(info->driver_name, drivers[i]) == 0)
			return info->if_index != 0 || strcmp(drivers[i], "net_bonding") == 0;
	}
	return false;
}

// A flow's packets stay on one queue. net_tap makes a traffic control filter of the kernel's of it,
// which is left to its default.
static void rss_choose(const struct ethdev_port *p, uint16_t n_rxq, struct rte_eth_conf *conf)
{
	uint64_t hashes =
	    p->info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);

	if (n_rxq == 1 || hashes == 0 || ethdev_is_tap(&p->info))
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = hashes;
}

// net_bonding tells then what it was told last, not that its last member has gone. net_virtio_user
// leaves its socket with EAL when it fails to start, and closes its receive queues' eventfds twice
// at its end: EAL panics, or another thread has lost what it has opened between. Both are asked.
static bool hears_of_link(const struct rte_eth_dev_info *info)
{
	return (*info->dev_flags & RTE_ETH_DEV_INTR_LSC) &&
	       strcmp(info->driver_name, "net_bonding") != 0 &&
	       strcmp(info->driver_name, "net_virtio_user") != 0;
}

static int device_configure(struct ethdev_port *p, uint16_t n_rxq, bool scatter)
{
	struct rte_eth_conf conf = {0};
	uint64_t rx = p->info.rx_offload_capa, tx = p->info.tx_offload_capa;

	if (scatter)
		conf.rxmode.offloads |= rx & RTE_ETH_RX_OFFLOAD_SCATTER;
	p->offload = ethdev_offload_choose(&p->info, p->devargs);
	conf.txmode.offloads |= p->offload.tx | (tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	rss_choose(p, n_rxq, &conf);
	p->linearize = !(tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	conf.intr_conf.lsc = hears_of_link(&p->info);
	conf.intr_conf.rxq = ethdev_is_tap(&p->info); // for its queue's descriptor
	return rte_eth_dev_configure(p->id, n_rxq, p->n_txq, &conf);
}

static int queues_setup(struct ethdev_port *p, uint16_t n_rxq)
{
	uint16_t n_rxd = ethdev_is_tap(&p->info) ? N_TAP_RXD : N_DESC, n_txd = N_DESC;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &n_rxd, &n_txd);
	int node = rte_eth_dev_socket_id(p->id);
	for (uint16_t q = 0; rc == 0 && q < n_rxq; q++)
		rc = rte_eth_rx_queue_setup(p->id, q, n_rxd, node, NULL, packet_pool());
	for (uint16_t q = 0; rc == 0 && q < p->n_txq; q++)
		rc = rte_eth_tx_queue_setup(p->id, q, n_txd, node, NULL);
	return rc;
}

struct stop_order {
	uint16_t id;
	int rc;
	sem_t done;
};

static void stop_here(void *arg)
{
	struct stop_order *order = arg;

	order->rc = rte_eth_dev_stop(order->id);
	sem_post(&order->done);
}

// net_virtio cannot take its interrupt's descriptor back from EAL while it hears of the link, does
// not look at that, and closes it: EAL panics as it waits on it next. It hears of nothing while
// EAL's interrupt thread stops it. Alarms come in the order in which they were set: those of
// net_virtio_user, which found its peer gone, are over then.
static int device_stop(uint16_t id)
{
	struct stop_order order = {.id = id};

	sem_init(&order.done, 0, 0);
	if (rte_eal_alarm_set(1, stop_here, &order) < 0)
		stop_here(&order);
	while (sem_wait(&order.done) < 0)
		;
	sem_destroy(&order.done);
	return order.rc;
}

static int device_start(struct port *port, struct ethdev_port *p, uint16_t n_rxq, char *err,
			size_t err_len)
{
	const char *devargs = p->devargs;
	unsigned mtu = port_option_number(&port->config, "mtu");
	bool jumbo = mtu + ETHDEV_FRAME_EXTRA > ethdev_buffer_room();
	int rc = device_configure(p, n_rxq, jumbo || ethdev_is_tap(&p->info));
	if (rc < 0)
		return refuse(rc, devargs, "cannot configure its queues", err, err_len);
	rc = queues_setup(p, n_rxq);
	if (rc < 0)
		return refuse(rc, devargs, "cannot set up its queues", err, err_len);
	rc = mtu ? ethdev_mtu_set(port, p, mtu, err, err_len) : 0;
	if (rc < 0)
		return rc;
	rc = rte_eth_dev_start(p->id);
	if (rc < 0)
		return refuse(rc, devargs, "cannot start", err, err_len);
	// Some drivers have no such mode, for they always receive everything.
	rc = rte_eth_promiscuous_enable(p->id);
	if (rc < 0 && rc != -ENOTSUP) {
		device_stop(p->id);
		return refuse(rc, devargs, "cannot receive frames for others (promiscuous mode)",
			      err, err_len);
	}
	p->tap_fd = ethdev_is_tap(&p->info) ? rte_eth_dev_rx_intr_ctl_q_get_fd(p->id, 0) : -1;
	ethdev_mtu_follow(port, p);
	if (p->kernel_rx && strcmp(p->info.driver_name, "net_af_xdp") != 0)
		p->segments = veth_segments_ask(p->info.if_index);
	rte_eth_dev_callback_register(p->id, RTE_ETH_EVENT_INTR_LSC, ethdev_link_changed, p);
	ethdev_link_changed(p->id, RTE_ETH_EVENT_INTR_LSC, p, NULL);
	return 0;
}

// Allocates the port's state for a device that is there.
static int device_describe(const struct port *port, uint16_t id, const char *devargs,
			   unsigned n_rxq, struct ethdev_port **out, char *err, size_t err_len)
{
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(id, &info);
	if (rc < 0)
		return refuse(rc, devargs, "tells nothing about itself", err, err_len);
	if (n_rxq > rxqs_max(&info)) {
		snprintf(err, err_len, "queues=%u is too many: device \"%.80s\" has %u", n_rxq,
			 devargs, rxqs_max(&info));
		return -EINVAL;
	}
	uint16_t n_txq = txq_wanted(port, &info, (uint16_t)n_rxq);
	struct ethdev_port *p =
	    rte_zmalloc("ethdev-port", sizeof(*p) + n_txq * sizeof(p->txq[0]), RTE_CACHE_LINE_SIZE);
	if (!p) {
		snprintf(err, err_len, "out of hugepage memory: start swd with a larger --mem");
		return -ENOMEM;
	}
	p->id = id;
	p->n_txq = n_txq;
	p->info = info;
	// net_pcap does not say, of one that it opens for both directions apart.
	if (info.if_index == 0 && ethdev_iface(port))
		p->info.if_index = host_iface_index(ethdev_iface(port));
	p->kernel_rx = shows_unfinished(&p->info);
	p->segments = p->tap_fd = -1;
	*out = p;
	return 0;
}

static int device_open(struct port *port, const char *devargs, struct ethdev_port **out, char *err,
		       size_t err_len)
{
	unsigned n_rxq = ethdev_queues_asked(port);
	struct ethdev_port *p = NULL;
	uint16_t id;
	bool owned;

	int rc = ethdev_probe(devargs, &id, &owned, err, err_len);
	if (rc < 0)
		return rc;
	rc = device_describe(port, id, devargs, n_rxq, &p, err, err_len);
	if (rc < 0)
		goto remove;
	p->owned = owned;
	snprintf(p->devargs, sizeof(p->devargs), "%s", devargs);
	rc = device_start(port, p, (uint16_t)n_rxq, err, err_len);
	if (rc < 0)
		goto free_port;
	*out = p;
	port->n_rxq = (uint16_t)n_rxq;
	port->n_txq = p->n_txq;
	port->numa_node = (int16_t)rte_eth_dev_socket_id(p->id);
	port->tx_offloads = p->offload.port_tx;
	return 0;

free_port:
	rte_free(p);
remove:
	device_stop(id); // it may not have started, and have set alarms
	ethdev_remove(id, owned);
	return rc;
}

// What net_null's queues have is freed when they are configured away, and not when it closes.
static void null_queues_release(const struct ethdev_port *p)
{
	const struct rte_eth_conf conf = {0};

	if (strcmp(p->info.driver_name, "net_null") != 0)
		return;
	rte_eth_dev_configure(p->id, 1, 0, &conf);
	rte_eth_dev_configure(p->id, 0, 1, &conf);
}

static void device_close(const struct port *port, struct ethdev_port *p)
{
	// As long as the callback runs, on EAL's interrupt thread, it stays registered.
	while (rte_eth_dev_callback_unregister(p->id, RTE_ETH_EVENT_INTR_LSC, ethdev_link_changed,
					       p) == -EAGAIN)
		sched_yield();
	if (!p->promisc)
		rte_eth_promiscuous_disable(p->id);
	int rc = device_stop(p->id);
	if (rc < 0)
		port_log_warn(port, "device did not stop: %s", rte_strerror(-rc));
	if (p->segments >= 0)
		close(p->segments);
	null_queues_release(p);
	ethdev_remove(p->id, p->owned);
}

static void guard(const struct port *port)
{
	if (port->kind->ethdev->guard)
		port->kind->ethdev->guard(port);
}

static int unguard(const struct port *port, char *err, size_t err_len)
{
	return port->kind->ethdev->guard ? port->kind->ethdev->unguard(port, err, err_len) : 0;
}

int ethdev_device_open(struct port *port, const char *devargs, struct ethdev_port **out, char *err,
		       size_t err_len)
{
	char waited[160];
	guard(port);
	int rc = device_open(port, devargs, out, err, err_len);
	if (unguard(port, waited, sizeof(waited)) == 0)
		return rc;
	// Whatever the driver said: it has no peer now.
	if (rc == 0) {
		ethdev_device_close(port, *out);
		rte_free(*out);
	}
	snprintf(err, err_len, "%s", waited);
	return -ETIME;
}

void ethdev_device_close(const struct port *port, struct ethdev_port *p)
{
	char waited[160];
	guard(port);
	device_close(port, p);
	if (unguard(port, waited, sizeof(waited)) < 0)
		port_log_warn(port, "while it closed: %s", waited);
}
