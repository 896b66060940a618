#include "ctl/dp_key_rows.h"

#include "ctl/dp_key_meta.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#define IPV6_LABEL_MASK 0x000fffff
#define FRAG_MASK_EXACT 0xff

// A frag is an enumeration on the wire and two bits in a key. In masks the two bits stand as they
// are, but that both are 0xff, which is what Open vSwitch writes for an exact match.
static uint8_t frag_put(uint8_t nw_frag, bool is_mask)
{
	nw_frag &= NW_FRAG_ANY | NW_FRAG_LATER;
	if (is_mask)
		return nw_frag == (NW_FRAG_ANY | NW_FRAG_LATER) ? FRAG_MASK_EXACT : nw_frag;
	if (nw_frag & NW_FRAG_LATER)
		return OVS_FRAG_TYPE_LATER;
	return nw_frag & NW_FRAG_ANY ? OVS_FRAG_TYPE_FIRST : OVS_FRAG_TYPE_NONE;
}

static const char *frag_get(uint8_t wire, bool is_mask, uint8_t *nw_frag)
{
	static const uint8_t of_type[] = {
	    [OVS_FRAG_TYPE_NONE] = 0,
	    [OVS_FRAG_TYPE_FIRST] = NW_FRAG_ANY,
	    [OVS_FRAG_TYPE_LATER] = NW_FRAG_ANY | NW_FRAG_LATER,
	};
	if (is_mask) {
		bool as_is = wire == 0 || wire == NW_FRAG_ANY || wire == NW_FRAG_LATER;
		*nw_frag = as_is ? wire : NW_FRAG_ANY | NW_FRAG_LATER;
		return NULL;
	}
	if (wire >= sizeof(of_type))
		return "fragment type is above 2";
	*nw_frag = of_type[wire];
	return NULL;
}

static void recirc_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	wire->u32 = key->recirc_id;
}

static const char *recirc_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	(void)is_mask;
	key->recirc_id = wire->u32;
	return NULL;
}

static void in_port_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	wire->u32 = key->in_port;
}

static const char *in_port_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	if (!is_mask && wire->u32 == DP_IN_PORT_NONE)
		return "IN_PORT 4294967295 is no port: leave IN_PORT out";
	key->in_port = wire->u32;
	return NULL;
}

static void eth_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	memcpy(wire->eth.eth_src, key->eth_src.b, ETH_ALEN);
	memcpy(wire->eth.eth_dst, key->eth_dst.b, ETH_ALEN);
}

static const char *eth_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	(void)is_mask;
	memcpy(key->eth_src.b, wire->eth.eth_src, ETH_ALEN);
	memcpy(key->eth_dst.b, wire->eth.eth_dst, ETH_ALEN);
	return NULL;
}

static void eth_type_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	wire->u16 = key->eth_type_be;
}

static const char *eth_type_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	(void)is_mask;
	key->eth_type_be = wire->u16;
	return NULL;
}

static void ipv4_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	wire->ipv4 = (struct ovs_key_ipv4){
	    .ipv4_src = key->ip_src_be,
	    .ipv4_dst = key->ip_dst_be,
	    .ipv4_proto = key->nw_proto,
	    .ipv4_tos = key->nw_tos,
	    .ipv4_ttl = key->nw_ttl,
	    .ipv4_frag = frag_put(key->nw_frag, is_mask),
	};
}

static const char *ipv4_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	key->ip_src_be = wire->ipv4.ipv4_src;
	key->ip_dst_be = wire->ipv4.ipv4_dst;
	key->nw_proto = wire->ipv4.ipv4_proto;
	key->nw_tos = wire->ipv4.ipv4_tos;
	key->nw_ttl = wire->ipv4.ipv4_ttl;
	return frag_get(wire->ipv4.ipv4_frag, is_mask, &key->nw_frag);
}

static void ipv6_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	wire->ipv6 = (struct ovs_key_ipv6){
	    .ipv6_label = key->ipv6_label_be,
	    .ipv6_proto = key->nw_proto,
	    .ipv6_tclass = key->nw_tos,
	    .ipv6_hlimit = key->nw_ttl,
	    .ipv6_frag = frag_put(key->nw_frag, is_mask),
	};
	memcpy(wire->ipv6.ipv6_src, key->ipv6_src.b, sizeof(key->ipv6_src));
	memcpy(wire->ipv6.ipv6_dst, key->ipv6_dst.b, sizeof(key->ipv6_dst));
}

static const char *ipv6_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	if (!is_mask && (ntohl(wire->ipv6.ipv6_label) & ~IPV6_LABEL_MASK) != 0)
		return "flow label has more than 20 bits";
	memcpy(key->ipv6_src.b, wire->ipv6.ipv6_src, sizeof(key->ipv6_src));
	memcpy(key->ipv6_dst.b, wire->ipv6.ipv6_dst, sizeof(key->ipv6_dst));
	key->ipv6_label_be = wire->ipv6.ipv6_label;
	key->nw_proto = wire->ipv6.ipv6_proto;
	key->nw_tos = wire->ipv6.ipv6_tclass;
	key->nw_ttl = wire->ipv6.ipv6_hlimit;
	return frag_get(wire->ipv6.ipv6_frag, is_mask, &key->nw_frag);
}

static void arp_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	wire->arp.arp_sip = key->ip_src_be;
	wire->arp.arp_tip = key->ip_dst_be;
	wire->arp.arp_op = htons(key->nw_proto);
	memcpy(wire->arp.arp_sha, key->arp_sha.b, ETH_ALEN);
	memcpy(wire->arp.arp_tha, key->arp_tha.b, ETH_ALEN);
}

static const char *arp_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	uint16_t op = ntohs(wire->arp.arp_op);
	if (!is_mask && op > UINT8_MAX)
		return "ARP opcode is above 255";
	key->nw_proto = op & UINT8_MAX;
	key->ip_src_be = wire->arp.arp_sip;
	key->ip_dst_be = wire->arp.arp_tip;
	memcpy(key->arp_sha.b, wire->arp.arp_sha, ETH_ALEN);
	memcpy(key->arp_tha.b, wire->arp.arp_tha, ETH_ALEN);
	return NULL;
}

static void tp_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	wire->tp = (struct ovs_key_tcp){.tcp_src = key->tp_src_be, .tcp_dst = key->tp_dst_be};
}

static const char *tp_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	(void)is_mask;
	key->tp_src_be = wire->tp.tcp_src;
	key->tp_dst_be = wire->tp.tcp_dst;
	return NULL;
}

static void tcp_flags_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	wire->u16 = key->tcp_flags_be;
}

static const char *tcp_flags_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	(void)is_mask;
	key->tcp_flags_be = wire->u16;
	return NULL;
}

// Type and code have 8 bits on the wire and 16 in a key, where the upper ones are always zero: an
// exact match is exact in all 16.
static uint16_t icmp_get16(uint8_t wire, bool is_mask)
{
	return is_mask && wire == UINT8_MAX ? UINT16_MAX : htons(wire);
}

static void icmp_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	wire->icmp = (struct ovs_key_icmp){
	    .icmp_type = ntohs(key->tp_src_be) & UINT8_MAX,
	    .icmp_code = ntohs(key->tp_dst_be) & UINT8_MAX,
	};
}

static const char *icmp_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	key->tp_src_be = icmp_get16(wire->icmp.icmp_type, is_mask);
	key->tp_dst_be = icmp_get16(wire->icmp.icmp_code, is_mask);
	return NULL;
}

static void nd_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	memcpy(wire->nd.nd_target, key->nd_target.b, sizeof(key->nd_target));
	memcpy(wire->nd.nd_sll, key->arp_sha.b, ETH_ALEN);
	memcpy(wire->nd.nd_tll, key->arp_tha.b, ETH_ALEN);
}

static const char *nd_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	(void)is_mask;
	memcpy(key->nd_target.b, wire->nd.nd_target, sizeof(key->nd_target));
	memcpy(key->arp_sha.b, wire->nd.nd_sll, ETH_ALEN);
	memcpy(key->arp_tha.b, wire->nd.nd_tll, ETH_ALEN);
	return NULL;
}

static void mpls_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire)
{
	(void)is_mask;
	for (unsigned i = 0; i < FLOW_MPLS_LABELS; i++)
		wire->mpls[i].mpls_lse = key->mpls_lse_be[i];
}

static const char *mpls_get(const union dp_key_wire *wire, bool is_mask, struct flow_key *key)
{
	for (unsigned i = 0; i < FLOW_MPLS_LABELS; i++) {
		key->mpls_lse_be[i] = wire->mpls[i].mpls_lse;
		if (!is_mask && i > 0 && key->mpls_lse_be[i] != 0 &&
		    ntohl(key->mpls_lse_be[i - 1]) & MPLS_BOS)
			return "a label stack entry stands behind the bottom of the stack";
	}
	return NULL;
}

#define RARE .rare = true

// In the order of the packet's headers, which is the order on the wire.
const struct dp_key_row dp_key_rows[] = {
    // clang-format off
    // type,                   bytes,                           meta,  optional, name, put, get, element
    {OVS_KEY_ATTR_RECIRC_ID, sizeof(uint32_t), true, true, "RECIRC_ID", recirc_put, recirc_get, .element = 0},
    {OVS_KEY_ATTR_DP_HASH, sizeof(uint32_t), true, true, "DP_HASH", dp_dp_hash_put, dp_dp_hash_get, RARE},
    {OVS_KEY_ATTR_PRIORITY, sizeof(uint32_t), true, true, "PRIORITY", dp_skb_priority_put, dp_skb_priority_get, RARE},
    {OVS_KEY_ATTR_TUNNEL, 0, true, true, "TUNNEL", NULL, NULL, RARE, .put_nest = dp_tunnel_row_put, .get_nest = dp_tunnel_row_get},
    {OVS_KEY_ATTR_SKB_MARK, sizeof(uint32_t), true, true, "SKB_MARK", dp_skb_mark_put, dp_skb_mark_get, RARE},
    {OVS_KEY_ATTR_CT_STATE, sizeof(uint32_t), true, true, "CT_STATE", dp_ct_state_put, dp_ct_state_get, RARE},
    {OVS_KEY_ATTR_CT_ZONE, sizeof(uint16_t), true, true, "CT_ZONE", dp_ct_zone_put, dp_ct_zone_get, RARE},
    {OVS_KEY_ATTR_CT_MARK, sizeof(uint32_t), true, true, "CT_MARK", dp_ct_mark_put, dp_ct_mark_get, RARE},
    {OVS_KEY_ATTR_CT_LABELS, sizeof(struct ovs_key_ct_labels), true, true, "CT_LABELS", dp_ct_labels_put, dp_ct_labels_get, RARE},
    {OVS_KEY_ATTR_IN_PORT, sizeof(uint32_t), true, true, "IN_PORT", in_port_put, in_port_get, .element = 0},
    {OVS_KEY_ATTR_ETHERNET, sizeof(struct ovs_key_ethernet), true, false, "ETHERNET", eth_put, eth_get, .element = 0},
    {OVS_KEY_ATTR_ETHERTYPE, sizeof(uint16_t), false, true, "ETHERTYPE", eth_type_put, eth_type_get, .element = 0},
    {OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV4, sizeof(struct ovs_key_ct_tuple_ipv4), true, true, "CT_ORIG_TUPLE_IPV4", dp_ct_tuple_ipv4_put, dp_ct_tuple_ipv4_get, RARE},
    {OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV6, sizeof(struct ovs_key_ct_tuple_ipv6), true, true, "CT_ORIG_TUPLE_IPV6", dp_ct_tuple_ipv6_put, dp_ct_tuple_ipv6_get, RARE},
    {OVS_KEY_ATTR_IPV4, sizeof(struct ovs_key_ipv4), false, false, "IPV4", ipv4_put, ipv4_get, .element = 0},
    {OVS_KEY_ATTR_IPV6, sizeof(struct ovs_key_ipv6), false, false, "IPV6", ipv6_put, ipv6_get, .element = 0},
    {OVS_KEY_ATTR_ARP, sizeof(struct ovs_key_arp), false, false, "ARP", arp_put, arp_get, .element = 0},
    {OVS_KEY_ATTR_MPLS, FLOW_MPLS_LABELS * sizeof(struct ovs_key_mpls), false, false, "MPLS", mpls_put, mpls_get, .element = sizeof(struct ovs_key_mpls)},
    {OVS_KEY_ATTR_TCP, sizeof(struct ovs_key_tcp), false, false, "TCP", tp_put, tp_get, .element = 0},
    {OVS_KEY_ATTR_TCP_FLAGS, sizeof(uint16_t), false, true, "TCP_FLAGS", tcp_flags_put, tcp_flags_get, .element = 0},
    {OVS_KEY_ATTR_UDP, sizeof(struct ovs_key_udp), false, false, "UDP", tp_put, tp_get, .element = 0},
    {OVS_KEY_ATTR_SCTP, sizeof(struct ovs_key_sctp), false, false, "SCTP", tp_put, tp_get, .element = 0},
    {OVS_KEY_ATTR_ICMP, sizeof(struct ovs_key_icmp), false, false, "ICMP", icmp_put, icmp_get, .element = 0},
    {OVS_KEY_ATTR_ICMPV6, sizeof(struct ovs_key_icmpv6), false, false, "ICMPV6", icmp_put, icmp_get, .element = 0},
    {OVS_KEY_ATTR_ND, sizeof(struct ovs_key_nd), false, true, "ND", nd_put, nd_get, .element = 0},
    // clang-format on
};
const unsigned dp_key_n_rows = sizeof(dp_key_rows) / sizeof(dp_key_rows[0]);

bool dp_key_has_rare(const struct flow_key *key)
{
	static const struct flow_key none;
	return memcmp(&key->ct_zone, &none.ct_zone,
		      FLOW_KEY_LINE - offsetof(struct flow_key, ct_zone)) != 0 ||
	       memcmp(&key->ct, &none.ct, sizeof(none) - offsetof(struct flow_key, ct)) != 0;
}

static uint64_t l4_present(const struct flow_key *key, bool v6)
{
	if (key->nw_frag & NW_FRAG_LATER)
		return 0;
	switch (key->nw_proto) {
	case IPPROTO_TCP:
		return DP_KEY_BIT(OVS_KEY_ATTR_TCP) | DP_KEY_BIT(OVS_KEY_ATTR_TCP_FLAGS);
	case IPPROTO_UDP:
		return DP_KEY_BIT(OVS_KEY_ATTR_UDP);
	case IPPROTO_SCTP:
		return DP_KEY_BIT(OVS_KEY_ATTR_SCTP);
	case IPPROTO_ICMP:
		return v6 ? 0 : DP_KEY_BIT(OVS_KEY_ATTR_ICMP);
	case IPPROTO_ICMPV6:
		break;
	default:
		return 0;
	}
	if (!v6)
		return 0;
	uint16_t type = ntohs(key->tp_src_be);
	bool is_nd =
	    (type == ND_NEIGHBOR_SOLICIT || type == ND_NEIGHBOR_ADVERT) && key->tp_dst_be == 0;
	return DP_KEY_BIT(OVS_KEY_ATTR_ICMPV6) | (is_nd ? DP_KEY_BIT(OVS_KEY_ATTR_ND) : 0);
}

#define PRESENT_ALWAYS                                                            \
	(DP_KEY_BIT(OVS_KEY_ATTR_RECIRC_ID) | DP_KEY_BIT(OVS_KEY_ATTR_IN_PORT) |  \
	 DP_KEY_BIT(OVS_KEY_ATTR_ETHERNET) | DP_KEY_BIT(OVS_KEY_ATTR_ETHERTYPE) | \
	 DP_KEY_BIT(OVS_KEY_ATTR_DP_HASH) | DP_KEY_BIT(OVS_KEY_ATTR_PRIORITY) |   \
	 DP_KEY_BIT(OVS_KEY_ATTR_TUNNEL) | DP_KEY_BIT(OVS_KEY_ATTR_SKB_MARK) |    \
	 DP_KEY_BIT(OVS_KEY_ATTR_CT_STATE) | DP_KEY_BIT(OVS_KEY_ATTR_CT_ZONE) |   \
	 DP_KEY_BIT(OVS_KEY_ATTR_CT_MARK) | DP_KEY_BIT(OVS_KEY_ATTR_CT_LABELS))
#define PRESENT_L3                                                                     \
	(DP_KEY_BIT(OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV4) |                                 \
	 DP_KEY_BIT(OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV6) | DP_KEY_BIT(OVS_KEY_ATTR_IPV4) | \
	 DP_KEY_BIT(OVS_KEY_ATTR_IPV6) | DP_KEY_BIT(OVS_KEY_ATTR_ARP) |                \
	 DP_KEY_BIT(OVS_KEY_ATTR_MPLS))

uint64_t dp_key_present(const struct flow_key *key)
{
	switch (ntohs(key->eth_type_be)) {
	case ETHERTYPE_IP:
		return PRESENT_ALWAYS | DP_KEY_BIT(OVS_KEY_ATTR_IPV4) |
		       DP_KEY_BIT(OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV4) | l4_present(key, false);
	case ETHERTYPE_IPV6:
		return PRESENT_ALWAYS | DP_KEY_BIT(OVS_KEY_ATTR_IPV6) |
		       DP_KEY_BIT(OVS_KEY_ATTR_CT_ORIG_TUPLE_IPV6) | l4_present(key, true);
	case ETHERTYPE_ARP:
	case ETHERTYPE_REVARP:
		return PRESENT_ALWAYS | DP_KEY_BIT(OVS_KEY_ATTR_ARP);
	case ETH_P_MPLS_UC:
	case ETH_P_MPLS_MC:
		return PRESENT_ALWAYS | DP_KEY_BIT(OVS_KEY_ATTR_MPLS);
	default:
		return PRESENT_ALWAYS;
	}
}

uint64_t dp_key_maskable(const struct flow_key *key, const struct flow_key *mask)
{
	uint64_t bits = dp_key_present(key);
	if (mask->eth_type_be != UINT16_MAX)
		return bits & PRESENT_ALWAYS;
	if (mask->nw_proto != UINT8_MAX)
		return bits & (PRESENT_ALWAYS | PRESENT_L3);
	if ((ntohs(mask->tp_src_be) & UINT8_MAX) != UINT8_MAX)
		return bits & ~DP_KEY_BIT(OVS_KEY_ATTR_ND);
	return bits;
}
