#include "ctl/dp_format_ct.h"

#include <arpa/inet.h>
#include <endian.h>
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

static void format_set_meta(struct dp_text *t, const char *name, const struct action_set_meta *set)
{
	dp_text_open(t, name);
	dp_text_sep(t);
	fprintf(t->out, "0x%" PRIx32, set->value);
	if (set->mask != UINT32_MAX)
		fprintf(t->out, "/0x%" PRIx32, set->mask);
	dp_text_close(t);
}

static void format_set_tunnel(struct dp_text *t, const struct flow_tunnel *tun)
{
	static const struct in6 all = {
	    {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};
	dp_text_open(t, "tunnel");
	if (tun->flags & TUN_F_KEY) {
		dp_text_sep(t);
		fprintf(t->out, "tun_id=0x%" PRIx64, be64toh(tun->id_be));
	}
	dp_text_ipv4(t, "src", tun->src_be, tun->src_be != 0 ? UINT32_MAX : 0);
	dp_text_ipv4(t, "dst", tun->dst_be, tun->dst_be != 0 ? UINT32_MAX : 0);
	if (!dp_text_wild(&tun->ipv6_src, sizeof(tun->ipv6_src)))
		dp_text_ipv6(t, "ipv6_src", &tun->ipv6_src, &all);
	if (!dp_text_wild(&tun->ipv6_dst, sizeof(tun->ipv6_dst)))
		dp_text_ipv6(t, "ipv6_dst", &tun->ipv6_dst, &all);
	dp_text_hex(t, "tos", tun->tos, tun->tos != 0 ? UINT8_MAX : 0, UINT8_MAX);
	dp_text_dec(t, "ttl", tun->ttl, UINT8_MAX, UINT8_MAX);
	dp_text_dec(t, "tp_dst", ntohs(tun->tp_dst_be), tun->tp_dst_be, UINT16_MAX);
	dp_text_dec(t, "options", tun->opts_len, tun->opts_len != 0 ? UINT8_MAX : 0, UINT8_MAX);
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
	case ACTION_SET_MARK:
		format_set_meta(t, "skb_mark", &action->u.meta);
		break;
	case ACTION_SET_PRIORITY:
		format_set_meta(t, "skb_priority", &action->u.meta);
		break;
	case ACTION_SET_TUNNEL:
		format_set_tunnel(t, &action->u.tunnel);
		break;
	default:
		format_set_ports(t, &action->u.ports);
	}
	dp_text_close(t);
}

static void format_push_mpls(struct dp_text *t, const char *name,
			     const struct action_push_mpls *push)
{
	dp_text_open(t, name);
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
	if (user->wants_tunnel)
		dp_text_dec(t, "tunnel_out_port", user->egress_port, UINT32_MAX, UINT32_MAX);
	if (user->wants_actions) {
		dp_text_sep(t);
		fputs("actions", t->out);
	}
	dp_text_close(t);
}

static void format_push_eth(struct dp_text *t, const struct action_push_eth *push)
{
	static const struct eth_addr all = {{255, 255, 255, 255, 255, 255}};
	dp_text_open(t, "push_eth");
	dp_text_mac(t, "src", &push->src, &all);
	dp_text_mac(t, "dst", &push->dst, &all);
	dp_text_close(t);
}

static void format_hash(struct dp_text *t, const struct action_hash *hash)
{
	dp_text_sep(t);
	fprintf(t->out, "hash(%s(%" PRIu32 "))", hash->alg == ACTION_HASH_SYM_L4 ? "sym_l4" : "l4",
		hash->basis);
}

static void format_tunnel_push(struct dp_text *t, const struct action_tunnel_push *push,
			       dp_port_name_fn port_name, void *arg)
{
	dp_text_open(t, "tnl_push");
	dp_text_open(t, "tnl_port");
	dp_text_port(t, push->tnl_port, port_name, arg);
	dp_text_close(t);
	dp_text_open(t, "header");
	dp_text_dec(t, "size", push->header_len, UINT32_MAX, UINT32_MAX);
	dp_text_dec(t, "type", push->tnl_type, UINT32_MAX, UINT32_MAX);
	dp_text_close(t);
	dp_text_open(t, "out_port");
	dp_text_port(t, push->out_port, port_name, arg);
	dp_text_close(t);
	dp_text_close(t);
}

static void format_list(struct dp_text *t, const char *name, const struct action *list, unsigned n,
			dp_port_name_fn port_name, void *arg);

static void format_nested(struct dp_text *t, const struct action *action, dp_port_name_fn port_name,
			  void *arg)
{
	const struct action *list = action + 1;
	unsigned n = action->n_more, n_greater = action->u.check_pkt_len.n_greater;
	switch (action->type) {
	case ACTION_SAMPLE:
		dp_text_open(t, "sample");
		dp_text_sep(t);
		fprintf(t->out, "sample=%.1f%%", 100.0 * action->u.probability / UINT32_MAX);
		format_list(t, "actions", list, n, port_name, arg);
		dp_text_close(t);
		return;
	case ACTION_CHECK_PKT_LEN:
		dp_text_open(t, "check_pkt_len");
		dp_text_dec(t, "size", action->u.check_pkt_len.pkt_len, UINT16_MAX, UINT16_MAX);
		format_list(t, "gt", list, n_greater, port_name, arg);
		format_list(t, "le", list + n_greater, n - n_greater, port_name, arg);
		dp_text_close(t);
		return;
	default:
		format_list(t, "clone", list, n, port_name, arg);
	}
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
		format_push_mpls(t, "push_mpls", &action->u.push_mpls);
		return;
	case ACTION_ADD_MPLS:
		format_push_mpls(t, "add_mpls", &action->u.push_mpls);
		return;
	case ACTION_PUSH_ETH:
		format_push_eth(t, &action->u.push_eth);
		return;
	case ACTION_POP_ETH:
		dp_text_sep(t);
		fputs("pop_eth", t->out);
		return;
	case ACTION_CLONE:
	case ACTION_SAMPLE:
	case ACTION_CHECK_PKT_LEN:
		format_nested(t, action, port_name, arg);
		return;
	case ACTION_HASH:
		format_hash(t, &action->u.hash);
		return;
	case ACTION_DROP:
		dp_text_sep(t);
		fprintf(t->out, action->u.drop_code != 0 ? "drop(%" PRIu32 ")" : "drop",
			action->u.drop_code);
		return;
	case ACTION_CT:
		dp_format_ct(t, &action->u.ct);
		return;
	case ACTION_CT_CLEAR:
		dp_text_sep(t);
		fputs("ct_clear", t->out);
		return;
	case ACTION_TUNNEL_PUSH:
		format_tunnel_push(t, &action->u.tunnel_push, port_name, arg);
		return;
	case ACTION_TUNNEL_POP:
		dp_text_open(t, "tnl_pop");
		dp_text_port(t, action->u.port, port_name, arg);
		dp_text_close(t);
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

static void format_all(struct dp_text *t, const struct action *list, unsigned n,
		       dp_port_name_fn port_name, void *arg)
{
	for (unsigned i = 0; i < n; i += action_entries(&list[i]))
		format_action(t, &list[i], port_name, arg);
	if (n == 0)
		fputs("drop", t->out);
}

static void format_list(struct dp_text *t, const char *name, const struct action *list, unsigned n,
			dp_port_name_fn port_name, void *arg)
{
	dp_text_open(t, name);
	format_all(t, list, n, port_name, arg);
	dp_text_close(t);
}

char *dp_actions_format(const struct action *list, unsigned n, dp_port_name_fn port_name, void *arg)
{
	char *buf = NULL;
	size_t len = 0;
	struct dp_text t = {.out = open_memstream(&buf, &len), .first = true};
	if (t.out == NULL)
		return NULL;
	format_all(&t, list, n, port_name, arg);
	fclose(t.out);
	return buf;
}
