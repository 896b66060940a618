// The fields of a flow key as rows, one an attribute: what dp_key.c writes by and dp_key_parse.c
// reads by.
#ifndef CTL_DP_KEY_ROWS_H
#define CTL_DP_KEY_ROWS_H

#include "ctl/dp_key.h"

#include <linux/openvswitch.h>

union dp_key_wire {
	uint8_t bytes[64];
	uint32_t u32;
	uint16_t u16;
	struct ovs_key_ethernet eth;
	struct ovs_key_ipv4 ipv4;
	struct ovs_key_ipv6 ipv6;
	struct ovs_key_tcp tp; // UDP's and SCTP's have the same form
	struct ovs_key_icmp icmp;
	struct ovs_key_arp arp;
	struct ovs_key_nd nd;
	struct ovs_key_mpls mpls[FLOW_MPLS_LABELS];
	struct ovs_key_ct_tuple_ipv4 ct_ipv4;
	struct ovs_key_ct_tuple_ipv6 ct_ipv6;
};

struct dp_key_row {
	uint16_t type;
	uint16_t len;  // bytes of payload; of an array, at most
	bool meta;     // stands at the top, never in ENCAP
	bool optional; // a key may lack it even where its headers have it
	const char *name;
	// From and to a key, or with is_mask a mask. get returns NULL, or what is wrong with the
	// value.
	void (*put)(const struct flow_key *key, bool is_mask, union dp_key_wire *wire);
	const char *(*get)(const union dp_key_wire *wire, bool is_mask, struct flow_key *key);
	// 0, or the payload is an array of elements of so many bytes, len in all at most: elements
	// that are missing at its end are zero.
	uint16_t element;
	// Of few packets: what is zero is left out, and means zero.
	bool rare;
	// In place of put and get, for what is nested; len is 0.
	bool (*put_nest)(struct nlmsghdr *nlh, size_t room, const struct flow_key *key,
			 const struct flow_key *mask);
	int (*get_nest)(const struct nlattr *attr, bool is_mask, struct flow_key *key,
			struct dp_error *error);
};

extern const struct dp_key_row dp_key_rows[];
extern const unsigned dp_key_n_rows;

// Whether a key or mask has anything for `rare` rows.
bool dp_key_has_rare(const struct flow_key *key);

#define DP_KEY_BIT(type) (1ULL << (type))

// The attributes, as DP_KEY_BITs, that a packet of this key has, but those of VLAN tags.
uint64_t dp_key_present(const struct flow_key *key);
// Those of them that a mask lets bits be set in: the fields that decide presence must be exact.
uint64_t dp_key_maskable(const struct flow_key *key, const struct flow_key *mask);

#endif
