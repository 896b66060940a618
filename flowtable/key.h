// The flow key: what a packet is classified by, in two cache lines.
//
// Line 1 holds all that an L2 or IPv4 flow needs; line 2 (IPv6, ND and ARP hardware addresses) is
// read only for flows whose mask reaches into it. A mask has the same layout as a key: a set bit is
// a bit that matters. Field conventions are Open vSwitch's:
//   - a VLAN tag is present when VLAN_CFI is set in its TCI; vlan[0] is the outermost; eth_type is
//   the type behind
//     the tags that the key holds;
//   - frames in 802.3 (LLC) format have eth_type ETH_TYPE_NONE unless a SNAP header gives one;
//   - ICMP type and code stand in tp_src and tp_dst; ARP's opcode in nw_proto, its protocol
//   addresses in ip_src/ip_dst;
//   - a later fragment has no transport fields; a truncated header leaves its fields zero;
//   - an MPLS packet (EtherType 0x8847, 0x8848) has its outermost label stack entries, up to the
//   bottom of the stack or FLOW_MPLS_LABELS, in the place of the IPv4 addresses, and nothing of
//   what the labels carry: nobody says what that is before the last label is popped.
#ifndef FLOWTABLE_KEY_H
#define FLOWTABLE_KEY_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VLAN_CFI       0x1000 // host order; in a TCI: "a tag is present"
#define VLAN_VID_MASK  0x0fff
#define VLAN_PCP_SHIFT 13
#define ETH_TYPE_NONE  0x05ff // host order; OVS's FLOW_DL_TYPE_NONE

#define FLOW_MPLS_LABELS 2 // label stack entries in a key

// A label stack entry (RFC 3032, section 2.1), host order.
#define MPLS_LABEL_SHIFT 12
#define MPLS_TC_SHIFT	 9
#define MPLS_TC_MASK	 0x00000e00u
#define MPLS_BOS	 0x00000100u // bottom of stack
#define MPLS_TTL_MASK	 0x000000ffu

// nw_frag bits, as Open vSwitch's FLOW_NW_FRAG_*.
#define NW_FRAG_ANY   0x01 // any fragment
#define NW_FRAG_LATER 0x02 // not the first one

struct eth_addr {
	uint8_t b[6];
};

struct in6 {
	uint8_t b[16];
};

struct vlan_tag {
	uint16_t tpid_be; // 0x8100, 0x88a8 or 0x9100; 0 when absent
	uint16_t tci_be;  // with VLAN_CFI when present
};

struct flow_key {
	// Line 1.
	uint32_t in_port;   // datapath port number
	uint32_t recirc_id; // 0 outside recirculation
	struct eth_addr eth_dst;
	struct eth_addr eth_src;
	struct vlan_tag vlan[2];
	union {
		struct {
			uint32_t ip_src_be; // IPv4 source, or ARP sender protocol address
			uint32_t ip_dst_be; // IPv4 destination, or ARP target protocol address
		};
		uint32_t mpls_lse_be[FLOW_MPLS_LABELS]; // outermost first; 0: none
	};
	uint16_t eth_type_be;
	uint8_t nw_proto; // IP protocol, or ARP opcode (0 when above 255)
	uint8_t nw_tos;	  // DSCP and ECN
	uint8_t nw_ttl;
	uint8_t nw_frag;       // NW_FRAG_*
	uint16_t tp_src_be;    // port, or ICMP type
	uint16_t tp_dst_be;    // port, or ICMP code
	uint16_t tcp_flags_be; // 12 bits
	uint16_t ct_zone;
	uint32_t ct_mark;
	uint32_t ct_state;
	uint32_t dp_hash;
	// Line 2.
	struct in6 ipv6_src;
	struct in6 ipv6_dst;
	struct in6 nd_target;
	struct eth_addr arp_sha; // ARP sender, or ND source link-layer option
	struct eth_addr arp_tha; // ARP target, or ND target link-layer option
	uint32_t ipv6_label_be;	 // 20 bits
} __attribute__((aligned(64)));

#define FLOW_KEY_LINE  64 // bytes of a line
#define FLOW_KEY_WORDS (sizeof(struct flow_key) / sizeof(uint64_t))

static_assert(sizeof(struct flow_key) == 128, "the key is two cache lines");
static_assert(offsetof(struct flow_key, ipv6_src) == FLOW_KEY_LINE, "line 2 starts with IPv6");
static_assert(sizeof(((struct flow_key *)0)->mpls_lse_be) == 2 * sizeof(uint32_t),
	      "labels in the place of two addresses");

static inline bool eth_type_is_mpls(uint16_t type) // host order
{
	return type == 0x8847 || type == 0x8848;
}

// A key and the bits of it that matter.
struct flow_match {
	struct flow_key key; // bits outside the mask are zero
	struct flow_key mask;
};

// dst = key & mask. dst may be key.
void flow_key_mask(struct flow_key *dst, const struct flow_key *key, const struct flow_key *mask);

// Whether a and b agree in all bits of mask.
bool flow_key_equal_masked(const struct flow_key *a, const struct flow_key *b,
			   const struct flow_key *mask);

bool flow_key_equal(const struct flow_key *a, const struct flow_key *b);

// acc |= mask.
void flow_mask_merge(struct flow_key *acc, const struct flow_key *mask);

// Whether every bit of `inner` is in `outer`.
bool flow_mask_covers(const struct flow_key *outer, const struct flow_key *inner);

// Whether a mask has bits in line 2.
bool flow_mask_uses_line2(const struct flow_key *mask);

// Hash of the whole key, and of key & mask. The second equals the first of the masked key. Keyed
// by a secret that is drawn when the process starts: it means nothing to another process.
uint32_t flow_key_hash(const struct flow_key *key, uint32_t basis);
uint32_t flow_key_hash_masked(const struct flow_key *key, const struct flow_key *mask,
			      uint32_t basis);

#endif
