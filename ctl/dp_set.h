// OVS_ACTION_ATTR_SET and SET_MASKED: the part of dp_actions.c that changes fields.
#ifndef CTL_DP_SET_H
#define CTL_DP_SET_H

#include "ctl/dp_key.h"
#include "flowtable/action.h"

// Reads a SET or SET_MASKED. 0, -EINVAL or -EOPNOTSUPP with *error set.
int dp_set_get(const struct nlattr *attr, struct action *action, struct dp_error *error);
// Appends an ACTION_SET_* as SET_MASKED. false when the message has no room.
bool dp_set_put(struct nlmsghdr *nlh, size_t room, const struct action *action);

#endif
