// Fragments in front of connection tracking, as the datapath protocol carries them, both ways.
#ifndef CTL_DP_CT_FRAG_H
#define CTL_DP_CT_FRAG_H

#include "ctl/dp_key.h"
#include "ctl/dp_proto.h"

struct dp_ct_frags {
	struct dp_ct_frags_ip {
		bool has_enabled, has_min_size; // in a request: what it sets
		uint8_t enabled;
		uint32_t min_size; // bytes
		struct swd_ct_frag_counters counters;
	} ip[2]; // IPv4, IPv6
	bool has_held_max;
	uint32_t held, held_max; // fragments
};

// 0, or -errno with *error; what is absent is zero.
int dp_ct_frags_parse(const struct nlmsghdr *nlh, struct dp_ct_frags *frags,
		      struct dp_error *error);
// All of it; false when there is no room.
bool dp_ct_frags_put(struct nlmsghdr *nlh, size_t room, const struct dp_ct_frags *frags);
bool dp_ct_frag_datagram_put(struct nlmsghdr *nlh, size_t room,
			     const struct swd_ct_frag_datagram *datagram, const char *state);

#endif
