#include "datapath/ethdev_offload.h"

#include "datapath/edit.h"
#include "datapath/offload.h"

#include <linux/virtio_net.h>
#include <string.h>

#define CSUMS	     (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define TCP_CSUM_OFS 16

// Drivers whose claims do not help.
static const char *const distrusted[] = {
    "net_tap",	   // computes in software too, and one segment after the other
    "net_bonding", // its members may be others tomorrow
};

static bool trusted(const struct rte_eth_dev_info *info, const char *devargs)
{
	for (size_t i = 0; i < RTE_DIM(distrusted); i++) {
		if (strcmp(info->driver_name, distrusted[i]) == 0)
			return false;
	}
	// virtio-user that listens has features before it has a peer, and the next peer's may be
	// fewer: its driver does not ask again.
	return !strstr(devargs, "server=1");
}

// A super-frame as a chain of the switch's own buffers.
static bool takes_chains(const struct rte_eth_dev_info *info)
{
	uint32_t room = RTE_MBUF_DEFAULT_BUF_SIZE - RTE_PKTMBUF_HEADROOM;
	uint16_t max = info->tx_desc_lim.nb_seg_max;

	return (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) &&
	       (max == 0 || max >= GSO_FRAME_MAX / room + 1);
}

struct ethdev_offload ethdev_offload_choose(const struct rte_eth_dev_info *info,
					    const char *devargs)
{
	struct ethdev_offload offload = {0};
	uint64_t capa = info->tx_offload_capa;

	if ((capa & CSUMS) != CSUMS || !trusted(info, devargs))
		return offload;
	// The headers' own checksum is never left to do, but a device that cuts frames may want to
	// write it.
	offload.tx = CSUMS | (capa & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM);
	offload.port_tx = PORT_TX_CSUM | PORT_TX_PLAIN;
	if ((capa & RTE_ETH_TX_OFFLOAD_TCP_TSO) && takes_chains(info)) {
		offload.tx |= RTE_ETH_TX_OFFLOAD_TCP_TSO;
		offload.port_tx |= PORT_TX_TSO4 | PORT_TX_TSO6;
	}
	return offload;
}

// The packet is plain (offload_is_plain()).
static void translate(const struct ethdev_offload *offload, struct rte_mbuf *m)
{
	const struct packet_offload *left = &packet_meta(m)->offload;
	uint32_t l3;
	bool v4 = edit_eth_type(m, &l3) == RTE_ETHER_TYPE_IPV4;
	uint64_t flags = v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;

	m->tx_offload = 0;
	m->l2_len = l3;
	m->l3_len = left->csum_start - l3;
	if (v4 && (offload->tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM))
		flags |= RTE_MBUF_F_TX_IP_CKSUM;
	if (left->gso_size) {
		m->l4_len = left->gso_headers - left->csum_start;
		m->tso_segsz = left->gso_size;
		flags |= RTE_MBUF_F_TX_TCP_SEG;
	} else {
		flags |= left->csum_offset == TCP_CSUM_OFS ? RTE_MBUF_F_TX_TCP_CKSUM
							   : RTE_MBUF_F_TX_UDP_CKSUM;
	}
	m->ol_flags = (m->ol_flags & ~PACKET_OFFLOAD) | flags;
}

// Whether the device does what is left to do. Its driver will write into the headers, which other
// ports' packets may share, and wants them in one piece.
static bool can_take(const struct ethdev_offload *offload, struct rte_mbuf **m)
{
	return !(offload_needs(*m) & ~offload->port_tx) && packet_pull_headers(m) == 0;
}

uint16_t ethdev_offload_prepare(const struct ethdev_offload *offload, uint16_t ethdev,
				uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	bool any = false;

	for (uint16_t i = 0; i < n; i++) {
		// Translated already: it came behind one that was refused.
		any |= !!(pkts[i]->ol_flags & (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG));
		if (!(pkts[i]->ol_flags & PACKET_OFFLOAD))
			continue;
		// It may have come back this moment as a device that does less.
		if (unlikely(!can_take(offload, &pkts[i]))) {
			n = i;
			break;
		}
		translate(offload, pkts[i]);
		any = true;
	}
	// Writes the pseudo header's sum as the device wants it.
	return any ? rte_eth_tx_prepare(ethdev, queue, pkts, n) : n;
}
