// A tunnel's metadata as nested OVS_TUNNEL_KEY_ATTR_*, in keys, masks and actions.
#ifndef CTL_DP_TUNNEL_H
#define CTL_DP_TUNNEL_H

#include "ctl/dp_key.h"

// Appends a nested attribute `type`. What is zero is left out, but TTL. `opts` has tun->opts_len
// bytes. false when the message has no room.
bool dp_tunnel_put(struct nlmsghdr *nlh, size_t room, uint16_t type, const struct flow_tunnel *tun,
		   const uint8_t *opts);
// The same for a mask over a tunnel that has opts_len bytes of options.
bool dp_tunnel_put_mask(struct nlmsghdr *nlh, size_t room, uint16_t type,
			const struct flow_tunnel *mask, const uint8_t *opts, uint8_t opts_len);

// Reads one, with is_mask a mask. All of *tun and *opts is written. 0, -EINVAL or -EOPNOTSUPP with
// *error set.
int dp_tunnel_parse(const struct nlattr *nest, bool is_mask, struct flow_tunnel *tun,
		    uint8_t opts[FLOW_TUN_OPTS_MAX], struct dp_error *error);
// Whether a packet can be sent so: there is a destination, and options are whole TLVs (RFC 8926,
// section 3.5). 0 or -EINVAL with *error set.
int dp_tunnel_check_set(const struct nlattr *nest, const struct flow_tunnel *tun,
			const uint8_t *opts, struct dp_error *error);

#endif
