// The longest frame of a port that is a device, which an operator may change beside us.
#include "datapath/ethdev_port.h"
#include "datapath/host_iface.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>

// Of the interface of the host that the device stands on.
static bool iface_name(const struct ethdev_port *p, char name[IFNAMSIZ])
{
	return p->info.if_index != 0 && if_indextoname(p->info.if_index, name);
}

// 0: there is none, or it was moved to another network namespace.
static uint16_t iface_mtu(const struct ethdev_port *p)
{
	char name[IFNAMSIZ];

	return iface_name(p, name) ? (uint16_t)RTE_MIN(host_iface_mtu(name), (unsigned)UINT16_MAX)
				   : 0;
}

static int iface_mtu_set(const struct ethdev_port *p, uint16_t mtu)
{
	char name[IFNAMSIZ];

	return iface_name(p, name) ? host_iface_mtu_set(name, mtu) : -ENODEV;
}

// What ethdev lets a driver be asked for (eth_dev_validate_mtu() of DPDK 22.11). It logs an error
// for more.
static uint16_t driver_max(const struct rte_eth_dev_info *info)
{
	uint32_t frame = info->max_rx_pktlen, extra = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

	if (info->max_mtu != UINT16_MAX && frame > info->max_mtu)
		return info->max_mtu;
	return (uint16_t)RTE_MIN(frame > extra ? frame - extra : 0, (uint32_t)info->max_mtu);
}

static uint16_t device_max(const struct port *port, const struct ethdev_port *p)
{
	return RTE_MAX(driver_max(&p->info), port->kind->ethdev->mtu_max);
}

static uint16_t driver_mtu(const struct ethdev_port *p)
{
	uint16_t mtu = RTE_ETHER_MTU;

	rte_eth_dev_get_mtu(p->id, &mtu);
	return mtu;
}

// How much the device takes of what its interface has now.
static uint16_t device_take(const struct port *port, const struct ethdev_port *p, uint16_t iface)
{
	uint16_t driver = driver_mtu(p);

	if (iface == driver)
		return iface;
	if (iface > driver_max(&p->info))
		return RTE_MIN(iface, RTE_MAX(driver, port->kind->ethdev->mtu_max));
	int rc = rte_eth_dev_set_mtu(p->id, iface);
	return rc == 0 || rc == -ENOTSUP ? iface : RTE_MIN(iface, driver);
}

// Asks the driver once for each value that the interface takes.
static uint16_t mtu_now(const struct port *port, struct ethdev_port *p)
{
	uint16_t iface = iface_mtu(p);

	if (iface == 0)
		return p->mtu ? p->mtu : driver_mtu(p);
	if (iface == p->iface_mtu)
		return p->mtu;
	p->iface_mtu = iface;
	uint16_t mtu = device_take(port, p, iface);
	if (mtu < iface)
		port_log_warn(port,
			      "its interface has an MTU of %u, the device takes %u: longer frames "
			      "are lost",
			      iface, mtu);
	return mtu;
}

int ethdev_mtu_set(const struct port *port, const struct ethdev_port *p, unsigned mtu, char *err,
		   size_t err_len)
{
	uint16_t max = device_max(port, p);
	int rc = -EINVAL;

	if (mtu <= driver_max(&p->info))
		rc = rte_eth_dev_set_mtu(p->id, (uint16_t)mtu);
	else if (mtu <= max)
		rc = iface_mtu_set(p, (uint16_t)mtu);
	if (rc == -ENOTSUP) { // by any driver of the kind
		max = iface_mtu(p) ? iface_mtu(p) : driver_mtu(p);
		rc = mtu == max ? 0 : rc;
	}
	if (rc == 0)
		return 0;
	if (mtu > max || rc == -ENOTSUP)
		snprintf(err, err_len, "mtu=%u asked, device \"%.80s\" allows %u", mtu, p->devargs,
			 max);
	else
		snprintf(err, err_len, "mtu=%u: device \"%.80s\" does not take it: %s", mtu,
			 p->devargs, rte_strerror(-rc));
	return rc;
}

uint32_t ethdev_max_frame(const struct ethdev_port *p)
{
	uint32_t max = p->mtu + RTE_ETHER_HDR_LEN;
	return p->linearize ? RTE_MIN(max, ethdev_buffer_room() - ETHDEV_TAGS_EXTRA) : max;
}

void ethdev_mtu_follow(struct port *port, struct ethdev_port *p)
{
	uint16_t mtu = mtu_now(port, p);
	bool beyond = p->tap_fd >= 0 && mtu > driver_mtu(p);

	__atomic_store_n(&p->mtu, mtu, __ATOMIC_RELAXED);
	__atomic_store_n(&p->tap_beyond, beyond, __ATOMIC_RELAXED);
	__atomic_store_n(&port->max_frame, ethdev_max_frame(p), __ATOMIC_RELAXED);
}
