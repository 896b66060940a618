// Inside translation: the packet as the actions have changed it so far (`now`), and as it stands on
// the wire (`wire`). Changes are written when an output needs them, as masked sets, so that what no
// output sees costs nothing. What is read of the packet goes into the megaflow's mask where it is
// read; a bit that translation itself has written asks nothing of the packet.
#ifndef CTL_SWCTLD_XLATE_H
#define CTL_SWCTLD_XLATE_H

#include "ctl/swctld/translate.h"

#define XLATE_PUSHED_MAX     4	 // tags, and labels
#define XLATE_STACK_MAX	     64	 // values that push: keeps
#define XLATE_ACTION_SET_MAX 256 // records

// VLAN tags, relative to those that the packet came with.
struct xlate_vlans {
	uint8_t n_popped; // of its own tags
	uint8_t n_pushed;
	struct vlan_tag pushed[XLATE_PUSHED_MAX]; // the outermost stands last
};

// MPLS label stack entries likewise.
struct xlate_lses {
	uint8_t n_popped;
	uint8_t n_pushed;
	uint16_t base_type_be; // EtherType below what was pushed
	uint16_t pushed_type_be[XLATE_PUSHED_MAX];
	uint32_t pushed_be[XLATE_PUSHED_MAX];
};

// Fields of a packet with the bits that translation has written in them.
struct xlate_fields {
	struct flow_key key;
	struct flow_key written;
};

struct xlate_state {
	struct of_key key;     // what tables match on
	struct of_key written; // bits of key that are not the packet's own
	struct xlate_vlans vlans;
	struct xlate_lses lses;
	struct xlate_fields below; // labels that were pushed: the fields from L3 on
	uint8_t n_ttl_decs;	   // by the datapath, while the TTL is not written
	uint8_t n_mpls_ttl_decs;
	bool unparsed; // the last label was popped: what stands behind is not known
};

// `fields` are those below pushed labels; their key is valid where written.
struct xlate_wire {
	struct xlate_fields fields;
	struct xlate_vlans vlans;
	struct xlate_lses lses;
};

struct xlate {
	const struct xlate_ctx *ctx;
	const struct flow_key *orig; // as the packet came
	struct flow_key *mask;	     // of the megaflow
	struct xlate_result *result;
	struct xlate_state now;
	struct xlate_wire wire;
	struct action spill; // where actions go that do not fit
	uint8_t table;	     // that the rule being run is in
	uint16_t depth;
	uint16_t n_resubmits;
	uint16_t n_watched;  // buckets of groups that others watch
	uint16_t n_nested;   // tables, clones and buckets around this, for who is told
	uint16_t n_copies;   // clones and buckets that this is inside of
	bool edited;	     // some field of the packet was written
	bool exits;	     // no more records are run, but of the action set
	bool dead;	     // the packet, or this copy of it, has ended
	bool freezing;	     // the packet is to come round again before it goes on
	bool freezes_record; // from the record that is being run on
	char *parts;	     // records to go on with then
	size_t n_part_bytes;
	uint16_t n_set, n_stack;
	// As many as n_set and n_stack say; these stand last, and are not zeroed for each packet.
	const struct of_action *action_set[XLATE_ACTION_SET_MAX];
	of_value stack[XLATE_STACK_MAX];
};

// Ends all: the packet is dropped.
void xlate_fail(struct xlate *x, enum xlate_end end);
static inline bool xlate_goes_on(const struct xlate *x)
{
	return !x->exits && !x->dead && !x->freezing && x->result->end == XLATE_OK;
}

// The packet's bits that these are now go into the mask.
void xlate_read(struct xlate *x, const struct of_key *bits);
// The same for fields below pushed labels, whatever is written there.
void xlate_read_below(struct xlate *x, const struct flow_key *bits);
// Whether the packet has the field now.
bool xlate_has_field(struct xlate *x, const struct of_field *field);
of_value xlate_get(struct xlate *x, const struct of_subfield *sf);
// Sets those of the low bits of value that are in mask; nothing when the packet does not have the
// field.
void xlate_set(struct xlate *x, const struct of_subfield *sf, of_value value, of_value mask);
void xlate_dec_ttl(struct xlate *x);
void xlate_dec_mpls_ttl(struct xlate *x);

// Tells who traces, if somebody does; fmt has one %u.
void xlate_note(struct xlate *x, const char *fmt, uint32_t number);
// Outputs the packet as it is now, unless the port is gone. max_len 0: whole.
void xlate_output(struct xlate *x, uint32_t port, uint32_t max_len);
struct action *xlate_emit(struct xlate *x, enum action_type type);
// Makes the wire what the packet is now.
void xlate_commit(struct xlate *x);
void xlate_commit_vlans(struct xlate *x);
// Labels, and the fields below them.
void xlate_commit_labels(struct xlate *x);
// The fields below pushed labels that differ on the wire; whether there are any; and writing them.
bool xlate_fields_differ(struct xlate *x, struct flow_key *need);
void xlate_commit_fields(struct xlate *x, const struct flow_key *need);
const struct xlate_port *xlate_port_find(const struct xlate_ctx *ctx, uint32_t no);
static inline bool xlate_port_is_up(const struct xlate_ctx *ctx, uint32_t no)
{
	const struct xlate_port *port = xlate_port_find(ctx, no);
	return port && port->up;
}

// The outermost tag.
bool xlate_vlan_present(struct xlate *x);
uint16_t xlate_vlan_vid(struct xlate *x); // 0 when there is none
void xlate_vlan_pop(struct xlate *x);	  // nothing when there is none
void xlate_vlan_push(struct xlate *x, uint16_t tpid_be, uint16_t tci);
// New bits of the TCI; adds a tag when there is none.
void xlate_vlan_modify(struct xlate *x, uint16_t tci, uint16_t tci_mask);
// Writes the whole TCI: without VLAN_CFI it takes the tag off.
void xlate_vlan_write(struct xlate *x, uint16_t tci, uint16_t tci_mask);
void xlate_vlans_restore(struct xlate *x, const struct xlate_vlans *vlans);

void xlate_mpls_push(struct xlate *x, uint16_t eth_type_be);
void xlate_mpls_pop(struct xlate *x, uint16_t eth_type_be);
bool xlate_is_mpls(const struct flow_key *key);
// New bits of the outermost entry; there is one.
void xlate_mpls_modify(struct xlate *x, uint32_t lse, uint32_t mask);

// Records of one list, one after the other. *goto_table is the table that a goto_table names.
void xlate_run(struct xlate *x, const void *records, size_t n_bytes, int *goto_table);
// Runs the rule that the packet meets in a table, and where that one sends it.
void xlate_table(struct xlate *x, uint8_t table, uint32_t in_port);
bool xlate_may_nest(struct xlate *x); // fails when that is too deep, or too often
// A list run on a copy of the packet: what it does to fields stays in it.
void xlate_copy_run(struct xlate *x, const void *records, size_t n_bytes);

// OpenFlow 1.3.5, 5.10: keeps what write_actions names, and runs it at the end.
void xlate_action_set_add(struct xlate *x, const void *records, size_t n_bytes);
void xlate_action_set_run(struct xlate *x);
// A bucket's list is such a set.
void xlate_as_action_set(struct xlate *x, const void *records, size_t n_bytes);

// The record being run needs headers that the key does not have: it is run again when the packet
// has come round.
void xlate_freeze(struct xlate *x);
// Records that are to follow then.
void xlate_freeze_records(struct xlate *x, const void *records, size_t n_bytes);
// If it is to be frozen: sends the packet round. Whether it is.
bool xlate_freeze_end(struct xlate *x, bool with_set);
// Sends a copy round behind `ct`, which goes on in the table.
void xlate_fork(struct xlate *x, uint8_t table, const struct action_ct *ct);
// Goes on with a packet that has come round. Whether its action set is to be run at the end.
bool xlate_thaw(struct xlate *x, uint32_t number);

void xlate_ct(struct xlate *x, const struct of_act_ct *ct);
void xlate_ct_clear(struct xlate *x);
void xlate_group(struct xlate *x, uint32_t id);
void xlate_multipath(struct xlate *x, const struct of_act_multipath *mp);
void xlate_bundle(struct xlate *x, const struct of_act_bundle *bundle);
// Hashes the fields, which go into the mask. The same in each process: choices outlive it.
uint32_t xlate_hash_fields(struct xlate *x, enum of_hash_fields fields, uint32_t basis);
uint32_t xlate_hash_masked(struct xlate *x, const struct of_key *fields, uint32_t basis);
uint32_t xlate_hash_u32(uint32_t value, uint32_t basis);
void xlate_learn(struct xlate *x, const struct of_act_learn *learn);

struct eth_addr xlate_eth_src(struct xlate *x);
struct eth_addr xlate_eth_dst(struct xlate *x);

// The NORMAL action: a learning, VLAN-aware bridge (IEEE 802.1Q).
void xlate_normal(struct xlate *x);

// Always-needed bits, before the walk; and after it, no bits of headers that the packet does not
// have.
void xlate_mask_init(struct flow_key *mask, const struct flow_key *key);
void xlate_mask_finish(struct flow_key *mask, const struct flow_key *key);

#endif
