// A rule's actions in ovs-ofctl's syntax ("mod_vlan_vid:10,resubmit(,5)"), and as records that
// translation walks.
//
// Records stand one behind the other in one piece of memory, each a multiple of 8 bytes long and so
// aligned; they hold no pointers, so that a list can be copied and compared as bytes.
#ifndef CTL_OF_ACTIONS_H
#define CTL_OF_ACTIONS_H

#include "ctl/of_field.h"
#include "ctl/of_match.h"

#define OF_ACTIONS_BYTES_MAX 65528 // a list's records
#define OF_TABLE_MAX	     254   // 0 to 254; 255: "all" in filters, "this one" in resubmit

enum of_action_type {
	OF_OUTPUT,     // struct of_act_output
	OF_OUTPUT_REG, // of_act_output_reg: "output:NXM_NX_REG0[0..15]"
	OF_NORMAL,     // struct of_action
	OF_FLOOD,      // all ports but the input port
	OF_ALL,	       // the same here
	OF_IN_PORT,
	OF_SET_FIELD,  // of_act_set: also mod_*, load, set_mpls_*, write_metadata
	OF_MOVE,       // of_act_move
	OF_STACK_PUSH, // of_act_stack: "push:NXM_NX_REG0[]"
	OF_STACK_POP,
	OF_MOD_VLAN_VID, // of_act_value: adds a tag when there is none, which set_field does not
	OF_MOD_VLAN_PCP,
	OF_STRIP_VLAN, // nothing when there is none
	OF_PUSH_VLAN,  // of_act_value: TPID
	OF_PUSH_MPLS,  // of_act_value: EtherType
	OF_POP_MPLS,   // of_act_value: EtherType behind it
	OF_DEC_MPLS_TTL,
	OF_DEC_TTL,
	OF_RESUBMIT,	  // of_act_resubmit: also goto_table
	OF_WRITE_ACTIONS, // of_act_nested
	OF_CLEAR_ACTIONS,
	OF_CLONE,     // of_act_nested
	OF_METER,     // of_act_value: meter
	OF_GROUP,     // of_act_value: group
	OF_MULTIPATH, // of_act_multipath
	OF_BUNDLE,    // of_act_bundle: also bundle_load
	OF_LEARN,     // of_act_learn
	OF_CT,	      // of_act_ct
	OF_CT_CLEAR,
	OF_EXIT,
	OF_NOTE, // of_act_note
	OF_N_ACTION_TYPES,
};

// How an action was written, where there is more than one way. Records that no text gave have 0:
// they are printed in the first way that can say it.
enum of_action_form {
	OF_FORM_PLAIN, // set_field, output:PORT, pop_vlan...
	OF_FORM_LOAD,  // load:5->NXM_NX_REG0[]
	OF_FORM_MOD,   // mod_dl_src, set_mpls_label, write_metadata: named after the field
	OF_FORM_STRIP, // strip_vlan, not pop_vlan
	OF_FORM_IDS,   // dec_ttl(1,2)
};

struct of_action {
	uint8_t type; // enum of_action_type
	uint8_t form; // enum of_action_form: the parser's and printer's
	uint16_t len; // bytes of the record, with this
};

struct of_act_output {
	struct of_action a;
	uint32_t port;
	uint32_t max_len; // bytes; 0: whole: "output(port=1,max_len=100)"
	uint32_t pad;
};

struct of_act_output_reg {
	struct of_action a;
	struct of_subfield src;
	uint8_t pad;
};

struct of_act_value {
	struct of_action a;
	uint32_t value;
};

// new = old & ~mask | value, in the bits of the field's value.
struct of_act_set {
	struct of_action a;
	uint8_t field; // enum of_field_id
	uint8_t pad[3];
	uint64_t value[2], mask[2]; // upper half first
};

struct of_act_move {
	struct of_action a;
	struct of_subfield src, dst; // of the same length
	uint8_t pad[6];
};

struct of_act_stack {
	struct of_action a;
	struct of_subfield sf;
	uint8_t pad;
};

struct of_act_resubmit {
	struct of_action a;
	uint32_t port; // that in_port is for the lookup; 0: as it is
	uint8_t table; // 255: the one that the rule is in
	bool is_goto;  // goes on there, instead of coming back
	uint8_t pad[6];
};

struct of_act_nested {
	struct of_action a;
	uint32_t n_bytes; // of the records that follow
};

enum of_hash_fields {
	OF_HASH_ETH_SRC,
	OF_HASH_SYMMETRIC_L4,
	OF_HASH_SYMMETRIC_L3L4,
	OF_HASH_SYMMETRIC_L3L4_UDP,
	OF_HASH_NW_SRC,
	OF_HASH_NW_DST,
	OF_HASH_SYMMETRIC_L3,
};

enum of_multipath_algorithm {
	OF_MP_MODULO_N,
	OF_MP_HASH_THRESHOLD,
	OF_MP_HRW,
	OF_MP_ITER_HASH,
};

struct of_act_multipath {
	struct of_action a;
	uint8_t fields, algorithm;
	uint16_t basis;
	uint32_t n_links; // at least 1
	uint32_t arg;
	struct of_subfield dst; // gets the link, from 0
	uint8_t pad[5];
};

enum of_bundle_algorithm { OF_BUNDLE_ACTIVE_BACKUP, OF_BUNDLE_HRW };

struct of_act_bundle {
	struct of_action a;
	uint8_t fields, algorithm;
	uint16_t basis;
	uint32_t n_members;
	struct of_subfield dst; // bundle_load's; n_bits 0: output
	uint8_t pad;
	uint32_t members[]; // ports
};

enum of_learn_flags {
	OF_LEARN_SEND_FLOW_REM = 1 << 0,
	OF_LEARN_DELETE_LEARNED = 1 << 1,
};

enum of_learn_kind {
	OF_LEARN_MATCH_FIELD, // dst matches src of the packet
	OF_LEARN_MATCH_VALUE, // dst matches the value
	OF_LEARN_LOAD_FIELD,  // the new rule loads src of the packet into dst
	OF_LEARN_LOAD_VALUE,
	OF_LEARN_OUTPUT, // the new rule outputs to src of the packet
};

struct of_learn_spec {
	uint8_t kind; // enum of_learn_kind
	struct of_subfield src, dst;
	uint8_t pad;
	uint64_t value[2]; // upper half first
};

struct of_act_learn {
	struct of_action a;
	uint8_t table, flags;
	uint16_t priority;
	uint64_t cookie;
	uint16_t idle_timeout_s, hard_timeout_s;
	uint32_t limit;		       // rules with this cookie in the table; 0: none
	struct of_subfield result_dst; // a bit: whether learned; n_bits 0: none
	uint8_t pad;
	uint32_t n_specs;
	struct of_learn_spec specs[];
};

enum of_ct_flags {
	OF_CT_COMMIT = 1 << 0,
	OF_CT_FORCE = 1 << 1, // the connection starts in this direction, whatever was there
	OF_CT_TABLE = 1 << 2, // a copy goes on in a table when it has been tracked
	OF_CT_NAT = 1 << 3,   // alone: as the connection was translated when it was committed
	OF_CT_NAT_SRC = 1 << 4,
	OF_CT_NAT_DST = 1 << 5,
	OF_CT_NAT_PERSISTENT = 1 << 6,
	OF_CT_NAT_HASH = 1 << 7,
	OF_CT_NAT_RANDOM = 1 << 8,
	OF_CT_NAT_RANGE = 1 << 9, // addresses, and maybe ports, are named
	OF_CT_NAT_IPV6 = 1 << 10, // they are IPv6's
};

enum of_ct_alg { OF_CT_NO_ALG, OF_CT_FTP, OF_CT_TFTP };

// ct(): tracks the packet's connection. What a commit writes into it (exec) stands behind, as
// OF_SET_FIELD and OF_MOVE.
struct of_act_ct {
	struct of_action a;
	uint32_t n_bytes; // of the records that follow
	uint16_t flags;	  // enum of_ct_flags
	uint8_t alg, table;
	uint16_t zone;
	uint16_t port_min, port_max; // of translation; 0: none is named
	struct of_subfield zone_src; // n_bits 0: zone
	uint8_t pad[3];
	struct in6 addr_min, addr_max; // IPv4 in the first 4 bytes
};

struct of_act_note {
	struct of_action a;
	uint32_t n_bytes;
	uint8_t bytes[];
};

// A list. malloc'd in one piece; free() ends it. NULL stands for the empty list (drop).
struct of_actions {
	uint32_t n_bytes; // of records
	uint32_t pad;
	uint64_t records[];
};

#define OF_ACTIONS_EACH(a, list) \
	for (const struct of_action *a = of_actions_first(list); a; a = of_actions_next(list, a))

static inline const struct of_action *of_records_at(const void *records, size_t n_bytes, size_t at)
{
	return at < n_bytes ? (const struct of_action *)((const char *)records + at) : NULL;
}

static inline const struct of_action *of_actions_first(const struct of_actions *list)
{
	return list ? of_records_at(list->records, list->n_bytes, 0) : NULL;
}

static inline const struct of_action *of_actions_next(const struct of_actions *list,
						      const struct of_action *a)
{
	size_t at = (size_t)((const char *)a - (const char *)list->records) + a->len;
	return of_records_at(list->records, list->n_bytes, at);
}

// Reads the text behind "actions=". 0 with *list (NULL: drop; the caller frees it), or -EINVAL with
// *error (columns counted from `line`). `match` (may be NULL) is checked: mod_tp_dst needs a match
// on tcp, udp or sctp, mod_nw_src one on ip. `table` is the rule's, which goto_table must be above.
int of_actions_parse(struct of_actions **list, const char *line, const char *text,
		     const struct of_match *match, uint8_t table, const struct of_ports *ports,
		     struct of_error *error);
// Records alone, as a bucket's or a nested list's; "drop" for none.
void of_actions_print(FILE *out, const struct of_actions *list, const struct of_ports *ports);
char *of_actions_format(const struct of_actions *list, const struct of_ports *ports); // malloc'd
bool of_actions_equal(const struct of_actions *a, const struct of_actions *b);
// Whether some record (also a nested one) outputs to the port.
bool of_actions_output_to(const struct of_actions *list, uint32_t port);
// Whether some (also a nested one) of this type, OF_GROUP or OF_METER, has this value; UINT32_MAX:
// any.
bool of_actions_use(const struct of_actions *list, enum of_action_type type, uint32_t value);
// Calls fn with each record of this type, also nested ones, until it returns false. Whether none
// did.
bool of_actions_each_of(const struct of_actions *list, enum of_action_type type,
			bool (*fn)(const struct of_action *action, void *arg), void *arg);
// Calls fn with each port number that a record (also a nested one) names, as often as it does.
void of_actions_each_port(const struct of_actions *list, void (*fn)(uint32_t port, void *arg),
			  void *arg);

#endif
