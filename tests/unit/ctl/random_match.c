// Matches.
#include "tests/unit/ctl/random_model.h"
#include "tests/unit/ctl/random_text.h"

#include <string.h>

static const struct {
	const char *name;
	void (*put)(struct text *t);
	uint16_t needs; // one of these kinds
	uint8_t group;	// at most one field of a group
	bool makes_vlan;
} matches[] = {
    {"in_port", put_port_match, 0, 1, false},
    {"in_port", put_port_match, 0, 1, false},
    {"dl_vlan", put_vid_match, 0, 2, true},
    {"dl_vlan_pcp", put_pcp_match, 0, 2, true},
    {"vlan_tci", put_tci_match, 0, 2, false},
    {"vlan_vid", put_vlan_vid_match, 0, 2, false},
    {"dl_src", put_mac_match, 0, 3, false},
    {"dl_dst", put_mac_match, 0, 4, false},
    {"nw_src", put_ipv4_match, OF_KIND_IPV4, 5, false},
    {"nw_dst", put_ipv4_match, OF_KIND_IPV4, 6, false},
    {"nw_tos", put_tos_match, OF_KIND_IP, 7, false},
    {"ip_dscp", put_dscp_match, OF_KIND_IP, 7, false},
    {"nw_ecn", put_ecn_match, OF_KIND_IP, 8, false},
    {"nw_ttl", put_ttl_match, OF_KIND_IP, 9, false},
    {"ip_frag", put_frag_match, OF_KIND_IP, 10, false},
    {"tp_src", put_tp_match, OF_KIND_L4, 11, false},
    {"tp_dst", put_tp_match, OF_KIND_L4, 12, false},
    {"tcp_flags", put_flags_match, OF_KIND_TCP, 13, false},
    {"icmp_type", put_small_match, OF_KIND_ICMP, 14, false},
    {"icmp_code", put_small_match, OF_KIND_ICMP, 15, false},
    {"icmpv6_code", put_small_match, OF_KIND_ICMP6, 15, false},
    {"icmpv6_type", put_type6_match, OF_KIND_ICMP6, 14, false},
    {"arp_op", put_small_match, OF_KIND_ARP, 16, false},
    {"arp_spa", put_ipv4_match, OF_KIND_ARP, 17, false},
    {"arp_tpa", put_ipv4_match, OF_KIND_ARP, 18, false},
    {"arp_sha", put_mac_match, OF_KIND_ARP, 19, false},
    {"arp_tha", put_mac_match, OF_KIND_ARP, 20, false},
    {"ipv6_src", put_ipv6_match, OF_KIND_IPV6, 5, false},
    {"ipv6_dst", put_ipv6_match, OF_KIND_IPV6, 6, false},
    {"ipv6_label", put_small_match, OF_KIND_IPV6, 21, false},
    {"nd_target", put_ipv6_match, OF_KIND_ND, 22, false},
    {"nd_sll", put_mac_match, OF_KIND_NS, 23, false},
    {"nd_tll", put_mac_match, OF_KIND_NA, 23, false},
    {"mpls_label", put_label_match, OF_KIND_MPLS, 24, false},
    {"mpls_tc", put_pcp_match, OF_KIND_MPLS, 25, false},
    {"mpls_bos", put_bit_match, OF_KIND_MPLS, 26, false},
    {"reg0", put_masked_match, 0, 27, false},
    {"reg1", put_masked_match, 0, 28, false},
    {"metadata", put_masked_match, 0, 29, false},
    {"xreg1", put_masked_match, 0, 30, false},
};

static const struct {
	const char *words;
	uint16_t kinds;
} protocols[] = {
    {"", 0},
    {"", 0},
    {"", 0},
    {"", 0},
    {"ip,", OF_KIND_IPV4},
    {"ip,", OF_KIND_IPV4},
    {"tcp,", OF_KIND_IPV4 | OF_KIND_TCP},
    {"tcp,", OF_KIND_IPV4 | OF_KIND_TCP},
    {"udp,", OF_KIND_IPV4 | OF_KIND_UDP},
    {"sctp,", OF_KIND_IPV4 | OF_KIND_SCTP},
    {"icmp,", OF_KIND_IPV4 | OF_KIND_ICMP},
    {"ip,nw_proto=47,", OF_KIND_IPV4},
    {"ipv6,", OF_KIND_IPV6},
    {"tcp6,", OF_KIND_IPV6 | OF_KIND_TCP},
    {"udp6,", OF_KIND_IPV6 | OF_KIND_UDP},
    {"icmp6,", OF_KIND_IPV6 | OF_KIND_ICMP6},
    {"icmp6,icmpv6_type=135,icmpv6_code=0,", OF_KIND_IPV6 | OF_KIND_ICMP6 | OF_KIND_NS},
    {"icmp6,icmpv6_type=136,icmpv6_code=0,", OF_KIND_IPV6 | OF_KIND_ICMP6 | OF_KIND_NA},
    {"arp,", OF_KIND_ARP},
    {"rarp,", OF_KIND_ARP},
    {"mpls,", OF_KIND_MPLS},
    {"mplsm,", OF_KIND_MPLS},
    {"dl_type=0x88cc,", 0},
};

#define OF_KIND_TRANSPORT (OF_KIND_L4 | OF_KIND_ICMP | OF_KIND_ICMP6 | OF_KIND_ND)

static unsigned pick_protocol(void)
{
	unsigned p = pick(sizeof(protocols) / sizeof(protocols[0]));

	if (random_theme == THEME_MPLS && one_in(4)) {
		while (!(protocols[p].kinds & OF_KIND_MPLS))
			p = pick(sizeof(protocols) / sizeof(protocols[0]));
	}
	return p;
}

uint16_t put_match(struct text *t)
{
	unsigned p = pick_protocol();
	uint16_t kinds = protocols[p].kinds;
	uint32_t used = kinds & OF_KIND_ND ? 1u << 14 | 1u << 15 : 0;
	unsigned tries = pick(kinds ? 24 : 8);

	put(t, "%s", protocols[p].words);
	while (tries-- > 0) {
		unsigned i = pick(sizeof(matches) / sizeof(matches[0]));

		if (used & 1u << matches[i].group ||
		    (matches[i].needs && !(matches[i].needs & kinds)))
			continue;
		used |= 1u << matches[i].group;
		if (matches[i].makes_vlan)
			kinds |= OF_KIND_VLAN;
		if (matches[i].group == 2)
			kinds |= OF_KIND_MAYBE_VLAN;
		put(t, "%s=", matches[i].name);
		matches[i].put(t);
		if (strncmp(t->at - 6, "=later", 6) == 0)
			kinds &= (uint16_t)~OF_KIND_TRANSPORT; // it has no such header
		put(t, ",");
	}
	return kinds;
}

uint16_t put_mpls(struct text *t)
{
	put(t, "mpls,%s", one_in(4) ? "mpls_bos=1," : "");
	return OF_KIND_MPLS;
}

void put_prefixes(struct text *t)
{
	static const uint32_t nets[] = {0x0a000000, 0x0a010000, 0xc0a80000};
	bool is_v6 = one_in(4);

	put(t, is_v6 ? "tcp6," : "tcp,");
	if (is_v6) {
		put(t, "ipv6_%s=", one_in(2) ? "src" : "dst");
		put_ipv6(t, pool_ipv6());
		put(t, "/%u,", 1 + pick(128));
	} else if (!one_in(4)) {
		put(t, "nw_%s=", one_in(2) ? "src" : "dst");
		put_ipv4(t, PICK(nets) | pick(1024));
		put(t, "/%u,", one_in(2) ? 32u : 1 + pick(32));
	}
	if (one_in(3))
		put(t, "tp_%s=%u/%#x,", one_in(2) ? "src" : "dst", pool_tp(),
		    0xffffu << pick(16) & 0xffff);
}
