// What an operator sees of a port that is a device: its link, its losses.
#include "datapath/ethdev_port.h"
#include "datapath/host_iface.h"
#include "datapath/tap_queue.h"

#include <rte_ethdev.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

int ethdev_link_changed(uint16_t id, enum rte_eth_event_type type, void *arg, void *ret)
{
	struct ethdev_port *p = arg;
	struct rte_eth_link link;
	(void)type;
	(void)ret;
	if (__atomic_load_n(&p->iface_index, __ATOMIC_RELAXED) == 0 &&
	    rte_eth_link_get_nowait(id, &link) == 0)
		__atomic_store_n(&p->link_up, link.link_status, __ATOMIC_RELAXED);
	return 0;
}

// Whether swd's network namespace still has it.
static bool iface_is_here(const struct port *port, const struct ethdev_port *p)
{
	return host_iface_index(ethdev_iface(port)) == p->iface_index;
}

// A tap may be moved to another namespace, and its queues with it. They tell of it there: POLLERR
// when there is no interface any more, POLLOUT when it is up (Linux's tun_chr_poll()).
static int tap_poll(const struct ethdev_port *p)
{
	struct pollfd queue = {.fd = p->tap_fd, .events = POLLOUT};
	return p->tap_fd >= 0 && poll(&queue, 1, 0) >= 0 ? queue.revents : POLLERR;
}

// Its interface may have been renamed there, or here.
static void tap_down_reason(const struct port *port, const struct ethdev_port *p, char *reason,
			    size_t len)
{
	const char *iface = ethdev_iface(port);
	char name[IFNAMSIZ], as[IFNAMSIZ + 8] = "";
	bool known = tap_queue_iface(p->tap_fd, name);
	bool here = known && host_iface_index(name) == p->iface_index;
	const char *where = here ? "" : " in the network namespace that it was moved to";
	if (known && strcmp(name, iface) != 0)
		snprintf(as, sizeof(as), ", as %s", name);
	if (known)
		snprintf(reason, len, "interface %s is down%s%s: `ip link set %s up`%s", iface,
			 where, as, name, here ? "" : " there");
	else
		snprintf(reason, len, "interface %s is down%s: set it up there", iface, where);
}

static bool iface_link(const struct port *port, const struct ethdev_port *p, char *reason,
		       size_t len)
{
	const char *iface = ethdev_iface(port);
	bool here = iface_is_here(port, p);
	int tap = here ? POLLERR : tap_poll(p);
	if (tap & POLLOUT)
		return true;
	if (!(tap & POLLERR))
		tap_down_reason(port, p, reason, len);
	else if (host_iface_link(iface, reason, len) && here)
		return true;
	else if (!reason[0])
		snprintf(reason, len, "interface %s was replaced by another", iface);
	return false;
}

// Drivers of the host's interfaces always say so.
static bool unplugged(const struct port *port)
{
	const struct ethdev_kind *kind = port->kind->ethdev;
	return kind->unplugged && kind->unplugged(port);
}

bool ethdev_link_refresh(const struct port *port, struct ethdev_port *p, char *reason, size_t len)
{
	reason[0] = '\0';
	if (unplugged(port))
		__atomic_store_n(&p->link_up, false, __ATOMIC_RELAXED);
	else if (p->iface_index)
		__atomic_store_n(&p->link_up, iface_link(port, p, reason, len), __ATOMIC_RELAXED);
	else
		ethdev_link_changed(p->id, RTE_ETH_EVENT_INTR_LSC, p, NULL);
	return __atomic_load_n(&p->link_up, __ATOMIC_RELAXED);
}

bool ethdev_vanished(const struct port *port)
{
	const struct ethdev_port *p = port->priv;
	if (unplugged(port))
		return true;
	return p->iface_index != 0 && !iface_is_here(port, p) && (tap_poll(p) & POLLERR);
}

static void down_reason(const struct port *port, char *reason, size_t len)
{
	const struct ethdev_port *p = port->priv;
	if (port->kind->ethdev->down_reason)
		port->kind->ethdev->down_reason(port, p->id, reason, len);
	else
		snprintf(reason, len, "device %s reports no link", p->info.driver_name);
}

bool ethdev_link(struct port *port, char *reason, size_t len)
{
	struct ethdev_port *p = port->priv;
	bool up = ethdev_link_refresh(port, p, reason, len);
	if (!up && !reason[0])
		down_reason(port, reason, len);
	return up;
}

void ethdev_losses_read(const struct ethdev_port *p, uint64_t *drops)
{
	struct rte_eth_stats stats;

	drops[DROP_CUT_OFF] += __atomic_load_n(&p->n_cut_off, __ATOMIC_RELAXED);
	if (rte_eth_stats_get(p->id, &stats) < 0)
		return;
	drops[DROP_DEVICE_MISSED] += stats.imissed;
	drops[DROP_NO_MEMORY] += stats.rx_nombuf;
	drops[DROP_DEVICE_RX_ERROR] += stats.ierrors;
	// net_tap counts here what it gives back, which is counted already as not sent.
	if (!ethdev_is_tap(&p->info))
		drops[DROP_DEVICE_TX_ERROR] += stats.oerrors;
}

void ethdev_losses(struct port *port, uint64_t *drops)
{
	const struct ethdev_port *p = port->priv;

	for (unsigned i = 0; i < N_DROP_REASONS; i++)
		drops[i] += p->past[i];
	if (!p->lost)
		ethdev_losses_read(p, drops);
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
	ethdev_mtu_follow(port, p);
	status->mtu = p->mtu;
	if (rte_eth_macaddr_get(p->id, &mac) == 0)
		memcpy(status->mac, mac.addr_bytes, sizeof(status->mac));
	if (port->kind->ethdev->status)
		port->kind->ethdev->status(port, status);
}
