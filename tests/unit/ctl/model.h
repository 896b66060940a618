// A packet as a struct of its header fields, for tests that change packets without bytes: what is
// on the wire, whether a switch sees it or not.
#ifndef TESTS_UNIT_CTL_MODEL_H
#define TESTS_UNIT_CTL_MODEL_H

#include "flowtable/key.h"

#include <stdio.h>

#define MODEL_TAGS_MAX 8
#define MODEL_LSES_MAX 8

#define ETH_IPV4  0x0800
#define ETH_ARP	  0x0806
#define ETH_RARP  0x8035
#define ETH_IPV6  0x86dd
#define ETH_MPLS  0x8847
#define ETH_MPLSM 0x8848

struct model_tag {
	uint16_t tpid;
	uint16_t tci; // without VLAN_CFI
};

// All in host order. What a packet does not have is zero, so that packets compare as bytes.
struct model {
	struct eth_addr eth_src, eth_dst;
	uint8_t n_tags, n_lses;
	uint16_t eth_type;		       // behind the tags
	struct model_tag tags[MODEL_TAGS_MAX]; // the outermost first, as all stacks here
	uint32_t lses[MODEL_LSES_MAX];
	uint16_t
	    payload_type; // what stands behind tags and labels; eth_type when there are no labels
	uint8_t nw_proto, nw_tos, nw_ttl, nw_frag;
	uint16_t tp_src, tp_dst, tcp_flags; // ICMP: type, code
	uint16_t arp_op;
	uint32_t ip_src, ip_dst; // or ARP's
	uint32_t ipv6_label;
	struct in6 ipv6_src, ipv6_dst, nd_target;
	struct eth_addr sha, tha; // or ND's options
	bool has_sll, has_tll;
};

// What is there, of the payload's headers.
enum model_part {
	MODEL_IPV4 = 1 << 0,
	MODEL_IPV6 = 1 << 1,
	MODEL_ARP = 1 << 2,
	MODEL_TCP = 1 << 3,
	MODEL_UDP = 1 << 4,
	MODEL_SCTP = 1 << 5,
	MODEL_ICMP = 1 << 6,
	MODEL_ICMP6 = 1 << 7,
	MODEL_ND = 1 << 8,
};
#define MODEL_IP (MODEL_IPV4 | MODEL_IPV6)
#define MODEL_L4 (MODEL_TCP | MODEL_UDP | MODEL_SCTP)

// Parts of the payload, whether labels stand before it or not.
unsigned model_payload_parts(const struct model *m);
// The same when the EtherType says what the payload is; 0 otherwise.
unsigned model_parts(const struct model *m);
bool model_is_mpls(const struct model *m);
bool model_equal(const struct model *a, const struct model *b);
// Zeroes what a packet of this kind does not have.
void model_settle(struct model *m);
// The key that swd extracts, of line 1 and 2; in_port and recirc_id are zero.
void model_key(const struct model *m, struct flow_key *key);
// The same for one who sees behind any number of tags.
void model_key_deep(const struct model *m, struct flow_key *key);

// Stacks. Pushing onto a full one or popping from an empty one is the caller's mistake.
void model_push_tag(struct model *m, uint16_t tpid, uint16_t tci);
void model_pop_tag(struct model *m);
void model_push_lse(struct model *m, uint16_t eth_type, uint32_t lse);
void model_pop_lse(struct model *m, uint16_t eth_type);

void model_print(FILE *out, const struct model *m);

#endif
