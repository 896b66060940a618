// Flow keys and masks as OVS_KEY_ATTR_* attributes, both ways.
#ifndef CTL_DP_KEY_H
#define CTL_DP_KEY_H

#include "flowtable/key.h"

#include <libmnl/libmnl.h>

// What was wrong with a message: for NLMSGERR_ATTR_MSG and _OFFS.
struct dp_error {
	const struct nlattr *attr; // at fault, or NULL
	char text[240];		   // one line
};

// in_port of a key that says nothing of a port: IN_PORT is not written.
#define DP_IN_PORT_NONE UINT32_MAX

// Appends a nested attribute `type` (OVS_FLOW_ATTR_KEY, OVS_FLOW_ATTR_MASK or OVS_PACKET_ATTR_KEY)
// for `key`. With `mask` NULL it is a key in full; otherwise it is written as a mask over a flow
// whose (masked) key is `key`. The attributes that are present follow the kernel's rules (ETHERNET
// always but with NW_NO_ETH; VLAN with ENCAP; IPV4/IPV6/ARP/MPLS by EtherType; TCP/UDP/SCTP with
// TCP_FLAGS, ICMP, ICMPV6, ND by protocol; marks, TUNNEL and CT_* where they are not zero). Any
// thread. false when the message has no room.
bool dp_key_put(struct nlmsghdr *nlh, size_t room, uint16_t type, const struct flow_key *key,
		const struct flow_key *mask);

// Reads a nested key, and a nested mask (NULL: exact match in every field that the key's kind of
// packet has), into *match, with the key masked. 0, -EINVAL or -EOPNOTSUPP (an attribute that is
// not built, like NSH) with *error set.
int dp_match_parse(const struct nlattr *key, const struct nlattr *mask, struct flow_match *match,
		   struct dp_error *error);
// Appends a nested key that only says what is not in a packet's bytes: port, recirculation, marks,
// conntrack, tunnel.
bool dp_key_put_origin(struct nlmsghdr *nlh, size_t room, uint16_t type,
		       const struct flow_key *key);
// Reads just that from a nested key, whatever else stands in it; `out` is zero but for it. A key
// that has an ETHERTYPE and no ETHERNET is that of a packet without an Ethernet header: NW_NO_ETH
// in nw_frag, and the type. 0 or -EINVAL with *error set.
int dp_key_parse_origin(const struct nlattr *key, struct flow_key *out, struct dp_error *error);
// Reads a nested key alone (OVS_PACKET_ATTR_KEY).
int dp_key_parse(const struct nlattr *key, struct flow_key *out, struct dp_error *error);

#endif
