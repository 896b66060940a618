#include "datapath/edit.h"

#include "datapath/csum.h"
#include "flowtable/extract.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_hash_crc.h>
#include <rte_ip.h>

#define IPV4_FRAG_OFS_MASK 0x1fff
#define SCTP_CSUM_OFS	   8
#define SCTP_CSUM_SEED	   0xffffffffu

// An IP packet and its transport header inside the first segment.
struct ip_view {
	uint8_t *l3;
	uint8_t *l4;	 // NULL for a later fragment, or when it lies behind the segment's end
	uint32_t l4_len; // bytes there, of the packet's own length, without padding
	uint8_t proto;
	bool is_v6;
	bool is_fragment;
	bool is_later;	// a fragment that is not the first
	bool is_routed; // the address in the header is not yet the final destination
};

// Transport protocols whose checksum covers the addresses.
struct l4_row {
	uint8_t proto;
	uint8_t csum_ofs;
	bool v6_only;
	bool zero_is_none; // 0 on the wire says: no checksum
	bool has_ports;
};

static const struct l4_row l4_rows[] = {
    {.proto = IPPROTO_TCP, .csum_ofs = 16, .has_ports = true},
    {.proto = IPPROTO_UDP, .csum_ofs = 6, .has_ports = true, .zero_is_none = true},
    {.proto = IPPROTO_ICMPV6, .csum_ofs = 2, .v6_only = true},
};

static const struct l4_row *l4_row_of(const struct ip_view *ip)
{
	for (unsigned i = 0; i < RTE_DIM(l4_rows); i++) {
		if (l4_rows[i].proto == ip->proto && (ip->is_v6 || !l4_rows[i].v6_only))
			return &l4_rows[i];
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

// Makes the headers writable and finds them; *ip is zeroed before. 1: an IP packet; 0: another;
// -EINVAL: IP, but cut off or malformed; -ENOMEM.
static int view(struct rte_mbuf **m, struct ip_view *ip)
{
	uint32_t l3_ofs, room;
	uint16_t eth_type;
	int err = packet_pull_headers(m);

	if (err < 0)
		return err;
	eth_type = edit_eth_type(*m, &l3_ofs);
	if (eth_type < 0x600 && packet_meta(*m)->layout.l3_ofs != LAYOUT_NONE) {
		// 802.3 with SNAP: the type stands right before what extraction has found.
		l3_ofs = packet_meta(*m)->layout.l3_ofs;
		if (l3_ofs < 2 || l3_ofs > rte_pktmbuf_data_len(*m))
			return -EINVAL;
		eth_type =
		    rte_be_to_cpu_16(csum_word(rte_pktmbuf_mtod(*m, uint8_t *) + l3_ofs - 2));
	}
	if (eth_type != RTE_ETHER_TYPE_IPV4 && eth_type != RTE_ETHER_TYPE_IPV6)
		return 0;
	ip->is_v6 = eth_type == RTE_ETHER_TYPE_IPV6;
	ip->l3 = rte_pktmbuf_mtod_offset(*m, uint8_t *, l3_ofs);
	room = rte_pktmbuf_data_len(*m) - l3_ofs;
	err = ip->is_v6 ? view_ipv6(ip, room) : view_ipv4(ip, room);
	return err < 0 ? err : 1;
}

// The field holds just the pseudo header's sum, and who takes the packet completes it.
static bool is_partial(struct rte_mbuf *m, const struct ip_view *ip, const struct l4_row *row)
{
	const struct packet_offload *offload = &packet_meta(m)->offload;

	return (m->ol_flags & PACKET_OFFLOAD) &&
	       offload->csum_start == ip->l4 - rte_pktmbuf_mtod(m, uint8_t *) &&
	       offload->csum_offset == row->csum_ofs;
}

// `row` may be NULL: no checksum covers the addresses. Nor is one touched that is cut off.
static void l4_csum_update(struct rte_mbuf *m, const struct ip_view *ip, const struct l4_row *row,
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

// Whether the checksum that covers the addresses is where it can be updated, or there is none to
// update.
static bool l4_csum_reachable(const struct ip_view *ip, const struct l4_row *row)
{
	if (ip->is_later)
		return true;
	return ip->l4 && (!row || ip->l4_len >= row->csum_ofs + 2u);
}

static uint32_t masked32(uint32_t old, uint32_t value, uint32_t mask)
{
	return (old & ~mask) | value;
}

int edit_set_ipv4(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_ipv4 *set = &action->u.ipv4;
	struct rte_ipv4_hdr *hdr, from;
	const struct l4_row *row;
	struct ip_view ip = {0};
	uint32_t addrs;
	int found = view(m, &ip);

	if (found < 0)
		return found;
	if (!found || ip.is_v6)
		return -EINVAL;
	row = l4_row_of(&ip);
	if ((set->src_mask_be | set->dst_mask_be) && !l4_csum_reachable(&ip, row))
		return -EINVAL;

	hdr = (struct rte_ipv4_hdr *)ip.l3;
	from = *hdr;
	hdr->src_addr = masked32(hdr->src_addr, set->src_be, set->src_mask_be);
	hdr->dst_addr = masked32(hdr->dst_addr, set->dst_be, set->dst_mask_be);
	hdr->type_of_service = (uint8_t)((hdr->type_of_service & ~set->tos_mask) | set->tos);
	hdr->time_to_live = (uint8_t)((hdr->time_to_live & ~set->ttl_mask) | set->ttl);

	addrs = csum_delta(&from.src_addr, &hdr->src_addr, 8);
	hdr->hdr_checksum = csum_update(from.hdr_checksum,
					addrs + csum_delta(&from, hdr, 2) +
					    csum_delta(&from.time_to_live, &hdr->time_to_live, 2));
	l4_csum_update(*m, &ip, row, addrs);
	return 0;
}

static void in6_set(uint8_t *addr, const struct in6 *value, const struct in6 *mask)
{
	for (unsigned i = 0; i < sizeof value->b; i++)
		addr[i] = (uint8_t)((addr[i] & ~mask->b[i]) | value->b[i]);
}

static bool in6_is_zero(const struct in6 *a)
{
	static const struct in6 zero;

	return memcmp(a, &zero, sizeof zero) == 0;
}

int edit_set_ipv6(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_ipv6 *set = &action->u.ipv6;
	struct rte_ipv6_hdr *hdr, from;
	const struct l4_row *row;
	struct ip_view ip = {0};
	uint32_t delta, word, mask;
	int found = view(m, &ip);

	if (found < 0)
		return found;
	if (!found || !ip.is_v6)
		return -EINVAL;
	row = l4_row_of(&ip);
	if ((!in6_is_zero(&set->src_mask) || !in6_is_zero(&set->dst_mask)) &&
	    !l4_csum_reachable(&ip, row))
		return -EINVAL;

	hdr = (struct rte_ipv6_hdr *)ip.l3;
	from = *hdr;
	in6_set(hdr->src_addr, &set->src, &set->src_mask);
	in6_set(hdr->dst_addr, &set->dst, &set->dst_mask);
	hdr->hop_limits = (uint8_t)((hdr->hop_limits & ~set->hlimit_mask) | set->hlimit);
	word = (uint32_t)set->tclass << 20 | (rte_be_to_cpu_32(set->label_be) & 0xfffff);
	mask = (uint32_t)set->tclass_mask << 20 | (rte_be_to_cpu_32(set->label_mask_be) & 0xfffff);
	hdr->vtc_flow = masked32(hdr->vtc_flow, rte_cpu_to_be_32(word), rte_cpu_to_be_32(mask));

	// With a routing header under way, the checksum covers the last address of that header
	// instead.
	delta = csum_delta(from.src_addr, hdr->src_addr, sizeof from.src_addr);
	if (!ip.is_routed)
		delta += csum_delta(from.dst_addr, hdr->dst_addr, sizeof from.dst_addr);
	l4_csum_update(*m, &ip, row, delta);
	return 0;
}

// CRC32c of len bytes from ofs on, as RFC 9260's Appendix A computes it. The packet may have
// several segments.
static uint32_t sctp_crc(const struct rte_mbuf *m, uint32_t ofs, uint32_t len)
{
	uint64_t chunk[32]; // aligned, which a frame's bytes are not
	uint32_t crc = SCTP_CSUM_SEED;

	while (len > 0) {
		uint32_t n = RTE_MIN(len, (uint32_t)sizeof chunk);
		const void *bytes = rte_pktmbuf_read(m, ofs, n, chunk);

		if (bytes != chunk)
			memcpy(chunk, bytes, n);
		crc = rte_hash_crc(chunk, n, crc);
		ofs += n;
		len -= n;
	}
	return ~crc;
}

static uint32_t ip_payload_len(const struct ip_view *ip)
{
	uint32_t before_l4 = (uint32_t)(ip->l4 - ip->l3);
	uint32_t total = rte_be_to_cpu_16(csum_word(ip->l3 + (ip->is_v6 ? 4 : 2)));

	return total + (ip->is_v6 ? (uint32_t)sizeof(struct rte_ipv6_hdr) : 0) - before_l4;
}

static uint32_t ports_set(uint8_t *l4, const struct action_set_ports *set)
{
	uint16_t from[2], to[2];

	memcpy(from, l4, sizeof from);
	to[0] = (uint16_t)((from[0] & ~set->src_mask_be) | set->src_be);
	to[1] = (uint16_t)((from[1] & ~set->dst_mask_be) | set->dst_be);
	memcpy(l4, to, sizeof to);
	return csum_delta(from, to, sizeof to);
}

// The checksum is a CRC over the whole packet: what was wrong with it before stays wrong.
static int sctp_set_ports(struct rte_mbuf *m, const struct ip_view *ip,
			  const struct action_set_ports *set)
{
	uint32_t ofs = (uint32_t)(ip->l4 - rte_pktmbuf_mtod(m, uint8_t *));
	uint32_t len = ip_payload_len(ip);
	uint32_t csum, right_before;

	if (ip->is_fragment || ip->l4_len < SCTP_CSUM_OFS + 4 || len > rte_pktmbuf_pkt_len(m) - ofs)
		return -EINVAL;
	memcpy(&csum, ip->l4 + SCTP_CSUM_OFS, sizeof csum);
	memset(ip->l4 + SCTP_CSUM_OFS, 0, sizeof csum);
	right_before = sctp_crc(m, ofs, len);
	ports_set(ip->l4, set);
	csum ^= rte_cpu_to_le_32(right_before ^ sctp_crc(m, ofs, len));
	memcpy(ip->l4 + SCTP_CSUM_OFS, &csum, sizeof csum);
	return 0;
}

int edit_set_ports(struct rte_mbuf **m, const struct action *action)
{
	const struct action_set_ports *set = &action->u.ports;
	const struct l4_row *row;
	struct ip_view ip = {0};
	uint32_t delta;
	int found = view(m, &ip);

	if (found <= 0)
		return found;
	if (ip.proto != set->proto || ip.is_later)
		return 0;
	if (!ip.l4)
		return -EINVAL;
	if (ip.proto == IPPROTO_SCTP)
		return sctp_set_ports(*m, &ip, set);
	row = l4_row_of(&ip);
	if (!row || !row->has_ports || ip.l4_len < row->csum_ofs + 2u)
		return -EINVAL;
	delta = ports_set(ip.l4, set);
	if (!is_partial(*m, &ip, row))
		l4_csum_update(*m, &ip, row, delta);
	return 0;
}
