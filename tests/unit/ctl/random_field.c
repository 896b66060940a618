// What writes fields.
#include "tests/unit/ctl/random_text.h"

#include "tests/unit/ctl/prng.h"

#define WHOLE 1 // only as a whole, by set_field
#define READ  2 // not written
#define PARTS 4 // not by set_field

static const struct {
	const char *name;
	void (*put)(struct text *t); // a value
	uint16_t needs;
	uint8_t n_bits;
	uint8_t flags;
} fields[] = {
    {"eth_src", put_mac_match, 0, 48, 0},
    {"eth_dst", put_mac_value, 0, 48, 0},
    {"in_port", put_port_value, 0, 16, 0},
    {"reg0", put_small_match, 0, 32, 0},
    {"reg0", put_small_match, 0, 32, 0},
    {"reg1", put_masked_match, 0, 32, 0},
    {"reg2", put_small_match, 0, 32, 0},
    {"reg3", put_small_match, 0, 32, 0},
    {"xreg1", put_small_match, 0, 64, 0},
    {"xxreg0", put_small_match, 0, 128, 0},
    {"metadata", put_masked_match, 0, 64, 0},
    {"vlan_tci", NULL, 0, 16, PARTS},
    {"vlan_vid", put_vlan_vid_value, OF_KIND_VLAN, 12, WHOLE},
    {"vlan_pcp", put_pcp_match, OF_KIND_VLAN, 3, 0},
    {"ip_src", put_ipv4_value, OF_KIND_IPV4, 32, 0},
    {"ip_dst", put_ipv4_masked, OF_KIND_IPV4, 32, 0},
    {"ip_dscp", put_dscp_match, OF_KIND_IP, 6, 0},
    {"nw_ecn", put_ecn_match, OF_KIND_IP, 2, 0},
    {"nw_ttl", put_ttl_value, OF_KIND_IP, 8, 0},
    {"nw_proto", put_ttl_value, OF_KIND_IP, 8, READ},
    {"tcp_src", put_tp_value, OF_KIND_TCP, 16, 0},
    {"tcp_dst", put_tp_match, OF_KIND_TCP, 16, 0},
    {"udp_src", put_tp_match, OF_KIND_UDP, 16, 0},
    {"udp_dst", put_tp_value, OF_KIND_UDP, 16, 0},
    {"sctp_src", put_tp_value, OF_KIND_SCTP, 16, 0},
    {"sctp_dst", put_tp_value, OF_KIND_SCTP, 16, 0},
    {"tcp_flags", put_ttl_value, OF_KIND_TCP, 12, READ},
    {"icmp_type", put_small_match, OF_KIND_ICMP, 8, 0},
    {"icmp_code", put_small_match, OF_KIND_ICMP, 8, 0},
    {"icmpv6_type", put_type6_match, OF_KIND_ICMP6, 8, 0},
    {"icmpv6_code", put_small_match, OF_KIND_ICMP6, 8, 0},
    {"arp_op", put_op_value, OF_KIND_ARP, 16, WHOLE},
    {"arp_spa", put_ipv4_value, OF_KIND_ARP, 32, 0},
    {"arp_tpa", put_ipv4_masked, OF_KIND_ARP, 32, 0},
    {"arp_sha", put_mac_value, OF_KIND_ARP, 48, 0},
    {"arp_tha", put_mac_match, OF_KIND_ARP, 48, 0},
    {"ipv6_src", put_ipv6_value, OF_KIND_IPV6, 128, 0},
    {"ipv6_dst", put_ipv6_match, OF_KIND_IPV6, 128, 0},
    {"ipv6_label", put_small_match, OF_KIND_IPV6, 20, 0},
    {"nd_target", put_ipv6_value, OF_KIND_ND, 128, 0},
    {"nd_sll", put_mac_match, OF_KIND_NS, 48, 0},
    {"nd_tll", put_mac_value, OF_KIND_NA, 48, 0},
    {"mpls_label", put_label_match, OF_KIND_MPLS, 20, 0},
    {"mpls_tc", put_pcp_match, OF_KIND_MPLS, 3, 0},
    {"mpls_ttl", put_ttl_value, OF_KIND_MPLS, 8, 0},
};

// One that packets of these kinds have; those that only they have, more often.
static unsigned pick_field(uint16_t kinds, bool is_dst, uint8_t without)
{
	for (unsigned tries = 0;; tries++) {
		unsigned i = pick(sizeof(fields) / sizeof(fields[0]));

		if ((fields[i].flags & without) || (is_dst && fields[i].flags & READ))
			continue;
		if (fields[i].needs & kinds || (!fields[i].needs && (kinds == 0 || tries > 6)))
			return i;
	}
}

unsigned put_subfield(struct text *t, uint16_t kinds, unsigned max_bits, bool is_dst)
{
	unsigned i = pick_field(kinds, is_dst, WHOLE);
	unsigned bits = fields[i].n_bits < max_bits ? fields[i].n_bits : max_bits;
	unsigned ofs;

	if (one_in(2))
		bits = 1 + pick(bits);
	ofs = pick(fields[i].n_bits - bits + 1);
	put(t, "%s[%u..%u]", fields[i].name, ofs, ofs + bits - 1);
	return bits;
}

void put_register(struct text *t, unsigned n_bits)
{
	static const struct {
		const char *name;
		unsigned n_bits;
	} registers[] = {
	    {"reg0", 32}, {"reg1", 32}, {"metadata", 64}, {"xxreg1", 128}, {"xreg1", 64}};
	unsigned i, ofs;

	do
		i = pick(5);
	while (registers[i].n_bits < n_bits);
	ofs = one_in(2) ? 0 : pick(registers[i].n_bits - n_bits + 1);
	put(t, "%s[%u..%u]", registers[i].name, ofs, ofs + n_bits - 1);
}

static void put_load(struct text *t, uint16_t kinds)
{
	unsigned i = pick_field(kinds, true, WHOLE);
	unsigned bits = fields[i].n_bits < 16 ? fields[i].n_bits : 16;
	unsigned ofs;

	bits = 1 + pick(bits);
	ofs = pick(fields[i].n_bits - bits + 1);
	put(t, "load:%#x->%s[%u..%u]", pick(1u << bits), fields[i].name, ofs, ofs + bits - 1);
}

// From a register to a field or the other way, or from field to field of the same length.
static void put_move(struct text *t, uint16_t kinds)
{
	unsigned i = pick_field(kinds, false, WHOLE), n_bits = fields[i].n_bits;
	unsigned bits = one_in(2) ? n_bits : 1 + pick(n_bits);
	unsigned ofs = pick(n_bits - bits + 1);
	bool to_register = one_in(2) || fields[i].flags & READ;

	put(t, "move:");
	if (!to_register) {
		put_register(t, bits);
		put(t, "->");
	}
	put(t, "%s[%u..%u]", fields[i].name, ofs, ofs + bits - 1);
	if (to_register) {
		put(t, "->");
		put_register(t, bits);
	}
}

void put_set(struct text *t, uint16_t kinds)
{
	unsigned how = pick(8);

	if (how < 2) {
		put_load(t, kinds);
	} else if (how < 4) {
		put_move(t, kinds);
	} else {
		unsigned i = pick_field(kinds, true, PARTS);

		put(t, "set_field:");
		fields[i].put(t);
		put(t, "->%s", fields[i].name);
	}
}
