// The virtio_net_hdr before each frame: what a guest left to us is checked against the frame's
// private head; what is left to a guest is written for it (virtio 1.2, section 5.1.6). For *_hot.c
// files.
#ifndef VHOST_RING_OFFLOAD_H
#define VHOST_RING_OFFLOAD_H

#include "datapath/packet.h"
#include "vhost/virtqueue.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ether.h>

#define TCP_CSUM_OFFSET 16u
#define TCP_HEADER_MIN	20u
#define TCP_HEADER_MAX	60u

static inline bool virtio_has(uint64_t features, unsigned bit)
{
	return features >> bit & 1;
}

// Whether the sender left anything to do.
static inline bool header_has_work(const struct virtio_net_hdr *hdr)
{
	return (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) ||
	       hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE;
}

// How much of the frame must be private for header_check().
static inline uint32_t header_head_len(const struct virtio_net_hdr *hdr)
{
	uint32_t need = rte_le_to_cpu_16(hdr->csum_start);

	need += hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE
		    ? TCP_HEADER_MAX
		    : rte_le_to_cpu_16(hdr->csum_offset) + (uint32_t)sizeof(uint16_t);
	return need <= HEAD_COPY ? HEAD_COPY : HEADERS_MAX;
}

static inline uint32_t header_frame_max(const struct virtio_net_hdr *hdr)
{
	return hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE ? GSO_FRAME_MAX : FRAME_MAX;
}

static inline uint16_t head_be16(const uint8_t *head, uint32_t ofs)
{
	return (uint16_t)(head[ofs] << 8 | head[ofs + 1]);
}

// Where the protocol behind the Ethernet header and up to two tags starts; its EtherType.
static inline uint32_t head_l3(const uint8_t *head, uint32_t head_len, uint16_t *ethertype)
{
	uint32_t ofs = 2 * RTE_ETHER_ADDR_LEN;

	*ethertype = head_be16(head, ofs);
	for (unsigned tags = 0;
	     tags < 2 && ofs + 6 <= head_len &&
	     (*ethertype == RTE_ETHER_TYPE_VLAN || *ethertype == RTE_ETHER_TYPE_QINQ);
	     tags++) {
		ofs += 4;
		*ethertype = head_be16(head, ofs);
	}
	return ofs + 2;
}

static inline bool ipv4_has_tcp_at(const uint8_t *head, uint32_t l3, uint32_t l4)
{
	uint32_t ihl = l4 - l3;

	return l4 >= l3 + 20 && head[l3] >> 4 == 4 && (head[l3] & 0xf) * 4u == ihl &&
	       head[l3 + 9] == IPPROTO_TCP;
}

static inline bool ipv6_has_tcp_at(const uint8_t *head, uint32_t l3, uint32_t l4)
{
	uint32_t ofs = l3 + 40;
	uint8_t next;

	if (l4 < ofs || head[l3] >> 4 != 6)
		return false;
	next = head[l3 + 6];
	while (ofs + 8 <= l4 &&
	       (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS)) {
		next = head[ofs];
		ofs += (head[ofs + 1] + 1u) * 8;
	}
	return ofs == l4 && next == IPPROTO_TCP;
}

// Segmentation, given that the checksum's place is in the head.
static inline int header_check_gso(uint64_t features, const struct virtio_net_hdr *hdr,
				   const uint8_t *head, uint32_t head_len,
				   struct packet_offload *offload)
{
	uint8_t type = hdr->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	uint32_t l4 = offload->csum_start;
	uint16_t ethertype;
	uint32_t l3 = head_l3(head, head_len, &ethertype);
	uint32_t tcp_len;
	bool agrees = false;

	if (type == VIRTIO_NET_HDR_GSO_TCPV4 && virtio_has(features, VIRTIO_NET_F_HOST_TSO4))
		agrees = ethertype == RTE_ETHER_TYPE_IPV4 && ipv4_has_tcp_at(head, l3, l4);
	else if (type == VIRTIO_NET_HDR_GSO_TCPV6 && virtio_has(features, VIRTIO_NET_F_HOST_TSO6))
		agrees = ethertype == RTE_ETHER_TYPE_IPV6 && ipv6_has_tcp_at(head, l3, l4);
	if (!agrees || offload->csum_offset != TCP_CSUM_OFFSET || hdr->gso_size == 0)
		return -EINVAL;
	if (hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN && !virtio_has(features, VIRTIO_NET_F_HOST_ECN))
		return -EINVAL;
	tcp_len = (head[l4 + 12] >> 4) * 4u; // before the checksum, so in the head
	if (tcp_len < TCP_HEADER_MIN || l4 + tcp_len > head_len)
		return -EINVAL;
	offload->gso_size = rte_le_to_cpu_16(hdr->gso_size);
	offload->gso_headers = (uint16_t)(l4 + tcp_len);
	offload->gso_type = hdr->gso_type;
	return 0;
}

// What a guest left to us, from private copies of header and head. 0 or -EINVAL.
static inline int header_check(uint64_t features, const struct virtio_net_hdr *hdr,
			       const uint8_t *head, uint32_t head_len,
			       struct packet_offload *offload)
{
	uint32_t start = rte_le_to_cpu_16(hdr->csum_start);
	uint32_t offset = rte_le_to_cpu_16(hdr->csum_offset);

	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || !virtio_has(features, VIRTIO_NET_F_CSUM))
		return -EINVAL;
	if (start < FRAME_MIN || start + offset + sizeof(uint16_t) > head_len)
		return -EINVAL;
	*offload =
	    (struct packet_offload){.csum_start = (uint16_t)start, .csum_offset = (uint16_t)offset};
	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return 0;
	return header_check_gso(features, hdr, head, head_len, offload);
}

// Whether a guest takes what is left to do in a frame.
static inline bool offload_is_taken(uint64_t features, const struct packet_offload *offload)
{
	uint8_t type = offload->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;

	if (!virtio_has(features, VIRTIO_NET_F_GUEST_CSUM))
		return false;
	if (offload->gso_size == 0)
		return true;
	if (offload->gso_type & VIRTIO_NET_HDR_GSO_ECN &&
	    !virtio_has(features, VIRTIO_NET_F_GUEST_ECN))
		return false;
	return virtio_has(features, type == VIRTIO_NET_HDR_GSO_TCPV4 ? VIRTIO_NET_F_GUEST_TSO4
								     : VIRTIO_NET_F_GUEST_TSO6);
}

// The header of a frame for a guest.
static inline void header_fill(struct virtio_net_hdr_v1 *hdr, struct rte_mbuf *m,
			       uint16_t n_buffers)
{
	const struct packet_offload *offload = &packet_meta(m)->offload;

	*hdr = (struct virtio_net_hdr_v1){.num_buffers = rte_cpu_to_le_16(n_buffers)};
	if (!(m->ol_flags & PACKET_OFFLOAD))
		return;
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->csum_start = rte_cpu_to_le_16(offload->csum_start);
	hdr->csum_offset = rte_cpu_to_le_16(offload->csum_offset);
	if (offload->gso_size == 0)
		return;
	hdr->gso_type = offload->gso_type;
	hdr->gso_size = rte_cpu_to_le_16(offload->gso_size);
	hdr->hdr_len = rte_cpu_to_le_16(offload->gso_headers);
}

#endif
