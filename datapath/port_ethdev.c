// Ports that are devices of DPDK, of any kind (ethdev_kind.h).
#include "datapath/ethdev_kind.h"
#include "datapath/ethdev_offload.h"
#include "datapath/ethdev_probe.h"
#include "datapath/host_iface.h"
#include "datapath/kernel_frame.h"
#include "datapath/pmd.h"
#include "datapath/veth_segments.h"

#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_spinlock.h>

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define N_DESC	    512
#define TX_POLL	    256 // polls
#define TAGS_EXTRA  (2 * RTE_VLAN_HLEN)
#define FRAME_EXTRA (RTE_ETHER_HDR_LEN + TAGS_EXTRA) // beyond the MTU, without FCS

// A transmit queue's lock, alone on its line: PMDs that have a queue each do not meet.
struct txq_lock {
	rte_spinlock_t lock;
} __rte_cache_aligned;

struct ethdev_port {
	uint16_t id; // ethdev's
	uint16_t n_txq;
	bool linearize;	      // the device takes no chained mbufs
	bool link_up;	      // last seen; writer: control thread and EAL's interrupt thread
	bool owned;	      // we probed it, so we remove it
	bool lost;	      // the device is closed, until it opens anew; control thread
	bool promisc;	      // the host's interface heard all before we made it; control thread
	unsigned iface_index; // of kind->iface(); 0: none
	char reason[160];     // why it is lost
	bool kernel_rx;	      // shows frames that the kernel's senders have not finished
	uint16_t mtu;	      // writer: control thread
	uint64_t n_cut_off;   // frames thrown away in rx(); writers: PMDs, atomically
	struct ethdev_offload offload;
	int segments; // veth_segments_ask()'s, or -1
	uint64_t
	    past[N_DROP_REASONS]; // what devices lost that were this port before; control thread
	struct rte_eth_dev_info info;
	char devargs[ETHDEV_DEVARGS_MAX];
	uint32_t n_polls; // of kinds with tx_polls. Writer: the PMD of queue 0
	struct txq_lock txq[];
};

// One line that names the device, the step and the cause.
static int refuse(int rc, const char *device, const char *step, char *err, size_t err_len)
{
	snprintf(err, err_len, "device \"%.80s\": %s: %s", device, step, rte_strerror(-rc));
	return rc;
}

// As many transmit queues as there may be PMDs; net_tap wants as many as receive queues.
static uint16_t txq_wanted(const struct port *port, const struct rte_eth_dev_info *info,
			   uint16_t n_rxq)
{
	if (port->kind->ethdev->txq_as_rxq || strcmp(info->driver_name, "net_tap") == 0)
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

static int link_changed(uint16_t id, enum rte_eth_event_type type, void *arg, void *ret)
{
	struct ethdev_port *p = arg;
	struct rte_eth_link link;
	(void)type;
	(void)ret;
	if (p->iface_index == 0 && rte_eth_link_get_nowait(id, &link) == 0)
		__atomic_store_n(&p->link_up, link.link_status, __ATOMIC_RELAXED);
	return 0;
}

// Bytes of a frame that fit into one buffer.
static uint32_t buffer_room(void)
{
	return rte_pktmbuf_data_room_size(packet_pool()) - RTE_PKTMBUF_HEADROOM;
}

// A flow's packets stay on one queue. net_tap makes a traffic control filter of the kernel's of it,
// which is left to its default.
static void rss_choose(const struct ethdev_port *p, uint16_t n_rxq, struct rte_eth_conf *conf)
{
	uint64_t hashes =
	    p->info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);

	if (n_rxq == 1 || hashes == 0 || strcmp(p->info.driver_name, "net_tap") == 0)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = hashes;
}

static int device_configure(struct ethdev_port *p, uint16_t n_rxq, bool jumbo)
{
	struct rte_eth_conf conf = {0};
	uint64_t rx = p->info.rx_offload_capa, tx = p->info.tx_offload_capa;

	if (jumbo)
		conf.rxmode.offloads |= rx & RTE_ETH_RX_OFFLOAD_SCATTER;
	p->offload = ethdev_offload_choose(&p->info, p->devargs);
	conf.txmode.offloads |= p->offload.tx | (tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	rss_choose(p, n_rxq, &conf);
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

// Of the interface of the host that the device stands on; 0: there is none.
static uint16_t iface_mtu(const struct ethdev_port *p)
{
	char name[IFNAMSIZ];

	if (p->info.if_index == 0 || !if_indextoname(p->info.if_index, name))
		return 0;
	return (uint16_t)RTE_MIN(host_iface_mtu(name), (unsigned)UINT16_MAX);
}

// The interface's own, which an operator may change at any time, as far as the driver follows.
static uint16_t mtu_now(const struct ethdev_port *p)
{
	uint16_t iface = iface_mtu(p), device = RTE_ETHER_MTU;
	int rc;

	rte_eth_dev_get_mtu(p->id, &device);
	if (iface == 0 || iface == device)
		return device;
	rc = rte_eth_dev_set_mtu(p->id, iface);
	return rc == 0 || rc == -ENOTSUP ? iface : RTE_MIN(iface, device);
}

static int mtu_set(const struct ethdev_port *p, unsigned mtu, char *err, size_t err_len)
{
	int rc = rte_eth_dev_set_mtu(p->id, (uint16_t)mtu);

	if (rc == 0 || (rc == -ENOTSUP && mtu == mtu_now(p)))
		return 0;
	snprintf(err, err_len, "mtu=%u asked, device \"%.80s\" allows %u", mtu, p->devargs,
		 rc == -ENOTSUP ? mtu_now(p) : p->info.max_mtu);
	return rc;
}

static int device_start(struct ethdev_port *p, uint16_t n_rxq, unsigned mtu, char *err,
			size_t err_len)
{
	const char *devargs = p->devargs;
	int rc = device_configure(p, n_rxq, mtu + FRAME_EXTRA > buffer_room());
	if (rc < 0)
		return refuse(rc, devargs, "cannot configure its queues", err, err_len);
	rc = queues_setup(p, n_rxq);
	if (rc < 0)
		return refuse(rc, devargs, "cannot set up its queues", err, err_len);
	rc = mtu ? mtu_set(p, mtu, err, err_len) : 0;
	if (rc < 0)
		return rc;
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
	p->mtu = mtu_now(p);
	if (p->kernel_rx && strcmp(p->info.driver_name, "net_af_xdp") != 0)
		p->segments = veth_segments_ask(p->info.if_index);
	rte_eth_dev_callback_register(p->id, RTE_ETH_EVENT_INTR_LSC, link_changed, p);
	link_changed(p->id, RTE_ETH_EVENT_INTR_LSC, p, NULL);
	return 0;
}

static const char *iface_of(const struct port *port)
{
	const struct ethdev_kind *kind = port->kind->ethdev;
	return kind->iface ? kind->iface(port) : NULL;
}

// Allocates the port's state for a device that is there.
static int device_describe(const struct port *port, uint16_t id, const char *devargs,
			   unsigned n_rxq, struct ethdev_port **out, char *err, size_t err_len)
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
	if (info.if_index == 0 && iface_of(port))
		p->info.if_index = host_iface_index(iface_of(port));
	p->kernel_rx = shows_unfinished(&p->info);
	p->segments = -1;
	*out = p;
	return 0;
}

static uint32_t max_frame(const struct ethdev_port *p)
{
	uint32_t max = p->mtu + RTE_ETHER_HDR_LEN;
	return p->linearize ? RTE_MIN(max, buffer_room() - TAGS_EXTRA) : max;
}

// Kinds without the option have one.
static unsigned queues_asked(const struct port *port)
{
	return RTE_MAX(1u, port_option_number(&port->config, "queues"));
}

static int device_open(struct port *port, const char *devargs, struct ethdev_port **out, char *err,
		       size_t err_len)
{
	unsigned n_rxq = queues_asked(port);
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
	rc = device_start(p, (uint16_t)n_rxq, port_option_number(&port->config, "mtu"), err,
			  err_len);
	if (rc < 0)
		goto free_port;
	*out = p;
	port->n_rxq = (uint16_t)n_rxq;
	port->n_txq = p->n_txq;
	port->numa_node = (int16_t)rte_eth_dev_socket_id(p->id);
	port->max_frame = max_frame(p);
	port->tx_offloads = p->offload.port_tx;
	return 0;

free_port:
	rte_free(p);
remove:
	ethdev_remove(id, owned);
	return rc;
}

static void kind_closed(const struct port *port)
{
	if (port->kind->ethdev->closed)
		port->kind->ethdev->closed(port);
}

static void device_close(struct port *port, struct ethdev_port *p)
{
	// As long as the callback runs, on EAL's interrupt thread, it stays registered.
	while (rte_eth_dev_callback_unregister(p->id, RTE_ETH_EVENT_INTR_LSC, link_changed, p) ==
	       -EAGAIN)
		sched_yield();
	if (!p->promisc)
		rte_eth_promiscuous_disable(p->id);
	int rc = rte_eth_dev_stop(p->id);
	if (rc < 0)
		port_log_warn(port, "device did not stop: %s", rte_strerror(-rc));
	if (p->segments >= 0)
		close(p->segments);
	ethdev_remove(p->id, p->owned);
	kind_closed(port);
}

// A port whose peer is not there yet.
static int open_without(struct port *port, const char *reason)
{
	struct ethdev_port *p = rte_zmalloc("ethdev-port", sizeof(*p), RTE_CACHE_LINE_SIZE);
	if (!p)
		return -ENOMEM;
	p->lost = true;
	snprintf(p->reason, sizeof(p->reason), "%s", reason);
	port->n_rxq = (uint16_t)queues_asked(port);
	port->n_txq = port->n_rxq;
	port->max_frame = RTE_ETHER_MTU + FRAME_EXTRA;
	port->priv = p;
	return 0;
}

// Whether frames can pass; drivers of the host's interfaces always say so.
static bool link_refresh(const struct port *port, struct ethdev_port *p, char *reason, size_t len)
{
	const char *iface = p->iface_index ? iface_of(port) : NULL;
	if (!iface) {
		link_changed(p->id, RTE_ETH_EVENT_INTR_LSC, p, NULL);
	} else {
		bool up = host_iface_link(iface, reason, len);
		if (up && host_iface_index(iface) != p->iface_index) {
			snprintf(reason, len, "interface %s was replaced by another", iface);
			up = false;
		}
		__atomic_store_n(&p->link_up, up, __ATOMIC_RELAXED);
	}
	return __atomic_load_n(&p->link_up, __ATOMIC_RELAXED);
}

int ethdev_open(struct port *port, const struct port_config *config, char *err, size_t err_len)
{
	const struct ethdev_kind *kind = port->kind->ethdev;
	char devargs[ETHDEV_DEVARGS_MAX], reason[160];
	struct ethdev_port *p = NULL;
	(void)config;
	const char *iface = iface_of(port);
	bool promisc = iface && host_iface_promisc(iface);
	int rc = kind->devargs(port, devargs, sizeof(devargs), err, err_len);
	if ((rc == -ENOTCONN || rc == -ETIMEDOUT) && !port->priv && ethdev_waits(port))
		return open_without(port, err);
	if (rc < 0)
		return rc;
	rc = device_open(port, devargs, &p, err, err_len);
	if (rc < 0) {
		kind_closed(port);
		return rc;
	}
	p->promisc = promisc;
	rc = kind->started ? kind->started(port, p->id, err, err_len) : 0;
	if (rc < 0) {
		device_close(port, p);
		rte_free(p);
		return rc;
	}
	p->iface_index = iface ? host_iface_index(iface) : 0;
	link_refresh(port, p, reason, sizeof(reason));
	// PMDs may be sending to a port that was lost.
	__atomic_store_n(&port->priv, p, __ATOMIC_RELEASE);
	return 0;
}

void ethdev_close(struct port *port)
{
	struct ethdev_port *p = port->priv;
	if (!p->lost)
		device_close(port, p);
	rte_free(p);
}

static void down_reason(const struct port *port, char *reason, size_t len)
{
	const struct ethdev_port *p = port->priv;
	if (port->kind->ethdev->down_reason)
		port->kind->ethdev->down_reason(port, p->id, reason, len);
	else
		snprintf(reason, len, "device %s reports no link", p->info.driver_name);
}

bool ethdev_waits(const struct port *port)
{
	const struct ethdev_kind *kind = port->kind->ethdev;
	return kind->waits && kind->waits(port);
}

// Adds what the device has lost.
static void losses_read(const struct ethdev_port *p, uint64_t *drops)
{
	struct rte_eth_stats stats;

	drops[DROP_CUT_OFF] += __atomic_load_n(&p->n_cut_off, __ATOMIC_RELAXED);
	if (rte_eth_stats_get(p->id, &stats) < 0)
		return;
	drops[DROP_DEVICE_MISSED] += stats.imissed;
	drops[DROP_NO_MEMORY] += stats.rx_nombuf;
	drops[DROP_DEVICE_RX_ERROR] += stats.ierrors;
	// net_tap counts here what it gives back, which is counted already as not sent.
	if (strcmp(p->info.driver_name, "net_tap") != 0)
		drops[DROP_DEVICE_TX_ERROR] += stats.oerrors;
}

void ethdev_losses(struct port *port, uint64_t *drops)
{
	const struct ethdev_port *p = port->priv;

	for (unsigned i = 0; i < N_DROP_REASONS; i++)
		drops[i] += p->past[i];
	if (!p->lost)
		losses_read(p, drops);
}

bool ethdev_lost(const struct port *port)
{
	const struct ethdev_port *p = port->priv;
	return p->lost;
}

bool ethdev_vanished(const struct port *port)
{
	const struct ethdev_port *p = port->priv;
	return p->iface_index != 0 && host_iface_index(iface_of(port)) != p->iface_index;
}

bool ethdev_link(struct port *port, char *reason, size_t len)
{
	struct ethdev_port *p = port->priv;
	reason[0] = '\0';
	bool up = link_refresh(port, p, reason, len);
	if (!up && !reason[0])
		down_reason(port, reason, len);
	return up;
}

void ethdev_look(struct port *port)
{
	const struct ethdev_port *p = port->priv;
	if (port->kind->ethdev->look)
		port->kind->ethdev->look(port, p->id);
}

void ethdev_lose(struct port *port, const char *reason)
{
	struct ethdev_port *p = port->priv;
	snprintf(p->reason, sizeof(p->reason), "%s", reason);
	if (p->lost)
		return;
	p->lost = true;
	__atomic_store_n(&p->link_up, false, __ATOMIC_RELAXED);
	ports_synchronize();
	losses_read(p, p->past);
	device_close(port, p);
}

int ethdev_reopen(struct port *port, char *err, size_t err_len)
{
	struct ethdev_port *old = port->priv, *p;
	int rc = ethdev_open(port, &port->config, err, err_len);
	if (rc < 0)
		return rc;
	ports_synchronize();
	p = port->priv;
	memcpy(p->past, old->past, sizeof(p->past));
	rte_free(old);
	return 0;
}

static void tx_poll(struct ethdev_port *p)
{
	rte_spinlock_lock(&p->txq[0].lock);
	rte_eth_tx_burst(p->id, 0, NULL, 0);
	rte_spinlock_unlock(&p->txq[0].lock);
}

uint16_t ethdev_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
		   struct rte_mbuf **pkts, uint16_t n)
{
	(void)arena;
	struct ethdev_port *p = port->priv;
	if (unlikely(p->lost)) // and its queues not yet taken away
		return 0;
	if (port->kind->ethdev->tx_polls && queue == 0 && ++p->n_polls % TX_POLL == 0)
		tx_poll(p);
	n = rte_eth_rx_burst(p->id, queue, pkts, n);
	for (uint16_t i = 0; i < n; i++)
		pkts[i]->ol_flags &= ~PACKET_OFFLOAD; // a buffer's former life
	if (!p->kernel_rx || n == 0)
		return n;
	uint16_t kept = kernel_frames_take(pkts, n, __atomic_load_n(&p->mtu, __ATOMIC_RELAXED));
	if (unlikely(kept < n))
		__atomic_fetch_add(&p->n_cut_off, n - kept, __ATOMIC_RELAXED);
	return kept;
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

uint16_t ethdev_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
		   int *reason)
{
	struct ethdev_port *p = __atomic_load_n(&port->priv, __ATOMIC_ACQUIRE);
	// Drivers take frames for an interface or a peer that does not.
	if (unlikely(!__atomic_load_n(&p->link_up, __ATOMIC_RELAXED)) &&
	    (p->lost || p->iface_index || port->kind->ethdev->waits)) {
		*reason = DROP_PORT_DOWN;
		return 0;
	}
	uint16_t queue = pmd_index % p->n_txq;
	uint16_t fit = p->linearize ? linearize(pkts, n) : n;

	rte_spinlock_lock(&p->txq[queue].lock);
	uint16_t prepared = ethdev_offload_prepare(&p->offload, p->id, queue, pkts, fit);
	uint16_t sent = rte_eth_tx_burst(p->id, queue, pkts, prepared);
	rte_spinlock_unlock(&p->txq[queue].lock);
	if (sent == prepared && prepared < fit)
		*reason = DROP_DEVICE_TX_ERROR;
	else if (sent < prepared)
		*reason =
		    __atomic_load_n(&p->link_up, __ATOMIC_RELAXED) ? DROP_TX_FULL : DROP_PORT_DOWN;
	else
		*reason = DROP_MTU; // the next one does not fit into one buffer
	return sent;
}

static void mtu_follow(struct port *port)
{
	struct ethdev_port *p = port->priv;

	__atomic_store_n(&p->mtu, mtu_now(p), __ATOMIC_RELAXED);
	__atomic_store_n(&port->max_frame, max_frame(p), __ATOMIC_RELAXED);
}

void ethdev_status(struct port *port, struct port_status *status)
{
	struct ethdev_port *p = port->priv;
	struct rte_ether_addr mac;

	memset(status, 0, sizeof(*status));
	const char *secret = strstr(p->devargs, ",secret=");
	snprintf(status->detail, sizeof(status->detail), "%.30s %.*s",
		 p->info.driver_name ? p->info.driver_name : port->kind->name,
		 secret ? (int)(secret - p->devargs) : 120, p->devargs);
	if (p->lost) {
		snprintf(status->reason, sizeof(status->reason), "%s", p->reason);
		return;
	}
	status->link_up = ethdev_link(port, status->reason, sizeof(status->reason));
	status->n_rxq = port->n_rxq;
	status->n_txq = port->n_txq;
	mtu_follow(port);
	status->mtu = p->mtu;
	if (rte_eth_macaddr_get(p->id, &mac) == 0)
		memcpy(status->mac, mac.addr_bytes, sizeof(status->mac));
}
