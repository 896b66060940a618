// Datapath actions: what a megaflow does with a packet. Built from OVS_ACTION_ATTR_* by
// ctl/dp_actions, checked there once and trusted by the PMD that runs them.
#ifndef FLOWTABLE_ACTION_H
#define FLOWTABLE_ACTION_H

#include "flowtable/key.h"

#define ACTIONS_MAX	  256 // per flow
#define ACTION_COOKIE_MAX 64  // bytes of OVS_USERSPACE_ATTR_USERDATA

enum action_type {
	ACTION_OUTPUT,	  // u.port
	ACTION_PUSH_VLAN, // u.vlan
	ACTION_POP_VLAN,
	ACTION_SET_ETH,	  // u.eth
	ACTION_SET_IPV4,  // u.ipv4
	ACTION_SET_IPV6,  // u.ipv6
	ACTION_SET_PORTS, // u.ports: TCP, UDP or SCTP, as the packet is
	ACTION_TRUNC,	  // u.max_len: applies to the next output
	ACTION_RECIRC,	  // u.recirc_id
	ACTION_USERSPACE, // u.userspace

	ACTION_PUSH_MPLS,  // u.push_mpls: behind Ethernet header and VLAN tags
	ACTION_POP_MPLS,   // u.eth_type_be: the type that the packet has then
	ACTION_SET_MPLS,   // u.mpls: the outermost label stack entry
	ACTION_SET_ARP,	   // u.arp
	ACTION_SET_ND,	   // u.nd
	ACTION_SET_ND_EXT, // u.nd_ext
	ACTION_SET_ICMP,   // u.icmp: ICMP or ICMPv6
	// Count down what a router does; the packet ends where nothing is left (DROP_TTL_EXCEEDED).
	ACTION_DEC_TTL,	     // IPv4's TTL, IPv6's hop limit; does nothing to other packets
	ACTION_DEC_MPLS_TTL, // that of the outermost label stack entry
	ACTION_METER,	     // u.meter_id: may drop the packet, or change its DSCP
	N_ACTION_TYPES,
};

// Sets are masked: new = (old & ~mask) | value, where value has no bit outside mask.
struct action_set_eth {
	struct eth_addr src, dst, src_mask, dst_mask;
};

struct action_set_ipv4 {
	uint32_t src_be, dst_be, src_mask_be, dst_mask_be;
	uint8_t tos, ttl, tos_mask, ttl_mask;
};

struct action_set_ipv6 {
	struct in6 src, dst, src_mask, dst_mask;
	uint32_t label_be, label_mask_be;
	uint8_t tclass, hlimit, tclass_mask, hlimit_mask;
};

struct action_set_ports {
	uint16_t src_be, dst_be, src_mask_be, dst_mask_be;
	uint8_t proto; // IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP: does nothing to other packets
};

struct action_push_mpls {
	uint32_t lse_be;      // whole, with bottom of stack as it should be
	uint16_t eth_type_be; // 0x8847 or 0x8848
};

struct action_set_mpls {
	uint32_t lse_be, mask_be;
};

struct action_set_arp {
	uint32_t sip_be, tip_be, sip_mask_be, tip_mask_be;
	uint16_t op_be, op_mask_be;
	struct eth_addr sha, tha, sha_mask, tha_mask;
};

// Neighbour solicitations and advertisements. Link-layer addresses are set where the packet has
// their option.
struct action_set_nd {
	struct in6 target, target_mask;
	struct eth_addr sll, tll, sll_mask, tll_mask;
};

// What an advertisement has and a solicitation has not: flags, and the other kind of address. The
// type of the first option is set where that is a link-layer address.
struct action_set_nd_ext {
	uint32_t reserved_be, reserved_mask_be; // R, S and O are the uppermost bits
	uint8_t option_type, option_type_mask;
};

struct action_set_icmp {
	uint8_t type, code, type_mask, code_mask;
	bool is_v6; // does nothing to packets of the other protocol
};

struct action_userspace {
	uint32_t pid;			   // passed through; a connection is the receiver here
	uint8_t cookie_len;		   // bytes
	uint8_t cookie[ACTION_COOKIE_MAX]; // OVS_USERSPACE_ATTR_USERDATA
};

struct action {
	enum action_type type;
	union {
		uint32_t port;
		struct vlan_tag vlan; // tci_be has VLAN_CFI
		struct action_set_eth eth;
		struct action_set_ipv4 ipv4;
		struct action_set_ipv6 ipv6;
		struct action_set_ports ports;
		uint32_t max_len; // bytes, at least 14
		uint32_t recirc_id;
		uint32_t meter_id;
		struct action_userspace userspace;
		struct action_push_mpls push_mpls;
		uint16_t eth_type_be;
		struct action_set_mpls mpls;
		struct action_set_arp arp;
		struct action_set_nd nd;
		struct action_set_nd_ext nd_ext;
		struct action_set_icmp icmp;
	} u;
};

// A list of actions; an empty list drops the packet.
struct flow_actions {
	uint16_t n;
	struct action list[];
};

#endif
