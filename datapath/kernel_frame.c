// A checksum that is only begun holds the sum of the pseudo header (as virtio and Linux have it).
// That is how such a frame is told from others: its field has just this value. One whole frame in
// 65536 has it by chance, too, and completing that one writes what it has already: the sum of a
// right frame with its pseudo header is zero in ones' complement whatever the field holds before.
#include "datapath/kernel_frame.h"

#include "datapath/csum.h"
#include "datapath/edit.h"

#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#define TCP_CSUM_OFS offsetof(struct rte_tcp_hdr, cksum)
#define UDP_CSUM_OFS 6u

// The TCP or UDP packet that a frame holds.
struct l4 {
	uint8_t proto;
	bool v6;
	bool fragment;
	uint32_t l3, ofs; // from the start of the frame
	uint32_t len;	  // of header and payload, as the IP header says
	const uint8_t *addrs;
	uint32_t addrs_len;
};

static bool ipv4_read(const struct rte_mbuf *m, uint32_t l3, struct l4 *l4)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const void *, l3);
	uint32_t len, header;

	if (m->data_len < l3 + sizeof *ip || ip->version != 4)
		return false;
	header = ip->ihl * 4u;
	len = rte_be_to_cpu_16(ip->total_length);
	if (header < sizeof *ip || len < header)
		return false;
	*l4 = (struct l4){
	    .proto = ip->next_proto_id,
	    .fragment = ip->fragment_offset & RTE_BE16(0x3fff), // offset, or more to come
	    .l3 = l3,
	    .ofs = l3 + header,
	    .len = len - header,
	    .addrs = (const uint8_t *)&ip->src_addr,
	    .addrs_len = 8,
	};
	return true;
}

static bool ipv6_read(const struct rte_mbuf *m, uint32_t l3, struct l4 *l4)
{
	const struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, const void *, l3);

	if (m->data_len < l3 + sizeof *ip)
		return false;
	*l4 = (struct l4){
	    .proto = ip->proto,
	    .v6 = true,
	    .l3 = l3,
	    .ofs = l3 + sizeof *ip,
	    .len = rte_be_to_cpu_16(ip->payload_len),
	    .addrs = (const uint8_t *)&ip->src_addr,
	    .addrs_len = 32,
	};
	return true;
}

static bool l4_find(const struct rte_mbuf *m, struct l4 *l4)
{
	uint32_t l3;

	switch (edit_eth_type(m, &l3)) {
	case RTE_ETHER_TYPE_IPV4:
		return ipv4_read(m, l3, l4);
	case RTE_ETHER_TYPE_IPV6:
		return ipv6_read(m, l3, l4);
	default:
		return false;
	}
}

static uint16_t pseudo_sum(const struct l4 *l4)
{
	uint32_t sum = rte_cpu_to_be_16(l4->proto) + rte_cpu_to_be_16((uint16_t)l4->len);

	for (uint32_t i = 0; i < l4->addrs_len; i += 2)
		sum += csum_word(l4->addrs + i);
	return csum_fold(sum);
}

// Whether its checksum is begun only; then where, in *offload.
static bool partial_find(const struct rte_mbuf *m, const struct l4 *l4,
			 struct packet_offload *offload)
{
	uint32_t field = l4->proto == IPPROTO_TCP ? TCP_CSUM_OFS : UDP_CSUM_OFS;

	// All of it must be there, and nothing behind it, for the sum goes to the end.
	if ((l4->proto != IPPROTO_TCP && l4->proto != IPPROTO_UDP) || l4->fragment ||
	    m->pkt_len != l4->ofs + l4->len || m->data_len < l4->ofs + field + 2)
		return false;
	if (csum_word(rte_pktmbuf_mtod_offset(m, const uint8_t *, l4->ofs + field)) !=
	    pseudo_sum(l4))
		return false;
	*offload = (struct packet_offload){.csum_start = (uint16_t)l4->ofs,
					   .csum_offset = (uint16_t)field};
	return true;
}

// A TCP frame longer than the interface's MTU is to be cut to segments that fill it.
static void segments_ask(const struct rte_mbuf *m, const struct l4 *l4, uint32_t mtu,
			 struct packet_offload *offload)
{
	const struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, const void *, l4->ofs);
	uint32_t headers = l4->ofs + (tcp->data_off >> 4) * 4u;

	if (m->data_len < l4->ofs + sizeof *tcp || headers < l4->ofs + sizeof *tcp ||
	    headers > RTE_MIN(m->data_len, HEADERS_MAX) || headers >= l4->l3 + mtu)
		return;
	offload->gso_headers = (uint16_t)headers;
	offload->gso_size = (uint16_t)(l4->l3 + mtu - headers);
	offload->gso_type = l4->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	if (tcp->tcp_flags & RTE_TCP_CWR_FLAG)
		offload->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
}

enum kernel_frame kernel_frame_look(struct rte_mbuf *m, uint32_t mtu)
{
	struct packet_offload *offload = &packet_meta(m)->offload;
	struct l4 l4;

	if (!l4_find(m, &l4))
		return KERNEL_FRAME_WHOLE;
	// A frame that fits the wire and lies about its length is none of ours to judge.
	if (m->pkt_len < l4.ofs + l4.len && m->pkt_len > l4.l3 + RTE_MIN(mtu, RTE_ETHER_MTU))
		return KERNEL_FRAME_CUT_OFF;
	if (!partial_find(m, &l4, offload))
		return KERNEL_FRAME_WHOLE;
	if (m->pkt_len > l4.l3 + mtu && l4.proto == IPPROTO_TCP)
		segments_ask(m, &l4, mtu, offload);
	m->ol_flags |= PACKET_OFFLOAD;
	return KERNEL_FRAME_PARTIAL;
}

uint16_t kernel_frames_take(struct rte_mbuf **pkts, uint16_t n, uint32_t mtu)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (likely(kernel_frame_look(pkts[i], mtu) != KERNEL_FRAME_CUT_OFF))
			pkts[kept++] = pkts[i];
		else
			rte_pktmbuf_free(pkts[i]);
	}
	return kept;
}
