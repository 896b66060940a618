// Ports that are devices of DPDK, of any kind (ethdev_kind.h): opened, lost and opened anew.
#include "datapath/ethdev_port.h"
#include "datapath/host_iface.h"

#include <rte_malloc.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void kind_closed(const struct port *port)
{
	if (port->kind->ethdev->closed)
		port->kind->ethdev->closed(port);
}

static void device_close(const struct port *port, struct ethdev_port *p)
{
	if (port->kind->ethdev->closing)
		port->kind->ethdev->closing(port, p->id);
	ethdev_device_close(port, p);
	kind_closed(port);
}

// A port whose peer is not there yet.
static int open_without(struct port *port, char *err, size_t err_len)
{
	struct ethdev_port *p = rte_zmalloc("ethdev-port", sizeof(*p), RTE_CACHE_LINE_SIZE);
	if (!p) {
		snprintf(err, err_len, "out of hugepage memory: start swd with a larger --mem");
		return -ENOMEM;
	}
	p->lost = true;
	snprintf(p->reason, sizeof(p->reason), "%s", err);
	port->n_rxq = (uint16_t)ethdev_queues_asked(port);
	port->n_txq = port->n_rxq;
	port->max_frame = RTE_ETHER_MTU + ETHDEV_FRAME_EXTRA;
	port->priv = p;
	return 0;
}

int ethdev_open(struct port *port, const struct port_config *config, char *err, size_t err_len)
{
	const struct ethdev_kind *kind = port->kind->ethdev;
	char devargs[ETHDEV_DEVARGS_MAX], reason[160];
	struct ethdev_port *p = NULL;
	(void)config;
	const char *iface = ethdev_iface(port);
	bool promisc = iface && host_iface_promisc(iface);
	int rc = kind->prepare ? kind->prepare(port, err, err_len) : 0;
	if (rc >= 0) {
		kind->devargs(port, devargs, sizeof(devargs));
		rc = ethdev_device_open(port, devargs, &p, err, err_len);
		if (rc < 0)
			kind_closed(port);
	}
	bool no_peer = rc == -ENOTCONN || rc == -ETIMEDOUT || rc == -ETIME;
	if (no_peer && !port->priv && ethdev_waits(port))
		return open_without(port, err, err_len);
	if (rc < 0)
		return rc;
	p->promisc = promisc;
	rc = kind->started ? kind->started(port, p->id, err, err_len) : 0;
	if (rc < 0) {
		device_close(port, p);
		rte_free(p);
		return rc;
	}
	__atomic_store_n(&p->iface_index, iface ? host_iface_index(iface) : 0, __ATOMIC_RELAXED);
	ethdev_link_refresh(port, p, reason, sizeof(reason));
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

bool ethdev_waits(const struct port *port)
{
	const struct ethdev_kind *kind = port->kind->ethdev;
	return kind->waits && kind->waits(port);
}

void ethdev_look(struct port *port)
{
	struct ethdev_port *p = port->priv;
	ethdev_mtu_follow(port, p);
	if (port->kind->ethdev->look)
		port->kind->ethdev->look(port, p->id);
}

bool ethdev_lost(const struct port *port)
{
	const struct ethdev_port *p = port->priv;
	return p->lost;
}

void ethdev_lose(struct port *port, const char *reason)
{
	struct ethdev_port *p = port->priv;
	snprintf(p->reason, sizeof(p->reason), "%s", reason);
	if (p->lost)
		return;
	__atomic_store_n(&p->lost, true, __ATOMIC_RELAXED);
	__atomic_store_n(&p->link_up, false, __ATOMIC_RELAXED);
	ports_synchronize();
	ethdev_losses_read(p, p->past);
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
