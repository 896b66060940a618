// Fields of the packet and the pipeline, read and written through the key that the packet has at
// that moment.
#include "tests/unit/ctl/reference_state.h"

#include <arpa/inet.h>
#include <string.h>

void ref_view(const struct ref *r, struct of_key *key)
{
	const struct ref_packet *p = &r->p;

	memset(key, 0, sizeof(*key));
	if (p->is_blind) {
		struct model hidden = p->m;

		hidden.eth_type = p->blind_type;
		hidden.n_lses = 0;
		hidden.payload_type = 0;
		model_key_deep(&hidden, &key->pkt);
	} else {
		model_key_deep(&p->m, &key->pkt);
	}
	key->pkt.in_port = p->in_port;
	key->metadata_be = p->metadata_be;
	memcpy(key->reg_be, p->reg_be, sizeof(key->reg_be));
}

// Of the packet as the switch sees it.
static unsigned seen_parts(const struct ref *r)
{
	return r->p.is_blind ? 0 : model_parts(&r->p.m);
}

static bool sees_mpls(const struct ref *r)
{
	return !r->p.is_blind && model_is_mpls(&r->p.m) && r->p.m.n_lses > 0;
}

static uint16_t kinds_of(const struct ref *r)
{
	static const struct {
		unsigned part;
		uint16_t kind;
	} rows[] = {
	    {MODEL_IPV4, OF_KIND_IPV4}, {MODEL_IPV6, OF_KIND_IPV6},   {MODEL_ARP, OF_KIND_ARP},
	    {MODEL_TCP, OF_KIND_TCP},	{MODEL_UDP, OF_KIND_UDP},     {MODEL_SCTP, OF_KIND_SCTP},
	    {MODEL_ICMP, OF_KIND_ICMP}, {MODEL_ICMP6, OF_KIND_ICMP6},
	};
	unsigned parts = seen_parts(r);
	uint16_t kinds = 0;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		kinds |= parts & rows[i].part ? rows[i].kind : 0;
	if (parts & MODEL_ND)
		kinds |= r->p.m.tp_src == 135 ? OF_KIND_NS : OF_KIND_NA;
	if (sees_mpls(r))
		kinds |= OF_KIND_MPLS;
	if (r->p.m.n_tags > 0)
		kinds |= OF_KIND_VLAN;
	return kinds;
}

static bool is_of_pipeline(uint8_t field)
{
	return field == OF_F_IN_PORT || field == OF_F_DL_SRC || field == OF_F_DL_DST ||
	       field >= OF_F_METADATA;
}

static bool is_of_vlan(uint8_t field)
{
	return field >= OF_F_DL_VLAN && field <= OF_F_VLAN_TCI;
}

bool ref_sees_l3(const struct ref *r)
{
	const struct ref_packet *p = &r->p;

	return !p->murky_tags && !p->murky_l3 && !(p->is_reseen && p->m.n_tags > 2);
}

static void check_known(struct ref *r, uint8_t field)
{
	if (is_of_pipeline(field))
		return;
	if (is_of_vlan(field) ? r->p.murky_tags : !ref_sees_l3(r))
		ref_unclear(r, "a field that popping brought out");
}

bool ref_has(struct ref *r, uint8_t field)
{
	uint16_t needs = of_fields[field].needs;

	check_known(r, field);
	return !needs || needs & kinds_of(r);
}

of_value ref_read(struct ref *r, const struct of_subfield *sf)
{
	struct of_key key;

	if (!ref_has(r, sf->field)) {
		ref_unclear(r, "what a field holds that is not there");
		return 0;
	}
	ref_view(r, &key);
	return of_subfield_get(sf, &key);
}

// The outermost tag after its control information was written: without VLAN_CFI there is none.
static void adopt_tci(struct ref *r, uint16_t tci)
{
	struct model *m = &r->p.m;

	if (tci & VLAN_CFI && m->n_tags > 0)
		m->tags[0].tci = tci & (uint16_t)~VLAN_CFI;
	else if (tci & VLAN_CFI)
		model_push_tag(m, 0x8100, tci);
	else if (m->n_tags > 0)
		ref_strip_vlan(r, NULL);
}

static void adopt_lladdr(struct ref *r, bool has, struct eth_addr *addr,
			 const struct eth_addr *value)
{
	if (has)
		*addr = *value;
	else if (memcmp(addr, value, sizeof(*addr)) != 0)
		r->p.murky_l3 = true; // there is no such option; the key does not say so
}

static void adopt_ip(struct ref *r, unsigned parts, const struct flow_key *key)
{
	struct model *m = &r->p.m;

	if (parts & (MODEL_IPV4 | MODEL_ARP)) {
		m->ip_src = ntohl(key->ip_src_be);
		m->ip_dst = ntohl(key->ip_dst_be);
	}
	if (parts & MODEL_IPV6) {
		m->ipv6_src = key->ipv6_src;
		m->ipv6_dst = key->ipv6_dst;
		m->ipv6_label = ntohl(key->ipv6_label_be);
	}
	if (parts & MODEL_IP) {
		m->nw_tos = key->nw_tos;
		m->nw_ttl = key->nw_ttl;
	}
	if (parts & (MODEL_L4 | MODEL_ICMP | MODEL_ICMP6)) {
		m->tp_src = ntohs(key->tp_src_be);
		m->tp_dst = ntohs(key->tp_dst_be);
	}
	if (parts & MODEL_ARP) {
		m->sha = key->arp_sha;
		m->tha = key->arp_tha;
	}
}

static void adopt_nd(struct ref *r, unsigned parts, const struct flow_key *key)
{
	struct model *m = &r->p.m;

	if (parts & MODEL_ND) {
		m->nd_target = key->nd_target;
		adopt_lladdr(r, m->has_sll, &m->sha, &key->arp_sha);
		adopt_lladdr(r, m->has_tll, &m->tha, &key->arp_tha);
	}
	// With the type the packet stops or starts to be of neighbour discovery, and what is
	// behind changes its meaning.
	if ((model_parts(m) ^ parts) & MODEL_ND)
		r->p.murky_l3 = true;
}

static void adopt_arp_op(struct ref *r, const struct flow_key *old, const struct flow_key *key)
{
	if (old->nw_proto == key->nw_proto)
		return;
	if (r->p.m.arp_op > UINT8_MAX && r->copies > 0)
		ref_unclear(r, "an opcode to come back that the key does not hold");
	r->p.m.arp_op = key->nw_proto;
}

// Makes the packet what `key` says, in fields that it has.
static void adopt(struct ref *r, const struct of_key *old, const struct of_key *key)
{
	struct ref_packet *p = &r->p;
	unsigned parts = seen_parts(r);

	p->in_port = key->pkt.in_port;
	p->metadata_be = key->metadata_be;
	memcpy(p->reg_be, key->reg_be, sizeof(p->reg_be));
	p->m.eth_src = key->pkt.eth_src;
	p->m.eth_dst = key->pkt.eth_dst;
	if (old->pkt.vlan[0].tci_be != key->pkt.vlan[0].tci_be)
		adopt_tci(r, ntohs(key->pkt.vlan[0].tci_be));
	if (sees_mpls(r))
		p->m.lses[0] = ntohl(key->pkt.mpls_lse_be[0]);
	adopt_ip(r, parts, &key->pkt);
	adopt_nd(r, parts, &key->pkt);
	if (parts & MODEL_ARP)
		adopt_arp_op(r, &old->pkt, &key->pkt);
}

void ref_write(struct ref *r, const struct of_subfield *sf, of_value value, of_value mask)
{
	struct of_key old, key;

	if (!ref_has(r, sf->field))
		return;
	ref_view(r, &old);
	key = old;
	of_subfield_set(sf, &key, (of_subfield_get(sf, &old) & ~mask) | (value & mask));
	// These two of OpenFlow 1.0's give a packet a tag that has none.
	if (sf->field == OF_F_DL_VLAN || sf->field == OF_F_DL_VLAN_PCP)
		key.pkt.vlan[0].tci_be |= htons(VLAN_CFI);
	adopt(r, &old, &key);
}
