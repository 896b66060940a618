// The longest frame of a port that is a device, which an operator may change beside us.
#include "datapath/ethdev_port.h"
#include "datapath/host_iface.h"

#include <net/if.h>
#include <stdio.h>

// Of the interface of the host that the device stands on; 0: there is none.
static uint16_t iface_mtu(const struct ethdev_port *p)
{
	char name[IFNAMSIZ];

	if (p->info.if_index == 0 || !if_indextoname(p->info.if_index, name))
		return 0;
	return (uint16_t)RTE_MIN(host_iface_mtu(name), (unsigned)UINT16_MAX);
}

uint16_t ethdev_mtu_now(const struct ethdev_port *p)
{
	uint16_t iface = iface_mtu(p), device = RTE_ETHER_MTU;
	int rc;

	rte_eth_dev_get_mtu(p->id, &device);
	if (iface == 0 || iface == device)
		return device;
	rc = rte_eth_dev_set_mtu(p->id, iface);
	return rc == 0 || rc == -ENOTSUP ? iface : RTE_MIN(iface, device);
}

int ethdev_mtu_set(const struct ethdev_port *p, unsigned mtu, char *err, size_t err_len)
{
	int rc = rte_eth_dev_set_mtu(p->id, (uint16_t)mtu);

	if (rc == 0 || (rc == -ENOTSUP && mtu == ethdev_mtu_now(p)))
		return 0;
	snprintf(err, err_len, "mtu=%u asked, device \"%.80s\" allows %u", mtu, p->devargs,
		 rc == -ENOTSUP ? ethdev_mtu_now(p) : p->info.max_mtu);
	return rc;
}

uint32_t ethdev_max_frame(const struct ethdev_port *p)
{
	uint32_t max = p->mtu + RTE_ETHER_HDR_LEN;
	return p->linearize ? RTE_MIN(max, ethdev_buffer_room() - ETHDEV_TAGS_EXTRA) : max;
}

void ethdev_mtu_follow(struct port *port)
{
	struct ethdev_port *p = port->priv;

	__atomic_store_n(&p->mtu, ethdev_mtu_now(p), __ATOMIC_RELAXED);
	__atomic_store_n(&port->max_frame, ethdev_max_frame(p), __ATOMIC_RELAXED);
}
