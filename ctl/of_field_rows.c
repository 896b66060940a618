// The table of the fields: names and numbers as in ovs-fields(7).
#include "ctl/of_field.h"

#include <netinet/in.h>

#define ETH_IPV4       0x0800
#define ETH_ARP	       0x0806
#define ETH_RARP       0x8035
#define ETH_IPV6       0x86dd
#define ETH_MPLS       0x8847
#define ETH_MPLS_MCAST 0x8848

#define AT(member) \
	.offset = offsetof(struct of_key, member), .size = sizeof(((struct of_key *)0)->member)
#define BITS(n) .n_bits = (n), .max = (uint32_t)((1ull << (n)) - 1)
#define WIDE(n) .n_bits = (n), .max = UINT32_MAX
#define MASKS	.maskable = true
#define WRITES	.writable = true
#define EXEC	.in_exec = true

#define TCI    AT(pkt.vlan[0].tci_be)
#define MAC    .format = OF_FMT_MAC, WIDE(48), MASKS, WRITES
#define IPV4   .format = OF_FMT_IPV4, WIDE(32), MASKS, WRITES
#define IPV6   .format = OF_FMT_IPV6, WIDE(128), MASKS, WRITES
#define NATIVE .native = true
#define ADDR4  .format = OF_FMT_IPV4, WIDE(32), MASKS
#define ADDR6  .format = OF_FMT_IPV6, WIDE(128), MASKS
#define DEC8   .format = OF_FMT_DEC, BITS(8)
#define PORT   .format = OF_FMT_DEC, BITS(16), MASKS, WRITES
#define LSE    .format = OF_FMT_DEC, AT(pkt.mpls_lse_be[0]), .needs = OF_KIND_MPLS

#define REG(i)                                                              \
	[OF_F_REG0 + (i)] = {"reg" #i,	    NULL,     "NXM_NX_REG" #i,      \
			     NULL,	    MASKS,    .format = OF_FMT_HEX, \
			     AT(reg_be[i]), WIDE(32), WRITES}
// Registers stand one behind the other, the upper half first.
#define XREG(i)                                                                 \
	[OF_F_XREG0 + (i)] = {"xreg" #i,                                        \
			      NULL,                                             \
			      NULL,                                             \
			      "OXM_OF_PKT_REG" #i,                              \
			      MASKS,                                            \
			      WRITES,                                           \
			      .format = OF_FMT_HEX,                             \
			      .offset = offsetof(struct of_key, reg_be[(i)*2]), \
			      .size = 8,                                        \
			      WIDE(64)}
#define XXREG(i)                                                                 \
	[OF_F_XXREG0 + (i)] = {"xxreg" #i,                                       \
			       NULL,                                             \
			       "NXM_NX_XXREG" #i,                                \
			       NULL,                                             \
			       MASKS,                                            \
			       WRITES,                                           \
			       .format = OF_FMT_HEX,                             \
			       .offset = offsetof(struct of_key, reg_be[(i)*4]), \
			       .size = 16,                                       \
			       WIDE(128)}

const struct of_field of_fields[OF_N_FIELDS] = {
    // A number of this machine's order; OpenFlow 1.0's 16 bits, as ovs-ofctl's flows count them.
    [OF_F_IN_PORT] = {"in_port", "in_port_oxm", "NXM_OF_IN_PORT", "OXM_OF_IN_PORT", WRITES,
		      .format = OF_FMT_PORT, AT(pkt.in_port), BITS(16)},
    [OF_F_DL_VLAN] = {"dl_vlan", NULL, NULL, NULL, WRITES, .format = OF_FMT_VID, TCI, BITS(12),
		      .presence = VLAN_CFI},
    [OF_F_DL_VLAN_PCP] = {"dl_vlan_pcp", NULL, NULL, NULL, WRITES, .format = OF_FMT_DEC, TCI,
			  BITS(3), .shift = VLAN_PCP_SHIFT, .presence = VLAN_CFI},
    // With the bit that says that a tag is there.
    [OF_F_VLAN_VID] = {"vlan_vid", NULL, NULL, "OXM_OF_VLAN_VID", MASKS, WRITES,
		       .format = OF_FMT_DEC, TCI, BITS(13), .needs = OF_KIND_VLAN},
    [OF_F_VLAN_PCP] = {"vlan_pcp", NULL, NULL, "OXM_OF_VLAN_PCP", WRITES, .format = OF_FMT_DEC, TCI,
		       BITS(3), .shift = VLAN_PCP_SHIFT, .presence = VLAN_CFI,
		       .needs = OF_KIND_VLAN},
    [OF_F_VLAN_TCI] = {"vlan_tci", NULL, "NXM_OF_VLAN_TCI", NULL, MASKS, WRITES,
		       .format = OF_FMT_HEX, TCI, BITS(16)},
    [OF_F_DL_SRC] = {"eth_src", "dl_src", "NXM_OF_ETH_SRC", "OXM_OF_ETH_SRC", MAC, AT(pkt.eth_src)},
    [OF_F_DL_DST] = {"eth_dst", "dl_dst", "NXM_OF_ETH_DST", "OXM_OF_ETH_DST", MAC, AT(pkt.eth_dst)},
    [OF_F_DL_TYPE] = {"eth_type", "dl_type", "NXM_OF_ETH_TYPE", "OXM_OF_ETH_TYPE",
		      .format = OF_FMT_HEX, AT(pkt.eth_type_be), BITS(16)},
    [OF_F_NW_SRC] = {"ip_src", "nw_src", "NXM_OF_IP_SRC", "OXM_OF_IPV4_SRC", IPV4,
		     AT(pkt.ip_src_be), .needs = OF_KIND_IPV4},
    [OF_F_NW_DST] = {"ip_dst", "nw_dst", "NXM_OF_IP_DST", "OXM_OF_IPV4_DST", IPV4,
		     AT(pkt.ip_dst_be), .needs = OF_KIND_IPV4},
    [OF_F_NW_PROTO] = {"nw_proto", "ip_proto", "NXM_OF_IP_PROTO", "OXM_OF_IP_PROTO", DEC8,
		       AT(pkt.nw_proto), .needs = OF_KIND_IP},
    [OF_F_NW_TOS] = {"nw_tos", NULL, "NXM_OF_IP_TOS", NULL, DEC8, WRITES, AT(pkt.nw_tos),
		     .needs = OF_KIND_IP},
    [OF_F_IP_DSCP] = {"ip_dscp", "nw_dscp", NULL, "OXM_OF_IP_DSCP", WRITES, .format = OF_FMT_DEC,
		      AT(pkt.nw_tos), BITS(6), .shift = 2, .needs = OF_KIND_IP},
    [OF_F_NW_ECN] = {"nw_ecn", "ip_ecn", "NXM_NX_IP_ECN", "OXM_OF_IP_ECN", WRITES,
		     .format = OF_FMT_DEC, AT(pkt.nw_tos), BITS(2), .needs = OF_KIND_IP},
    [OF_F_NW_TTL] = {"nw_ttl", "ip_ttl", "NXM_NX_IP_TTL", NULL, DEC8, WRITES, AT(pkt.nw_ttl),
		     .needs = OF_KIND_IP},
    [OF_F_IP_FRAG] = {"ip_frag", "nw_frag", "NXM_NX_IP_FRAG", NULL, MASKS, .format = OF_FMT_FRAG,
		      AT(pkt.nw_frag), BITS(2), .needs = OF_KIND_IP},
    [OF_F_TP_SRC] = {"tp_src", NULL, NULL, NULL, PORT, AT(pkt.tp_src_be), .needs = OF_KIND_L4},
    [OF_F_TP_DST] = {"tp_dst", NULL, NULL, NULL, PORT, AT(pkt.tp_dst_be), .needs = OF_KIND_L4},
    [OF_F_TCP_SRC] = {"tcp_src", NULL, "NXM_OF_TCP_SRC", "OXM_OF_TCP_SRC", PORT, AT(pkt.tp_src_be),
		      .needs = OF_KIND_TCP},
    [OF_F_TCP_DST] = {"tcp_dst", NULL, "NXM_OF_TCP_DST", "OXM_OF_TCP_DST", PORT, AT(pkt.tp_dst_be),
		      .needs = OF_KIND_TCP},
    [OF_F_UDP_SRC] = {"udp_src", NULL, "NXM_OF_UDP_SRC", "OXM_OF_UDP_SRC", PORT, AT(pkt.tp_src_be),
		      .needs = OF_KIND_UDP},
    [OF_F_UDP_DST] = {"udp_dst", NULL, "NXM_OF_UDP_DST", "OXM_OF_UDP_DST", PORT, AT(pkt.tp_dst_be),
		      .needs = OF_KIND_UDP},
    [OF_F_SCTP_SRC] = {"sctp_src", NULL, NULL, "OXM_OF_SCTP_SRC", PORT, AT(pkt.tp_src_be),
		       .needs = OF_KIND_SCTP},
    [OF_F_SCTP_DST] = {"sctp_dst", NULL, NULL, "OXM_OF_SCTP_DST", PORT, AT(pkt.tp_dst_be),
		       .needs = OF_KIND_SCTP},
    [OF_F_TCP_FLAGS] = {"tcp_flags", NULL, "NXM_NX_TCP_FLAGS", "ONFOXM_ET_TCP_FLAGS", MASKS,
			.format = OF_FMT_TCP_FLAGS, AT(pkt.tcp_flags_be), BITS(12),
			.needs = OF_KIND_TCP},
    [OF_F_ICMP_TYPE] = {"icmp_type", "icmpv4_type", "NXM_OF_ICMP_TYPE", "OXM_OF_ICMPV4_TYPE", DEC8,
			WRITES, AT(pkt.tp_src_be), .needs = OF_KIND_ICMP},
    [OF_F_ICMP_CODE] = {"icmp_code", "icmpv4_code", "NXM_OF_ICMP_CODE", "OXM_OF_ICMPV4_CODE", DEC8,
			WRITES, AT(pkt.tp_dst_be), .needs = OF_KIND_ICMP},
    [OF_F_ICMPV6_TYPE] = {"icmpv6_type", NULL, "NXM_NX_ICMPV6_TYPE", "OXM_OF_ICMPV6_TYPE", DEC8,
			  WRITES, AT(pkt.tp_src_be), .needs = OF_KIND_ICMP6},
    [OF_F_ICMPV6_CODE] = {"icmpv6_code", NULL, "NXM_NX_ICMPV6_CODE", "OXM_OF_ICMPV6_CODE", DEC8,
			  WRITES, AT(pkt.tp_dst_be), .needs = OF_KIND_ICMP6},
    // OpenFlow's has 16 bits, the key 8.
    [OF_F_ARP_OP] = {"arp_op", NULL, "NXM_OF_ARP_OP", "OXM_OF_ARP_OP", WRITES, .format = OF_FMT_DEC,
		     AT(pkt.nw_proto), .n_bits = 16, .max = UINT8_MAX, .needs = OF_KIND_ARP},
    [OF_F_ARP_SPA] = {"arp_spa", NULL, "NXM_OF_ARP_SPA", "OXM_OF_ARP_SPA", IPV4, AT(pkt.ip_src_be),
		      .needs = OF_KIND_ARP},
    [OF_F_ARP_TPA] = {"arp_tpa", NULL, "NXM_OF_ARP_TPA", "OXM_OF_ARP_TPA", IPV4, AT(pkt.ip_dst_be),
		      .needs = OF_KIND_ARP},
    [OF_F_ARP_SHA] = {"arp_sha", NULL, "NXM_NX_ARP_SHA", "OXM_OF_ARP_SHA", MAC, AT(pkt.arp_sha),
		      .needs = OF_KIND_ARP},
    [OF_F_ARP_THA] = {"arp_tha", NULL, "NXM_NX_ARP_THA", "OXM_OF_ARP_THA", MAC, AT(pkt.arp_tha),
		      .needs = OF_KIND_ARP},
    [OF_F_IPV6_SRC] = {"ipv6_src", NULL, "NXM_NX_IPV6_SRC", "OXM_OF_IPV6_SRC", IPV6,
		       AT(pkt.ipv6_src), .needs = OF_KIND_IPV6},
    [OF_F_IPV6_DST] = {"ipv6_dst", NULL, "NXM_NX_IPV6_DST", "OXM_OF_IPV6_DST", IPV6,
		       AT(pkt.ipv6_dst), .needs = OF_KIND_IPV6},
    [OF_F_IPV6_LABEL] = {"ipv6_label", NULL, "NXM_NX_IPV6_LABEL", "OXM_OF_IPV6_FLABEL", MASKS,
			 WRITES, .format = OF_FMT_HEX, AT(pkt.ipv6_label_be), BITS(20),
			 .needs = OF_KIND_IPV6},
    [OF_F_ND_TARGET] = {"nd_target", NULL, "NXM_NX_ND_TARGET", "OXM_OF_IPV6_ND_TARGET", IPV6,
			AT(pkt.nd_target), .needs = OF_KIND_ND},
    [OF_F_ND_SLL] = {"nd_sll", NULL, "NXM_NX_ND_SLL", "OXM_OF_IPV6_ND_SLL", MAC, AT(pkt.arp_sha),
		     .needs = OF_KIND_NS},
    [OF_F_ND_TLL] = {"nd_tll", NULL, "NXM_NX_ND_TLL", "OXM_OF_IPV6_ND_TLL", MAC, AT(pkt.arp_tha),
		     .needs = OF_KIND_NA},
    [OF_F_MPLS_LABEL] = {"mpls_label", NULL, NULL, "OXM_OF_MPLS_LABEL", WRITES, LSE, BITS(20),
			 .shift = 12},
    [OF_F_MPLS_TC] = {"mpls_tc", NULL, NULL, "OXM_OF_MPLS_TC", WRITES, LSE, BITS(3), .shift = 9},
    [OF_F_MPLS_BOS] = {"mpls_bos", NULL, NULL, "OXM_OF_MPLS_BOS", LSE, BITS(1), .shift = 8},
    [OF_F_MPLS_TTL] = {"mpls_ttl", NULL, "NXM_NX_MPLS_TTL", NULL, WRITES, LSE, BITS(8)},
    [OF_F_METADATA] = {"metadata", NULL, NULL, "OXM_OF_METADATA", MASKS, WRITES,
		       .format = OF_FMT_HEX, AT(metadata_be), WIDE(64)},
    REG(0),
    REG(1),
    REG(2),
    REG(3),
    REG(4),
    REG(5),
    REG(6),
    REG(7),
    REG(8),
    REG(9),
    REG(10),
    REG(11),
    REG(12),
    REG(13),
    REG(14),
    REG(15),
    XREG(0),
    XREG(1),
    XREG(2),
    XREG(3),
    XREG(4),
    XREG(5),
    XREG(6),
    XREG(7),
    XXREG(0),
    XXREG(1),
    XXREG(2),
    XXREG(3),
    [OF_F_TUN_ID] = {"tun_id", "tunnel_id", "NXM_NX_TUN_ID", "OXM_OF_TUNNEL_ID", MASKS,
		     .format = OF_FMT_HEX, AT(pkt.tun.id_be), WIDE(64)},
    [OF_F_TUN_SRC] = {"tun_src", NULL, "NXM_NX_TUN_IPV4_SRC", NULL, ADDR4, AT(pkt.tun.src_be)},
    [OF_F_TUN_DST] = {"tun_dst", NULL, "NXM_NX_TUN_IPV4_DST", NULL, ADDR4, AT(pkt.tun.dst_be)},
    [OF_F_TUN_IPV6_SRC] = {"tun_ipv6_src", NULL, "NXM_NX_TUN_IPV6_SRC", NULL, ADDR6,
			   AT(pkt.tun.ipv6_src)},
    [OF_F_TUN_IPV6_DST] = {"tun_ipv6_dst", NULL, "NXM_NX_TUN_IPV6_DST", NULL, ADDR6,
			   AT(pkt.tun.ipv6_dst)},
    [OF_F_TUN_FLAGS] = {"tun_flags", NULL, "NXM_NX_TUN_FLAGS", NULL, MASKS,
			.format = OF_FMT_TUN_FLAGS, AT(pkt.tun.flags), BITS(1), .shift = 3},
    [OF_F_TUN_GBP_ID] = {"tun_gbp_id", NULL, "NXM_NX_TUN_GBP_ID", NULL, MASKS, .format = OF_FMT_DEC,
			 AT(pkt.tun.gbp_id_be), BITS(16)},
    [OF_F_TUN_GBP_FLAGS] = {"tun_gbp_flags", NULL, "NXM_NX_TUN_GBP_FLAGS", NULL, MASKS,
			    .format = OF_FMT_HEX, AT(pkt.tun.gbp_flags), BITS(8)},
    [OF_F_PKT_MARK] = {"pkt_mark", NULL, "NXM_NX_PKT_MARK", NULL, MASKS, NATIVE,
		       .format = OF_FMT_HEX, AT(pkt.pkt_mark), WIDE(32)},
    [OF_F_CT_STATE] = {"ct_state", NULL, "NXM_NX_CT_STATE", NULL, MASKS, NATIVE,
		       .format = OF_FMT_CT_STATE, AT(pkt.ct_state), BITS(8)},
    [OF_F_CT_ZONE] = {"ct_zone", NULL, "NXM_NX_CT_ZONE", NULL, NATIVE, .format = OF_FMT_DEC,
		      AT(pkt.ct_zone), BITS(16)},
    [OF_F_CT_MARK] = {"ct_mark", NULL, "NXM_NX_CT_MARK", NULL, MASKS, EXEC, NATIVE,
		      .format = OF_FMT_HEX, AT(pkt.ct_mark), WIDE(32)},
    [OF_F_CT_LABEL] = {"ct_label", NULL, "NXM_NX_CT_LABEL", NULL, MASKS, EXEC, NATIVE,
		       .format = OF_FMT_HEX, AT(pkt.ct.label), WIDE(128)},
    // The connection's, as its first packet was.
    [OF_F_CT_NW_SRC] = {"ct_nw_src", NULL, "NXM_NX_CT_NW_SRC", NULL, ADDR4, AT(pkt.ct.nw_src_be),
			.needs = OF_KIND_IPV4},
    [OF_F_CT_NW_DST] = {"ct_nw_dst", NULL, "NXM_NX_CT_NW_DST", NULL, ADDR4, AT(pkt.ct.nw_dst_be),
			.needs = OF_KIND_IPV4},
    [OF_F_CT_IPV6_SRC] = {"ct_ipv6_src", NULL, "NXM_NX_CT_IPV6_SRC", NULL, ADDR6,
			  AT(pkt.ct.ipv6_src), .needs = OF_KIND_IPV6},
    [OF_F_CT_IPV6_DST] = {"ct_ipv6_dst", NULL, "NXM_NX_CT_IPV6_DST", NULL, ADDR6,
			  AT(pkt.ct.ipv6_dst), .needs = OF_KIND_IPV6},
    [OF_F_CT_NW_PROTO] = {"ct_nw_proto", NULL, "NXM_NX_CT_NW_PROTO", NULL, .format = OF_FMT_DEC,
			  AT(pkt.ct_nw_proto), BITS(8), .needs = OF_KIND_IP},
    [OF_F_CT_TP_SRC] = {"ct_tp_src", NULL, "NXM_NX_CT_TP_SRC", NULL, MASKS, .format = OF_FMT_DEC,
			AT(pkt.ct.tp_src_be), BITS(16), .needs = OF_KIND_IP},
    [OF_F_CT_TP_DST] = {"ct_tp_dst", NULL, "NXM_NX_CT_TP_DST", NULL, MASKS, .format = OF_FMT_DEC,
			AT(pkt.ct.tp_dst_be), BITS(16), .needs = OF_KIND_IP},
};

// The first word of an (eth_type, nw_proto) is the one that is printed.
const struct of_protocol of_protocols[] = {
    {"ip", ETH_IPV4, 0},
    {"ipv4", ETH_IPV4, 0},
    {"ip4", ETH_IPV4, 0},
    {"ipv6", ETH_IPV6, 0},
    {"ip6", ETH_IPV6, 0},
    {"arp", ETH_ARP, 0},
    {"rarp", ETH_RARP, 0},
    {"icmp", ETH_IPV4, IPPROTO_ICMP},
    {"icmp6", ETH_IPV6, IPPROTO_ICMPV6},
    {"tcp", ETH_IPV4, IPPROTO_TCP},
    {"tcp6", ETH_IPV6, IPPROTO_TCP},
    {"udp", ETH_IPV4, IPPROTO_UDP},
    {"udp6", ETH_IPV6, IPPROTO_UDP},
    {"sctp", ETH_IPV4, IPPROTO_SCTP},
    {"sctp6", ETH_IPV6, IPPROTO_SCTP},
    {"mpls", ETH_MPLS, 0},
    {"mplsm", ETH_MPLS_MCAST, 0},
    {"eth", 0, 0}, // any Ethernet frame: there is nothing else
};
const unsigned of_n_protocols = sizeof(of_protocols) / sizeof(of_protocols[0]);
