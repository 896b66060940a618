// What the files that read and write actions (dp_actions*.c, dp_set.c) share.
#ifndef CTL_DP_ACTIONS_ROWS_H
#define CTL_DP_ACTIONS_ROWS_H

#include "ctl/dp_actions.h"
#include "ctl/dp_attr.h"

// A list that is being read.
struct dp_action_reader {
	struct action *list;
	const struct nlattr **attrs; // where each entry came from; NULL: nobody asks
	unsigned n, max;
	unsigned depth; // of the list at hand
	struct dp_error *error;
};

// Reads the actions in `nest` behind those that are there. 0, or -errno with *error set.
int dp_actions_read(struct dp_action_reader *r, const struct nlattr *nest);
// A zeroed entry behind those that are there, for `attr`. NULL with *error set: no room, -E2BIG.
struct action *dp_actions_add(struct dp_action_reader *r, const struct nlattr *attr);

// dp_actions_nested.c: CLONE, SAMPLE, CHECK_PKT_LEN.
int dp_clone_get(struct dp_action_reader *r, const struct nlattr *attr, struct action *action);
int dp_sample_get(struct dp_action_reader *r, const struct nlattr *attr, struct action *action);
int dp_check_pkt_len_get(struct dp_action_reader *r, const struct nlattr *attr,
			 struct action *action);
bool dp_clone_put(struct nlmsghdr *nlh, size_t room, const struct action *action);
bool dp_sample_put(struct nlmsghdr *nlh, size_t room, const struct action *action);
bool dp_check_pkt_len_put(struct nlmsghdr *nlh, size_t room, const struct action *action);

// dp_actions_ct.c
int dp_ct_get(struct dp_action_reader *r, const struct nlattr *attr, struct action *action);
bool dp_ct_put(struct nlmsghdr *nlh, size_t room, const struct action *action);

// dp_actions_tunnel.c
bool dp_tunnel_push_is(const struct nlattr *attr); // and no DEC_TTL
int dp_tunnel_push_get(struct dp_action_reader *r, const struct nlattr *attr,
		       struct action *action);
bool dp_tunnel_push_put(struct nlmsghdr *nlh, size_t room, const struct action *action);

#endif
