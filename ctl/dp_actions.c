#include "ctl/dp_actions.h"

#include "ctl/dp_attr.h"
#include "ctl/dp_proto.h"
#include "ctl/dp_put.h"
#include "ctl/dp_set.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/openvswitch.h>
#include <string.h>

#define TRUNC_MIN    14	    // an Ethernet header must be left
#define ETH_TYPE_MIN 0x0600 // smaller: an 802.3 length

static int get_output(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	(void)error;
	action->type = ACTION_OUTPUT;
	action->u.port = mnl_attr_get_u32(attr);
	return 0;
}

static bool put_output(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	return dp_put_u32(nlh, room, OVS_ACTION_ATTR_OUTPUT, action->u.port);
}

static int get_push_vlan(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	struct ovs_action_push_vlan push;
	memcpy(&push, dp_attr_payload(attr), sizeof(push));
	uint16_t tpid = ntohs(push.vlan_tpid);
	if (tpid != 0x8100 && tpid != 0x88a8)
		return dp_error_set(error, attr, -EINVAL,
				    "PUSH_VLAN's TPID 0x%04x is none of 0x8100, 0x88a8", tpid);
	if (!(ntohs(push.vlan_tci) & VLAN_CFI))
		return dp_error_set(error, attr, -EINVAL, "PUSH_VLAN's TCI 0x%04x lacks bit 0x1000",
				    ntohs(push.vlan_tci));
	action->type = ACTION_PUSH_VLAN;
	action->u.vlan.tpid_be = push.vlan_tpid;
	action->u.vlan.tci_be = push.vlan_tci;
	return 0;
}

static bool put_push_vlan(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	struct ovs_action_push_vlan push = {
	    .vlan_tpid = action->u.vlan.tpid_be,
	    .vlan_tci = action->u.vlan.tci_be,
	};
	return dp_put(nlh, room, OVS_ACTION_ATTR_PUSH_VLAN, sizeof(push), &push);
}

static int get_pop_vlan(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	(void)attr;
	(void)error;
	action->type = ACTION_POP_VLAN;
	return 0;
}

static bool put_pop_vlan(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	(void)action;
	return dp_put(nlh, room, OVS_ACTION_ATTR_POP_VLAN, 0, NULL);
}

static int get_trunc(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	action->type = ACTION_TRUNC;
	action->u.max_len = mnl_attr_get_u32(attr);
	if (action->u.max_len >= TRUNC_MIN)
		return 0;
	return dp_error_set(error, attr, -EINVAL, "TRUNC to %u bytes: %d is the least",
			    action->u.max_len, TRUNC_MIN);
}

static bool put_trunc(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	return dp_put_u32(nlh, room, OVS_ACTION_ATTR_TRUNC, action->u.max_len);
}

static int get_recirc(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	action->type = ACTION_RECIRC;
	action->u.recirc_id = mnl_attr_get_u32(attr);
	if (action->u.recirc_id != 0)
		return 0;
	return dp_error_set(error, attr, -EINVAL, "RECIRC to 0, which means not recirculated");
}

static bool put_recirc(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	return dp_put_u32(nlh, room, OVS_ACTION_ATTR_RECIRC, action->u.recirc_id);
}

static int get_meter(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	(void)error;
	action->type = ACTION_METER;
	action->u.meter_id = mnl_attr_get_u32(attr);
	return 0;
}

static bool put_meter(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	return dp_put_u32(nlh, room, OVS_ACTION_ATTR_METER, action->u.meter_id);
}

static int get_userspace(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	struct action_userspace *user = &action->u.userspace;
	struct dp_attr_iter it;
	const struct nlattr *a;
	bool has_pid = false;
	int rc;
	action->type = ACTION_USERSPACE;
	dp_attr_iter_nest(&it, attr);
	while ((rc = dp_attr_next(&it, &a, error)) > 0) {
		uint16_t len = dp_attr_len(a);
		switch (dp_attr_type(a)) {
		case OVS_USERSPACE_ATTR_PID:
			if (len != sizeof(uint32_t))
				return dp_error_set(
				    error, a, -EINVAL,
				    "USERSPACE's PID has %u bytes where 4 are right", len);
			user->pid = mnl_attr_get_u32(a);
			has_pid = true;
			break;
		case OVS_USERSPACE_ATTR_USERDATA:
			if (len > sizeof(user->cookie))
				return dp_error_set(
				    error, a, -EINVAL,
				    "USERSPACE's USERDATA has %u bytes: %zu at most", len,
				    sizeof(user->cookie));
			user->cookie_len = (uint8_t)len;
			memcpy(user->cookie, dp_attr_payload(a), len);
			break;
		default:
			return dp_error_set(error, a, -EOPNOTSUPP,
					    "USERSPACE attribute %u is not built", dp_attr_type(a));
		}
	}
	if (rc == 0 && !has_pid)
		rc = dp_error_set(error, attr, -EINVAL, "USERSPACE lacks PID");
	return rc;
}

static bool put_userspace(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	const struct action_userspace *user = &action->u.userspace;
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_ACTION_ATTR_USERSPACE);
	if (nest == NULL || !dp_put_u32(nlh, room, OVS_USERSPACE_ATTR_PID, user->pid))
		return false;
	if (user->cookie_len > 0 &&
	    !dp_put(nlh, room, OVS_USERSPACE_ATTR_USERDATA, user->cookie_len, user->cookie))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

static int get_push_mpls(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	struct ovs_action_push_mpls push;
	memcpy(&push, dp_attr_payload(attr), sizeof(push));
	uint16_t type = ntohs(push.mpls_ethertype);
	if (!eth_type_is_mpls(type))
		return dp_error_set(error, attr, -EINVAL,
				    "PUSH_MPLS's EtherType 0x%04x is none of 0x8847, 0x8848", type);
	action->type = ACTION_PUSH_MPLS;
	action->u.push_mpls.lse_be = push.mpls_lse;
	action->u.push_mpls.eth_type_be = push.mpls_ethertype;
	return 0;
}

static bool put_push_mpls(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	struct ovs_action_push_mpls push;
	memset(&push, 0, sizeof(push)); // padding too
	push.mpls_lse = action->u.push_mpls.lse_be;
	push.mpls_ethertype = action->u.push_mpls.eth_type_be;
	return dp_put(nlh, room, OVS_ACTION_ATTR_PUSH_MPLS, sizeof(push), &push);
}

static int get_pop_mpls(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	action->type = ACTION_POP_MPLS;
	action->u.eth_type_be = mnl_attr_get_u16(attr);
	uint16_t type = ntohs(action->u.eth_type_be);
	if (type >= ETH_TYPE_MIN)
		return 0;
	return dp_error_set(error, attr, -EINVAL, "POP_MPLS to 0x%04x, which is a length", type);
}

static bool put_pop_mpls(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	return dp_put_u16(nlh, room, OVS_ACTION_ATTR_POP_MPLS, action->u.eth_type_be);
}

static int get_dec_ttl(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	struct dp_attr_iter it;
	const struct nlattr *a;
	bool has_list = false;
	int rc;
	action->type = ACTION_DEC_TTL;
	dp_attr_iter_nest(&it, attr);
	while ((rc = dp_attr_next(&it, &a, error)) > 0) {
		uint16_t type = dp_attr_type(a);
		if (type != OVS_DEC_TTL_ATTR_ACTION && type != SWD_DEC_TTL_ATTR_MPLS)
			return dp_error_set(error, a, -EOPNOTSUPP,
					    "DEC_TTL attribute %u is not built", type);
		if (dp_attr_len(a) > 0)
			return dp_error_set(error, a, -EOPNOTSUPP,
					    type == SWD_DEC_TTL_ATTR_MPLS
						? "DEC_TTL's flag MPLS has a value"
						: "actions for packets whose TTL is used up are "
						  "not built: leave DEC_TTL's ACTION empty");
		if (type == SWD_DEC_TTL_ATTR_MPLS)
			action->type = ACTION_DEC_MPLS_TTL;
		else
			has_list = true;
	}
	if (rc == 0 && !has_list)
		rc = dp_error_set(error, attr, -EINVAL, "DEC_TTL lacks ACTION");
	return rc;
}

static bool put_dec_ttl(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_ACTION_ATTR_DEC_TTL);
	struct nlattr *list =
	    nest != NULL ? mnl_attr_nest_start_check(nlh, room, OVS_DEC_TTL_ATTR_ACTION) : NULL;
	if (list == NULL)
		return false;
	mnl_attr_nest_end(nlh, list);
	if (action->type == ACTION_DEC_MPLS_TTL &&
	    !dp_put(nlh, room, SWD_DEC_TTL_ATTR_MPLS, 0, NULL))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

// Reading: a row an attribute.
#define LEN_NESTED UINT16_MAX // get checks for itself
static const struct {
	uint16_t type;
	uint16_t len; // bytes of payload
	const char *name;
	int (*get)(const struct nlattr *attr, struct action *action, struct dp_error *error);
} attr_rows[] = {
    {OVS_ACTION_ATTR_OUTPUT, sizeof(uint32_t), "OUTPUT", get_output},
    {OVS_ACTION_ATTR_USERSPACE, LEN_NESTED, "USERSPACE", get_userspace},
    {OVS_ACTION_ATTR_SET, LEN_NESTED, "SET", dp_set_get},
    {OVS_ACTION_ATTR_SET_MASKED, LEN_NESTED, "SET_MASKED", dp_set_get},
    {OVS_ACTION_ATTR_PUSH_VLAN, sizeof(struct ovs_action_push_vlan), "PUSH_VLAN", get_push_vlan},
    {OVS_ACTION_ATTR_POP_VLAN, 0, "POP_VLAN", get_pop_vlan},
    {OVS_ACTION_ATTR_RECIRC, sizeof(uint32_t), "RECIRC", get_recirc},
    {OVS_ACTION_ATTR_TRUNC, sizeof(struct ovs_action_trunc), "TRUNC", get_trunc},
    {OVS_ACTION_ATTR_PUSH_MPLS, sizeof(struct ovs_action_push_mpls), "PUSH_MPLS", get_push_mpls},
    {OVS_ACTION_ATTR_POP_MPLS, sizeof(uint16_t), "POP_MPLS", get_pop_mpls},
    {OVS_ACTION_ATTR_DEC_TTL, LEN_NESTED, "DEC_TTL", get_dec_ttl},
    {OVS_ACTION_ATTR_METER, sizeof(uint32_t), "METER", get_meter},
};

// Writing: a row an action type.
static bool (*const put_rows[N_ACTION_TYPES])(struct nlmsghdr *nlh, size_t room,
					      const struct action *action) = {
    [ACTION_OUTPUT] = put_output,	 [ACTION_PUSH_VLAN] = put_push_vlan,
    [ACTION_POP_VLAN] = put_pop_vlan,	 [ACTION_SET_ETH] = dp_set_put,
    [ACTION_SET_IPV4] = dp_set_put,	 [ACTION_SET_IPV6] = dp_set_put,
    [ACTION_SET_PORTS] = dp_set_put,	 [ACTION_TRUNC] = put_trunc,
    [ACTION_RECIRC] = put_recirc,	 [ACTION_USERSPACE] = put_userspace,
    [ACTION_PUSH_MPLS] = put_push_mpls,	 [ACTION_POP_MPLS] = put_pop_mpls,
    [ACTION_SET_MPLS] = dp_set_put,	 [ACTION_SET_ARP] = dp_set_put,
    [ACTION_SET_ND] = dp_set_put,	 [ACTION_SET_ND_EXT] = dp_set_put,
    [ACTION_SET_ICMP] = dp_set_put,	 [ACTION_DEC_TTL] = put_dec_ttl,
    [ACTION_DEC_MPLS_TTL] = put_dec_ttl, [ACTION_METER] = put_meter,
};

static int action_get(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	uint16_t type = dp_attr_type(attr);
	for (unsigned i = 0; i < sizeof(attr_rows) / sizeof(attr_rows[0]); i++) {
		if (attr_rows[i].type != type)
			continue;
		uint16_t len = attr_rows[i].len;
		if (len != LEN_NESTED && !dp_attr_has_len(attr, len))
			return dp_error_set(error, attr, -EINVAL,
					    "%s has %u bytes where %u are right", attr_rows[i].name,
					    dp_attr_len(attr), len);
		return attr_rows[i].get(attr, action, error);
	}
	return dp_error_set(error, attr, -EOPNOTSUPP, "action %u is not built", type);
}

int dp_actions_parse(const struct nlattr *actions, struct action *list, unsigned max,
		     struct dp_error *error)
{
	struct dp_attr_iter it;
	const struct nlattr *attr;
	unsigned n = 0;
	int rc;
	dp_attr_iter_nest(&it, actions);
	while ((rc = dp_attr_next(&it, &attr, error)) > 0) {
		if (n == max)
			return dp_error_set(error, attr, -E2BIG, "more than %u actions", max);
		memset(&list[n], 0, sizeof(list[n]));
		rc = action_get(attr, &list[n], error);
		if (rc < 0)
			return rc;
		n++;
	}
	return rc < 0 ? rc : (int)n;
}

bool dp_actions_put(struct nlmsghdr *nlh, size_t room, uint16_t type, const struct action *list,
		    unsigned n)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, type);
	if (nest == NULL)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (!put_rows[list[i].type](nlh, room, &list[i])) {
			mnl_attr_nest_cancel(nlh, nest);
			return false;
		}
	}
	mnl_attr_nest_end(nlh, nest);
	return true;
}
