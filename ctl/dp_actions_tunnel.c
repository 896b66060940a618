// TUNNEL_PUSH, whose headers come ready from the control side, and SET of TUNNEL, which says what
// they are to be.
#include "ctl/dp_proto.h"
#include "ctl/dp_put.h"
#include "ctl/dp_set.h"
#include "ctl/dp_tunnel.h"

#include <string.h>

#define HEADER_MIN 14 // an Ethernet header

static int header_check(const struct dp_action_tunnel_push *push, const struct nlattr *attr,
			struct dp_error *error)
{
	if (push->header_len >= HEADER_MIN && push->header_len <= sizeof(push->header))
		return 0;
	return dp_error_set(error, attr, -EINVAL,
			    "TUNNEL_PUSH's headers have %u bytes: %d to %zu are right",
			    push->header_len, HEADER_MIN, sizeof(push->header));
}

// The header's bytes, in as many entries as they take.
static int header_add(struct dp_action_reader *r, const struct nlattr *attr,
		      const struct dp_action_tunnel_push *push)
{
	for (uint32_t at = 0; at < push->header_len; at += sizeof(struct action)) {
		struct action *entry = dp_actions_add(r, attr);
		uint32_t left = push->header_len - at;
		if (entry == NULL)
			return -E2BIG;
		memcpy((void *)entry, (const uint8_t *)push->header + at,
		       left < sizeof(*entry) ? left : sizeof(*entry));
	}
	return 0;
}

#define PUSH_BYTES offsetof(struct dp_action_tunnel_push, header) // before the header

// The header's bytes end it, and there are as many as it says.
bool dp_tunnel_push_is(const struct nlattr *attr)
{
	struct dp_action_tunnel_push push;
	uint16_t len = dp_attr_len(attr);
	if (len < PUSH_BYTES + HEADER_MIN)
		return false;
	memcpy(&push, dp_attr_payload(attr), PUSH_BYTES);
	return push.header_len == len - PUSH_BYTES;
}

int dp_tunnel_push_get(struct dp_action_reader *r, const struct nlattr *attr, struct action *action)
{
	struct dp_action_tunnel_push push;
	memcpy(&push, dp_attr_payload(attr), PUSH_BYTES);
	int rc = header_check(&push, attr, r->error);
	if (rc < 0)
		return rc;
	memcpy(push.header, (const uint8_t *)dp_attr_payload(attr) + PUSH_BYTES, push.header_len);
	action->type = ACTION_TUNNEL_PUSH;
	action->u.tunnel_push = (struct action_tunnel_push){
	    .tnl_port = push.tnl_port,
	    .out_port = push.out_port,
	    .tnl_type = push.tnl_type,
	    .header_len = push.header_len,
	};
	return header_add(r, attr, &push);
}

bool dp_tunnel_push_put(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	const struct action_tunnel_push *from = &action->u.tunnel_push;
	struct dp_action_tunnel_push push = {
	    .tnl_port = from->tnl_port,
	    .out_port = from->out_port,
	    .header_len = from->header_len,
	    .tnl_type = from->tnl_type,
	};
	memcpy(push.header, action_tunnel_header(from), from->header_len);
	return dp_put(nlh, room, DP_ACTION_TUNNEL_PUSH, PUSH_BYTES + from->header_len, &push);
}

int dp_set_tunnel_get(struct dp_action_reader *r, const struct nlattr *field, bool is_full,
		      struct action *action)
{
	uint8_t opts[FLOW_TUN_OPTS_MAX];
	struct flow_tunnel *tun = &action->u.tunnel;
	if (!is_full)
		return dp_error_set(r->error, field, -EINVAL,
				    "set of TUNNEL: it is set as a whole, by SET");
	int rc = dp_tunnel_parse(field, false, tun, opts, r->error);
	if (rc == 0)
		rc = dp_tunnel_check_set(field, tun, opts, r->error);
	if (rc < 0)
		return rc;
	action->type = ACTION_SET_TUNNEL;
	if (tun->opts_len == 0)
		return 0;
	struct action *entry = dp_actions_add(r, field);
	if (entry == NULL)
		return -E2BIG;
	memcpy((void *)entry, opts, tun->opts_len);
	return 0;
}

bool dp_set_tunnel_put(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_ACTION_ATTR_SET);
	if (nest == NULL || !dp_tunnel_put(nlh, room, OVS_KEY_ATTR_TUNNEL, &action->u.tunnel,
					   action_tunnel_opts(action)))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}
