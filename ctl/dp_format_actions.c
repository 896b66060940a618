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

static void format_set(struct dp_text *t, const struct action *action)
{
	dp_text_open(t, "set");
	if (action->type == ACTION_SET_ETH)
		format_set_eth(t, &action->u.eth);
	else if (action->type == ACTION_SET_IPV4)
		format_set_ipv4(t, &action->u.ipv4);
	else if (action->type == ACTION_SET_IPV6)
		format_set_ipv6(t, &action->u.ipv6);
	else
		format_set_ports(t, &action->u.ports);
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
