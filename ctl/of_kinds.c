// What kind of packet a match or a key is.
#include "ctl/of_field.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#define ND_SOLICIT 135 // RFC 4861, 4.3 and 4.4
#define ND_ADVERT  136

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
    {OF_KIND_MPLS, "mpls"},
    {OF_KIND_VLAN, "dl_vlan"},
};
#define N_KINDS (sizeof(kind_words) / sizeof(kind_words[0]))

static uint16_t network_kinds(uint16_t eth_type)
{
	switch (eth_type) {
	case 0x0800:
		return OF_KIND_IPV4;
	case 0x86dd:
		return OF_KIND_IPV6;
	case 0x0806: // ARP
	case 0x8035: // RARP
		return OF_KIND_ARP;
	case 0x8847:
	case 0x8848:
		return OF_KIND_MPLS;
	default:
		return 0;
	}
}

static uint16_t transport_kinds(uint16_t network, uint8_t proto)
{
	if (!(network & OF_KIND_IP))
		return 0;
	switch (proto) {
	case IPPROTO_TCP:
		return OF_KIND_TCP;
	case IPPROTO_UDP:
		return OF_KIND_UDP;
	case IPPROTO_SCTP:
		return OF_KIND_SCTP;
	case IPPROTO_ICMP:
		return network & OF_KIND_IPV4 ? OF_KIND_ICMP : 0;
	case IPPROTO_ICMPV6:
		return network & OF_KIND_IPV6 ? OF_KIND_ICMP6 : 0;
	default:
		return 0;
	}
}

// Neighbour discovery has code 0.
static uint16_t discovery_kinds(uint16_t transport, const struct flow_key *key)
{
	if (transport != OF_KIND_ICMP6 || key->tp_dst_be != 0)
		return 0;
	uint16_t type = ntohs(key->tp_src_be);
	return type == ND_SOLICIT ? OF_KIND_NS : type == ND_ADVERT ? OF_KIND_NA : 0;
}

uint16_t of_match_kinds(const struct of_match *match)
{
	const struct flow_key *key = &match->key.pkt, *mask = &match->mask.pkt;
	uint16_t vlan = key->vlan[0].tci_be & mask->vlan[0].tci_be & htons(VLAN_CFI);
	uint16_t kinds = 0, transport = 0;
	if (mask->eth_type_be == UINT16_MAX)
		kinds = network_kinds(ntohs(key->eth_type_be));
	if (mask->nw_proto == UINT8_MAX)
		transport = transport_kinds(kinds, key->nw_proto);
	if (ntohs(mask->tp_src_be) & UINT8_MAX)
		kinds |= discovery_kinds(transport, key);
	return (uint16_t)(kinds | transport | (vlan ? OF_KIND_VLAN : 0));
}

uint16_t of_key_kinds(const struct of_key *key)
{
	uint16_t kinds = network_kinds(ntohs(key->pkt.eth_type_be)), transport = 0;
	if (!(key->pkt.nw_frag & NW_FRAG_LATER))
		transport = transport_kinds(kinds, key->pkt.nw_proto);
	if (key->pkt.vlan[0].tci_be & htons(VLAN_CFI))
		kinds |= OF_KIND_VLAN;
	return (uint16_t)(kinds | transport | discovery_kinds(transport, &key->pkt));
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
