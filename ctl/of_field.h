// The fields of the match language, one row each: name, place in the key, form, prerequisites.
#ifndef CTL_OF_FIELD_H
#define CTL_OF_FIELD_H

#include "ctl/of_error.h"
#include "flowtable/key.h"

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
};

// What kinds of packet a match is limited to, as bits; also what a field needs, where any one of
// its bits is enough.
enum of_kind {
	OF_KIND_IPV4 = 1 << 0,
	OF_KIND_IPV6 = 1 << 1,
	OF_KIND_ARP = 1 << 2,
	OF_KIND_TCP = 1 << 3, // over IPv4 or IPv6, as UDP and SCTP
	OF_KIND_UDP = 1 << 4,
	OF_KIND_SCTP = 1 << 5,
	OF_KIND_ICMP = 1 << 6,
	OF_KIND_ICMP6 = 1 << 7,
	OF_KIND_NS = 1 << 8, // neighbour solicitation, advertisement
	OF_KIND_NA = 1 << 9,
};
#define OF_KIND_IP (OF_KIND_IPV4 | OF_KIND_IPV6)
#define OF_KIND_L4 (OF_KIND_TCP | OF_KIND_UDP | OF_KIND_SCTP)
#define OF_KIND_ND (OF_KIND_NS | OF_KIND_NA)

struct of_field {
	const char *name;
	const char *alias; // or NULL
	enum of_format format;
	uint16_t offset; // into struct flow_key
	uint8_t size;	 // bytes
	bool maskable;
	// Numbers only:
	uint8_t shift;
	uint32_t max;	   // of the value as written
	uint32_t full;	   // bits, after the shift, that an exact match covers
	uint32_t presence; // bits that a match on the field also sets
	uint16_t needs;	   // enum of_kind bits; 0: nothing
};

// A word that limits a match to a protocol, like "tcp6".
struct of_protocol {
	const char *word;
	uint16_t eth_type;
	uint8_t nw_proto; // 0: any
};

extern const struct of_field of_fields[];
extern const unsigned of_n_fields;
extern const struct of_protocol of_protocols[];
extern const unsigned of_n_protocols;

const struct of_field *of_field_find(const char *name, size_t len);
const struct of_protocol *of_protocol_find(const char *word, size_t len);
// Whether it is a field of ovs-ofctl's that this switch does not have yet.
bool of_field_is_foreign(const char *name, size_t len);
void of_field_guess(struct of_guess *guess);

// The mask of an exact match, in the key's byte order, `size` bytes.
void of_field_full_mask(const struct of_field *field, uint8_t *mask);
// A number between its place in the key (network order) and a C variable.
uint32_t of_field_load(const struct of_field *field, const void *key);
void of_field_store(const struct of_field *field, uint32_t value, uint8_t *bytes);

uint16_t of_match_kinds(const struct flow_match *match);
// "tcp, udp or sctp" for a set of kinds.
void of_kinds_text(uint16_t kinds, char *text, size_t room);

#endif
