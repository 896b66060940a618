// Port kind "af-packet": an interface by the kernel's packet rings, beside the host's own stack.
#include "datapath/ethdev_kind.h"
#include "datapath/host_iface.h"
#include "datapath/kind_iface.h"

#include <rte_ethdev.h>

#include <errno.h>
#include <stdio.h>

// What the driver's frames of 2048 bytes hold beside the kernel's header (66), the Ethernet header
// and a second VLAN tag. It would cut longer ones off without a word.
#define AF_PACKET_MTU_MAX 1964u

static int check_mtu(const struct port *port, const char *iface, char *err, size_t err_len)
{
	unsigned mtu = host_iface_mtu(iface);
	if (port_option(&port->config, "mtu") || mtu <= AF_PACKET_MTU_MAX)
		return 0;
	snprintf(err, err_len,
		 "interface %s has an mtu of %u, an af-packet port takes %u at most: give mtu=1500 "
		 "or use type=af-xdp",
		 iface, mtu, AF_PACKET_MTU_MAX);
	return -EMSGSIZE;
}

static int af_packet_prepare(const struct port *port, char *err, size_t err_len)
{
	const char *iface = kind_iface(port);
	int rc = kind_iface_check(port, iface, err, err_len);
	return rc < 0 ? rc : check_mtu(port, iface, err, err_len);
}

static void af_packet_devargs(const struct port *port, char *devargs, size_t len)
{
	snprintf(devargs, len, "net_af_packet_swd%u,iface=%s,qpairs=%u,framecnt=%u,qdisc_bypass=%d",
		 port->no, kind_iface(port), port_option_number(&port->config, "queues"),
		 port_option_number(&port->config, "ring"),
		 port_option_is(&port->config, "qdisc-bypass", "on"));
}

// The driver's sockets hear all of the host's interfaces until they are bound to theirs (DPDK
// 22.11): what stands in their rings by now may be another's.
static int af_packet_started(struct port *port, uint16_t ethdev, char *err, size_t err_len)
{
	struct rte_mbuf *pkts[BURST_MAX];
	(void)err;
	(void)err_len;
	for (uint16_t queue = 0; queue < port->n_rxq; queue++) {
		unsigned left = port_option_number(&port->config, "ring");
		for (uint16_t n = 1; n > 0 && left > 0; left -= RTE_MIN(left, n)) {
			n = rte_eth_rx_burst(ethdev, queue, pkts, BURST_MAX);
			rte_pktmbuf_free_bulk(pkts, n);
		}
	}
	rte_eth_stats_reset(ethdev);
	return 0;
}

static const struct ethdev_kind af_packet = {.mtu_max = AF_PACKET_MTU_MAX,
					     .prepare = af_packet_prepare,
					     .devargs = af_packet_devargs,
					     .started = af_packet_started,
					     .iface = kind_iface};
const struct port_kind port_kind_af_packet = ETHDEV_PORT_KIND("af-packet", &af_packet);
