// Hashes by which a packet's way is chosen. They are the same in each process and on each machine:
// a connection keeps its way when swctld restarts. So they are no defence against who chooses his
// headers to meet one bucket; tables' hashes are keyed instead (flowtable/key.h).
#include "ctl/swctld/xlate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

// MurmurHash3's steps for one word (Appleby, public domain).
uint32_t xlate_hash_u32(uint32_t value, uint32_t basis)
{
	value *= 0xcc9e2d51;
	value = value << 15 | value >> 17;
	value *= 0x1b873593;
	basis ^= value;
	basis = basis << 13 | basis >> 19;
	basis = basis * 5 + 0xe6546b64;
	basis ^= basis >> 16;
	basis *= 0x85ebca6b;
	basis ^= basis >> 13;
	basis *= 0xc2b2ae35;
	return basis ^ basis >> 16;
}

static uint32_t hash_value(of_value value, uint32_t basis)
{
	for (unsigned i = 0; i < 4; i++, value >>= 32)
		basis = xlate_hash_u32((uint32_t)value, basis);
	return basis;
}

static of_value read_whole(struct xlate *x, enum of_field_id id)
{
	struct of_subfield whole = of_field_whole(id);
	return xlate_get(x, &whole);
}

static uint32_t hash_field(struct xlate *x, enum of_field_id id, uint32_t basis)
{
	return hash_value(read_whole(x, id), basis);
}

// The same for both directions.
static uint32_t hash_pair(struct xlate *x, enum of_field_id src, enum of_field_id dst,
			  uint32_t basis)
{
	return hash_value(read_whole(x, src) ^ read_whole(x, dst), basis);
}

static bool is_ipv6(const struct xlate *x)
{
	return of_key_kinds(&x->now.key) & OF_KIND_IPV6;
}

static bool is_ip(struct xlate *x)
{
	if (x->now.unparsed)
		xlate_freeze(x);
	return !x->now.unparsed && (of_key_kinds(&x->now.key) & OF_KIND_IP);
}

static uint32_t hash_addresses(struct xlate *x, uint32_t basis)
{
	return is_ipv6(x) ? hash_pair(x, OF_F_IPV6_SRC, OF_F_IPV6_DST, basis)
			  : hash_pair(x, OF_F_NW_SRC, OF_F_NW_DST, basis);
}

static uint32_t hash_ports(struct xlate *x, bool with_udp, uint32_t basis)
{
	// Reads whether there are any.
	if (!xlate_has_field(x, &of_fields[OF_F_TP_SRC]))
		return basis;
	if (x->now.key.pkt.nw_proto == IPPROTO_UDP && !with_udp)
		return basis;
	return hash_pair(x, OF_F_TP_SRC, OF_F_TP_DST, basis);
}

static uint32_t hash_l3l4(struct xlate *x, bool with_ports, bool with_udp, uint32_t basis)
{
	if (!is_ip(x))
		return basis;
	basis = hash_addresses(x, basis);
	if (!with_ports)
		return basis;
	basis = hash_field(x, OF_F_NW_PROTO, basis);
	return hash_ports(x, with_udp, basis);
}

static uint32_t hash_l2(struct xlate *x, uint32_t basis)
{
	basis = hash_pair(x, OF_F_DL_SRC, OF_F_DL_DST, basis);
	basis = hash_field(x, OF_F_DL_TYPE, basis);
	return xlate_hash_u32(xlate_vlan_vid(x), basis);
}

static uint32_t hash_one_address(struct xlate *x, enum of_field_id v4, enum of_field_id v6,
				 uint32_t basis)
{
	if (!is_ip(x))
		return basis;
	return hash_field(x, is_ipv6(x) ? v6 : v4, basis);
}

uint32_t xlate_hash_fields(struct xlate *x, enum of_hash_fields fields, uint32_t basis)
{
	switch (fields) {
	case OF_HASH_ETH_SRC:
		return hash_field(x, OF_F_DL_SRC, basis);
	case OF_HASH_SYMMETRIC_L4:
		return hash_l3l4(x, true, false, hash_l2(x, basis));
	case OF_HASH_SYMMETRIC_L3L4:
		return hash_l3l4(x, true, false, basis);
	case OF_HASH_SYMMETRIC_L3L4_UDP:
		return hash_l3l4(x, true, true, basis);
	case OF_HASH_SYMMETRIC_L3:
		return hash_l3l4(x, false, false, basis);
	case OF_HASH_NW_SRC:
		return hash_one_address(x, OF_F_NW_SRC, OF_F_IPV6_SRC, basis);
	case OF_HASH_NW_DST:
		return hash_one_address(x, OF_F_NW_DST, OF_F_IPV6_DST, basis);
	}
	return basis;
}

uint32_t xlate_hash_masked(struct xlate *x, const struct of_key *fields, uint32_t basis)
{
	for (unsigned id = 0; id < OF_N_FIELDS; id++) {
		struct of_subfield whole = of_field_whole(id);
		of_value bits = of_subfield_get(&whole, fields);
		struct of_key asked;
		if (!bits || !xlate_has_field(x, &of_fields[id]))
			continue;
		memset(&asked, 0, sizeof(asked));
		of_subfield_set(&whole, &asked, bits);
		xlate_read(x, &asked);
		basis = hash_value(of_subfield_get(&whole, &x->now.key) & bits, basis);
	}
	return basis;
}
