#include "ctl/dp_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>

static void format_push_vlan(struct dp_text *t, const struct vlan_tag *tag)
{
	static const struct vlan_tag all = {UINT16_MAX, UINT16_MAX};
	dp_text_open(t, "push_vlan");
	if (ntohs(tag->tpid_be) != 0x8100)
		dp_text_hex(t, "tpid", ntohs(tag->tpid_be), UINT16_MAX, UINT16_MAX);
	dp_text_tag(t, tag, &all);
	dp_text_close(t);
}

static void format_set_eth(struct dp_text *t, const struct action_set_eth *set)
{
	dp_text_open(t, "eth");
	dp_text_mac(t, "src", &set->src, &set->src_mask);
	dp_text_mac(t, "dst", &set->dst, &set->dst_mask);
	dp_text_close(t);
}

static void format_set_ipv4(struct dp_text *t, const struct action_set_ipv4 *set)
{
	dp_text_open(t, "ipv4");
	dp_text_ipv4(t, "src", set->src_be, set->src_mask_be);
	dp_text_ipv4(t, "dst", set->dst_be, set->dst_mask_be);
	dp_text_hex(t, "tos", set->tos, set->tos_mask, UINT8_MAX);
	dp_text_dec(t, "ttl", set->ttl, set->ttl_mask, UINT8_MAX);
	dp_text_close(t);
}

static void format_set_ipv6(struct dp_text *t, const struct action_set_ipv6 *set)
{
	dp_text_open(t, "ipv6");
	dp_text_ipv6(t, "src", &set->src, &set->src_mask);
	dp_text_ipv6(t, "dst", &set->dst, &set->dst_mask);
	dp_text_hex(t, "label", ntohl(set->label_be), ntohl(set->label_mask_be), 0xfffff);
	dp_text_hex(t, "tclass", set->tclass, set->tclass_mask, UINT8_MAX);
	dp_text_dec(t, "hlimit", set->hlimit, set->hlimit_mask, UINT8_MAX);
	dp_text_close(t);
}

static void format_set_ports(struct dp_text *t, const struct action_set_ports *set)
{
	dp_text_open(t, set->proto == IPPROTO_TCP   ? "tcp"
			: set->proto == IPPROTO_UDP ? "udp"
						    : "sctp");
	dp_text_ports(t, set->src_be, set->dst_be, set->src_mask_be, set->dst_mask_be);
	dp_text_close(t);
}

static void format_set_mpls(struct dp_text *t, const struct action_set_mpls *set)
{
	dp_text_open(t, "mpls");
	dp_text_lse(t, set->lse_be, set->mask_be, false);
	dp_text_close(t);
}

static void format_set_arp(struct dp_text *t, const struct action_set_arp *set)
{
	dp_text_open(t, "arp");
	dp_text_ipv4(t, "sip", set->sip_be, set->sip_mask_be);
	dp_text_ipv4(t, "tip", set->tip_be, set->tip_mask_be);
	dp_text_dec(t, "op", ntohs(set->op_be), ntohs(set->op_mask_be), UINT16_MAX);
	dp_text_mac(t, "sha", &set->sha, &set->sha_mask);
	dp_text_mac(t, "tha", &set->tha, &set->tha_mask);
	dp_text_close(t);
}

static void format_set_nd(struct dp_text *t, const struct action_set_nd *set)
{
	dp_text_open(t, "nd");
	dp_text_ipv6(t, "target", &set->target, &set->target_mask);
	dp_text_mac(t, "sll", &set->sll, &set->sll_mask);
	dp_text_mac(t, "tll", &set->tll, &set->tll_mask);
	dp_text_close(t);
}

static void format_set_nd_ext(struct dp_text *t, const struct action_set_nd_ext *set)
{
	dp_text_open(t, "nd_ext");
	dp_text_hex(t, "nd_reserved", ntohl(set->reserved_be), ntohl(set->reserved_mask_be),
		    UINT32_MAX);
	dp_text_dec(t, "nd_options_type", set->option_type, set->option_type_mask, UINT8_MAX);
	dp_text_close(t);
}

static void format_set_icmp(struct dp_text *t, const struct action_set_icmp *set)
{
	dp_text_open(t, set->is_v6 ? "icmpv6" : "icmp");
	dp_text_dec(t, "type", set->type, set->type_mask, UINT8_MAX);
	dp_text_dec(t, "code", set->code, set->code_mask, UINT8_MAX);
	dp_text_close(t);
}

static void format_set(struct dp_text *t, const struct action *action)
{
	dp_text_open(t, "set");
	switch (action->type) {
	case ACTION_SET_ETH:
		format_set_eth(t, &action->u.eth);
		break;
	case ACTION_SET_IPV4:
		format_set_ipv4(t, &action->u.ipv4);
		break;
	case ACTION_SET_IPV6:
		format_set_ipv6(t, &action->u.ipv6);
		break;
	case ACTION_SET_MPLS:
		format_set_mpls(t, &action->u.mpls);
		break;
	case ACTION_SET_ARP:
		format_set_arp(t, &action->u.arp);
		break;
	case ACTION_SET_ND:
		format_set_nd(t, &action->u.nd);
		break;
	case ACTION_SET_ND_EXT:
		format_set_nd_ext(t, &action->u.nd_ext);
		break;
	case ACTION_SET_ICMP:
		format_set_icmp(t, &action->u.icmp);
		break;
	default:
		format_set_ports(t, &action->u.ports);
	}
	dp_text_close(t);
}

static void format_push_mpls(struct dp_text *t, const struct action_push_mpls *push)
{
	dp_text_open(t, "push_mpls");
	dp_text_lse(t, push->lse_be, UINT32_MAX, false);
	fprintf(t->out, ",eth_type=0x%04x", ntohs(push->eth_type_be));
	dp_text_close(t);
}

static void format_userspace(struct dp_text *t, const struct action_userspace *user)
{
	dp_text_open(t, "userspace");
	dp_text_dec(t, "pid", user->pid, UINT32_MAX, UINT32_MAX);
	if (user->cookie_len > 0) {
		dp_text_open(t, "userdata");
		for (unsigned i = 0; i < user->cookie_len; i++)
			fprintf(t->out, "%02x", user->cookie[i]);
		dp_text_close(t);
	}
	dp_text_close(t);
}

static void format_action(struct dp_text *t, const struct action *action, dp_port_name_fn port_name,
			  void *arg)
{
	switch (action->type) {
	case ACTION_OUTPUT:
		dp_text_sep(t);
		dp_text_port(t, action->u.port, port_name, arg);
		return;
	case ACTION_PUSH_VLAN:
		format_push_vlan(t, &action->u.vlan);
		return;
	case ACTION_POP_VLAN:
		dp_text_sep(t);
		fputs("pop_vlan", t->out);
		return;
	case ACTION_TRUNC:
		dp_text_sep(t);
		fprintf(t->out, "trunc(%" PRIu32 ")", action->u.max_len);
		return;
	case ACTION_RECIRC:
		dp_text_sep(t);
		fprintf(t->out, "recirc(0x%" PRIx32 ")", action->u.recirc_id);
		return;
	case ACTION_METER:
		dp_text_sep(t);
		fprintf(t->out, "meter(%" PRIu32 ")", action->u.meter_id);
		return;
	case ACTION_USERSPACE:
		format_userspace(t, &action->u.userspace);
		return;
	case ACTION_PUSH_MPLS:
		format_push_mpls(t, &action->u.push_mpls);
		return;
	case ACTION_POP_MPLS:
		dp_text_sep(t);
		fprintf(t->out, "pop_mpls(eth_type=0x%04x)", ntohs(action->u.eth_type_be));
		return;
	case ACTION_DEC_TTL:
		dp_text_sep(t);
		fputs("dec_ttl", t->out);
		return;
	case ACTION_DEC_MPLS_TTL:
		dp_text_sep(t);
		fputs("dec_mpls_ttl", t->out);
		return;
	default:
		format_set(t, action);
	}
}

char *dp_actions_format(const struct action *list, unsigned n, dp_port_name_fn port_name, void *arg)
{
	char *buf = NULL;
	size_t len = 0;
	struct dp_text t = {.out = open_memstream(&buf, &len), .first = true};
	if (t.out == NULL)
		return NULL;
	for (unsigned i = 0; i < n; i++)
		format_action(&t, &list[i], port_name, arg);
	if (n == 0)
		fputs("drop", t.out);
	fclose(t.out);
	return buf;
}
