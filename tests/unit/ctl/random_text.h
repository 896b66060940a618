// Inside random_rules: text under way, and pieces of it.
#ifndef TESTS_UNIT_CTL_RANDOM_TEXT_H
#define TESTS_UNIT_CTL_RANDOM_TEXT_H

#include "tests/unit/ctl/random_rules.h"

#include "ctl/of_field.h"

struct text {
	char *at;
	size_t room;
};

#define OF_KIND_MAYBE_VLAN (1 << 15)

// What is known where an action is to stand.
struct place {
	const struct random_rules *rules;
	unsigned table;	    // of the rule; n_tables in a bucket
	unsigned max_group; // ids up to this may be used
	uint16_t kinds;	    // enum of_kind, of the match and the actions so far
	unsigned n_tags;    // that the packet has at least
	unsigned n_pushed;  // onto the stack, not popped yet
	unsigned n_resubmits;
	unsigned depth; // of clones
};

void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Values, of pools that packets have too; those of matches and "masked" ones now and then with a
// mask.
void put_mac(struct text *t, struct eth_addr a);
void put_ipv4(struct text *t, uint32_t ip);
void put_ipv6(struct text *t, struct in6 ip);
void put_mac_match(struct text *t);
void put_ipv4_match(struct text *t);
void put_ipv6_match(struct text *t);
void put_tp_match(struct text *t);
void put_port_match(struct text *t);
void put_vid_match(struct text *t);
void put_pcp_match(struct text *t);
void put_tci_match(struct text *t);
void put_vlan_vid_match(struct text *t);
void put_tos_match(struct text *t);
void put_dscp_match(struct text *t);
void put_ecn_match(struct text *t);
void put_ttl_match(struct text *t);
void put_frag_match(struct text *t);
void put_flags_match(struct text *t);
void put_small_match(struct text *t);
void put_masked_match(struct text *t);
void put_type6_match(struct text *t);
void put_label_match(struct text *t);
void put_bit_match(struct text *t);
void put_mac_value(struct text *t);
void put_ipv4_value(struct text *t);
void put_ipv4_masked(struct text *t);
void put_ipv6_value(struct text *t);
void put_tp_value(struct text *t);
void put_vlan_vid_value(struct text *t);
void put_ttl_value(struct text *t);
void put_port_value(struct text *t);
void put_op_value(struct text *t);

// "name=value", limited to a protocol now and then, each with a comma behind it; returns the kinds
// that the match is limited to.
uint16_t put_match(struct text *t);
// A match on addresses and ports, as access lists have it.
void put_prefixes(struct text *t);
uint16_t put_mpls(struct text *t); // a match on just that
// "set_field:...", "load:..." or "move:..." of what packets of these kinds have.
void put_set(struct text *t, uint16_t kinds);
// "field[a..b]" of at most max_bits; returns how many there are. 0: nothing fits.
unsigned put_subfield(struct text *t, uint16_t kinds, unsigned max_bits, bool is_dst);
// A subfield that all packets have, of exactly n_bits.
void put_register(struct text *t, unsigned n_bits);
void put_learn(struct text *t, const struct place *p);

// An action list, and one that an action set may hold.
void put_actions(struct text *t, struct place *p);
void put_action_set(struct text *t, struct place *p);

#endif
