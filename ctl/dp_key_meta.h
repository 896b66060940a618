// Rows of what a key has besides a packet's bytes, for dp_key_rows.c: marks, conntrack, tunnel.
#ifndef CTL_DP_KEY_META_H
#define CTL_DP_KEY_META_H

#include "ctl/dp_key_rows.h"

#define DP_META_ROWS(row)   \
	row(dp_hash);       \
	row(skb_priority);  \
	row(skb_mark);      \
	row(ct_state);      \
	row(ct_zone);       \
	row(ct_mark);       \
	row(ct_labels);     \
	row(ct_tuple_ipv4); \
	row(ct_tuple_ipv6)

#define DP_META_DECLARE(name)                                                                    \
	void dp_##name##_put(const struct flow_key *key, bool is_mask, union dp_key_wire *wire); \
	const char *dp_##name##_get(const union dp_key_wire *wire, bool is_mask,                 \
				    struct flow_key *key)

DP_META_ROWS(DP_META_DECLARE);

bool dp_tunnel_row_put(struct nlmsghdr *nlh, size_t room, const struct flow_key *key,
		       const struct flow_key *mask);
int dp_tunnel_row_get(const struct nlattr *attr, bool is_mask, struct flow_key *key,
		      struct dp_error *error);
void dp_tunnel_row_exact(const struct flow_key *key, struct flow_key *mask);

#endif
