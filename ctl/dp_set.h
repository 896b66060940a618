// OVS_ACTION_ATTR_SET and SET_MASKED: the part of dp_actions.c that changes fields.
#ifndef CTL_DP_SET_H
#define CTL_DP_SET_H

#include "ctl/dp_actions_rows.h"

// Reads a SET or SET_MASKED. 0, -EINVAL or -EOPNOTSUPP with *error set.
int dp_set_get(struct dp_action_reader *r, const struct nlattr *attr, struct action *action);
// Appends an ACTION_SET_* as SET_MASKED. false when the message has no room.
bool dp_set_put(struct nlmsghdr *nlh, size_t room, const struct action *action);

// dp_actions_tunnel.c: the same for ACTION_SET_TUNNEL, which is set as a whole. `field` is what SET
// names.
int dp_set_tunnel_get(struct dp_action_reader *r, const struct nlattr *field, bool is_full,
		      struct action *action);
bool dp_set_tunnel_put(struct nlmsghdr *nlh, size_t room, const struct action *action);

#endif
