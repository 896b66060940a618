#include "ctl/swctld/xlate.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#define LSE_BOS	     0x100 // bottom of stack, RFC 3032
#define NW_FRAG_MASK (NW_FRAG_ANY | NW_FRAG_LATER)

static bool key_is_ip(const struct flow_key *key)
{
	return key->eth_type_be == htons(ETHERTYPE_IP) || key->eth_type_be == htons(ETHERTYPE_IPV6);
}

void xlate_mask_init(struct flow_key *mask, const struct flow_key *key)
{
	memset(mask, 0, sizeof(*mask));
	mask->in_port = UINT32_MAX;
	mask->recirc_id = UINT32_MAX;
	mask->eth_type_be = UINT16_MAX;
	if (key_is_ip(key))
		mask->nw_frag = NW_FRAG_MASK;
}

// A tag's bits mean nothing without knowing that there is one; and where there is none, that is all
// to know.
static void finish_vlans(struct flow_key *mask, const struct flow_key *key)
{
	for (unsigned i = 0; i < 2; i++) {
		struct vlan_tag *m = &mask->vlan[i];
		bool present = key->vlan[i].tci_be & htons(VLAN_CFI);
		if (!m->tci_be && !m->tpid_be)
			continue;
		m->tci_be |= htons(VLAN_CFI);
		if (!present)
			*m = (struct vlan_tag){.tci_be = htons(VLAN_CFI)};
	}
}

static void drop_transport(struct flow_key *mask)
{
	mask->tp_src_be = mask->tp_dst_be = mask->tcp_flags_be = 0;
}

static void drop_nd(struct flow_key *mask)
{
	memset(&mask->nd_target, 0, sizeof(mask->nd_target));
	memset(&mask->arp_sha, 0, sizeof(mask->arp_sha));
	memset(&mask->arp_tha, 0, sizeof(mask->arp_tha));
}

static bool mask_has_nd(const struct flow_key *mask)
{
	static const struct flow_key zero;
	return memcmp(&mask->nd_target, &zero.nd_target, sizeof(zero.nd_target)) != 0 ||
	       memcmp(&mask->arp_sha, &zero.arp_sha, sizeof(zero.arp_sha)) != 0 ||
	       memcmp(&mask->arp_tha, &zero.arp_tha, sizeof(zero.arp_tha)) != 0;
}

static bool key_is_nd(const struct flow_key *key)
{
	uint16_t type = ntohs(key->tp_src_be);
	return (type == ND_NEIGHBOR_SOLICIT || type == ND_NEIGHBOR_ADVERT) && key->tp_dst_be == 0;
}

static bool key_is_icmp(const struct flow_key *key)
{
	return key->nw_proto ==
	       (key->eth_type_be == htons(ETHERTYPE_IP) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static bool key_has_transport(const struct flow_key *key)
{
	return key->nw_proto == IPPROTO_TCP || key->nw_proto == IPPROTO_UDP ||
	       key->nw_proto == IPPROTO_SCTP || key_is_icmp(key);
}

// Type and code have 8 bits; exact is written as exact in all 16, as it comes back from the
// datapath.
static uint16_t icmp_bits(uint16_t mask_be)
{
	mask_be &= htons(UINT8_MAX);
	return mask_be == htons(UINT8_MAX) ? UINT16_MAX : mask_be;
}

// Which fields a packet has depends on its protocol, its type and its code: a mask that asked for
// such a field also needs what told whether there is one.
static void finish_icmp(struct flow_key *mask, const struct flow_key *key)
{
	bool is_v6 = key->nw_proto == IPPROTO_ICMPV6;
	if (is_v6 && mask_has_nd(mask))
		mask->tp_src_be = mask->tp_dst_be = UINT16_MAX;
	if (!is_v6 || !key_is_nd(key))
		drop_nd(mask);
	mask->tp_src_be = icmp_bits(mask->tp_src_be);
	mask->tp_dst_be = icmp_bits(mask->tp_dst_be);
	mask->tcp_flags_be = 0;
}

static void finish_transport(struct flow_key *mask, const struct flow_key *key)
{
	bool later = key->nw_frag & NW_FRAG_LATER; // always in the mask
	if (key->eth_type_be == htons(ETHERTYPE_IP))
		drop_nd(mask);
	if (!later &&
	    (mask->tp_src_be || mask->tp_dst_be || mask->tcp_flags_be || mask_has_nd(mask)))
		mask->nw_proto = UINT8_MAX;
	if (later || !key_has_transport(key)) {
		drop_transport(mask);
		drop_nd(mask);
	} else if (key_is_icmp(key)) {
		finish_icmp(mask, key);
	} else {
		drop_nd(mask);
		if (key->nw_proto != IPPROTO_TCP)
			mask->tcp_flags_be = 0;
	}
}

static void drop_ipv6(struct flow_key *mask)
{
	memset(&mask->ipv6_src, 0, sizeof(mask->ipv6_src));
	memset(&mask->ipv6_dst, 0, sizeof(mask->ipv6_dst));
	mask->ipv6_label_be = 0;
}

// What stands below the bottom of the stack is no label; that it is the bottom must be known then.
static void finish_labels(struct flow_key *mask, const struct flow_key *key)
{
	if (mask->mpls_lse_be[1])
		mask->mpls_lse_be[0] |= htonl(LSE_BOS);
	if (key->mpls_lse_be[0] & htonl(LSE_BOS))
		mask->mpls_lse_be[1] = 0;
}

// The tuple of a connection has the addresses of the packet's kind.
static void finish_ct(struct flow_key *mask, const struct flow_key *key)
{
	if (key->eth_type_be != htons(ETHERTYPE_IP))
		mask->ct.nw_src_be = mask->ct.nw_dst_be = 0;
	if (key->eth_type_be != htons(ETHERTYPE_IPV6)) {
		memset(&mask->ct.ipv6_src, 0, sizeof(mask->ct.ipv6_src));
		memset(&mask->ct.ipv6_dst, 0, sizeof(mask->ct.ipv6_dst));
	}
	if (!key_is_ip(key)) {
		mask->ct.tp_src_be = mask->ct.tp_dst_be = 0;
		mask->ct_nw_proto = 0;
	}
}

// As it comes back from the datapath: an identifier's bits say that there is one, options' bits how
// many there are.
static void finish_tunnel(struct flow_key *mask, const struct flow_key *key)
{
	static const struct flow_key zero;
	unsigned n = key->tun.opts_len;
	if (mask->tun.id_be)
		mask->tun.flags |= TUN_F_KEY;
	memset(mask->tun_opts + n, 0, sizeof(mask->tun_opts) - n);
	if (memcmp(mask->tun_opts, zero.tun_opts, n) != 0)
		mask->tun.opts_len = UINT8_MAX;
	memset(mask->tun.unused, 0, sizeof(mask->tun.unused));
}

void xlate_mask_finish(struct flow_key *mask, const struct flow_key *key)
{
	finish_vlans(mask, key);
	finish_ct(mask, key);
	finish_tunnel(mask, key);
	mask->cold = 0;
	if (key->eth_type_be != htons(ETHERTYPE_IPV6))
		drop_ipv6(mask);
	else
		mask->ip_src_be = mask->ip_dst_be = 0;
	if (key_is_ip(key)) {
		finish_transport(mask, key);
		return;
	}
	mask->nw_tos = mask->nw_ttl = mask->nw_frag = 0;
	drop_transport(mask);
	if (key->eth_type_be == htons(ETHERTYPE_ARP) ||
	    key->eth_type_be == htons(ETHERTYPE_REVARP)) {
		memset(&mask->nd_target, 0, sizeof(mask->nd_target));
		return;
	}
	drop_nd(mask);
	mask->nw_proto = 0;
	if (!xlate_is_mpls(key))
		mask->ip_src_be = mask->ip_dst_be = 0;
	else
		finish_labels(mask, key);
}
