// The fields of the flow language, one row each: names, place in the key, form, prerequisites.
#ifndef CTL_OF_FIELD_H
#define CTL_OF_FIELD_H

#include "ctl/of_error.h"
#include "flowtable/of_key.h"

enum of_format {
	OF_FMT_DEC,
	OF_FMT_HEX,
	OF_FMT_VID, // decimal; 0xffff: no tag
	OF_FMT_MAC,
	OF_FMT_IPV4,
	OF_FMT_IPV6,
	OF_FMT_PORT, // of the switch
	OF_FMT_FRAG,
	OF_FMT_TCP_FLAGS,
	OF_FMT_CT_STATE,
	OF_FMT_TUN_FLAGS,
};

// What kinds of packet a match is limited to, as bits; also what a field needs, where any one of
// its bits is enough.
enum of_kind {
	OF_KIND_IPV4 = 1 << 0,
	OF_KIND_IPV6 = 1 << 1,
	OF_KIND_ARP = 1 << 2, // and RARP
	OF_KIND_TCP = 1 << 3, // over IPv4 or IPv6, as UDP and SCTP
	OF_KIND_UDP = 1 << 4,
	OF_KIND_SCTP = 1 << 5,
	OF_KIND_ICMP = 1 << 6,
	OF_KIND_ICMP6 = 1 << 7,
	OF_KIND_NS = 1 << 8, // neighbour solicitation, advertisement
	OF_KIND_NA = 1 << 9,
	OF_KIND_MPLS = 1 << 10,
	OF_KIND_VLAN = 1 << 11, // a tag is there
};
#define OF_KIND_IP (OF_KIND_IPV4 | OF_KIND_IPV6)
#define OF_KIND_L4 (OF_KIND_TCP | OF_KIND_UDP | OF_KIND_SCTP)
#define OF_KIND_ND (OF_KIND_NS | OF_KIND_NA)

// Rows of of_fields[], so that code can name one. (Complete: every field of the match language;
// several names of one place, like tcp_dst and tp_dst, are rows of their own where their
// prerequisites differ.)
enum of_field_id {
	OF_F_IN_PORT,
	OF_F_DL_VLAN,
	OF_F_DL_VLAN_PCP,
	OF_F_VLAN_VID,
	OF_F_VLAN_PCP,
	OF_F_VLAN_TCI,
	OF_F_DL_SRC,
	OF_F_DL_DST,
	OF_F_DL_TYPE,
	OF_F_NW_SRC,
	OF_F_NW_DST,
	OF_F_NW_PROTO,
	OF_F_NW_TOS,
	OF_F_IP_DSCP,
	OF_F_NW_ECN,
	OF_F_NW_TTL,
	OF_F_IP_FRAG,
	OF_F_TP_SRC,
	OF_F_TP_DST,
	OF_F_TCP_SRC,
	OF_F_TCP_DST,
	OF_F_UDP_SRC,
	OF_F_UDP_DST,
	OF_F_SCTP_SRC,
	OF_F_SCTP_DST,
	OF_F_TCP_FLAGS,
	OF_F_ICMP_TYPE,
	OF_F_ICMP_CODE,
	OF_F_ICMPV6_TYPE,
	OF_F_ICMPV6_CODE,
	OF_F_ARP_OP,
	OF_F_ARP_SPA,
	OF_F_ARP_TPA,
	OF_F_ARP_SHA,
	OF_F_ARP_THA,
	OF_F_IPV6_SRC,
	OF_F_IPV6_DST,
	OF_F_IPV6_LABEL,
	OF_F_ND_TARGET,
	OF_F_ND_SLL,
	OF_F_ND_TLL,
	OF_F_MPLS_LABEL,
	OF_F_MPLS_TC,
	OF_F_MPLS_BOS,
	OF_F_MPLS_TTL,
	OF_F_METADATA,
	OF_F_REG0,				  // reg1 to reg15 follow
	OF_F_XREG0 = OF_F_REG0 + OF_N_REGS,	  // 64 bits each, xreg1 to xreg7 follow
	OF_F_XXREG0 = OF_F_XREG0 + OF_N_REGS / 2, // 128 bits each, xxreg1 to xxreg3 follow
	OF_F_TUN_ID = OF_F_XXREG0 + OF_N_REGS / 4,
	OF_F_TUN_SRC,
	OF_F_TUN_DST,
	OF_F_TUN_IPV6_SRC,
	OF_F_TUN_IPV6_DST,
	OF_F_TUN_FLAGS,
	OF_F_TUN_GBP_ID,
	OF_F_TUN_GBP_FLAGS,
	OF_F_PKT_MARK,
	OF_F_CT_STATE,
	OF_F_CT_ZONE,
	OF_F_CT_MARK,
	OF_F_CT_LABEL,
	OF_F_CT_NW_SRC,
	OF_F_CT_NW_DST,
	OF_F_CT_IPV6_SRC,
	OF_F_CT_IPV6_DST,
	OF_F_CT_NW_PROTO,
	OF_F_CT_TP_SRC,
	OF_F_CT_TP_DST,
	OF_N_FIELDS,
};

struct of_field {
	const char *name;  // as set_field shows it
	const char *alias; // or NULL
	const char *nxm;   // "NXM_OF_IP_SRC", or NULL
	const char *oxm;   // "OXM_OF_IPV4_SRC", or NULL
	enum of_format format;
	uint16_t
	    offset;   // into struct of_key: `size` bytes there, in network byte order (but in_port)
	uint8_t size; // bytes
	uint8_t shift;	// bits of those below the field
	uint8_t n_bits; // of the field; more than the place has: those are zero
	bool maskable;
	bool writable;	   // by set_field, load, move, learn
	bool in_exec;	   // writable in ct(exec()), and only there
	bool native;	   // its place has this machine's byte order
	uint32_t max;	   // numbers: of the value as written
	uint32_t presence; // bits of the place that a match on the field, or a write, also sets
	// enum of_kind bits, 0: nothing. For a read or a write; a match of the flow language takes
	// a few kinds more (nw_src with arp).
	uint16_t needs;
};

// A word that limits a match to a protocol, like "tcp6".
struct of_protocol {
	const char *word;
	uint16_t eth_type;
	uint8_t nw_proto; // 0: any
};

extern const struct of_field of_fields[OF_N_FIELDS]; // by enum of_field_id
extern const struct of_protocol of_protocols[];
extern const unsigned of_n_protocols;

const struct of_field *of_field_find(const char *name, size_t len); // any of its names
const struct of_protocol *of_protocol_find(const char *word, size_t len);
static inline enum of_field_id of_field_id(const struct of_field *field)
{
	return (enum of_field_id)(field - of_fields);
}
// For a name that is no field's: "not built yet" for one of ovs-ofctl's that this switch does not
// have; otherwise 0 and *error as it was.
int of_field_check_foreign(const char *line, const char *name, size_t len, struct of_error *error);
void of_field_guess(struct of_guess *guess);

// Bits of a field's value, the least significant is bit 0.
typedef unsigned __int128 of_value;

// n_bits bits from bit `ofs` of a field: "NXM_NX_REG0[0..15]".
struct of_subfield {
	uint8_t field; // enum of_field_id
	uint8_t ofs;
	uint8_t n_bits;
};

of_value of_value_ones(unsigned n_bits);
// The bits of a field's value that there are: of nw_tos without the two of nw_ecn.
of_value of_field_bits(const struct of_field *field);
// The subfield's value in a key or its bits in a mask. in_port as a number of this machine.
of_value of_subfield_get(const struct of_subfield *sf, const struct of_key *key);
// Writes the low n_bits; other bits of the key stay, but for the field's presence. in_port's 16
// ones, which is no port, are written as 32: a mask's.
void of_subfield_set(const struct of_subfield *sf, struct of_key *key, of_value value);
static inline struct of_subfield of_field_whole(enum of_field_id id)
{
	return (struct of_subfield){(uint8_t)id, 0, of_fields[id].n_bits};
}

// "NXM_NX_REG0[0..15]", "reg0[3]", "reg0[]" or "reg0". 0, or -EINVAL with *error.
int of_subfield_parse(struct of_subfield *sf, const char *line, const char *text, size_t len,
		      struct of_error *error);
bool of_subfield_is_whole(const struct of_subfield *sf);

// What the match says of the kind of packet.
uint16_t of_match_kinds(const struct of_match *match);
// What kind of packet a key is, as far as it has the fields: fields that `needs` none of these
// bits, or has one of them, are there. A later fragment has no transport kind.
uint16_t of_key_kinds(const struct of_key *key);
// "tcp, udp or sctp" for a set of kinds.
void of_kinds_text(uint16_t kinds, char *text, size_t room);

#endif
