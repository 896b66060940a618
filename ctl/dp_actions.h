// Datapath actions as OVS_ACTION_ATTR_* attributes, both ways.
//
// Built: OUTPUT, USERSPACE, SET and SET_MASKED (ETHERNET, IPV4, IPV6, TCP, UDP, SCTP, ICMP, ICMPV6,
// ARP, ND, ND_EXTENSIONS, MPLS, SKB_MARK, PRIORITY; SET alone: TUNNEL), PUSH_VLAN, POP_VLAN,
// PUSH_MPLS, POP_MPLS, ADD_MPLS, PUSH_ETH, POP_ETH, DEC_TTL (see dp_proto.h), RECIRC, TRUNC, METER,
// HASH, CLONE, SAMPLE, CHECK_PKT_LEN, CT, CT_CLEAR, and of Open vSwitch's own TUNNEL_PUSH,
// TUNNEL_POP, DROP. SET is read as SET_MASKED with all bits, ADD_MPLS behind an Ethernet header as
// PUSH_MPLS. Anything else is refused with -EOPNOTSUPP.
#ifndef CTL_DP_ACTIONS_H
#define CTL_DP_ACTIONS_H

#include "ctl/dp_key.h"
#include "flowtable/action.h"

// Reads nested actions into list[0..max). Returns how many entries it has, or -EINVAL, -EOPNOTSUPP,
// -E2BIG (more than max), -EOVERFLOW (more than ACTIONS_DEPTH_MAX deep) with *error set.
int dp_actions_parse(const struct nlattr *actions, struct action *list, unsigned max,
		     struct dp_error *error);
// The same, with the attribute of each entry in attrs[0..max).
int dp_actions_parse_attrs(const struct nlattr *actions, struct action *list,
			   const struct nlattr **attrs, unsigned max, struct dp_error *error);
// Appends a nested attribute `type` with the actions. false when the message has no room.
bool dp_actions_put(struct nlmsghdr *nlh, size_t room, uint16_t type, const struct action *list,
		    unsigned n);

// "ftp", "tftp" or NULL.
const char *dp_ct_helper_name(const struct action_ct *ct);

// Text, in ovs-dpctl's syntax ("drop" for none). `port_name` may be NULL (numbers then), or returns
// a name or NULL. Returns a malloc'd string, NULL when out of memory.
typedef const char *(*dp_port_name_fn)(uint32_t port_no, void *arg);
char *dp_actions_format(const struct action *list, unsigned n, dp_port_name_fn port_name,
			void *arg);
// A megaflow's match, in ovs-dpctl's syntax with masks:
// "recirc_id(0),in_port(vm1),eth(...),eth_type(0x0800),ipv4(dst=10.0.0.0/8)".
char *dp_match_format(const struct flow_match *match, dp_port_name_fn port_name, void *arg);

#endif
