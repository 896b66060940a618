// The flow key: what a packet is classified by, in two cache lines and four cold ones.
//
// Line 1 holds all that an L2 or IPv4 flow needs; line 2 (IPv6, ND and ARP hardware addresses) is
// read only for flows whose mask reaches into it. The cold lines hold what only tunnels, conntrack
// and marks give to a packet, between recirculations: a packet's key says in `cold` which of them
// it has; the others were never written, and count as zeros. Everything else that is a struct
// flow_key (masks, the keys of matches) is whole and has `cold` 0.
//
// A mask has the same layout as a key: a set bit is a bit that matters. Field conventions are Open
// vSwitch's:
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
#include <string.h>

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
// In nw_frag, too, for want of room elsewhere: the packet has no Ethernet header. Only packets that
// were recirculated may lack one.
#define NW_NO_ETH 0x80

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

#define FLOW_TUN_OPTS_MAX 124 // bytes of tunnel options in a key

// flow_key.cold: which cold lines are there.
#define FLOW_COLD_CT   0x01 // line 3: `ct`, pkt_mark
#define FLOW_COLD_TUN  0x02 // line 4: `tun`
#define FLOW_COLD_OPTS 0x04 // lines 5 and 6: skb_priority, tun_opts
#define FLOW_COLD_ALL  (FLOW_COLD_CT | FLOW_COLD_TUN | FLOW_COLD_OPTS)

// A connection: what conntrack knows of it besides state, zone and mark. The tuple is that of its
// first packet before NAT; addresses of the other family are zero.
struct flow_ct {
	uint8_t label[16]; // ct_label: an integer of 128 bits, little-endian, as on netlink
	struct in6 ipv6_src;
	struct in6 ipv6_dst;
	uint32_t nw_src_be;
	uint32_t nw_dst_be;
	uint16_t tp_src_be; // port, or ICMP type
	uint16_t tp_dst_be; // port, or ICMP code
};

// flow_tunnel.flags, as Open vSwitch's FLOW_TNL_F_*.
#define TUN_F_DF   0x01 // the outer IPv4 header has, or is to have, "don't fragment"
#define TUN_F_CSUM 0x02 // the outer header has, or is to have, a checksum
#define TUN_F_KEY  0x04 // id_be is there
#define TUN_F_OAM  0x08 // Geneve's "control packet"

// The tunnel that a packet came through, or that it is to be sent through. There is one when any
// destination is set.
struct flow_tunnel {
	uint64_t id_be; // VNI or key
	uint32_t src_be;
	uint32_t dst_be;
	struct in6 ipv6_src;
	struct in6 ipv6_dst;
	uint16_t tp_src_be;
	uint16_t tp_dst_be;
	uint16_t gbp_id_be; // VXLAN group based policy
	uint8_t gbp_flags;
	uint8_t flags; // TUN_F_*
	uint8_t tos;
	uint8_t ttl;
	uint8_t opts_len;  // bytes of tun_opts that are there: Geneve's TLVs as in the frame
	uint8_t unused[5]; // zero
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
	uint16_t ct_zone;      // from here to the line's end: meta.h
	uint8_t cold;	       // FLOW_COLD_*; of a packet's key only
	uint8_t ct_nw_proto;   // of `ct`; 0: no tuple
	uint32_t ct_mark;
	uint32_t ct_state; // CT_STATE_*
	uint32_t dp_hash;
	// Line 2.
	struct in6 ipv6_src;
	struct in6 ipv6_dst;
	struct in6 nd_target;
	struct eth_addr arp_sha; // ARP sender, or ND source link-layer option
	struct eth_addr arp_tha; // ARP target, or ND target link-layer option
	uint32_t ipv6_label_be;	 // 20 bits
	// Line 3, cold.
	struct flow_ct ct;
	uint32_t pkt_mark;
	// Line 4, cold.
	struct flow_tunnel tun;
	// Lines 5 and 6, cold.
	uint32_t skb_priority;
	uint8_t tun_opts[FLOW_TUN_OPTS_MAX]; // zeros behind tun.opts_len
} __attribute__((aligned(64)));

// ct_state, as OVS_CS_F_* of <linux/openvswitch.h>.
#define CT_STATE_NEW	     0x01
#define CT_STATE_ESTABLISHED 0x02
#define CT_STATE_RELATED     0x04
#define CT_STATE_REPLY	     0x08
#define CT_STATE_INVALID     0x10
#define CT_STATE_TRACKED     0x20
#define CT_STATE_SRC_NAT     0x40
#define CT_STATE_DST_NAT     0x80

#define FLOW_KEY_LINE	   64 // bytes of a line
#define FLOW_KEY_WORDS	   (sizeof(struct flow_key) / sizeof(uint64_t))
#define FLOW_KEY_HOT_BYTES offsetof(struct flow_key, ct) // lines 1 and 2

static_assert(sizeof(struct flow_key) == 6 * FLOW_KEY_LINE, "two lines, and four cold ones");
static_assert(FLOW_KEY_HOT_BYTES == 2 * FLOW_KEY_LINE, "line 3 starts with ct");
static_assert(offsetof(struct flow_key, tun) == 3 * FLOW_KEY_LINE, "line 4 is the tunnel");
static_assert(offsetof(struct flow_key, skb_priority) == 4 * FLOW_KEY_LINE, "then options");
static_assert(offsetof(struct flow_key, ipv6_src) == FLOW_KEY_LINE, "line 2 starts with IPv6");
static_assert(sizeof(((struct flow_key *)0)->mpls_lse_be) == 2 * sizeof(uint32_t),
	      "labels in the place of two addresses");

static inline bool eth_type_is_mpls(uint16_t type) // host order
{
	return type == 0x8847 || type == 0x8848;
}

static inline bool flow_tunnel_is_set(const struct flow_tunnel *tun)
{
	static const struct in6 none;

	return tun->dst_be != 0 || memcmp(&tun->ipv6_dst, &none, sizeof(none)) != 0;
}

// A key and the bits of it that matter.
struct flow_match {
	struct flow_key key; // bits outside the mask are zero
	struct flow_key mask;
};

// Of whole keys and masks.

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

// The lines behind line 1 that a mask has bits in: FLOW_COLD_*, and this one.
#define FLOW_USES_LINE2 0x80
uint8_t flow_mask_uses(const struct flow_key *mask);

// A packet's key as a whole one: cold lines that it does not have are zeros.
void flow_key_whole(struct flow_key *dst, const struct flow_key *key);

// Hash of the whole key, and of key & mask. The second equals the first of the masked key. Keyed
// by a secret that is drawn when the process starts: it means nothing to another process.
uint32_t flow_key_hash(const struct flow_key *key, uint32_t basis);
uint32_t flow_key_hash_masked(const struct flow_key *key, const struct flow_key *mask,
			      uint32_t basis);

#endif
