#include "flowtable/extract.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define ETH_HLEN       14
#define ETH_TYPE_MIN   0x0600 // smaller: an 802.3 length
#define ETH_TYPE_IP    0x0800
#define ETH_TYPE_ARP   0x0806
#define ETH_TYPE_RARP  0x8035
#define ETH_TYPE_IPV6  0x86dd
#define ETH_TYPE_MPLS  0x8847
#define ETH_TYPE_MPLSM 0x8848
#define VLAN_TAG_LEN   4
#define LLC_SNAP_LEN   8
#define ARP_LEN	       28
#define MPLS_HLEN      4
#define IPV4_HLEN      20
#define IPV6_HLEN      40
#define EXT_HEADER_MIN 8
#define ND_TARGET_END  24 // ICMPv6 header and target address
#define ND_OPTIONS_MAX 16
#define ND_SOLICIT     135
#define ND_ADVERT      136
#define ND_OPT_SOURCE  1
#define ND_OPT_TARGET  2

// The frame's part that may still be read: from `ofs` up to `end`, which shrinks to what the IP
// header says.
struct cursor {
	const uint8_t *data;
	uint32_t ofs;
	uint32_t end;
};

static bool has(const struct cursor *c, uint32_t n)
{
	return c->end - c->ofs >= n;
}

static const uint8_t *at(const struct cursor *c, uint32_t n)
{
	return c->data + c->ofs + n;
}

static uint16_t load16_be(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint16_t load16(const uint8_t *p)
{
	return ntohs(load16_be(p));
}

static uint32_t load32_be(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void limit(struct cursor *c, uint32_t from_ofs)
{
	if (from_ofs < c->end - c->ofs)
		c->end = c->ofs + from_ofs;
}

static bool is_vlan_tpid(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

// A tag counts only together with the type behind it.
static uint16_t extract_vlans(struct cursor *c, uint16_t type, struct flow_key *key)
{
	for (unsigned i = 0; i < 2 && is_vlan_tpid(type) && has(c, VLAN_TAG_LEN); i++) {
		key->vlan[i].tpid_be = htons(type);
		key->vlan[i].tci_be = load16_be(at(c, 0)) | htons(VLAN_CFI);
		type = load16(at(c, 2));
		c->ofs += VLAN_TAG_LEN;
	}
	return type;
}

// Behind an 802.3 length: the type out of a SNAP header with organization 0 (RFC 1042), or none.
static uint16_t extract_snap(struct cursor *c)
{
	static const uint8_t llc_snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};

	if (!has(c, LLC_SNAP_LEN) || memcmp(at(c, 0), llc_snap, sizeof(llc_snap)) != 0)
		return ETH_TYPE_NONE;

	uint16_t type = load16(at(c, 6));

	if (type < ETH_TYPE_MIN)
		return ETH_TYPE_NONE;
	c->ofs += LLC_SNAP_LEN;
	return type;
}

static uint16_t extract_l2(struct cursor *c, struct flow_key *key)
{
	if (has(c, 6))
		memcpy(&key->eth_dst, at(c, 0), 6);
	if (has(c, 12))
		memcpy(&key->eth_src, at(c, 6), 6);
	if (!has(c, ETH_HLEN)) {
		c->ofs = c->end;
		return 0;
	}

	uint16_t type = load16(at(c, 12));

	c->ofs += ETH_HLEN;
	type = extract_vlans(c, type, key);
	if (type < ETH_TYPE_MIN)
		type = extract_snap(c);
	key->eth_type_be = htons(type);
	return type;
}

static bool extract_arp(struct cursor *c, struct flow_key *key)
{
	static const uint8_t ether_ipv4[6] = {0, 1, 8, 0, 6, 4};

	if (!has(c, ARP_LEN) || memcmp(at(c, 0), ether_ipv4, sizeof(ether_ipv4)) != 0)
		return false;

	uint16_t opcode = load16(at(c, 6));

	key->nw_proto = opcode <= UINT8_MAX ? (uint8_t)opcode : 0;
	memcpy(&key->arp_sha, at(c, 8), 6);
	key->ip_src_be = load32_be(at(c, 14));
	memcpy(&key->arp_tha, at(c, 18), 6);
	key->ip_dst_be = load32_be(at(c, 24));
	return true;
}

// The options: link-layer addresses, at most one of a kind. A malformed one leaves none at all.
static void extract_nd_options(struct cursor *c, struct flow_key *key)
{
	static const struct eth_addr none;
	struct eth_addr addr[2] = {none, none}; // source, target
	bool seen[2] = {false, false};

	for (unsigned i = 0; has(c, 8); i++) {
		const uint8_t *opt = at(c, 0);
		uint32_t len = opt[1] * 8u;

		if (i == ND_OPTIONS_MAX || len == 0 || !has(c, len))
			return;
		if ((opt[0] == ND_OPT_SOURCE || opt[0] == ND_OPT_TARGET) && len == 8) {
			unsigned which = opt[0] - ND_OPT_SOURCE;

			if (seen[which])
				return;
			seen[which] = true;
			memcpy(&addr[which], opt + 2, 6);
		}
		c->ofs += len;
	}
	key->arp_sha = addr[0];
	key->arp_tha = addr[1];
}

static void extract_ports(const struct cursor *c, struct flow_key *key)
{
	key->tp_src_be = load16_be(at(c, 0));
	key->tp_dst_be = load16_be(at(c, 2));
}

static void extract_tcp(struct cursor *c, struct flow_key *key)
{
	extract_ports(c, key);
	key->tcp_flags_be = load16_be(at(c, 12)) & htons(0x0fff);
}

static void extract_udp_sctp(struct cursor *c, struct flow_key *key)
{
	extract_ports(c, key);
}

static void extract_icmp(struct cursor *c, struct flow_key *key)
{
	key->tp_src_be = htons(at(c, 0)[0]);
	key->tp_dst_be = htons(at(c, 0)[1]);
}

static void extract_icmp6(struct cursor *c, struct flow_key *key)
{
	uint8_t type = at(c, 0)[0], code = at(c, 0)[1];

	extract_icmp(c, key);
	if ((type != ND_SOLICIT && type != ND_ADVERT) || code != 0 || !has(c, ND_TARGET_END))
		return;
	memcpy(&key->nd_target, at(c, 8), sizeof(key->nd_target));
	c->ofs += ND_TARGET_END;
	extract_nd_options(c, key);
}

static const struct l4 {
	uint8_t proto;
	uint8_t ip_version; // 0: both
	uint8_t header_len; // bytes that must be there
	void (*extract)(struct cursor *c, struct flow_key *key);
} l4_table[] = {
    {IPPROTO_TCP, 0, 20, extract_tcp},	     {IPPROTO_UDP, 0, 8, extract_udp_sctp},
    {IPPROTO_SCTP, 0, 12, extract_udp_sctp}, {IPPROTO_ICMP, 4, 8, extract_icmp},
    {IPPROTO_ICMPV6, 6, 8, extract_icmp6},
};

// NULL for a protocol without transport fields.
static const struct l4 *l4_of(uint8_t proto, uint8_t ip_version)
{
	for (unsigned i = 0; i < sizeof(l4_table) / sizeof(l4_table[0]); i++) {
		const struct l4 *l4 = &l4_table[i];

		if (l4->proto == proto && (l4->ip_version == 0 || l4->ip_version == ip_version))
			return l4;
	}
	return NULL;
}

static void extract_l4(struct cursor *c, uint8_t ip_version, struct flow_key *key,
		       struct packet_layout *layout)
{
	const struct l4 *l4 = l4_of(key->nw_proto, ip_version);

	if (key->nw_frag & NW_FRAG_LATER || !l4 || !has(c, l4->header_len))
		return;
	layout->l4_ofs = (uint16_t)c->ofs;
	l4->extract(c, key);
}

// A header that contradicts itself (RFC 791: version, IHL, total length) gives no IP fields at all.
static bool extract_ipv4(struct cursor *c, struct flow_key *key)
{
	if (!has(c, IPV4_HLEN))
		return false;

	const uint8_t *ip = at(c, 0);
	uint32_t header_len = (ip[0] & 15u) * 4;
	uint16_t total_len = load16(ip + 2);
	uint16_t frag = load16(ip + 6);

	if (ip[0] >> 4 != 4 || header_len < IPV4_HLEN || total_len < header_len)
		return false;

	key->nw_tos = ip[1];
	key->nw_ttl = ip[8];
	key->nw_proto = ip[9];
	key->ip_src_be = load32_be(ip + 12);
	key->ip_dst_be = load32_be(ip + 16);
	if (frag & 0x3fff) // more fragments, or an offset
		key->nw_frag = NW_FRAG_ANY | (frag & 0x1fff ? NW_FRAG_LATER : 0);

	limit(c, total_len);
	c->ofs = has(c, header_len) ? c->ofs + header_len : c->end;
	return true;
}

static bool is_ext_header(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_FRAGMENT || proto == IPPROTO_AH;
}

// Walks the extension headers (RFC 8200 section 4; AH: RFC 4302). Returns the upper-layer protocol;
// IPPROTO_FRAGMENT for a later fragment, whose upper layer nobody can tell; 0 when the chain is cut
// off or too long.
static uint8_t extract_ext_headers(struct cursor *c, uint8_t proto, struct flow_key *key)
{
	for (unsigned i = 0; is_ext_header(proto); i++) {
		if (i == IPV6_EXT_HEADERS_MAX || !has(c, EXT_HEADER_MIN))
			return 0;

		const uint8_t *ext = at(c, 0);
		uint32_t len = (ext[1] + 1u) * 8;

		if (proto == IPPROTO_AH)
			len = (ext[1] + 2u) * 4;
		if (proto == IPPROTO_FRAGMENT) {
			uint16_t frag = load16(ext + 2);

			len = 8;
			if (frag & 0xfff9) // an offset, or more fragments; else it is atomic
				key->nw_frag = NW_FRAG_ANY;
			if (frag & 0xfff8) {
				key->nw_frag |= NW_FRAG_LATER;
				return IPPROTO_FRAGMENT;
			}
		}
		if (!has(c, len))
			return 0;
		proto = ext[0];
		c->ofs += len;
	}
	return proto;
}

static bool extract_ipv6(struct cursor *c, struct flow_key *key)
{
	if (!has(c, IPV6_HLEN))
		return false;

	const uint8_t *ip = at(c, 0);
	uint32_t first = ntohl(load32_be(ip));

	if (first >> 28 != 6)
		return false;

	key->nw_tos = (uint8_t)(first >> 20);
	key->ipv6_label_be = htonl(first & 0xfffff);
	key->nw_ttl = ip[7];
	memcpy(&key->ipv6_src, ip + 8, sizeof(key->ipv6_src));
	memcpy(&key->ipv6_dst, ip + 24, sizeof(key->ipv6_dst));

	limit(c, IPV6_HLEN + (uint32_t)load16(ip + 4));
	c->ofs += IPV6_HLEN;
	key->nw_proto = extract_ext_headers(c, ip[6], key);
	return true;
}

// No header is found here, so that the layout has none: what the labels carry is not known.
static void extract_mpls(struct cursor *c, struct flow_key *key)
{
	for (unsigned i = 0; i < FLOW_MPLS_LABELS && has(c, MPLS_HLEN); i++) {
		key->mpls_lse_be[i] = load32_be(at(c, 0));
		if (key->mpls_lse_be[i] & htonl(MPLS_BOS))
			return;
		c->ofs += MPLS_HLEN;
	}
}

static void extract_l3(struct cursor *c, uint16_t eth_type, struct flow_key *key,
		       struct packet_layout *layout)
{
	uint32_t l3_ofs = c->ofs;
	uint8_t ip_version = 0;
	bool found = false;

	switch (eth_type) {
	case ETH_TYPE_IP:
		found = extract_ipv4(c, key);
		ip_version = 4;
		break;
	case ETH_TYPE_IPV6:
		found = extract_ipv6(c, key);
		ip_version = 6;
		break;
	case ETH_TYPE_ARP:
	case ETH_TYPE_RARP:
		found = extract_arp(c, key);
		break;
	case ETH_TYPE_MPLS:
	case ETH_TYPE_MPLSM:
		extract_mpls(c, key);
		break;
	}
	if (!found)
		return;
	layout->l3_ofs = (uint16_t)l3_ofs;
	if (ip_version)
		extract_l4(c, ip_version, key, layout);
}

// All of the fixed header was there. What may be missing: the end of the extension headers, the
// transport header behind them (its ports are zero then), or ND options.
bool flow_extract_ipv6_wants_more(const struct flow_key *key)
{
	if (key->nw_proto == 0)
		return true;
	if (key->nw_frag & NW_FRAG_LATER)
		return false;
	if (key->nw_proto == IPPROTO_ICMPV6 &&
	    (key->tp_src_be == htons(ND_SOLICIT) || key->tp_src_be == htons(ND_ADVERT)))
		return true;
	return l4_of(key->nw_proto, 6) && key->tp_src_be == 0 && key->tp_dst_be == 0;
}

void flow_extract(const uint8_t *data, uint32_t len, struct flow_key *key,
		  struct packet_layout *layout)
{
	struct packet_layout found = {LAYOUT_NONE, LAYOUT_NONE};
	struct cursor c = {.data = data, .ofs = 0, .end = len};

	memset(&key->eth_dst, 0, FLOW_KEY_HOT_BYTES - offsetof(struct flow_key, eth_dst));
	uint16_t eth_type = extract_l2(&c, key);

	extract_l3(&c, eth_type, key, &found);
	if (layout)
		*layout = found;
}
