#include "datapath/ct_frag_view.h"

#include "datapath/edit.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>

#define OFS_UNIT      8u // bytes that a fragment offset counts
#define DATAGRAM_MAX  65535u
#define IPV6_FRAG_LEN 8u

static int view_ipv4(const uint8_t *l3, uint32_t room, uint32_t packet_room,
		     struct ct_frag_view *view)
{
	const struct rte_ipv4_hdr *hdr = (const struct rte_ipv4_hdr *)l3;
	uint32_t hdr_len, total_len;
	uint16_t frag;

	if (room < sizeof *hdr || hdr->version_ihl >> 4 != 4)
		return -EINVAL;
	frag = rte_be_to_cpu_16(hdr->fragment_offset);
	if ((frag & (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)) == 0)
		return 0;
	hdr_len = (hdr->version_ihl & 0xf) * 4u;
	total_len = rte_be_to_cpu_16(hdr->total_length);
	if (hdr_len < sizeof *hdr || hdr_len > room || total_len <= hdr_len ||
	    total_len > packet_room || rte_raw_cksum(hdr, hdr_len) != 0xffff)
		return -EINVAL;
	memcpy(view->src.b, &hdr->src_addr, sizeof hdr->src_addr);
	memcpy(view->dst.b, &hdr->dst_addr, sizeof hdr->dst_addr);
	view->id_be = rte_cpu_to_be_32(rte_be_to_cpu_16(hdr->packet_id));
	view->proto = hdr->next_proto_id;
	view->more = frag & RTE_IPV4_HDR_MF_FLAG;
	view->part_ofs = (uint16_t)(view->l3_ofs + hdr_len);
	view->ip_len = total_len;
	view->start = (frag & RTE_IPV4_HDR_OFFSET_MASK) * OFS_UNIT;
	return 1;
}

static bool is_before_fragment(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS;
}

// Where the fragment header is, from l3; 0 when there is none, -EINVAL.
static int ipv6_fragment_find(const uint8_t *l3, uint32_t room)
{
	uint8_t proto = ((const struct rte_ipv6_hdr *)l3)->proto;
	uint32_t at = sizeof(struct rte_ipv6_hdr);

	for (unsigned i = 0; is_before_fragment(proto); i++) {
		if (i == IPV6_EXT_HEADERS_MAX || at + 8 > room)
			return -EINVAL;
		proto = l3[at];
		at += (l3[at + 1] + 1u) * 8;
	}
	if (proto != IPPROTO_FRAGMENT)
		return 0;
	return at + IPV6_FRAG_LEN > room ? -EINVAL : (int)at;
}

static int view_ipv6(const uint8_t *l3, uint32_t room, uint32_t packet_room,
		     struct ct_frag_view *view)
{
	const struct rte_ipv6_hdr *hdr = (const struct rte_ipv6_hdr *)l3;
	const uint8_t *frag;
	uint16_t ofs_and_flags;
	int at;

	if (room < sizeof *hdr || l3[0] >> 4 != 6)
		return -EINVAL;
	at = ipv6_fragment_find(l3, room);
	if (at <= 0)
		return at;
	frag = l3 + at;
	ofs_and_flags = (uint16_t)(frag[2] << 8 | frag[3]);
	if ((ofs_and_flags & 0xfff9) == 0)
		return 0; // the only one: RFC 6946
	view->ip_len = rte_be_to_cpu_16(hdr->payload_len) + (uint32_t)sizeof *hdr;
	if (view->ip_len <= (uint32_t)at + IPV6_FRAG_LEN || view->ip_len > packet_room)
		return -EINVAL;
	memcpy(view->src.b, hdr->src_addr, sizeof view->src);
	memcpy(view->dst.b, hdr->dst_addr, sizeof view->dst);
	memcpy(&view->id_be, frag + 4, sizeof view->id_be);
	view->more = ofs_and_flags & 1;
	view->frag_ofs = (uint16_t)(view->l3_ofs + at);
	view->part_ofs = (uint16_t)(view->frag_ofs + IPV6_FRAG_LEN);
	view->start = ofs_and_flags & 0xfff8;
	return 1;
}

int ct_frag_view(struct rte_mbuf **m, struct ct_frag_view *view)
{
	uint32_t l3_ofs, room, packet_room;
	uint16_t eth_type;
	const uint8_t *l3;
	int found = packet_pull_headers(m);

	if (found < 0)
		return found;
	*view = (struct ct_frag_view){0};
	eth_type = edit_l3_type(*m, &l3_ofs);
	view->is_v6 = eth_type == RTE_ETHER_TYPE_IPV6;
	if (!view->is_v6 && eth_type != RTE_ETHER_TYPE_IPV4)
		return 0;
	view->l3_ofs = (uint16_t)l3_ofs;
	l3 = rte_pktmbuf_mtod_offset(*m, const uint8_t *, l3_ofs);
	room = rte_pktmbuf_data_len(*m) - l3_ofs;
	packet_room = rte_pktmbuf_pkt_len(*m) - l3_ofs;
	found = view->is_v6 ? view_ipv6(l3, room, packet_room, view)
			    : view_ipv4(l3, room, packet_room, view);
	if (found <= 0)
		return found;
	view->len = view->ip_len - (view->part_ofs - l3_ofs);
	if ((view->more && view->len % OFS_UNIT) || view->start + view->len > DATAGRAM_MAX ||
	    ((*m)->ol_flags & PACKET_OFFLOAD))
		return -EINVAL;
	return 1;
}
