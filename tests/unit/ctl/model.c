#include "tests/unit/ctl/model.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define ND_SOLICIT 135
#define ND_ADVERT  136

bool model_is_mpls(const struct model *m)
{
	return m->eth_type == ETH_MPLS || m->eth_type == ETH_MPLSM;
}

static unsigned icmp6_parts(const struct model *m)
{
	bool is_nd = (m->tp_src == ND_SOLICIT || m->tp_src == ND_ADVERT) && m->tp_dst == 0;

	return MODEL_ICMP6 | (is_nd ? MODEL_ND : 0);
}

static unsigned transport_parts(const struct model *m)
{
	if (m->nw_frag & NW_FRAG_LATER)
		return 0;
	switch (m->nw_proto) {
	case IPPROTO_TCP:
		return MODEL_TCP;
	case IPPROTO_UDP:
		return MODEL_UDP;
	case IPPROTO_SCTP:
		return MODEL_SCTP;
	case IPPROTO_ICMP:
		return m->payload_type == ETH_IPV4 ? MODEL_ICMP : 0;
	case IPPROTO_ICMPV6:
		return m->payload_type == ETH_IPV6 ? icmp6_parts(m) : 0;
	default:
		return 0;
	}
}

unsigned model_payload_parts(const struct model *m)
{
	switch (m->payload_type) {
	case ETH_IPV4:
		return MODEL_IPV4 | transport_parts(m);
	case ETH_IPV6:
		return MODEL_IPV6 | transport_parts(m);
	case ETH_ARP:
	case ETH_RARP:
		return MODEL_ARP;
	default:
		return 0;
	}
}

unsigned model_parts(const struct model *m)
{
	return m->n_lses == 0 && m->eth_type == m->payload_type ? model_payload_parts(m) : 0;
}

bool model_equal(const struct model *a, const struct model *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

#define CLEAR(field) memset(&m->field, 0, sizeof(m->field))

static void settle_ip(struct model *m, unsigned parts)
{
	if (!(parts & MODEL_IP)) {
		m->nw_proto = m->nw_tos = m->nw_ttl = m->nw_frag = 0;
	} else {
		m->nw_frag &= NW_FRAG_ANY | NW_FRAG_LATER;
		if (m->nw_frag & NW_FRAG_LATER)
			m->nw_frag |= NW_FRAG_ANY;
	}
	if (!(parts & (MODEL_IPV4 | MODEL_ARP)))
		m->ip_src = m->ip_dst = 0;
	if (!(parts & MODEL_IPV6)) {
		CLEAR(ipv6_src);
		CLEAR(ipv6_dst);
		m->ipv6_label = 0;
	}
	m->ipv6_label &= 0xfffff;
}

static void settle_l4(struct model *m, unsigned parts)
{
	if (parts & (MODEL_ICMP | MODEL_ICMP6)) {
		m->tp_src &= 0xff;
		m->tp_dst &= 0xff;
	} else if (!(parts & MODEL_L4)) {
		m->tp_src = m->tp_dst = 0;
	}
	if (!(parts & MODEL_TCP))
		m->tcp_flags = 0;
	m->tcp_flags &= 0xfff;
}

static void settle_addresses(struct model *m, unsigned parts)
{
	if (!(parts & MODEL_ARP))
		m->arp_op = 0;
	if (!(parts & MODEL_ND)) {
		CLEAR(nd_target);
		m->has_sll = m->has_tll = false;
	}
	if (!(parts & MODEL_ARP) && !m->has_sll)
		CLEAR(sha);
	if (!(parts & MODEL_ARP) && !m->has_tll)
		CLEAR(tha);
}

// Nobody can tell what a later fragment of IPv6 carries, and extension headers (RFC 8200) do not
// count as what a packet carries.
static uint8_t settle_proto6(const struct model *m)
{
	if (m->nw_frag & NW_FRAG_LATER)
		return IPPROTO_FRAGMENT;
	switch (m->nw_proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		return IPPROTO_TCP;
	default:
		return m->nw_proto;
	}
}

void model_settle(struct model *m)
{
	if (m->payload_type == ETH_IPV6)
		m->nw_proto = settle_proto6(m);
	settle_ip(m, model_payload_parts(m));
	settle_l4(m, model_payload_parts(m));
	settle_addresses(m, model_payload_parts(m));
	for (unsigned i = 0; i < m->n_tags; i++)
		m->tags[i].tci &= (uint16_t)~VLAN_CFI;
	memset(m->tags + m->n_tags, 0, sizeof(m->tags[0]) * (MODEL_TAGS_MAX - m->n_tags));
	memset(m->lses + m->n_lses, 0, sizeof(m->lses[0]) * (MODEL_LSES_MAX - m->n_lses));
	if (m->n_lses == 0)
		m->eth_type = m->payload_type;
}

static void key_payload(const struct model *m, unsigned parts, struct flow_key *key)
{
	key->ip_src_be = htonl(m->ip_src);
	key->ip_dst_be = htonl(m->ip_dst);
	key->nw_proto = m->nw_proto;
	key->nw_tos = m->nw_tos;
	key->nw_ttl = m->nw_ttl;
	key->nw_frag = m->nw_frag;
	key->tp_src_be = htons(m->tp_src);
	key->tp_dst_be = htons(m->tp_dst);
	key->tcp_flags_be = htons(m->tcp_flags);
	key->ipv6_src = m->ipv6_src;
	key->ipv6_dst = m->ipv6_dst;
	key->ipv6_label_be = htonl(m->ipv6_label);
	key->nd_target = m->nd_target;
	key->arp_sha = m->sha;
	key->arp_tha = m->tha;
	if (parts & MODEL_ARP)
		key->nw_proto = m->arp_op <= UINT8_MAX ? (uint8_t)m->arp_op : 0;
}

static void key_lses(const struct model *m, struct flow_key *key)
{
	for (unsigned i = 0; i < FLOW_MPLS_LABELS && i < m->n_lses; i++) {
		key->mpls_lse_be[i] = htonl(m->lses[i]);
		if (m->lses[i] & MPLS_BOS)
			return;
	}
}

void model_key_deep(const struct model *m, struct flow_key *key)
{
	unsigned parts = model_parts(m);

	memset(key, 0, sizeof(*key));
	key->eth_src = m->eth_src;
	key->eth_dst = m->eth_dst;
	for (unsigned i = 0; i < 2 && i < m->n_tags; i++) {
		key->vlan[i].tpid_be = htons(m->tags[i].tpid);
		key->vlan[i].tci_be = htons(m->tags[i].tci | VLAN_CFI);
	}
	key->eth_type_be = htons(m->eth_type);
	if (model_is_mpls(m))
		key_lses(m, key);
	else if (parts)
		key_payload(m, parts, key);
}

void model_key(const struct model *m, struct flow_key *key)
{
	if (m->n_tags <= 2) {
		model_key_deep(m, key);
		return;
	}
	struct model outer = {.eth_src = m->eth_src,
			      .eth_dst = m->eth_dst,
			      .n_tags = 2,
			      .tags = {m->tags[0], m->tags[1]},
			      .eth_type = m->tags[2].tpid};

	model_key_deep(&outer, key);
}

void model_push_tag(struct model *m, uint16_t tpid, uint16_t tci)
{
	memmove(m->tags + 1, m->tags, sizeof(m->tags[0]) * m->n_tags++);
	m->tags[0] = (struct model_tag){tpid, tci & (uint16_t)~VLAN_CFI};
}

void model_pop_tag(struct model *m)
{
	memmove(m->tags, m->tags + 1, sizeof(m->tags[0]) * --m->n_tags);
	memset(m->tags + m->n_tags, 0, sizeof(m->tags[0]));
}

void model_push_lse(struct model *m, uint16_t eth_type, uint32_t lse)
{
	memmove(m->lses + 1, m->lses, sizeof(m->lses[0]) * m->n_lses++);
	m->lses[0] = lse;
	m->eth_type = eth_type;
}

void model_pop_lse(struct model *m, uint16_t eth_type)
{
	memmove(m->lses, m->lses + 1, sizeof(m->lses[0]) * --m->n_lses);
	m->lses[m->n_lses] = 0;
	m->eth_type = eth_type;
}

static void print_mac(FILE *out, const char *name, const struct eth_addr *a)
{
	fprintf(out, ",%s=%02x:%02x:%02x:%02x:%02x:%02x", name, a->b[0], a->b[1], a->b[2], a->b[3],
		a->b[4], a->b[5]);
}

static void print_ip(FILE *out, const char *name, int family, const void *addr)
{
	char text[INET6_ADDRSTRLEN];

	fprintf(out, ",%s=%s", name, inet_ntop(family, addr, text, sizeof(text)));
}

static void print_payload(FILE *out, const struct model *m, unsigned parts)
{
	uint32_t src_be = htonl(m->ip_src), dst_be = htonl(m->ip_dst);

	if (parts & (MODEL_IPV4 | MODEL_ARP)) {
		print_ip(out, "src", AF_INET, &src_be);
		print_ip(out, "dst", AF_INET, &dst_be);
	}
	if (parts & MODEL_IPV6) {
		print_ip(out, "src", AF_INET6, &m->ipv6_src);
		print_ip(out, "dst", AF_INET6, &m->ipv6_dst);
		fprintf(out, ",label=%#x", m->ipv6_label);
	}
	if (parts & MODEL_IP)
		fprintf(out, ",proto=%u,tos=%u,ttl=%u,frag=%u", m->nw_proto, m->nw_tos, m->nw_ttl,
			m->nw_frag);
	if (parts & (MODEL_L4 | MODEL_ICMP | MODEL_ICMP6))
		fprintf(out, ",tp=%u,%u", m->tp_src, m->tp_dst);
	if (parts & MODEL_TCP)
		fprintf(out, ",flags=%#x", m->tcp_flags);
	if (parts & MODEL_ND)
		print_ip(out, "target", AF_INET6, &m->nd_target);
	if (parts & MODEL_ARP)
		fprintf(out, ",op=%u", m->arp_op);
	if (parts & MODEL_ARP || m->has_sll)
		print_mac(out, "sha", &m->sha);
	if (parts & MODEL_ARP || m->has_tll)
		print_mac(out, "tha", &m->tha);
}

void model_print(FILE *out, const struct model *m)
{
	fprintf(out, "eth");
	print_mac(out, "src", &m->eth_src);
	print_mac(out, "dst", &m->eth_dst);
	for (unsigned i = 0; i < m->n_tags; i++)
		fprintf(out, ",vlan(%#x,vid=%u,pcp=%u)", m->tags[i].tpid,
			(unsigned)m->tags[i].tci & VLAN_VID_MASK,
			(unsigned)m->tags[i].tci >> VLAN_PCP_SHIFT);
	fprintf(out, ",type=%#x", m->eth_type);
	for (unsigned i = 0; i < m->n_lses; i++)
		fprintf(out, ",lse(%u,tc=%u,bos=%u,ttl=%u)", m->lses[i] >> MPLS_LABEL_SHIFT,
			(m->lses[i] & MPLS_TC_MASK) >> MPLS_TC_SHIFT, !!(m->lses[i] & MPLS_BOS),
			m->lses[i] & MPLS_TTL_MASK);
	if (m->eth_type != m->payload_type)
		fprintf(out, ",payload=%#x", m->payload_type);
	print_payload(out, m, model_payload_parts(m));
}
