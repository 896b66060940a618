#include "ctl/dp_actions.h"

#include "ctl/dp_actions_rows.h"
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

static int get_hash(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	struct ovs_action_hash hash;
	memcpy(&hash, dp_attr_payload(attr), sizeof(hash));
	action->type = ACTION_HASH;
	action->u.hash.alg = hash.hash_alg;
	action->u.hash.basis = hash.hash_basis;
	if (hash.hash_alg == OVS_HASH_ALG_L4 || hash.hash_alg == DP_HASH_ALG_SYM_L4)
		return 0;
	return dp_error_set(error, attr, -EOPNOTSUPP, "HASH by algorithm %u is not built",
			    hash.hash_alg);
}

static bool put_hash(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	struct ovs_action_hash hash = {
	    .hash_alg = action->u.hash.alg,
	    .hash_basis = action->u.hash.basis,
	};
	return dp_put(nlh, room, OVS_ACTION_ATTR_HASH, sizeof(hash), &hash);
}

static int get_drop(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	(void)error;
	action->type = ACTION_DROP;
	action->u.drop_code = mnl_attr_get_u32(attr);
	return 0;
}

static bool put_drop(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	return dp_put_u32(nlh, room, DP_ACTION_DROP, action->u.drop_code);
}

static int get_tunnel_pop(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	(void)error;
	action->type = ACTION_TUNNEL_POP;
	action->u.port = mnl_attr_get_u32(attr);
	return 0;
}

static bool put_tunnel_pop(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	return dp_put_u32(nlh, room, DP_ACTION_TUNNEL_POP, action->u.port);
}

static int get_ct_clear(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	(void)attr;
	(void)error;
	action->type = ACTION_CT_CLEAR;
	return 0;
}

static bool put_ct_clear(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	(void)action;
	return dp_put(nlh, room, OVS_ACTION_ATTR_CT_CLEAR, 0, NULL);
}

static int get_push_eth(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	struct ovs_action_push_eth push;
	(void)error;
	memcpy(&push, dp_attr_payload(attr), sizeof(push));
	action->type = ACTION_PUSH_ETH;
	memcpy(action->u.push_eth.src.b, push.addresses.eth_src, sizeof(struct eth_addr));
	memcpy(action->u.push_eth.dst.b, push.addresses.eth_dst, sizeof(struct eth_addr));
	return 0;
}

static bool put_push_eth(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	struct ovs_action_push_eth push;
	memcpy(push.addresses.eth_src, action->u.push_eth.src.b, sizeof(struct eth_addr));
	memcpy(push.addresses.eth_dst, action->u.push_eth.dst.b, sizeof(struct eth_addr));
	return dp_put(nlh, room, OVS_ACTION_ATTR_PUSH_ETH, sizeof(push), &push);
}

static int get_pop_eth(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	(void)attr;
	(void)error;
	action->type = ACTION_POP_ETH;
	return 0;
}

static bool put_pop_eth(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	(void)action;
	return dp_put(nlh, room, OVS_ACTION_ATTR_POP_ETH, 0, NULL);
}

static int get_userspace(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	const struct nlattr *attrs[OVS_USERSPACE_ATTR_MAX + 1];
	struct action_userspace *user = &action->u.userspace;
	int rc = dp_attr_collect(attr, "USERSPACE", attrs, OVS_USERSPACE_ATTR_MAX, error);
	if (rc < 0)
		return rc;
	const struct nlattr *pid = attrs[OVS_USERSPACE_ATTR_PID];
	const struct nlattr *data = attrs[OVS_USERSPACE_ATTR_USERDATA];
	const struct nlattr *egress = attrs[OVS_USERSPACE_ATTR_EGRESS_TUN_PORT];
	action->type = ACTION_USERSPACE;
	if (pid == NULL)
		return dp_error_set(error, attr, -EINVAL, "USERSPACE lacks PID");
	rc = dp_attr_wants_len(pid, "USERSPACE's PID", sizeof(uint32_t), error);
	if (rc == 0 && egress != NULL)
		rc = dp_attr_wants_len(egress, "USERSPACE's EGRESS_TUN_PORT", sizeof(uint32_t),
				       error);
	if (rc < 0)
		return rc;
	if (data != NULL && dp_attr_len(data) > sizeof(user->cookie))
		return dp_error_set(error, data, -EINVAL,
				    "USERSPACE's USERDATA has %u bytes: %zu at most",
				    dp_attr_len(data), sizeof(user->cookie));
	user->pid = mnl_attr_get_u32(pid);
	user->wants_actions = attrs[OVS_USERSPACE_ATTR_ACTIONS] != NULL;
	if (egress != NULL) {
		user->wants_tunnel = true;
		user->egress_port = mnl_attr_get_u32(egress);
	}
	if (data != NULL) {
		user->cookie_len = (uint8_t)dp_attr_len(data);
		memcpy(user->cookie, dp_attr_payload(data), user->cookie_len);
	}
	return 0;
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
	if (user->wants_tunnel &&
	    !dp_put_u32(nlh, room, OVS_USERSPACE_ATTR_EGRESS_TUN_PORT, user->egress_port))
		return false;
	if (user->wants_actions && !dp_put(nlh, room, OVS_USERSPACE_ATTR_ACTIONS, 0, NULL))
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

static int get_add_mpls(const struct nlattr *attr, struct action *action, struct dp_error *error)
{
	struct ovs_action_add_mpls add;
	memcpy(&add, dp_attr_payload(attr), sizeof(add));
	uint16_t type = ntohs(add.mpls_ethertype);
	if (!eth_type_is_mpls(type))
		return dp_error_set(error, attr, -EINVAL,
				    "ADD_MPLS's EtherType 0x%04x is none of 0x8847, 0x8848", type);
	action->type = add.tun_flags & DP_MPLS_L3_FLAG ? ACTION_PUSH_MPLS : ACTION_ADD_MPLS;
	action->u.push_mpls.lse_be = add.mpls_lse;
	action->u.push_mpls.eth_type_be = add.mpls_ethertype;
	return 0;
}

static bool put_add_mpls(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	struct ovs_action_add_mpls add;
	memset(&add, 0, sizeof(add));
	add.mpls_lse = action->u.push_mpls.lse_be;
	add.mpls_ethertype = action->u.push_mpls.eth_type_be;
	return dp_put(nlh, room, OVS_ACTION_ATTR_ADD_MPLS, sizeof(add), &add);
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

// The two that share a number.
static int read_dec_ttl_or_push(struct dp_action_reader *r, const struct nlattr *attr,
				struct action *action)
{
	return dp_tunnel_push_is(attr) ? dp_tunnel_push_get(r, attr, action)
				       : get_dec_ttl(attr, action, r->error);
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

// Reading: a row an attribute. Either get, or read, which may add entries behind the action's own.
#define LEN_NESTED UINT16_MAX // it checks for itself
static const struct {
	uint16_t type;
	uint16_t len; // bytes of payload
	const char *name;
	int (*get)(const struct nlattr *attr, struct action *action, struct dp_error *error);
	int (*read)(struct dp_action_reader *r, const struct nlattr *attr, struct action *action);
} attr_rows[] = {
    {OVS_ACTION_ATTR_OUTPUT, sizeof(uint32_t), "OUTPUT", get_output, NULL},
    {OVS_ACTION_ATTR_USERSPACE, LEN_NESTED, "USERSPACE", get_userspace, NULL},
    {OVS_ACTION_ATTR_SET, LEN_NESTED, "SET", NULL, dp_set_get},
    {OVS_ACTION_ATTR_SET_MASKED, LEN_NESTED, "SET_MASKED", NULL, dp_set_get},
    {OVS_ACTION_ATTR_PUSH_VLAN, sizeof(struct ovs_action_push_vlan), "PUSH_VLAN", get_push_vlan,
     NULL},
    {OVS_ACTION_ATTR_POP_VLAN, 0, "POP_VLAN", get_pop_vlan, NULL},
    {OVS_ACTION_ATTR_RECIRC, sizeof(uint32_t), "RECIRC", get_recirc, NULL},
    {OVS_ACTION_ATTR_HASH, sizeof(struct ovs_action_hash), "HASH", get_hash, NULL},
    {OVS_ACTION_ATTR_CT, LEN_NESTED, "CT", NULL, dp_ct_get},
    {OVS_ACTION_ATTR_CT_CLEAR, 0, "CT_CLEAR", get_ct_clear, NULL},
    {OVS_ACTION_ATTR_TRUNC, sizeof(struct ovs_action_trunc), "TRUNC", get_trunc, NULL},
    {OVS_ACTION_ATTR_PUSH_MPLS, sizeof(struct ovs_action_push_mpls), "PUSH_MPLS", get_push_mpls,
     NULL},
    {OVS_ACTION_ATTR_POP_MPLS, sizeof(uint16_t), "POP_MPLS", get_pop_mpls, NULL},
    {OVS_ACTION_ATTR_ADD_MPLS, sizeof(struct ovs_action_add_mpls), "ADD_MPLS", get_add_mpls, NULL},
    {OVS_ACTION_ATTR_PUSH_ETH, sizeof(struct ovs_action_push_eth), "PUSH_ETH", get_push_eth, NULL},
    {OVS_ACTION_ATTR_POP_ETH, 0, "POP_ETH", get_pop_eth, NULL},
    {OVS_ACTION_ATTR_METER, sizeof(uint32_t), "METER", get_meter, NULL},
    {OVS_ACTION_ATTR_CLONE, LEN_NESTED, "CLONE", NULL, dp_clone_get},
    {OVS_ACTION_ATTR_SAMPLE, LEN_NESTED, "SAMPLE", NULL, dp_sample_get},
    {OVS_ACTION_ATTR_CHECK_PKT_LEN, LEN_NESTED, "CHECK_PKT_LEN", NULL, dp_check_pkt_len_get},
    {OVS_ACTION_ATTR_DEC_TTL, LEN_NESTED, "DEC_TTL", NULL, read_dec_ttl_or_push},
    {DP_ACTION_TUNNEL_POP, sizeof(uint32_t), "TUNNEL_POP", get_tunnel_pop, NULL},
    {DP_ACTION_DROP, sizeof(uint32_t), "DROP", get_drop, NULL},
};

static_assert((int)OVS_ACTION_ATTR_DEC_TTL == (int)DP_ACTION_TUNNEL_PUSH, "one number for two");

// What is known and refused all the same.
static const struct {
	uint16_t type;
	const char *name;
} refused_rows[] = {
    {OVS_ACTION_ATTR_PUSH_NSH, "PUSH_NSH"},
    {OVS_ACTION_ATTR_POP_NSH, "POP_NSH"},
    {DP_ACTION_LB_OUTPUT, "LB_OUTPUT"},
};

// Writing: a row an action type.
static bool (*const put_rows[N_ACTION_TYPES])(struct nlmsghdr *nlh, size_t room,
					      const struct action *action) = {
    [ACTION_OUTPUT] = put_output,
    [ACTION_PUSH_VLAN] = put_push_vlan,
    [ACTION_POP_VLAN] = put_pop_vlan,
    [ACTION_SET_ETH] = dp_set_put,
    [ACTION_SET_IPV4] = dp_set_put,
    [ACTION_SET_IPV6] = dp_set_put,
    [ACTION_SET_PORTS] = dp_set_put,
    [ACTION_TRUNC] = put_trunc,
    [ACTION_RECIRC] = put_recirc,
    [ACTION_USERSPACE] = put_userspace,
    [ACTION_PUSH_MPLS] = put_push_mpls,
    [ACTION_POP_MPLS] = put_pop_mpls,
    [ACTION_SET_MPLS] = dp_set_put,
    [ACTION_SET_ARP] = dp_set_put,
    [ACTION_SET_ND] = dp_set_put,
    [ACTION_SET_ND_EXT] = dp_set_put,
    [ACTION_SET_ICMP] = dp_set_put,
    [ACTION_DEC_TTL] = put_dec_ttl,
    [ACTION_DEC_MPLS_TTL] = put_dec_ttl,
    [ACTION_METER] = put_meter,
    [ACTION_CLONE] = dp_clone_put,
    [ACTION_SAMPLE] = dp_sample_put,
    [ACTION_CHECK_PKT_LEN] = dp_check_pkt_len_put,
    [ACTION_HASH] = put_hash,
    [ACTION_DROP] = put_drop,
    [ACTION_ADD_MPLS] = put_add_mpls,
    [ACTION_PUSH_ETH] = put_push_eth,
    [ACTION_POP_ETH] = put_pop_eth,
    [ACTION_SET_MARK] = dp_set_put,
    [ACTION_SET_PRIORITY] = dp_set_put,
    [ACTION_SET_TUNNEL] = dp_set_tunnel_put,
    [ACTION_CT] = dp_ct_put,
    [ACTION_CT_CLEAR] = put_ct_clear,
    [ACTION_TUNNEL_PUSH] = dp_tunnel_push_put,
    [ACTION_TUNNEL_POP] = put_tunnel_pop,
};

static int unknown(const struct nlattr *attr, struct dp_error *error)
{
	uint16_t type = dp_attr_type(attr);
	for (unsigned i = 0; i < sizeof(refused_rows) / sizeof(refused_rows[0]); i++) {
		if (refused_rows[i].type == type)
			return dp_error_set(error, attr, -EOPNOTSUPP, "action %s is not built",
					    refused_rows[i].name);
	}
	return dp_error_set(error, attr, -EOPNOTSUPP, "action %u is not built", type);
}

static int action_get(struct dp_action_reader *r, const struct nlattr *attr, struct action *action)
{
	uint16_t type = dp_attr_type(attr);
	for (unsigned i = 0; i < sizeof(attr_rows) / sizeof(attr_rows[0]); i++) {
		if (attr_rows[i].type != type)
			continue;
		uint16_t len = attr_rows[i].len;
		int rc = len == LEN_NESTED
			     ? 0
			     : dp_attr_wants_len(attr, attr_rows[i].name, len, r->error);
		if (rc < 0)
			return rc;
		return attr_rows[i].get != NULL ? attr_rows[i].get(attr, action, r->error)
						: attr_rows[i].read(r, attr, action);
	}
	return unknown(attr, r->error);
}

struct action *dp_actions_add(struct dp_action_reader *r, const struct nlattr *attr)
{
	if (r->n == r->max) {
		dp_error_set(r->error, attr, -E2BIG, "more than %u actions", r->max);
		return NULL;
	}
	if (r->attrs != NULL)
		r->attrs[r->n] = attr;
	struct action *action = &r->list[r->n++];
	memset(action, 0, sizeof(*action));
	return action;
}

static int read_one(struct dp_action_reader *r, const struct nlattr *attr)
{
	struct action *action = dp_actions_add(r, attr);
	if (action == NULL)
		return -E2BIG;
	unsigned first = r->n;
	int rc = action_get(r, attr, action);
	action->n_more = r->n - first;
	return rc;
}

int dp_actions_read(struct dp_action_reader *r, const struct nlattr *nest)
{
	struct dp_attr_iter it;
	const struct nlattr *attr;
	int rc;
	if (r->depth == ACTIONS_DEPTH_MAX)
		return dp_error_set(r->error, nest, -EOVERFLOW,
				    "lists of actions nest more than %d deep", ACTIONS_DEPTH_MAX);
	r->depth++;
	dp_attr_iter_nest(&it, nest);
	while ((rc = dp_attr_next(&it, &attr, r->error)) > 0) {
		rc = read_one(r, attr);
		if (rc < 0)
			break;
	}
	r->depth--;
	return rc;
}

int dp_actions_parse_attrs(const struct nlattr *actions, struct action *list,
			   const struct nlattr **attrs, unsigned max, struct dp_error *error)
{
	struct dp_action_reader r = {.list = list, .attrs = attrs, .max = max, .error = error};
	int rc = dp_actions_read(&r, actions);
	return rc < 0 ? rc : (int)r.n;
}

int dp_actions_parse(const struct nlattr *actions, struct action *list, unsigned max,
		     struct dp_error *error)
{
	return dp_actions_parse_attrs(actions, list, NULL, max, error);
}

bool dp_actions_put(struct nlmsghdr *nlh, size_t room, uint16_t type, const struct action *list,
		    unsigned n)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, type);
	if (nest == NULL)
		return false;
	for (unsigned i = 0; i < n; i += action_entries(&list[i])) {
		if (!put_rows[list[i].type](nlh, room, &list[i])) {
			mnl_attr_nest_cancel(nlh, nest);
			return false;
		}
	}
	mnl_attr_nest_end(nlh, nest);
	return true;
}
