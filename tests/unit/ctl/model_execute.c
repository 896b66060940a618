#include "tests/unit/ctl/model_execute.h"

#include <arpa/inet.h>
#include <string.h>

struct run {
	struct model m;
	struct ref_events *events;
	const struct recirculation *around;
	uint32_t max_len; // of the next output; 0: whole
	bool is_over;
	const char *wrong;
};

static void add_event(struct run *r, enum ref_event_kind kind, uint32_t no, uint32_t max_len)
{
	struct ref_event *e = &r->events->list[r->events->n];

	if (r->events->n == REF_EVENTS_MAX) {
		r->wrong = "too many outputs";
		return;
	}
	r->events->n++;
	e->kind = kind;
	e->no = no;
	e->max_len = max_len;
	memcpy(&e->packet, &r->m, sizeof(e->packet));
}

static uint32_t set32(uint32_t old, uint32_t value_be, uint32_t mask_be)
{
	return (old & ~ntohl(mask_be)) | ntohl(value_be);
}

static uint16_t set16(uint16_t old, uint16_t value_be, uint16_t mask_be)
{
	return (uint16_t)((old & ~ntohs(mask_be)) | ntohs(value_be));
}

static uint8_t set8(uint8_t old, uint8_t value, uint8_t mask)
{
	return (uint8_t)((old & ~mask) | value);
}

static void set_bytes(void *field, const void *value, const void *mask, size_t n)
{
	uint8_t *to = field;
	const uint8_t *v = value, *m = mask;

	for (size_t i = 0; i < n; i++)
		to[i] = set8(to[i], v[i], m[i]);
}

#define SET_BYTES(field, set, name) \
	set_bytes(&(field), &(set)->name, &(set)->name##_mask, sizeof(field))

static void do_output(struct run *r, const struct action *a)
{
	add_event(r, REF_OUTPUT, a->u.port, r->max_len);
	r->max_len = 0;
}

static void do_push_vlan(struct run *r, const struct action *a)
{
	if (r->m.n_tags == MODEL_TAGS_MAX || !(a->u.vlan.tci_be & htons(VLAN_CFI)))
		r->wrong = "push_vlan";
	else
		model_push_tag(&r->m, ntohs(a->u.vlan.tpid_be), ntohs(a->u.vlan.tci_be));
}

static void do_pop_vlan(struct run *r, const struct action *a)
{
	(void)a;
	if (r->m.n_tags == 0)
		r->wrong = "pop_vlan of a packet without a tag";
	else
		model_pop_tag(&r->m);
}

static void do_set_eth(struct run *r, const struct action *a)
{
	const struct action_set_eth *set = &a->u.eth;

	SET_BYTES(r->m.eth_src, set, src);
	SET_BYTES(r->m.eth_dst, set, dst);
}

static void do_set_ipv4(struct run *r, const struct action *a)
{
	const struct action_set_ipv4 *set = &a->u.ipv4;
	struct model *m = &r->m;

	if (!(model_parts(m) & MODEL_IPV4)) {
		r->wrong = "set of IPv4 in another packet";
		return;
	}
	m->ip_src = set32(m->ip_src, set->src_be, set->src_mask_be);
	m->ip_dst = set32(m->ip_dst, set->dst_be, set->dst_mask_be);
	m->nw_tos = set8(m->nw_tos, set->tos, set->tos_mask);
	m->nw_ttl = set8(m->nw_ttl, set->ttl, set->ttl_mask);
}

static void do_set_ipv6(struct run *r, const struct action *a)
{
	const struct action_set_ipv6 *set = &a->u.ipv6;
	struct model *m = &r->m;

	if (!(model_parts(m) & MODEL_IPV6)) {
		r->wrong = "set of IPv6 in another packet";
		return;
	}
	SET_BYTES(m->ipv6_src, set, src);
	SET_BYTES(m->ipv6_dst, set, dst);
	m->ipv6_label = set32(m->ipv6_label, set->label_be, set->label_mask_be);
	m->nw_tos = set8(m->nw_tos, set->tclass, set->tclass_mask);
	m->nw_ttl = set8(m->nw_ttl, set->hlimit, set->hlimit_mask);
}

static void do_set_ports(struct run *r, const struct action *a)
{
	const struct action_set_ports *set = &a->u.ports;
	struct model *m = &r->m;

	if (!(model_parts(m) & MODEL_L4) || m->nw_proto != set->proto)
		return;
	m->tp_src = set16(m->tp_src, set->src_be, set->src_mask_be);
	m->tp_dst = set16(m->tp_dst, set->dst_be, set->dst_mask_be);
}

static void do_trunc(struct run *r, const struct action *a)
{
	r->max_len = a->u.max_len;
}

static void do_push_mpls(struct run *r, const struct action *a)
{
	const struct action_push_mpls *push = &a->u.push_mpls;

	if (r->m.n_lses == MODEL_LSES_MAX)
		r->wrong = "push_mpls";
	else
		model_push_lse(&r->m, ntohs(push->eth_type_be), ntohl(push->lse_be));
}

static bool has_label(struct run *r)
{
	if (!model_is_mpls(&r->m) || r->m.n_lses == 0)
		r->wrong = "a label's action for a packet without one";
	return !r->wrong;
}

static void do_pop_mpls(struct run *r, const struct action *a)
{
	if (has_label(r))
		model_pop_lse(&r->m, ntohs(a->u.eth_type_be));
}

static void do_set_mpls(struct run *r, const struct action *a)
{
	if (has_label(r))
		r->m.lses[0] = set32(r->m.lses[0], a->u.mpls.lse_be, a->u.mpls.mask_be);
}

static void do_dec_mpls_ttl(struct run *r, const struct action *a)
{
	(void)a;
	if (!has_label(r))
		return;
	if ((r->m.lses[0] & MPLS_TTL_MASK) <= 1)
		r->is_over = true;
	else
		r->m.lses[0]--;
}

static void do_dec_ttl(struct run *r, const struct action *a)
{
	(void)a;
	if (!(model_parts(&r->m) & MODEL_IP))
		return;
	if (r->m.nw_ttl <= 1)
		r->is_over = true;
	else
		r->m.nw_ttl--;
}

static void do_set_arp(struct run *r, const struct action *a)
{
	const struct action_set_arp *set = &a->u.arp;
	struct model *m = &r->m;

	if (!(model_parts(m) & MODEL_ARP)) {
		r->wrong = "set of ARP in another packet";
		return;
	}
	m->ip_src = set32(m->ip_src, set->sip_be, set->sip_mask_be);
	m->ip_dst = set32(m->ip_dst, set->tip_be, set->tip_mask_be);
	m->arp_op = set16(m->arp_op, set->op_be, set->op_mask_be);
	SET_BYTES(m->sha, set, sha);
	SET_BYTES(m->tha, set, tha);
}

static void do_set_nd(struct run *r, const struct action *a)
{
	const struct action_set_nd *set = &a->u.nd;
	struct model *m = &r->m;

	if (!(model_parts(m) & MODEL_ND))
		return;
	SET_BYTES(m->nd_target, set, target);
	if (m->has_sll)
		SET_BYTES(m->sha, set, sll);
	if (m->has_tll)
		SET_BYTES(m->tha, set, tll);
}

static void do_set_icmp(struct run *r, const struct action *a)
{
	const struct action_set_icmp *set = &a->u.icmp;
	struct model *m = &r->m;

	if (!(model_parts(m) & (set->is_v6 ? MODEL_ICMP6 : MODEL_ICMP)))
		return;
	m->tp_src = set8((uint8_t)m->tp_src, set->type, set->type_mask);
	m->tp_dst = set8((uint8_t)m->tp_dst, set->code, set->code_mask);
}

static void do_meter(struct run *r, const struct action *a)
{
	add_event(r, REF_METER, a->u.meter_id, 0);
}

static void do_recirc(struct run *r, const struct action *a)
{
	if (!r->around)
		r->wrong = "recirculation";
	else
		r->wrong = r->around->run(r->around, a->u.recirc_id, &r->m, r->events);
}

static void (*const run_one[N_ACTION_TYPES])(struct run *r, const struct action *a) = {
    [ACTION_OUTPUT] = do_output,       [ACTION_PUSH_VLAN] = do_push_vlan,
    [ACTION_POP_VLAN] = do_pop_vlan,   [ACTION_SET_ETH] = do_set_eth,
    [ACTION_SET_IPV4] = do_set_ipv4,   [ACTION_SET_IPV6] = do_set_ipv6,
    [ACTION_SET_PORTS] = do_set_ports, [ACTION_TRUNC] = do_trunc,
    [ACTION_PUSH_MPLS] = do_push_mpls, [ACTION_POP_MPLS] = do_pop_mpls,
    [ACTION_SET_MPLS] = do_set_mpls,   [ACTION_SET_ARP] = do_set_arp,
    [ACTION_SET_ND] = do_set_nd,       [ACTION_SET_ICMP] = do_set_icmp,
    [ACTION_DEC_TTL] = do_dec_ttl,     [ACTION_DEC_MPLS_TTL] = do_dec_mpls_ttl,
    [ACTION_METER] = do_meter,	       [ACTION_RECIRC] = do_recirc,
};

const char *model_execute(const struct model *packet, const struct action *actions, unsigned n,
			  const struct recirculation *around, struct ref_events *events)
{
	struct run r = {.events = events, .around = around};

	memcpy(&r.m, packet, sizeof(r.m));
	for (unsigned i = 0; i < n && !r.is_over && !r.wrong; i++) {
		if (actions[i].type < N_ACTION_TYPES && run_one[actions[i].type])
			run_one[actions[i].type](&r, &actions[i]);
		else
			r.wrong = "an action that translation has no use for";
	}
	return r.wrong;
}
