#include "ctl/of_field.h"

#include "ctl/of_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define ETH_IPV4 0x0800
#define ETH_ARP	 0x0806
#define ETH_RARP 0x8035
#define ETH_IPV6 0x86dd

#define ND_SOLICIT 135 // RFC 4861, 4.3 and 4.4
#define ND_ADVERT  136

#define IN_KEY(member) \
	.offset = offsetof(struct flow_key, member), .size = sizeof(((struct flow_key *)0)->member)
#define TCI	     IN_KEY(vlan[0].tci_be)
#define DEC8(member) .format = OF_FMT_DEC, IN_KEY(member), .max = UINT8_MAX, .full = UINT8_MAX
#define PORT16(member)                                                             \
	.format = OF_FMT_DEC, IN_KEY(member), .maskable = true, .max = UINT16_MAX, \
	.full = UINT16_MAX
#define ADDR(fmt, member) .format = fmt, IN_KEY(member), .maskable = true

const struct of_field of_fields[] = {
    {"in_port", NULL, .format = OF_FMT_PORT, IN_KEY(in_port)},
    {"dl_vlan", NULL, .format = OF_FMT_VID, TCI, .max = VLAN_VID_MASK, .full = VLAN_VID_MASK,
     .presence = VLAN_CFI},
    {"dl_vlan_pcp", "vlan_pcp", .format = OF_FMT_DEC, TCI, .shift = VLAN_PCP_SHIFT, .max = 7,
     .full = 7 << VLAN_PCP_SHIFT, .presence = VLAN_CFI},
    {"vlan_vid", NULL, .format = OF_FMT_HEX, TCI, .maskable = true, .max = VLAN_CFI | VLAN_VID_MASK,
     .full = VLAN_CFI | VLAN_VID_MASK},
    {"vlan_tci", NULL, .format = OF_FMT_HEX, TCI, .maskable = true, .max = UINT16_MAX,
     .full = UINT16_MAX},
    {"dl_src", "eth_src", ADDR(OF_FMT_MAC, eth_src)},
    {"dl_dst", "eth_dst", ADDR(OF_FMT_MAC, eth_dst)},
    {"dl_type", "eth_type", .format = OF_FMT_HEX, IN_KEY(eth_type_be), .max = UINT16_MAX,
     .full = UINT16_MAX},
    {"nw_src", "ip_src", ADDR(OF_FMT_IPV4, ip_src_be), .needs = OF_KIND_IPV4 | OF_KIND_ARP},
    {"nw_dst", "ip_dst", ADDR(OF_FMT_IPV4, ip_dst_be), .needs = OF_KIND_IPV4 | OF_KIND_ARP},
    {"nw_proto", "ip_proto", DEC8(nw_proto), .needs = OF_KIND_IP | OF_KIND_ARP},
    {"nw_tos", NULL, .format = OF_FMT_DEC, IN_KEY(nw_tos), .max = UINT8_MAX, .full = 0xfc,
     .needs = OF_KIND_IP},
    {"ip_dscp", "nw_dscp", .format = OF_FMT_DEC, IN_KEY(nw_tos), .shift = 2, .max = 63,
     .full = 0xfc, .needs = OF_KIND_IP},
    {"nw_ecn", "ip_ecn", .format = OF_FMT_DEC, IN_KEY(nw_tos), .max = 3, .full = 3,
     .needs = OF_KIND_IP},
    {"nw_ttl", "ip_ttl", DEC8(nw_ttl), .needs = OF_KIND_IP},
    {"ip_frag", "nw_frag", .format = OF_FMT_FRAG, IN_KEY(nw_frag), .max = UINT8_MAX,
     .full = NW_FRAG_ANY | NW_FRAG_LATER, .needs = OF_KIND_IP},
    {"tp_src", NULL, PORT16(tp_src_be), .needs = OF_KIND_L4},
    {"tp_dst", NULL, PORT16(tp_dst_be), .needs = OF_KIND_L4},
    {"tcp_src", NULL, PORT16(tp_src_be), .needs = OF_KIND_TCP},
    {"tcp_dst", NULL, PORT16(tp_dst_be), .needs = OF_KIND_TCP},
    {"udp_src", NULL, PORT16(tp_src_be), .needs = OF_KIND_UDP},
    {"udp_dst", NULL, PORT16(tp_dst_be), .needs = OF_KIND_UDP},
    {"sctp_src", NULL, PORT16(tp_src_be), .needs = OF_KIND_SCTP},
    {"sctp_dst", NULL, PORT16(tp_dst_be), .needs = OF_KIND_SCTP},
    {"tcp_flags", NULL, .format = OF_FMT_TCP_FLAGS, IN_KEY(tcp_flags_be), .maskable = true,
     .max = 0xfff, .full = 0xfff, .needs = OF_KIND_TCP},
    {"icmp_type", NULL, DEC8(tp_src_be), .needs = OF_KIND_ICMP | OF_KIND_ICMP6},
    {"icmp_code", NULL, DEC8(tp_dst_be), .needs = OF_KIND_ICMP | OF_KIND_ICMP6},
    {"icmpv6_type", NULL, DEC8(tp_src_be), .needs = OF_KIND_ICMP6},
    {"icmpv6_code", NULL, DEC8(tp_dst_be), .needs = OF_KIND_ICMP6},
    {"arp_op", NULL, DEC8(nw_proto), .needs = OF_KIND_ARP},
    {"arp_spa", NULL, ADDR(OF_FMT_IPV4, ip_src_be), .needs = OF_KIND_ARP},
    {"arp_tpa", NULL, ADDR(OF_FMT_IPV4, ip_dst_be), .needs = OF_KIND_ARP},
    {"arp_sha", NULL, ADDR(OF_FMT_MAC, arp_sha), .needs = OF_KIND_ARP},
    {"arp_tha", NULL, ADDR(OF_FMT_MAC, arp_tha), .needs = OF_KIND_ARP},
    {"ipv6_src", NULL, ADDR(OF_FMT_IPV6, ipv6_src), .needs = OF_KIND_IPV6},
    {"ipv6_dst", NULL, ADDR(OF_FMT_IPV6, ipv6_dst), .needs = OF_KIND_IPV6},
    {"ipv6_label", NULL, .format = OF_FMT_HEX, IN_KEY(ipv6_label_be), .maskable = true,
     .max = 0xfffff, .full = 0xfffff, .needs = OF_KIND_IPV6},
    {"nd_target", NULL, ADDR(OF_FMT_IPV6, nd_target), .needs = OF_KIND_ND},
    {"nd_sll", NULL, ADDR(OF_FMT_MAC, arp_sha), .needs = OF_KIND_NS},
    {"nd_tll", NULL, ADDR(OF_FMT_MAC, arp_tha), .needs = OF_KIND_NA},
};
const unsigned of_n_fields = sizeof(of_fields) / sizeof(of_fields[0]);

// The first word of an (eth_type, nw_proto) is the one that is printed.
const struct of_protocol of_protocols[] = {
    {"ip", ETH_IPV4, 0},
    {"ipv4", ETH_IPV4, 0},
    {"ipv6", ETH_IPV6, 0},
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
};
const unsigned of_n_protocols = sizeof(of_protocols) / sizeof(of_protocols[0]);

// Beginnings of names that ovs-ofctl knows and this switch does not.
static const char *const foreign[] = {
    "ct_",	 "reg",	      "xreg",  "xxreg",		"metadata",
    "tun_",	 "tunnel_id", "mpls_", "pkt_mark",	"conj_id",
    "recirc_id", "dp_hash",   "nsh_",  "actset_output", "packet_type",
};

static const struct {
	uint16_t kind;
	const char *word;
} kind_words[] = {
    {OF_KIND_IPV4, "ip"},
    {OF_KIND_IPV6, "ipv6"},
    {OF_KIND_ARP, "arp"},
    {OF_KIND_TCP, "tcp"},
    {OF_KIND_UDP, "udp"},
    {OF_KIND_SCTP, "sctp"},
    {OF_KIND_ICMP, "icmp"},
    {OF_KIND_ICMP6, "icmp6"},
    {OF_KIND_NS, "icmp6,icmp_type=135"},
    {OF_KIND_NA, "icmp6,icmp_type=136"},
};
#define N_KINDS (sizeof(kind_words) / sizeof(kind_words[0]))

const struct of_field *of_field_find(const char *name, size_t len)
{
	for (unsigned i = 0; i < of_n_fields; i++) {
		const struct of_field *field = &of_fields[i];
		if (of_slice_is(name, len, field->name) ||
		    (field->alias && of_slice_is(name, len, field->alias)))
			return field;
	}
	return NULL;
}

const struct of_protocol *of_protocol_find(const char *word, size_t len)
{
	for (unsigned i = 0; i < of_n_protocols; i++) {
		if (of_slice_is(word, len, of_protocols[i].word))
			return &of_protocols[i];
	}
	return NULL;
}

bool of_field_is_foreign(const char *name, size_t len)
{
	for (unsigned i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		size_t n = strlen(foreign[i]);
		if (len >= n && memcmp(name, foreign[i], n) == 0)
			return true;
	}
	return false;
}

void of_field_guess(struct of_guess *guess)
{
	for (unsigned i = 0; i < of_n_fields; i++) {
		of_guess_try(guess, of_fields[i].name);
		if (of_fields[i].alias)
			of_guess_try(guess, of_fields[i].alias);
	}
	for (unsigned i = 0; i < of_n_protocols; i++)
		of_guess_try(guess, of_protocols[i].word);
}

static bool field_is_number(const struct of_field *field)
{
	return field->full != 0;
}

void of_field_full_mask(const struct of_field *field, uint8_t *mask)
{
	if (field_is_number(field))
		of_field_store(field, field->full, mask);
	else
		memset(mask, 0xff, field->size);
}

uint32_t of_field_load(const struct of_field *field, const void *key)
{
	const uint8_t *bytes = (const uint8_t *)key + field->offset;
	uint32_t value = 0;
	for (unsigned i = 0; i < field->size; i++)
		value = value << 8 | bytes[i];
	return value;
}

void of_field_store(const struct of_field *field, uint32_t value, uint8_t *bytes)
{
	for (unsigned i = field->size; i > 0; i--, value >>= 8)
		bytes[i - 1] = (uint8_t)value;
}

static uint16_t transport_kinds(const struct flow_match *match, uint16_t network)
{
	switch (match->key.nw_proto) {
	case IPPROTO_TCP:
		return OF_KIND_TCP;
	case IPPROTO_UDP:
		return OF_KIND_UDP;
	case IPPROTO_SCTP:
		return OF_KIND_SCTP;
	case IPPROTO_ICMP:
		return network == OF_KIND_IPV4 ? OF_KIND_ICMP : 0;
	case IPPROTO_ICMPV6:
		break;
	default:
		return 0;
	}
	if (network != OF_KIND_IPV6)
		return 0;
	uint16_t kinds = OF_KIND_ICMP6;
	uint16_t type = ntohs(match->key.tp_src_be);
	if (ntohs(match->mask.tp_src_be) & UINT8_MAX)
		kinds |= type == ND_SOLICIT ? OF_KIND_NS : type == ND_ADVERT ? OF_KIND_NA : 0;
	return kinds;
}

uint16_t of_match_kinds(const struct flow_match *match)
{
	if (match->mask.eth_type_be != UINT16_MAX)
		return 0;
	uint16_t kinds = 0;
	switch (ntohs(match->key.eth_type_be)) {
	case ETH_ARP:
		return OF_KIND_ARP;
	case ETH_IPV4:
		kinds = OF_KIND_IPV4;
		break;
	case ETH_IPV6:
		kinds = OF_KIND_IPV6;
		break;
	default:
		return 0;
	}
	if (match->mask.nw_proto == UINT8_MAX)
		kinds |= transport_kinds(match, kinds);
	return kinds;
}

void of_kinds_text(uint16_t kinds, char *text, size_t room)
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < N_KINDS; i++) {
		if (!(kinds & kind_words[i].kind))
			continue;
		kinds &= (uint16_t)~kind_words[i].kind;
		const char *joint = used == 0 ? "" : kinds ? ", " : " or ";
		int n = snprintf(text + used, room - used, "%s%s", joint, kind_words[i].word);
		if (n < 0 || (size_t)n >= room - used)
			return;
		used += (size_t)n;
	}
}
