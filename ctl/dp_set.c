#include "ctl/dp_set.h"

#include "ctl/dp_proto.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/openvswitch.h>
#include <netinet/in.h>
#include <string.h>

#define IPV6_LABEL_MASK 0x000fffff

union set_value {
	uint8_t bytes[sizeof(struct ovs_key_ipv6)];
	struct ovs_key_ethernet eth;
	struct ovs_key_ipv4 ipv4;
	struct ovs_key_ipv6 ipv6;
	struct ovs_key_tcp tp;
	struct ovs_key_mpls mpls;
	struct ovs_key_arp arp;
	struct ovs_key_nd nd;
	struct dp_key_nd_extensions nd_ext;
	struct ovs_key_icmp icmp; // ICMPv6's has the same form
	uint32_t u32;
};

// One field group that SET can change. get turns value and mask (of row's len each) into an action;
// the value is masked.
struct set_row {
	uint16_t type; // OVS_KEY_ATTR_*
	uint16_t len;
	const char *name;
	// NULL, or what is wrong. `is_full`: a SET, whose fields that cannot be set are to be
	// ignored.
	const char *(*get)(const union set_value *value, const union set_value *mask, bool is_full,
			   struct action *action);
	// From an action to zeroed value and mask.
	void (*put)(const struct action *action, union set_value *value, union set_value *mask);
};

static const char *set_eth(const union set_value *value, const union set_value *mask, bool is_full,
			   struct action *action)
{
	(void)is_full;
	const struct ovs_key_ethernet *v = &value->eth, *m = &mask->eth;
	struct action_set_eth *set = &action->u.eth;
	action->type = ACTION_SET_ETH;
	memcpy(set->src.b, v->eth_src, sizeof(set->src));
	memcpy(set->dst.b, v->eth_dst, sizeof(set->dst));
	memcpy(set->src_mask.b, m->eth_src, sizeof(set->src));
	memcpy(set->dst_mask.b, m->eth_dst, sizeof(set->dst));
	return NULL;
}

static const char *set_ipv4(const union set_value *value, const union set_value *mask, bool is_full,
			    struct action *action)
{
	const struct ovs_key_ipv4 *v = &value->ipv4, *m = &mask->ipv4;
	if (!is_full && (m->ipv4_proto != 0 || m->ipv4_frag != 0))
		return "protocol and fragment type cannot be set";
	action->type = ACTION_SET_IPV4;
	action->u.ipv4 = (struct action_set_ipv4){
	    .src_be = v->ipv4_src,
	    .dst_be = v->ipv4_dst,
	    .src_mask_be = m->ipv4_src,
	    .dst_mask_be = m->ipv4_dst,
	    .tos = v->ipv4_tos,
	    .ttl = v->ipv4_ttl,
	    .tos_mask = m->ipv4_tos,
	    .ttl_mask = m->ipv4_ttl,
	};
	return NULL;
}

static const char *set_ipv6(const union set_value *value, const union set_value *mask, bool is_full,
			    struct action *action)
{
	const struct ovs_key_ipv6 *v = &value->ipv6, *m = &mask->ipv6;
	struct action_set_ipv6 *set = &action->u.ipv6;
	if (!is_full && (m->ipv6_proto != 0 || m->ipv6_frag != 0))
		return "protocol and fragment type cannot be set";
	if (ntohl(v->ipv6_label) & ~IPV6_LABEL_MASK)
		return "flow label has more than 20 bits";
	action->type = ACTION_SET_IPV6;
	memcpy(set->src.b, v->ipv6_src, sizeof(set->src));
	memcpy(set->dst.b, v->ipv6_dst, sizeof(set->dst));
	memcpy(set->src_mask.b, m->ipv6_src, sizeof(set->src));
	memcpy(set->dst_mask.b, m->ipv6_dst, sizeof(set->dst));
	set->label_be = v->ipv6_label;
	set->label_mask_be = m->ipv6_label & htonl(IPV6_LABEL_MASK);
	set->tclass = v->ipv6_tclass;
	set->hlimit = v->ipv6_hlimit;
	set->tclass_mask = m->ipv6_tclass;
	set->hlimit_mask = m->ipv6_hlimit;
	return NULL;
}

static const char *set_ports(const union set_value *value, const union set_value *mask,
			     uint8_t proto, struct action *action)
{
	const struct ovs_key_tcp *v = &value->tp, *m = &mask->tp;
	action->type = ACTION_SET_PORTS;
	action->u.ports = (struct action_set_ports){
	    .src_be = v->tcp_src,
	    .dst_be = v->tcp_dst,
	    .src_mask_be = m->tcp_src,
	    .dst_mask_be = m->tcp_dst,
	    .proto = proto,
	};
	return NULL;
}

static const char *set_tcp(const union set_value *value, const union set_value *mask, bool is_full,
			   struct action *action)
{
	(void)is_full;
	return set_ports(value, mask, IPPROTO_TCP, action);
}

static const char *set_udp(const union set_value *value, const union set_value *mask, bool is_full,
			   struct action *action)
{
	(void)is_full;
	return set_ports(value, mask, IPPROTO_UDP, action);
}

static const char *set_sctp(const union set_value *value, const union set_value *mask, bool is_full,
			    struct action *action)
{
	(void)is_full;
	return set_ports(value, mask, IPPROTO_SCTP, action);
}

static const char *set_mpls(const union set_value *value, const union set_value *mask, bool is_full,
			    struct action *action)
{
	(void)is_full;
	action->type = ACTION_SET_MPLS;
	action->u.mpls = (struct action_set_mpls){
	    .lse_be = value->mpls.mpls_lse,
	    .mask_be = mask->mpls.mpls_lse,
	};
	return NULL;
}

static const char *set_arp(const union set_value *value, const union set_value *mask, bool is_full,
			   struct action *action)
{
	(void)is_full;
	const struct ovs_key_arp *v = &value->arp, *m = &mask->arp;
	struct action_set_arp *set = &action->u.arp;
	action->type = ACTION_SET_ARP;
	set->sip_be = v->arp_sip;
	set->tip_be = v->arp_tip;
	set->sip_mask_be = m->arp_sip;
	set->tip_mask_be = m->arp_tip;
	set->op_be = v->arp_op;
	set->op_mask_be = m->arp_op;
	memcpy(set->sha.b, v->arp_sha, sizeof(set->sha));
	memcpy(set->tha.b, v->arp_tha, sizeof(set->tha));
	memcpy(set->sha_mask.b, m->arp_sha, sizeof(set->sha));
	memcpy(set->tha_mask.b, m->arp_tha, sizeof(set->tha));
	return NULL;
}

static const char *set_nd(const union set_value *value, const union set_value *mask, bool is_full,
			  struct action *action)
{
	(void)is_full;
	const struct ovs_key_nd *v = &value->nd, *m = &mask->nd;
	struct action_set_nd *set = &action->u.nd;
	action->type = ACTION_SET_ND;
	memcpy(set->target.b, v->nd_target, sizeof(set->target));
	memcpy(set->sll.b, v->nd_sll, sizeof(set->sll));
	memcpy(set->tll.b, v->nd_tll, sizeof(set->tll));
	memcpy(set->target_mask.b, m->nd_target, sizeof(set->target));
	memcpy(set->sll_mask.b, m->nd_sll, sizeof(set->sll));
	memcpy(set->tll_mask.b, m->nd_tll, sizeof(set->tll));
	return NULL;
}

static const char *set_nd_ext(const union set_value *value, const union set_value *mask,
			      bool is_full, struct action *action)
{
	(void)is_full;
	action->type = ACTION_SET_ND_EXT;
	action->u.nd_ext.reserved_be = value->nd_ext.nd_reserved;
	action->u.nd_ext.reserved_mask_be = mask->nd_ext.nd_reserved;
	action->u.nd_ext.option_type = value->nd_ext.nd_options_type;
	action->u.nd_ext.option_type_mask = mask->nd_ext.nd_options_type;
	return NULL;
}

static void set_icmp_any(const union set_value *value, const union set_value *mask, bool is_v6,
			 struct action *action)
{
	action->type = ACTION_SET_ICMP;
	action->u.icmp = (struct action_set_icmp){
	    .type = value->icmp.icmp_type,
	    .code = value->icmp.icmp_code,
	    .type_mask = mask->icmp.icmp_type,
	    .code_mask = mask->icmp.icmp_code,
	    .is_v6 = is_v6,
	};
}

static const char *set_icmp(const union set_value *value, const union set_value *mask, bool is_full,
			    struct action *action)
{
	(void)is_full;
	set_icmp_any(value, mask, false, action);
	return NULL;
}

static const char *set_icmpv6(const union set_value *value, const union set_value *mask,
			      bool is_full, struct action *action)
{
	(void)is_full;
	set_icmp_any(value, mask, true, action);
	return NULL;
}

static const char *set_mark(const union set_value *value, const union set_value *mask, bool is_full,
			    struct action *action)
{
	(void)is_full;
	action->type = ACTION_SET_MARK;
	action->u.meta = (struct action_set_meta){.value = value->u32, .mask = mask->u32};
	return NULL;
}

static const char *set_priority(const union set_value *value, const union set_value *mask,
				bool is_full, struct action *action)
{
	set_mark(value, mask, is_full, action);
	action->type = ACTION_SET_PRIORITY;
	return NULL;
}

static void put_eth(const struct action *action, union set_value *value, union set_value *mask)
{
	const struct action_set_eth *set = &action->u.eth;
	memcpy(value->eth.eth_src, set->src.b, sizeof(set->src));
	memcpy(value->eth.eth_dst, set->dst.b, sizeof(set->dst));
	memcpy(mask->eth.eth_src, set->src_mask.b, sizeof(set->src));
	memcpy(mask->eth.eth_dst, set->dst_mask.b, sizeof(set->dst));
}

static void put_ipv4(const struct action *action, union set_value *value, union set_value *mask)
{
	const struct action_set_ipv4 *set = &action->u.ipv4;
	value->ipv4.ipv4_src = set->src_be;
	value->ipv4.ipv4_dst = set->dst_be;
	value->ipv4.ipv4_tos = set->tos;
	value->ipv4.ipv4_ttl = set->ttl;
	mask->ipv4.ipv4_src = set->src_mask_be;
	mask->ipv4.ipv4_dst = set->dst_mask_be;
	mask->ipv4.ipv4_tos = set->tos_mask;
	mask->ipv4.ipv4_ttl = set->ttl_mask;
}

static void put_ipv6(const struct action *action, union set_value *value, union set_value *mask)
{
	const struct action_set_ipv6 *set = &action->u.ipv6;
	memcpy(value->ipv6.ipv6_src, set->src.b, sizeof(set->src));
	memcpy(value->ipv6.ipv6_dst, set->dst.b, sizeof(set->dst));
	value->ipv6.ipv6_label = set->label_be;
	value->ipv6.ipv6_tclass = set->tclass;
	value->ipv6.ipv6_hlimit = set->hlimit;
	memcpy(mask->ipv6.ipv6_src, set->src_mask.b, sizeof(set->src));
	memcpy(mask->ipv6.ipv6_dst, set->dst_mask.b, sizeof(set->dst));
	mask->ipv6.ipv6_label = set->label_mask_be;
	mask->ipv6.ipv6_tclass = set->tclass_mask;
	mask->ipv6.ipv6_hlimit = set->hlimit_mask;
}

static void put_ports(const struct action *action, union set_value *value, union set_value *mask)
{
	const struct action_set_ports *set = &action->u.ports;
	value->tp.tcp_src = set->src_be;
	value->tp.tcp_dst = set->dst_be;
	mask->tp.tcp_src = set->src_mask_be;
	mask->tp.tcp_dst = set->dst_mask_be;
}

static void put_mpls(const struct action *action, union set_value *value, union set_value *mask)
{
	value->mpls.mpls_lse = action->u.mpls.lse_be;
	mask->mpls.mpls_lse = action->u.mpls.mask_be;
}

static void put_arp(const struct action *action, union set_value *value, union set_value *mask)
{
	const struct action_set_arp *set = &action->u.arp;
	value->arp.arp_sip = set->sip_be;
	value->arp.arp_tip = set->tip_be;
	value->arp.arp_op = set->op_be;
	memcpy(value->arp.arp_sha, set->sha.b, sizeof(set->sha));
	memcpy(value->arp.arp_tha, set->tha.b, sizeof(set->tha));
	mask->arp.arp_sip = set->sip_mask_be;
	mask->arp.arp_tip = set->tip_mask_be;
	mask->arp.arp_op = set->op_mask_be;
	memcpy(mask->arp.arp_sha, set->sha_mask.b, sizeof(set->sha));
	memcpy(mask->arp.arp_tha, set->tha_mask.b, sizeof(set->tha));
}

static void put_nd(const struct action *action, union set_value *value, union set_value *mask)
{
	const struct action_set_nd *set = &action->u.nd;
	memcpy(value->nd.nd_target, set->target.b, sizeof(set->target));
	memcpy(value->nd.nd_sll, set->sll.b, sizeof(set->sll));
	memcpy(value->nd.nd_tll, set->tll.b, sizeof(set->tll));
	memcpy(mask->nd.nd_target, set->target_mask.b, sizeof(set->target));
	memcpy(mask->nd.nd_sll, set->sll_mask.b, sizeof(set->sll));
	memcpy(mask->nd.nd_tll, set->tll_mask.b, sizeof(set->tll));
}

static void put_nd_ext(const struct action *action, union set_value *value, union set_value *mask)
{
	const struct action_set_nd_ext *set = &action->u.nd_ext;
	value->nd_ext.nd_reserved = set->reserved_be;
	value->nd_ext.nd_options_type = set->option_type;
	mask->nd_ext.nd_reserved = set->reserved_mask_be;
	mask->nd_ext.nd_options_type = set->option_type_mask;
}

static void put_icmp(const struct action *action, union set_value *value, union set_value *mask)
{
	const struct action_set_icmp *set = &action->u.icmp;
	value->icmp.icmp_type = set->type;
	value->icmp.icmp_code = set->code;
	mask->icmp.icmp_type = set->type_mask;
	mask->icmp.icmp_code = set->code_mask;
}

static void put_meta(const struct action *action, union set_value *value, union set_value *mask)
{
	value->u32 = action->u.meta.value;
	mask->u32 = action->u.meta.mask;
}

static const struct set_row set_rows[] = {
    {OVS_KEY_ATTR_SKB_MARK, sizeof(uint32_t), "SKB_MARK", set_mark, put_meta},
    {OVS_KEY_ATTR_PRIORITY, sizeof(uint32_t), "PRIORITY", set_priority, put_meta},
    {OVS_KEY_ATTR_ETHERNET, sizeof(struct ovs_key_ethernet), "ETHERNET", set_eth, put_eth},
    {OVS_KEY_ATTR_IPV4, sizeof(struct ovs_key_ipv4), "IPV4", set_ipv4, put_ipv4},
    {OVS_KEY_ATTR_IPV6, sizeof(struct ovs_key_ipv6), "IPV6", set_ipv6, put_ipv6},
    {OVS_KEY_ATTR_TCP, sizeof(struct ovs_key_tcp), "TCP", set_tcp, put_ports},
    {OVS_KEY_ATTR_UDP, sizeof(struct ovs_key_udp), "UDP", set_udp, put_ports},
    {OVS_KEY_ATTR_SCTP, sizeof(struct ovs_key_sctp), "SCTP", set_sctp, put_ports},
    {OVS_KEY_ATTR_MPLS, sizeof(struct ovs_key_mpls), "MPLS", set_mpls, put_mpls},
    {OVS_KEY_ATTR_ARP, sizeof(struct ovs_key_arp), "ARP", set_arp, put_arp},
    {OVS_KEY_ATTR_ND, sizeof(struct ovs_key_nd), "ND", set_nd, put_nd},
    {OVS_KEY_ATTR_ND_EXTENSIONS, sizeof(struct dp_key_nd_extensions), "ND_EXTENSIONS", set_nd_ext,
     put_nd_ext},
    {OVS_KEY_ATTR_ICMP, sizeof(struct ovs_key_icmp), "ICMP", set_icmp, put_icmp},
    {OVS_KEY_ATTR_ICMPV6, sizeof(struct ovs_key_icmpv6), "ICMPV6", set_icmpv6, put_icmp},
};

static const struct set_row *set_row_find(uint16_t type)
{
	for (unsigned i = 0; i < sizeof(set_rows) / sizeof(set_rows[0]); i++) {
		if (set_rows[i].type == type)
			return &set_rows[i];
	}
	return NULL;
}

static int set_read(struct dp_action_reader *r, const struct nlattr *field, bool is_full,
		    struct action *action)
{
	struct dp_error *error = r->error;
	if (dp_attr_type(field) == OVS_KEY_ATTR_TUNNEL)
		return dp_set_tunnel_get(r, field, is_full, action);
	const struct set_row *row = set_row_find(dp_attr_type(field));
	if (row == NULL)
		return dp_error_set(error, field, -EOPNOTSUPP,
				    "setting key attribute %u is not built", dp_attr_type(field));
	unsigned len = is_full ? row->len : 2U * row->len;
	if (!dp_attr_has_len(field, len))
		return dp_error_set(error, field, -EINVAL,
				    "set of %s has %u bytes where %u are right", row->name,
				    dp_attr_len(field), len);

	union set_value value, mask;
	const uint8_t *payload = dp_attr_payload(field);
	memcpy(&value, payload, row->len);
	if (is_full)
		memset(&mask, 0xff, sizeof(mask));
	else
		memcpy(&mask, payload + row->len, row->len);
	for (unsigned i = 0; i < row->len; i++)
		value.bytes[i] &= mask.bytes[i];
	const char *wrong = row->get(&value, &mask, is_full, action);
	if (wrong != NULL)
		return dp_error_set(error, field, -EINVAL, "set of %s: %s", row->name, wrong);
	return 0;
}

int dp_set_get(struct dp_action_reader *r, const struct nlattr *attr, struct action *action)
{
	struct dp_error *error = r->error;
	bool is_full = dp_attr_type(attr) == OVS_ACTION_ATTR_SET;
	const char *name = is_full ? "SET" : "SET_MASKED";
	struct dp_attr_iter it;
	const struct nlattr *field, *more;
	dp_attr_iter_nest(&it, attr);
	int rc = dp_attr_next(&it, &field, error);
	if (rc == 0)
		return dp_error_set(error, attr, -EINVAL, "%s names no field", name);
	if (rc > 0)
		rc = set_read(r, field, is_full, action);
	if (rc < 0)
		return rc;
	rc = dp_attr_next(&it, &more, error);
	if (rc > 0)
		return dp_error_set(error, more, -EINVAL, "%s names more than one field", name);
	return rc;
}

static uint16_t set_attr_type(const struct action *action)
{
	static const uint16_t types[N_ACTION_TYPES] = {
	    [ACTION_SET_ETH] = OVS_KEY_ATTR_ETHERNET,
	    [ACTION_SET_IPV4] = OVS_KEY_ATTR_IPV4,
	    [ACTION_SET_IPV6] = OVS_KEY_ATTR_IPV6,
	    [ACTION_SET_MPLS] = OVS_KEY_ATTR_MPLS,
	    [ACTION_SET_ARP] = OVS_KEY_ATTR_ARP,
	    [ACTION_SET_ND] = OVS_KEY_ATTR_ND,
	    [ACTION_SET_ND_EXT] = OVS_KEY_ATTR_ND_EXTENSIONS,
	    [ACTION_SET_MARK] = OVS_KEY_ATTR_SKB_MARK,
	    [ACTION_SET_PRIORITY] = OVS_KEY_ATTR_PRIORITY,
	};
	if (action->type == ACTION_SET_ICMP)
		return action->u.icmp.is_v6 ? OVS_KEY_ATTR_ICMPV6 : OVS_KEY_ATTR_ICMP;
	if (action->type != ACTION_SET_PORTS)
		return types[action->type];
	uint8_t proto = action->u.ports.proto;
	return proto == IPPROTO_TCP   ? OVS_KEY_ATTR_TCP
	       : proto == IPPROTO_UDP ? OVS_KEY_ATTR_UDP
				      : OVS_KEY_ATTR_SCTP;
}

bool dp_set_put(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	const struct set_row *row = set_row_find(set_attr_type(action));
	union set_value value, mask;
	uint8_t both[sizeof(value) + sizeof(mask)];
	memset(&value, 0, sizeof(value));
	memset(&mask, 0, sizeof(mask));
	row->put(action, &value, &mask);
	memcpy(both, &value, row->len);
	memcpy(both + row->len, &mask, row->len);
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_ACTION_ATTR_SET_MASKED);
	if (nest == NULL || !mnl_attr_put_check(nlh, room, row->type, 2U * row->len, both))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}
