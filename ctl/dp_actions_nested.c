// Actions with lists of actions in them.
#include "ctl/dp_actions_rows.h"
#include "ctl/dp_put.h"

#include <linux/openvswitch.h>

int dp_clone_get(struct dp_action_reader *r, const struct nlattr *attr, struct action *action)
{
	action->type = ACTION_CLONE;
	return dp_actions_read(r, attr);
}

bool dp_clone_put(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	return dp_actions_put(nlh, room, OVS_ACTION_ATTR_CLONE, action + 1, action->n_more);
}

int dp_sample_get(struct dp_action_reader *r, const struct nlattr *attr, struct action *action)
{
	const struct nlattr *attrs[OVS_SAMPLE_ATTR_MAX + 1];
	int rc = dp_attr_collect(attr, "SAMPLE", attrs, OVS_SAMPLE_ATTR_MAX, r->error);
	if (rc < 0)
		return rc;
	const struct nlattr *probability = attrs[OVS_SAMPLE_ATTR_PROBABILITY];
	const struct nlattr *actions = attrs[OVS_SAMPLE_ATTR_ACTIONS];
	if (probability == NULL || actions == NULL)
		return dp_error_set(r->error, attr, -EINVAL, "SAMPLE lacks %s",
				    actions == NULL ? "ACTIONS" : "PROBABILITY");
	rc = dp_attr_wants_len(probability, "SAMPLE's PROBABILITY", sizeof(uint32_t), r->error);
	if (rc < 0)
		return rc;
	action->type = ACTION_SAMPLE;
	action->u.probability = mnl_attr_get_u32(probability);
	return dp_actions_read(r, actions);
}

bool dp_sample_put(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_ACTION_ATTR_SAMPLE);
	if (nest == NULL ||
	    !dp_put_u32(nlh, room, OVS_SAMPLE_ATTR_PROBABILITY, action->u.probability) ||
	    !dp_actions_put(nlh, room, OVS_SAMPLE_ATTR_ACTIONS, action + 1, action->n_more))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

int dp_check_pkt_len_get(struct dp_action_reader *r, const struct nlattr *attr,
			 struct action *action)
{
	const struct nlattr *attrs[OVS_CHECK_PKT_LEN_ATTR_MAX + 1];
	int rc =
	    dp_attr_collect(attr, "CHECK_PKT_LEN", attrs, OVS_CHECK_PKT_LEN_ATTR_MAX, r->error);
	if (rc < 0)
		return rc;
	for (unsigned i = 1; i <= OVS_CHECK_PKT_LEN_ATTR_MAX; i++) {
		if (attrs[i] == NULL)
			return dp_error_set(r->error, attr, -EINVAL,
					    "CHECK_PKT_LEN lacks attribute %u", i);
	}
	const struct nlattr *len = attrs[OVS_CHECK_PKT_LEN_ATTR_PKT_LEN];
	rc = dp_attr_wants_len(len, "CHECK_PKT_LEN's PKT_LEN", sizeof(uint16_t), r->error);
	if (rc < 0)
		return rc;
	action->type = ACTION_CHECK_PKT_LEN;
	action->u.check_pkt_len.pkt_len = mnl_attr_get_u16(len);
	unsigned first = r->n;
	rc = dp_actions_read(r, attrs[OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER]);
	if (rc < 0)
		return rc;
	action->u.check_pkt_len.n_greater = (uint16_t)(r->n - first);
	return dp_actions_read(r, attrs[OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL]);
}

bool dp_check_pkt_len_put(struct nlmsghdr *nlh, size_t room, const struct action *action)
{
	const struct action_check_pkt_len *check = &action->u.check_pkt_len;
	const struct action *list = action + 1;
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_ACTION_ATTR_CHECK_PKT_LEN);
	if (nest == NULL ||
	    !dp_put_u16(nlh, room, OVS_CHECK_PKT_LEN_ATTR_PKT_LEN, check->pkt_len) ||
	    !dp_actions_put(nlh, room, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_GREATER, list,
			    check->n_greater) ||
	    !dp_actions_put(nlh, room, OVS_CHECK_PKT_LEN_ATTR_ACTIONS_IF_LESS_EQUAL,
			    list + check->n_greater, action->n_more - check->n_greater))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}
