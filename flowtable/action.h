// Datapath actions: what a megaflow does with a packet. Built from OVS_ACTION_ATTR_* by
// ctl/dp_actions, checked there once and trusted by the PMD that runs them.
//
// A list is one array without pointers, however deep it nests: behind an action stand its n_more
// entries, the actions nested in it or its data. So a list is copied, compared and freed as a
// whole, and who walks one goes on by action_entries().
#ifndef FLOWTABLE_ACTION_H
#define FLOWTABLE_ACTION_H

#include "flowtable/key.h"

#define ACTIONS_MAX	      256 // entries of a flow's list, nested ones included
#define ACTIONS_DEPTH_MAX     16  // lists within lists: 1 for a list with none inside
#define ACTION_COOKIE_MAX     64  // bytes of OVS_USERSPACE_ATTR_USERDATA; OVS 3.1 has 48
#define ACTION_TUNNEL_HDR_MAX 512 // bytes of a TUNNEL_PUSH's headers
#define ACTION_CT_TIMEOUT_MAX 32  // bytes of a timeout policy's name, its end included
#define RECIRC_DEPTH_MAX      8	  // times that one packet may be recirculated

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

	// Lists within the list: they have the packet, or a copy of it where the list goes on.
	ACTION_CLONE,	      // all n_more entries are its list
	ACTION_SAMPLE,	      // the same; u.probability
	ACTION_CHECK_PKT_LEN, // u.check_pkt_len: the first n_greater entries are one list, the
			      // others the other
	ACTION_HASH,	 // u.hash: sets the dp_hash that the packet is recirculated with
	ACTION_DROP,	 // u.drop_code: ends the list, and the packet
	ACTION_ADD_MPLS, // u.push_mpls: before the Ethernet header
	ACTION_PUSH_ETH, // u.push_eth: onto a packet that has none
	ACTION_POP_ETH,
	ACTION_SET_MARK,     // u.meta: the packet's skb_mark (pkt_mark)
	ACTION_SET_PRIORITY, // u.meta: its skb_priority
	ACTION_SET_TUNNEL,   // u.tunnel: its tunnel key, whole; options stand in its n_more entries

	// All packets of a batch at once (datapath/execute.h says how they are run).
	ACTION_CT, // u.ct
	ACTION_CT_CLEAR,
	ACTION_TUNNEL_PUSH, // u.tunnel_push; its n_more entries are the headers
	ACTION_TUNNEL_POP,  // u.port: the tunnel's, where it comes in then
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
	uint32_t egress_port;		   // with wants_tunnel
	bool wants_tunnel;		   // OVS_USERSPACE_ATTR_EGRESS_TUN_PORT
	bool wants_actions;		   // OVS_USERSPACE_ATTR_ACTIONS: not answered
	uint8_t cookie_len;		   // bytes
	uint8_t cookie[ACTION_COOKIE_MAX]; // OVS_USERSPACE_ATTR_USERDATA
};

struct action_check_pkt_len {
	uint16_t pkt_len;   // bytes, without FCS
	uint16_t n_greater; // entries of the list for longer packets
};

enum action_hash_alg {
	ACTION_HASH_L4,	    // addresses, protocol, ports
	ACTION_HASH_SYM_L4, // the same for both directions of a connection
	N_ACTION_HASH_ALGS,
};

struct action_hash {
	uint32_t alg; // enum action_hash_alg
	uint32_t basis;
};

struct action_push_eth {
	struct eth_addr src, dst;
};

// new = (old & ~mask) | value, as in sets.
struct action_set_meta {
	uint32_t value, mask;
};

enum action_ct_flags {
	ACTION_CT_COMMIT = 1 << 0,
	ACTION_CT_FORCE = 1 << 1, // with COMMIT: a connection of the other direction makes room
	ACTION_CT_NAT = 1 << 2,	  // u.ct.nat counts
	ACTION_CT_EVENTMASK = 1 << 3,
};

enum action_ct_helper {
	ACTION_CT_HELPER_NONE,
	ACTION_CT_HELPER_FTP,
	ACTION_CT_HELPER_TFTP,
	N_ACTION_CT_HELPERS,
};

enum action_nat_flags {		 // none of SRC, DST: as the connection is translated already
	ACTION_NAT_SRC = 1 << 0, // never with DST, and only with COMMIT
	ACTION_NAT_DST = 1 << 1,
	ACTION_NAT_IPV4 = 1 << 2,  // the addresses count; IPv4 ones are the first 4 bytes
	ACTION_NAT_IPV6 = 1 << 3,  // never with IPV4
	ACTION_NAT_PORTS = 1 << 4, // the ports count
	ACTION_NAT_PERSISTENT = 1 << 5,
	ACTION_NAT_HASH = 1 << 6,
	ACTION_NAT_RANDOM = 1 << 7, // never with HASH
};

// Each range from min to max, both within; min is at most max.
struct action_nat {
	struct in6 addr_min, addr_max;
	uint16_t port_min, port_max; // host order
	uint8_t flags;		     // enum action_nat_flags
};

// Connection tracking. What a mask leaves out of mark and label stays as the connection has it.
struct action_ct {
	uint16_t zone;
	uint8_t flags;	// enum action_ct_flags
	uint8_t helper; // enum action_ct_helper
	uint32_t mark, mark_mask;
	uint8_t label[16], label_mask[16]; // as flow_ct.label
	uint32_t eventmask;		   // bits of IPCT_*
	struct action_nat nat;
	char timeout[ACTION_CT_TIMEOUT_MAX]; // the policy's name, padded with zeros; "": none
};

// Headers, ready but for lengths, checksums and the source port of UDP, onto the packet, which goes
// on in the list then. They stand at action_tunnel_header().
struct action_tunnel_push {
	uint32_t tnl_port;   // the tunnel's
	uint32_t out_port;   // where the list sends it, most likely
	uint32_t tnl_type;   // OVS_VPORT_TYPE_*
	uint32_t header_len; // bytes, 14 to ACTION_TUNNEL_HDR_MAX; what is behind them is zero
};

struct action {
	enum action_type type;
	uint32_t n_more; // entries behind it that are its own
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
		uint32_t probability; // of UINT32_MAX; 0: never, UINT32_MAX: always
		struct action_check_pkt_len check_pkt_len;
		struct action_hash hash;
		uint32_t drop_code; // Open vSwitch's enum xlate_error; 0: the flow says so
		struct action_push_eth push_eth;
		struct action_set_meta meta;
		struct flow_tunnel tunnel;
		struct action_ct ct;
		struct action_tunnel_push tunnel_push;
	} u;
};

// How many entries of a list an action takes.
static inline uint32_t action_entries(const struct action *action)
{
	return 1 + action->n_more;
}

// The headers of a TUNNEL_PUSH: header_len bytes, in the entries behind it.
static inline const uint8_t *action_tunnel_header(const struct action_tunnel_push *push)
{
	return (const uint8_t *)push + sizeof(struct action) - offsetof(struct action, u);
}

// The options of a SET_TUNNEL: u.tunnel.opts_len bytes, in the entry behind it.
static inline const uint8_t *action_tunnel_opts(const struct action *action)
{
	return (const uint8_t *)(action + 1);
}

static_assert(FLOW_TUN_OPTS_MAX <= sizeof(struct action), "options are one entry");

// A list of actions; an empty list drops the packet.
struct flow_actions {
	uint16_t n;
	struct action list[];
};

#endif
