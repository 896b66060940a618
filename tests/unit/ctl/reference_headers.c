// Tags, labels and TTLs (OpenFlow 1.3.5, section 5.12).
#include "tests/unit/ctl/reference_state.h"

#define TAGS_MAX 4 // that the switch promises, as for labels
#define LSES_MAX 4

static uint32_t value_of(const struct of_action *a)
{
	return ((const struct of_act_value *)a)->value;
}

static bool tags_are_known(struct ref *r)
{
	if (r->p.murky_tags)
		ref_unclear(r, "a tag behind those of the key");
	return !r->p.murky_tags;
}

static bool l3_is_known(struct ref *r)
{
	bool is_known = ref_sees_l3(r);

	if (!is_known)
		ref_unclear(r, "headers that popping brought out");
	return is_known;
}

static void push_tag(struct ref *r, uint16_t tpid, uint16_t tci)
{
	if (r->p.m.n_tags >= TAGS_MAX)
		ref_unclear(r, "more than four tags");
	else
		model_push_tag(&r->p.m, tpid, tci);
}

// A packet without a tag gets one.
static void set_tci(struct ref *r, uint16_t value, uint16_t mask)
{
	struct model *m = &r->p.m;

	if (!tags_are_known(r))
		return;
	if (m->n_tags == 0)
		push_tag(r, 0x8100, value);
	else
		m->tags[0].tci = (uint16_t)((m->tags[0].tci & ~mask) | value);
}

void ref_mod_vlan_vid(struct ref *r, const struct of_action *a)
{
	set_tci(r, (uint16_t)value_of(a), VLAN_VID_MASK);
}

void ref_mod_vlan_pcp(struct ref *r, const struct of_action *a)
{
	set_tci(r, (uint16_t)(value_of(a) << VLAN_PCP_SHIFT), 7 << VLAN_PCP_SHIFT);
}

void ref_strip_vlan(struct ref *r, const struct of_action *a)
{
	struct ref_packet *p = &r->p;

	(void)a;
	if (!tags_are_known(r) || p->m.n_tags == 0)
		return;
	if (p->m.n_tags == p->own_tags) {
		p->own_tags--;
		p->murky_tags = p->is_blind;
	}
	model_pop_tag(&p->m);
}

void ref_push_vlan(struct ref *r, const struct of_action *a)
{
	push_tag(r, (uint16_t)value_of(a), 0);
}

// Label and class of the first label, and its TTL: as ovs-actions(7) says.
static uint32_t first_lse(const struct model *m)
{
	unsigned parts = model_parts(m);
	uint32_t label = parts & MODEL_IPV6 ? 2 : 0;
	uint32_t tc = parts & MODEL_IP ? (m->nw_tos >> 2) & 7u : 0;
	uint32_t ttl = parts & MODEL_IP && m->nw_ttl > 0 ? m->nw_ttl : 64; // 0: as OVS does

	return label << MPLS_LABEL_SHIFT | tc << MPLS_TC_SHIFT | MPLS_BOS | ttl;
}

void ref_push_mpls(struct ref *r, const struct of_action *a)
{
	struct model *m = &r->p.m;
	uint32_t lse;

	if (!l3_is_known(r))
		return;
	if (r->p.is_blind || m->n_lses >= LSES_MAX) {
		ref_unclear(r, "labels behind three tags, or more than four labels");
		return;
	}
	lse = model_is_mpls(m) ? m->lses[0] & ~MPLS_BOS : first_lse(m);
	r->p.type_below[m->n_lses] = m->eth_type;
	model_push_lse(m, (uint16_t)value_of(a), lse);
}

void ref_pop_mpls(struct ref *r, const struct of_action *a)
{
	struct ref_packet *p = &r->p;
	struct model *m = &p->m;
	bool was_own;
	uint16_t eth_type = (uint16_t)value_of(a);

	if (!l3_is_known(r) || p->is_blind || !model_is_mpls(m))
		return;
	// A copy's pop may already be done to the packet when this comes; OVS too keeps its type.
	if (r->copy_pop_type && r->copy_pop_type != eth_type)
		ref_unclear(r, "pops into different types, one in a copy");
	if (r->copies > 0)
		r->copy_pop_type = eth_type;
	was_own = m->n_lses == p->own_lses;
	model_pop_lse(m, eth_type);
	if (!was_own && m->eth_type != p->type_below[m->n_lses])
		ref_unclear(r, "a pushed label popped into another type than there was");
	p->own_lses -= was_own;
	// What is said to be there is not; or more tags hide it than a key has.
	if (m->n_lses == 0 ? m->eth_type != m->payload_type : !model_is_mpls(m))
		p->murky_l3 = true;
	p->is_reseen |= was_own;
	if (p->is_reseen && m->n_tags > 2)
		p->murky_l3 = true;
}

// Nothing is left: the packet is gone, and with it all that would have come.
static void expire(struct ref *r)
{
	r->result->expired = true;
}

void ref_dec_mpls_ttl(struct ref *r, const struct of_action *a)
{
	struct model *m = &r->p.m;

	(void)a;
	if (!l3_is_known(r) || r->p.is_blind || !model_is_mpls(m))
		return;
	if ((m->lses[0] & MPLS_TTL_MASK) <= 1)
		expire(r);
	else
		m->lses[0]--;
}

void ref_dec_ttl(struct ref *r, const struct of_action *a)
{
	struct model *m = &r->p.m;

	(void)a;
	if (!l3_is_known(r) || r->p.is_blind || !(model_parts(m) & MODEL_IP))
		return;
	if (m->nw_ttl <= 1)
		expire(r);
	else
		m->nw_ttl--;
}
