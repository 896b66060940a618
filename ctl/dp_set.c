#include "ctl/dp_set.h"

#include "ctl/dp_attr.h"

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

static const struct set_row set_rows[] = {
    {OVS_KEY_ATTR_ETHERNET, sizeof(struct ovs_key_ethernet), "ETHERNET", set_eth, put_eth},
    {OVS_KEY_ATTR_IPV4, sizeof(struct ovs_key_ipv4), "IPV4", set_ipv4, put_ipv4},
    {OVS_KEY_ATTR_IPV6, sizeof(struct ovs_key_ipv6), "IPV6", set_ipv6, put_ipv6},
    {OVS_KEY_ATTR_TCP, sizeof(struct ovs_key_tcp), "TCP", set_tcp, put_ports},
    {OVS_KEY_ATTR_UDP, sizeof(struct ovs_key_udp), "UDP", set_udp, put_ports},
    {OVS_KEY_ATTR_SCTP, sizeof(struct ovs_key_sctp), "SCTP", set_sctp, put_ports},
};

static const struct set_row *set_row_find(uint16_t type)
{
	for (unsigned i = 0; i < sizeof(set_rows) / sizeof(set_rows[0]); i++) {
		if (set_rows[i].type == type)
			return &set_rows[i];
	}
	return NULL;
}

static int set_read(const struct nlattr *field, bool is_full, struct action *action,
		    struct dp_error *error)
{
	const struct set_row *row = set_row_find(mnl_attr_get_type(field));
	if (row == NULL)
		return dp_error_set(error, field, -EOPNOTSUPP,
				    "setting key attribute %u is not built",
				    mnl_attr_get_type(field));
	unsigned len = is_full ? row->len : 2U * row->len;
	if (!dp_attr_has_len(field, len))
		return dp_error_set(error, field, -EINVAL,
				    "set of %s has %u bytes where %u are right", row->name,
				    mnl_attr_get_payload_len(field), len);

	union set_value value, mask;
	const uint8_t *payload = mnl_attr_get_payload(field);
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

int dp_set_get(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	bool is_full = mnl_attr_get_type(attr) == OVS_ACTION_ATTR_SET;
	const char *name = is_full ? "SET" : "SET_MASKED";
	struct dp_attr_iter it;
	const struct nlattr *field, *more;
	dp_attr_iter_nest(&it, attr);
	int rc = dp_attr_next(&it, &field, error);
	if (rc == 0)
		return dp_error_set(error, attr, -EINVAL, "%s names no field", name);
	if (rc > 0)
		rc = set_read(field, is_full, action, error);
	if (rc < 0)
		return rc;
	rc = dp_attr_next(&it, &more, error);
	if (rc > 0)
		return dp_error_set(error, more, -EINVAL, "%s names more than one field", name);
	return rc;
}

static uint16_t set_attr_type(const struct action *action)
{
	switch (action->type) {
	case ACTION_SET_ETH:
		return OVS_KEY_ATTR_ETHERNET;
	case ACTION_SET_IPV4:
		return OVS_KEY_ATTR_IPV4;
	case ACTION_SET_IPV6:
		return OVS_KEY_ATTR_IPV6;
	default:
		break;
	}
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
