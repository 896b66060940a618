// Inside the reference interpreter: its state, and what its files do for each other.
#ifndef TESTS_UNIT_CTL_REFERENCE_STATE_H
#define TESTS_UNIT_CTL_REFERENCE_STATE_H

#include "tests/unit/ctl/reference.h"

// What a group bucket or clone works on a copy of.
struct ref_packet {
	struct model m;
	uint32_t in_port;
	uint64_t metadata_be;
	uint32_t reg_be[OF_N_REGS];
	// The packet came with more tags than a key holds: what is behind is hidden.
	bool is_blind;
	uint16_t blind_type;		     // EtherType as seen then
	unsigned own_tags;		     // of those that it came with, not popped
	unsigned own_lses;		     // likewise
	uint16_t type_below[MODEL_LSES_MAX]; // EtherTypes before labels were pushed
	// Popping has brought out what the key did not hold.
	bool murky_tags, murky_l3;
	bool is_reseen; // the key was taken anew, from a packet that a label was popped from
};

struct ref {
	const struct ref_switch *sw;
	struct ref_result *result;
	struct ref_choices *choices;
	struct ref_packet p;
	unsigned n_stack;
	of_value stack[REF_STACK_MAX];
	unsigned n_set;
	const struct of_action *set[REF_SET_MAX];
	unsigned depth, resubmits;
	uint8_t table; // of the rule whose actions run
	bool exited;
	unsigned copies;	// that this is inside of: of buckets and clones
	uint16_t copy_pop_type; // of the last pop_mpls in a copy
};

void ref_unclear(struct ref *r, const char *why);
bool ref_stopped(const struct ref *r);
void ref_run_action(struct ref *r, const struct of_action *a);
void ref_run_records(struct ref *r, const void *records, size_t n_bytes);
void ref_run_list(struct ref *r, const struct of_actions *list);
// Decides among n > 0.
unsigned ref_choose(struct ref *r, unsigned n);

void ref_output(struct ref *r, uint32_t port, uint32_t max_len);
const struct ref_port *ref_port_find(const struct ref *r, uint32_t no);

// Fields.
bool ref_sees_l3(const struct ref *r); // and not only what popping has left in the dark
void ref_view(const struct ref *r, struct of_key *key); // what a table matches on
bool ref_has(struct ref *r, uint8_t field);
of_value ref_read(struct ref *r, const struct of_subfield *sf);
void ref_write(struct ref *r, const struct of_subfield *sf, of_value value, of_value mask);

// Tags, labels, TTLs.
void ref_mod_vlan_vid(struct ref *r, const struct of_action *a);
void ref_mod_vlan_pcp(struct ref *r, const struct of_action *a);
void ref_strip_vlan(struct ref *r, const struct of_action *a);
void ref_push_vlan(struct ref *r, const struct of_action *a);
void ref_push_mpls(struct ref *r, const struct of_action *a);
void ref_pop_mpls(struct ref *r, const struct of_action *a);
void ref_dec_mpls_ttl(struct ref *r, const struct of_action *a);
void ref_dec_ttl(struct ref *r, const struct of_action *a);

// Groups and the action set.
void ref_group(struct ref *r, const struct of_action *a);
// Runs n actions as the specification orders those of an action set.
void ref_run_as_set(struct ref *r, const struct of_action *const *set, unsigned n);

void ref_learn(struct ref *r, const struct of_action *a);

#endif
