// Random keys as extraction gives them, and random masks as translation does.
#ifndef TESTS_UNIT_CTL_DP_RANDOM_H
#define TESTS_UNIT_CTL_DP_RANDOM_H

#include "tests/unit/ctl/dp_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static inline void rnd_tag(struct vlan_tag *tag)
{
	tag->tpid_be = htons(rnd(2) ? 0x8100 : 0x88a8);
	tag->tci_be = htons((uint16_t)(rnd(65536) | VLAN_CFI));
}

static inline void rnd_l4(struct flow_key *k, bool v6)
{
	static const uint8_t protos[] = {IPPROTO_TCP,  IPPROTO_UDP,    IPPROTO_SCTP,
					 IPPROTO_ICMP, IPPROTO_ICMPV6, 47};
	static const uint8_t frags[] = {0, 0, NW_FRAG_ANY, NW_FRAG_ANY | NW_FRAG_LATER};
	k->nw_proto = protos[rnd(6)];
	k->nw_frag = frags[rnd(4)];
	if (k->nw_frag & NW_FRAG_LATER)
		return;
	bool icmp = k->nw_proto == IPPROTO_ICMP && !v6, icmp6 = k->nw_proto == IPPROTO_ICMPV6 && v6;
	if (icmp || icmp6) {
		k->tp_src_be = htons((uint16_t)(rnd(2) ? 135 + rnd(2) : rnd(256)));
		k->tp_dst_be = htons((uint16_t)(rnd(2) ? 0 : rnd(256)));
		uint16_t type = ntohs(k->tp_src_be);
		if (icmp6 && (type == 135 || type == 136) && k->tp_dst_be == 0) {
			rnd_bytes(&k->nd_target, sizeof(k->nd_target));
			rnd_bytes(&k->arp_sha, 6);
			rnd_bytes(&k->arp_tha, 6);
		}
	} else if (k->nw_proto == IPPROTO_TCP || k->nw_proto == IPPROTO_UDP ||
		   k->nw_proto == IPPROTO_SCTP) {
		rnd_bytes(&k->tp_src_be, 2);
		rnd_bytes(&k->tp_dst_be, 2);
		if (k->nw_proto == IPPROTO_TCP)
			k->tcp_flags_be = htons((uint16_t)rnd(4096));
	}
}

// Entries up to the bottom of the stack, or as many as a key holds.
static inline void rnd_mpls(struct flow_key *k)
{
	for (unsigned i = 0; i < FLOW_MPLS_LABELS; i++) {
		rnd_bytes(&k->mpls_lse_be[i], 4);
		if (k->mpls_lse_be[i] & htonl(MPLS_BOS))
			return;
	}
}

static inline void rnd_ip(struct flow_key *k)
{
	k->nw_tos = (uint8_t)rnd(256);
	k->nw_ttl = (uint8_t)rnd(256);
}

static inline void rnd_tunnel(struct flow_key *k)
{
	struct flow_tunnel *tun = &k->tun;
	rnd_bytes(tun, offsetof(struct flow_tunnel, flags));
	tun->flags = (uint8_t)rnd(16) | TUN_F_KEY;
	tun->tos = (uint8_t)rnd(256);
	tun->ttl = (uint8_t)rnd(256);
	if (rnd(2))
		tun->dst_be = 0;
	else
		memset(&tun->ipv6_dst, 0, sizeof(tun->ipv6_dst));
	tun->gbp_flags = rnd(2) ? (uint8_t)rnd(256) : 0;
	tun->gbp_id_be = tun->gbp_flags != 0 ? tun->gbp_id_be : 0;
	if (tun->gbp_flags != 0)
		return;
	tun->opts_len = (uint8_t)(4 * rnd(FLOW_TUN_OPTS_MAX / 4 + 1));
	rnd_bytes(k->tun_opts, tun->opts_len);
}

// What is not in a packet's bytes.
static inline void rnd_meta(struct flow_key *k)
{
	k->dp_hash = rnd(3);
	k->skb_priority = rnd(3);
	k->pkt_mark = rnd(3);
	if (rnd(2))
		rnd_tunnel(k);
	if (rnd(2))
		return;
	k->ct_state = rnd(256);
	k->ct_zone = (uint16_t)rnd(65536);
	k->ct_mark = rnd(3);
	if (rnd(2))
		rnd_bytes(k->ct.label, sizeof(k->ct.label));
	bool v4 = k->eth_type_be == htons(0x0800), v6 = k->eth_type_be == htons(0x86dd);
	if (rnd(2) || !(v4 || v6))
		return;
	k->ct_nw_proto = (uint8_t)rnd(256);
	rnd_bytes(&k->ct.tp_src_be, 4);
	if (v4)
		rnd_bytes(&k->ct.nw_src_be, 8);
	else
		rnd_bytes(&k->ct.ipv6_src, 32);
}

// A key as extraction gives it.
static inline void rnd_key(struct flow_key *k)
{
	static const uint16_t types[] = {0x0800, 0x86dd, 0x0806, 0x8035,
					 0x8847, 0x8848, 0x1234, ETH_TYPE_NONE};
	memset(k, 0, sizeof(*k));
	k->in_port = rnd(1024);
	k->recirc_id = rnd(3);
	rnd_bytes(&k->eth_src, 6);
	rnd_bytes(&k->eth_dst, 6);
	unsigned n_tags = rnd(3);
	for (unsigned i = 0; i < n_tags; i++)
		rnd_tag(&k->vlan[i]);
	uint16_t type = types[rnd(8)];
	k->eth_type_be = htons(type);
	if (type == 0x0800) {
		rnd_bytes(&k->ip_src_be, 8);
		rnd_ip(k);
		rnd_l4(k, false);
	} else if (type == 0x86dd) {
		rnd_bytes(&k->ipv6_src, 32);
		k->ipv6_label_be = htonl(rnd(1 << 20));
		rnd_ip(k);
		rnd_l4(k, true);
	} else if (type == 0x0806 || type == 0x8035) {
		rnd_bytes(&k->ip_src_be, 8);
		k->nw_proto = (uint8_t)rnd(256);
		rnd_bytes(&k->arp_sha, 6);
		rnd_bytes(&k->arp_tha, 6);
	} else if (eth_type_is_mpls(type)) {
		rnd_mpls(k);
	}
	if (rnd(2))
		rnd_meta(k);
}

// Exact, random or wild, a byte at a time or all at once.
static inline void rnd_mask(void *mask, size_t len)
{
	unsigned how = rnd(4);
	if (how == 0)
		memset(mask, 0xff, len);
	else if (how == 1)
		rnd_bytes(mask, len);
	else if (how == 2)
		memset(mask, 0, len);
	else
		for (size_t i = 0; i < len; i++)
			((uint8_t *)mask)[i] = rnd(2) ? 0xff : 0;
}

#define MASK(field) rnd_mask(&m->field, sizeof(m->field))

static inline void rnd_l4_mask(struct flow_key *m, const struct flow_key *k)
{
	bool v6 = k->eth_type_be == htons(0x86dd);
	bool icmp = (k->nw_proto == IPPROTO_ICMP && !v6) || (k->nw_proto == IPPROTO_ICMPV6 && v6);
	if (k->nw_frag & NW_FRAG_LATER && m->nw_frag & NW_FRAG_LATER)
		return;
	if (icmp) {
		m->tp_src_be = rnd(2) ? UINT16_MAX : htons((uint16_t)rnd(255));
		m->tp_dst_be = rnd(2) ? UINT16_MAX : htons((uint16_t)rnd(255));
		bool nd = v6 && m->tp_src_be == UINT16_MAX && k->tp_dst_be == 0 &&
			  (ntohs(k->tp_src_be) == 135 || ntohs(k->tp_src_be) == 136);
		if (nd) {
			MASK(nd_target);
			MASK(arp_sha);
			MASK(arp_tha);
		}
	} else if (k->nw_proto == IPPROTO_TCP || k->nw_proto == IPPROTO_UDP ||
		   k->nw_proto == IPPROTO_SCTP) {
		MASK(tp_src_be);
		MASK(tp_dst_be);
		if (k->nw_proto == IPPROTO_TCP)
			MASK(tcp_flags_be);
	}
}

static inline void rnd_meta_mask(struct flow_key *m, const struct flow_key *k)
{
	MASK(dp_hash);
	MASK(skb_priority);
	MASK(pkt_mark);
	m->ct_state = rnd(256);
	MASK(ct_zone);
	MASK(ct_mark);
	MASK(ct.label);
	rnd_mask(&m->tun, offsetof(struct flow_tunnel, flags));
	m->tun.flags = (uint8_t)rnd(16) | (m->tun.id_be != 0 ? TUN_F_KEY : 0);
	MASK(tun.tos);
	MASK(tun.ttl);
	m->tun.opts_len = rnd(2) ? 0xff : 0;
	if (m->tun.opts_len != 0)
		rnd_mask(m->tun_opts, k->tun.opts_len);
}

static inline void rnd_ct_tuple_mask(struct flow_key *m, bool v6)
{
	MASK(ct_nw_proto);
	MASK(ct.tp_src_be);
	MASK(ct.tp_dst_be);
	if (v6) {
		MASK(ct.ipv6_src);
		MASK(ct.ipv6_dst);
	} else {
		MASK(ct.nw_src_be);
		MASK(ct.nw_dst_be);
	}
}

// A mask as translation gives it: bits of a header only where what says that it is there is exact.
static inline void rnd_match_mask(struct flow_key *m, const struct flow_key *k)
{
	memset(m, 0, sizeof(*m));
	MASK(in_port);
	MASK(recirc_id);
	MASK(eth_src);
	MASK(eth_dst);
	MASK(vlan[0].tpid_be);
	MASK(vlan[0].tci_be);
	MASK(vlan[1].tpid_be);
	MASK(vlan[1].tci_be);
	MASK(eth_type_be);
	if (rnd(2))
		rnd_meta_mask(m, k);
	uint16_t type = ntohs(k->eth_type_be);
	if (m->eth_type_be != UINT16_MAX || type < 0x600 || type == 0x1234)
		return;
	if (eth_type_is_mpls(type)) {
		MASK(mpls_lse_be[0]);
		MASK(mpls_lse_be[1]);
		return;
	}
	if (type != 0x86dd) {
		MASK(ip_src_be);
		MASK(ip_dst_be);
	}
	MASK(nw_proto);
	if (type == 0x0806 || type == 0x8035) {
		MASK(arp_sha);
		MASK(arp_tha);
		return;
	}
	if (rnd(2))
		rnd_ct_tuple_mask(m, type == 0x86dd);
	MASK(nw_tos);
	MASK(nw_ttl);
	m->nw_frag = (uint8_t)rnd(4);
	if (type == 0x86dd) {
		MASK(ipv6_src);
		MASK(ipv6_dst);
		m->ipv6_label_be = htonl(rnd(1 << 20));
	}
	if (m->nw_proto == UINT8_MAX)
		rnd_l4_mask(m, k);
}

#endif
