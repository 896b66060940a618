#include "datapath/offload.h"

#include "datapath/csum.h"
#include "datapath/edit.h"
#include "datapath/port.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>

#define TCP_CSUM_OFS 16
#define UDP_CSUM_OFS 6

uint32_t offload_needs(struct rte_mbuf *m)
{
	const struct packet_offload *offload = &packet_meta(m)->offload;
	uint32_t needs = PORT_TX_CSUM;

	if (offload->csum_offset != TCP_CSUM_OFS && offload->csum_offset != UDP_CSUM_OFS)
		return UINT32_MAX;
	if (offload->gso_size == 0)
		return needs;
	switch (offload->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		needs |= PORT_TX_TSO4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		needs |= PORT_TX_TSO6;
		break;
	default:
		return UINT32_MAX;
	}
	return offload->gso_type & VIRTIO_NET_HDR_GSO_ECN ? needs | PORT_TX_TSO_ECN : needs;
}

bool offload_is_plain(const struct rte_mbuf *m)
{
	const struct packet_offload *offload =
	    &packet_meta((struct rte_mbuf *)(uintptr_t)m)->offload;
	uint8_t proto = offload->csum_offset == TCP_CSUM_OFS ? IPPROTO_TCP : IPPROTO_UDP;
	uint32_t l3, len;
	uint16_t type = edit_eth_type(m, &l3);
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, l3);

	if (l3 + sizeof(struct rte_ipv4_hdr) > offload->csum_start ||
	    offload->csum_start > rte_pktmbuf_data_len(m))
		return false;
	len = offload->csum_start - l3;
	if (type == RTE_ETHER_TYPE_IPV4)
		return (ip[0] & 0xfu) * 4 == len &&
		       ip[offsetof(struct rte_ipv4_hdr, next_proto_id)] == proto;
	return type == RTE_ETHER_TYPE_IPV6 && len == sizeof(struct rte_ipv6_hdr) &&
	       ip[offsetof(struct rte_ipv6_hdr, proto)] == proto;
}

// The sum from ofs to the end. Where a segment starts at an odd place of the sum, its bytes are in
// the other halves of the words. (rte_raw_cksum_mbuf() of DPDK 22.11 loses carries there.)
uint16_t offload_sum(const struct rte_mbuf *m, uint32_t ofs)
{
	uint32_t sum = 0;
	bool odd = false;

	for (; m; m = m->next) {
		uint32_t len = m->data_len, skip = RTE_MIN(ofs, len);
		uint16_t part =
		    rte_raw_cksum(rte_pktmbuf_mtod_offset(m, const void *, skip), len - skip);

		sum += odd ? rte_bswap16(part) : part;
		odd ^= (len - skip) & 1;
		ofs -= skip;
	}
	return csum_fold(sum);
}

void offload_checksum_write(struct rte_mbuf *m, uint32_t start, uint32_t offset)
{
	uint16_t sum = (uint16_t)~offload_sum(m, start);

	if (sum == 0) // for UDP it would mean that there is none; the others take both
		sum = 0xffff;
	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, start + offset), &sum, sizeof sum);
}

int offload_checksum(struct rte_mbuf **m)
{
	struct packet_offload offload = packet_meta(*m)->offload;
	uint32_t end = (uint32_t)offload.csum_start + offload.csum_offset + sizeof(uint16_t);
	int err;

	if (unlikely(end > RTE_MIN((*m)->pkt_len, HEADERS_MAX)))
		return -EINVAL;
	err = packet_pull_headers(m);
	if (unlikely(err))
		return err;
	offload_checksum_write(*m, offload.csum_start, offload.csum_offset);
	(*m)->ol_flags &= ~PACKET_OFFLOAD;
	return 0;
}
