// Writing to the wire: the fields that differ there become masked sets, a row for each action.
#include "ctl/swctld/xlate.h"
#include "ctl/swctld/xlate_trace.h"
#include "flowtable/key_words.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define L3_AT	  offsetof(struct flow_key, ip_src_be)
#define TRUNC_MIN 14 // an Ethernet header

static void set_eth(struct action *a, const struct flow_key *v, const struct flow_key *m)
{
	a->u.eth = (struct action_set_eth){v->eth_src, v->eth_dst, m->eth_src, m->eth_dst};
}

static void set_ipv4(struct action *a, const struct flow_key *v, const struct flow_key *m)
{
	a->u.ipv4 = (struct action_set_ipv4){
	    .src_be = v->ip_src_be,
	    .dst_be = v->ip_dst_be,
	    .src_mask_be = m->ip_src_be,
	    .dst_mask_be = m->ip_dst_be,
	    .tos = v->nw_tos,
	    .ttl = v->nw_ttl,
	    .tos_mask = m->nw_tos,
	    .ttl_mask = m->nw_ttl,
	};
}

static void set_ipv6(struct action *a, const struct flow_key *v, const struct flow_key *m)
{
	a->u.ipv6 = (struct action_set_ipv6){
	    .src = v->ipv6_src,
	    .dst = v->ipv6_dst,
	    .src_mask = m->ipv6_src,
	    .dst_mask = m->ipv6_dst,
	    .label_be = v->ipv6_label_be,
	    .label_mask_be = m->ipv6_label_be,
	    .tclass = v->nw_tos,
	    .hlimit = v->nw_ttl,
	    .tclass_mask = m->nw_tos,
	    .hlimit_mask = m->nw_ttl,
	};
}

static void set_ports(struct action *a, const struct flow_key *v, const struct flow_key *m)
{
	a->u.ports = (struct action_set_ports){
	    .src_be = v->tp_src_be,
	    .dst_be = v->tp_dst_be,
	    .src_mask_be = m->tp_src_be,
	    .dst_mask_be = m->tp_dst_be,
	};
}

static void set_icmp(struct action *a, const struct flow_key *v, const struct flow_key *m)
{
	a->u.icmp = (struct action_set_icmp){
	    .type = (uint8_t)ntohs(v->tp_src_be),
	    .code = (uint8_t)ntohs(v->tp_dst_be),
	    .type_mask = (uint8_t)ntohs(m->tp_src_be),
	    .code_mask = (uint8_t)ntohs(m->tp_dst_be),
	};
}

static void set_nd(struct action *a, const struct flow_key *v, const struct flow_key *m)
{
	a->u.nd = (struct action_set_nd){
	    .target = v->nd_target,
	    .target_mask = m->nd_target,
	    .sll = v->arp_sha,
	    .tll = v->arp_tha,
	    .sll_mask = m->arp_sha,
	    .tll_mask = m->arp_tha,
	};
}

static void set_arp(struct action *a, const struct flow_key *v, const struct flow_key *m)
{
	a->u.arp = (struct action_set_arp){
	    .sip_be = v->ip_src_be,
	    .tip_be = v->ip_dst_be,
	    .sip_mask_be = m->ip_src_be,
	    .tip_mask_be = m->ip_dst_be,
	    .op_be = htons(v->nw_proto),
	    // It has 16 bits, the key 8.
	    .op_mask_be = m->nw_proto == UINT8_MAX ? UINT16_MAX : htons(m->nw_proto),
	    .sha = v->arp_sha,
	    .tha = v->arp_tha,
	    .sha_mask = m->arp_sha,
	    .tha_mask = m->arp_tha,
	};
}

static void set_mpls(struct action *a, const struct flow_key *v, const struct flow_key *m)
{
	a->u.mpls = (struct action_set_mpls){v->mpls_lse_be[0], m->mpls_lse_be[0]};
}

#define ETH_ALL                                            \
	{                                                  \
		{                                          \
			0xff, 0xff, 0xff, 0xff, 0xff, 0xff \
		}                                          \
	}
#define IN6_ALL                           \
	{                                 \
		{                         \
			[0 ... 15] = 0xff \
		}                         \
	}

#define IPV4_BITS                                                                      \
	{                                                                              \
		.ip_src_be = UINT32_MAX, .ip_dst_be = UINT32_MAX, .nw_tos = UINT8_MAX, \
		.nw_ttl = UINT8_MAX                                                    \
	}
#define IPV6_BITS                                                                      \
	{                                                                              \
		.ipv6_src = IN6_ALL, .ipv6_dst = IN6_ALL, .ipv6_label_be = UINT32_MAX, \
		.nw_tos = UINT8_MAX, .nw_ttl = UINT8_MAX                               \
	}
#define TP_BITS                                                  \
	{                                                        \
		.tp_src_be = UINT16_MAX, .tp_dst_be = UINT16_MAX \
	}

// What a packet of some kind can be set by. The bits are those that the action can write.
static const struct set_row {
	uint16_t kinds; // enum of_kind: any one of them; 0: every packet
	enum action_type type;
	void (*fill)(struct action *a, const struct flow_key *value, const struct flow_key *mask);
	struct flow_key bits;
} rows[] = {
    {0, ACTION_SET_ETH, set_eth, {.eth_src = ETH_ALL, .eth_dst = ETH_ALL}},
    {OF_KIND_IPV4, ACTION_SET_IPV4, set_ipv4, IPV4_BITS},
    {OF_KIND_IPV6, ACTION_SET_IPV6, set_ipv6, IPV6_BITS},
    {OF_KIND_L4, ACTION_SET_PORTS, set_ports, TP_BITS},
    {OF_KIND_ND,
     ACTION_SET_ND,
     set_nd,
     {.nd_target = IN6_ALL, .arp_sha = ETH_ALL, .arp_tha = ETH_ALL}},
    {OF_KIND_ICMP | OF_KIND_ICMP6, ACTION_SET_ICMP, set_icmp, TP_BITS},
    {OF_KIND_ARP,
     ACTION_SET_ARP,
     set_arp,
     {.ip_src_be = UINT32_MAX,
      .ip_dst_be = UINT32_MAX,
      .nw_proto = UINT8_MAX,
      .arp_sha = ETH_ALL,
      .arp_tha = ETH_ALL}},
    {OF_KIND_MPLS, ACTION_SET_MPLS, set_mpls, {.mpls_lse_be = {UINT32_MAX}}},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

struct action *xlate_emit(struct xlate *x, enum action_type type)
{
	struct xlate_result *result = x->result;
	struct action *action = &x->spill;
	if (result->n_actions < ACTIONS_MAX)
		action = &result->actions[result->n_actions++];
	else
		xlate_fail(x, XLATE_TOO_MANY_ACTIONS);
	memset(action, 0, sizeof(*action));
	action->type = type;
	return action;
}

// The packet as it is now below pushed labels.
static void fields_below(const struct xlate *x, struct xlate_fields *f)
{
	f->key = x->now.key.pkt;
	f->written = x->now.written.pkt;
	if (x->now.lses.n_pushed == 0)
		return;
	memcpy((char *)&f->key + L3_AT, (const char *)&x->now.below.key + L3_AT,
	       sizeof(f->key) - L3_AT);
	memcpy((char *)&f->written + L3_AT, (const char *)&x->now.below.written + L3_AT,
	       sizeof(f->written) - L3_AT);
}

static uint16_t kinds_below(const struct xlate *x, const struct flow_key *pkt)
{
	struct of_key key = {.pkt = *pkt};
	uint16_t kinds = of_key_kinds(&key);
	return x->now.unparsed ? kinds & OF_KIND_VLAN : kinds;
}

// Bits that can be set in a packet of this kind.
static void settable_bits(uint16_t kinds, struct flow_key *bits)
{
	memset(bits, 0, sizeof(*bits));
	for (unsigned i = 0; i < N_ROWS; i++) {
		if (!rows[i].kinds || (rows[i].kinds & kinds))
			flow_mask_merge(bits, &rows[i].bits);
	}
}

bool xlate_fields_differ(struct xlate *x, struct flow_key *need)
{
	struct xlate_fields f;
	struct flow_key settable, restored;
	const struct xlate_fields *wire = &x->wire.fields;
	if (!x->edited)
		return false;
	fields_below(x, &f);
	settable_bits(kinds_below(x, &f.key), &settable);
	const key_word *key = key_words(&f.key), *written = key_words(&f.written);
	const key_word *wire_key = key_words(&wire->key), *on_wire = key_words(&wire->written);
	key_word *n = (key_word *)need, *r = (key_word *)&restored, any = 0;
	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++) {
		uint64_t differs = key[i] ^ wire_key[i], can = key_words(&settable)[i];
		r[i] = on_wire[i] & ~written[i] & can;
		n[i] = ((written[i] & (~on_wire[i] | differs)) | (r[i] & differs)) & can;
		any |= n[i];
	}
	// Set on the wire, and the packet's own again, since a copy has ended: to be given back,
	// they must be known.
	xlate_read_below(x, &restored);
	return any != 0;
}

// An action's mask is that of whole packets' fields: bits outside of the row are another's.
static void commit_row(struct xlate *x, const struct set_row *row, const struct xlate_fields *f,
		       uint16_t kinds, const struct flow_key *need)
{
	static const struct flow_key zero;
	struct flow_key mask, value;
	flow_key_mask(&mask, need, &row->bits);
	if (flow_key_equal(&mask, &zero))
		return;
	flow_key_mask(&value, &f->key, &mask);
	struct action *action = xlate_emit(x, row->type);
	row->fill(action, &value, &mask);
	if (row->type == ACTION_SET_PORTS)
		action->u.ports.proto = f->key.nw_proto;
	else if (row->type == ACTION_SET_ICMP)
		action->u.icmp.is_v6 = kinds & OF_KIND_ICMP6;
	key_word *wire_key = (key_word *)&x->wire.fields.key;
	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++)
		wire_key[i] = (wire_key[i] & ~key_words(&mask)[i]) | key_words(&value)[i];
	flow_mask_merge(&x->wire.fields.written, &mask);
}

void xlate_commit_fields(struct xlate *x, const struct flow_key *need)
{
	struct xlate_fields f;
	fields_below(x, &f);
	uint16_t kinds = kinds_below(x, &f.key);
	for (unsigned i = 0; i < N_ROWS; i++) {
		if (!rows[i].kinds || (rows[i].kinds & kinds))
			commit_row(x, &rows[i], &f, kinds, need);
	}
}

void xlate_commit(struct xlate *x)
{
	xlate_commit_vlans(x);
	xlate_commit_labels(x);
}

static int compare_port(const void *no, const void *port)
{
	uint32_t a = *(const uint32_t *)no, b = ((const struct xlate_port *)port)->no;
	return a < b ? -1 : a > b;
}

const struct xlate_port *xlate_port_find(const struct xlate_ctx *ctx, uint32_t no)
{
	if (ctx->n_ports == 0)
		return NULL;
	return bsearch(&no, ctx->ports, ctx->n_ports, sizeof(ctx->ports[0]), compare_port);
}

void xlate_note(struct xlate *x, const char *fmt, uint32_t number)
{
	char text[80];
	if (!x->ctx->trace)
		return;
	snprintf(text, sizeof(text), fmt, number);
	x->ctx->trace->note(x->ctx->trace->arg, x->n_nested, text);
}

void xlate_output(struct xlate *x, uint32_t port, uint32_t max_len)
{
	if (!xlate_port_find(x->ctx, port)) {
		xlate_note(x, "port %u: there is none", port);
		return;
	}
	xlate_commit(x);
	if (max_len)
		xlate_emit(x, ACTION_TRUNC)->u.max_len = max_len < TRUNC_MIN ? TRUNC_MIN : max_len;
	xlate_emit(x, ACTION_OUTPUT)->u.port = port;
}
