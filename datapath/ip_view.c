#include "datapath/ip_view.h"

#include "datapath/csum.h"
#include "datapath/edit.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>

#define IPV4_FRAG_OFS_MASK 0x1fff

static const struct l4_csum l4_csums[] = {
    {.proto = IPPROTO_TCP, .csum_ofs = 16, .has_ports = true},
    {.proto = IPPROTO_UDP, .csum_ofs = 6, .has_ports = true, .zero_is_none = true},
    {.proto = IPPROTO_ICMPV6, .csum_ofs = 2, .v6_only = true},
};

const struct l4_csum *l4_csum_of(const struct ip_view *ip)
{
	for (unsigned i = 0; i < RTE_DIM(l4_csums); i++) {
		if (l4_csums[i].proto == ip->proto && (ip->is_v6 || !l4_csums[i].v6_only))
			return &l4_csums[i];
	}
	return NULL;
}

static int view_ipv4(struct ip_view *ip, uint32_t room)
{
	const struct rte_ipv4_hdr *hdr = (const struct rte_ipv4_hdr *)ip->l3;
	uint32_t hdr_len, total_len;
	uint16_t frag;

	if (room < sizeof *hdr || hdr->version_ihl >> 4 != 4)
		return -EINVAL;
	hdr_len = (hdr->version_ihl & 0xf) * 4u;
	if (hdr_len < sizeof *hdr || hdr_len > room)
		return -EINVAL;
	total_len = rte_be_to_cpu_16(hdr->total_length);
	if (total_len < hdr_len)
		return -EINVAL;
	frag = rte_be_to_cpu_16(hdr->fragment_offset);
	ip->proto = hdr->next_proto_id;
	ip->is_fragment = (frag & (IPV4_FRAG_OFS_MASK | RTE_IPV4_HDR_MF_FLAG)) != 0;
	ip->is_later = (frag & IPV4_FRAG_OFS_MASK) != 0;
	if (!ip->is_later) {
		ip->l4 = ip->l3 + hdr_len;
		ip->l4_len = RTE_MIN(room, total_len) - hdr_len;
	}
	return 0;
}

static void view_ipv6_fragment(struct ip_view *ip, const uint8_t *ext)
{
	uint16_t ofs_and_flags = (uint16_t)(ext[2] << 8 | ext[3]);

	ip->is_fragment = (ofs_and_flags & 0xfff9) != 0;
	ip->is_later = (ofs_and_flags & 0xfff8) != 0;
}

// Follows the extension headers of RFC 8200 (and RFC 4302's AH) to the transport header.
static void view_ipv6_ext(struct ip_view *ip, uint32_t at, uint32_t end)
{
	for (unsigned i = 0;; i++) {
		const uint8_t *ext = ip->l3 + at;
		uint32_t len;

		switch (ip->proto) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_FRAGMENT:
		case IPPROTO_AH:
			break;
		default:
			ip->l4 = ip->l3 + at;
			ip->l4_len = end - at;
			return;
		}
		if (i == IPV6_EXT_HEADERS_MAX || end - at < 8)
			return;
		len = ip->proto == IPPROTO_AH	      ? (ext[1] + 2u) * 4
		      : ip->proto == IPPROTO_FRAGMENT ? 8
						      : (ext[1] + 1u) * 8;
		if (ip->proto == IPPROTO_FRAGMENT)
			view_ipv6_fragment(ip, ext);
		if (ip->proto == IPPROTO_ROUTING && ext[3] > 0)
			ip->is_routed = true;
		ip->proto = ext[0];
		if (len > end - at || ip->is_later)
			return;
		at += len;
	}
}

static int view_ipv6(struct ip_view *ip, uint32_t room)
{
	const struct rte_ipv6_hdr *hdr = (const struct rte_ipv6_hdr *)ip->l3;
	uint32_t payload_len;

	if (room < sizeof *hdr || ip->l3[0] >> 4 != 6)
		return -EINVAL;
	payload_len = rte_be_to_cpu_16(hdr->payload_len);
	ip->proto = hdr->proto;
	view_ipv6_ext(ip, sizeof *hdr,
		      payload_len ? RTE_MIN(room, payload_len + (uint32_t)sizeof *hdr) : room);
	return 0;
}

int ip_view_quoted(uint8_t *l3, uint32_t len, bool is_v6, struct ip_view *ip)
{
	ip->is_v6 = is_v6;
	ip->l3 = l3;
	return is_v6 ? view_ipv6(ip, len) : view_ipv4(ip, len);
}

int ip_view(struct rte_mbuf **m, struct ip_view *ip)
{
	uint32_t l3_ofs, room;
	uint16_t eth_type;
	int err = packet_pull_headers(m);

	if (err < 0)
		return err;
	eth_type = edit_l3_type(*m, &l3_ofs);
	if (eth_type != RTE_ETHER_TYPE_IPV4 && eth_type != RTE_ETHER_TYPE_IPV6)
		return 0;
	room = rte_pktmbuf_data_len(*m) - l3_ofs;
	err = ip_view_quoted(rte_pktmbuf_mtod_offset(*m, uint8_t *, l3_ofs), room,
			     eth_type == RTE_ETHER_TYPE_IPV6, ip);
	return err < 0 ? err : 1;
}

// The field holds just the pseudo header's sum, and who takes the packet completes it.
static bool is_partial(struct rte_mbuf *m, const struct ip_view *ip, const struct l4_csum *row)
{
	const struct packet_offload *offload = &packet_meta(m)->offload;

	return (m->ol_flags & PACKET_OFFLOAD) &&
	       offload->csum_start == ip->l4 - rte_pktmbuf_mtod(m, uint8_t *) &&
	       offload->csum_offset == row->csum_ofs;
}

void l4_csum_update(struct rte_mbuf *m, const struct ip_view *ip, const struct l4_csum *row,
		    uint32_t delta)
{
	uint16_t csum;

	if (!row || !ip->l4 || ip->l4_len < row->csum_ofs + 2u)
		return;
	csum = csum_word(ip->l4 + row->csum_ofs);

	if (is_partial(m, ip, row)) {
		csum = (uint16_t)~csum_update((uint16_t)~csum, delta);
	} else {
		if (row->zero_is_none && csum == 0)
			return;
		csum = csum_update(csum, delta);
		if (row->zero_is_none && csum == 0)
			csum = 0xffff;
	}
	memcpy(ip->l4 + row->csum_ofs, &csum, sizeof csum);
}

void l4_csum_update_inside(struct rte_mbuf *m, const struct ip_view *ip, const struct l4_csum *row,
			   uint32_t delta)
{
	if (!is_partial(m, ip, row))
		l4_csum_update(m, ip, row, delta);
}

bool l4_csum_reachable(const struct ip_view *ip, const struct l4_csum *row)
{
	if (ip->is_later)
		return true;
	return ip->l4 && (!row || ip->l4_len >= row->csum_ofs + 2u);
}
