#include "ctl/of_field.h"
#include "ctl/of_match.h"
#include "ctl/of_print.h"
#include "ctl/of_value.h"

#include <arpa/inet.h>
#include <string.h>

// How a field is shown in a match; most as in set_field.
enum form {
	AS_FIELD,
	AS_PORT,  // decimal, or both in hexadecimal
	AS_LABEL, // "0x00abc"
	AS_TYPE,  // "0x88cc"
};

// What is printed, in the order of ovs-ofctl dump-flows. A row takes its bits away, so that a later
// row of the same place prints what is left of it.
static const struct print_row {
	const char *name;
	uint8_t field;
	uint8_t form;
	uint16_t kinds; // of match where it is shown; 0: any
} print_rows[] = {
    {"dl_src=", OF_F_DL_SRC, AS_FIELD, 0},
    {"dl_dst=", OF_F_DL_DST, AS_FIELD, 0},
    {"dl_type=", OF_F_DL_TYPE, AS_TYPE, 0},
    {"ipv6_src=", OF_F_IPV6_SRC, AS_FIELD, 0},
    {"ipv6_dst=", OF_F_IPV6_DST, AS_FIELD, 0},
    {"ipv6_label=", OF_F_IPV6_LABEL, AS_LABEL, 0},
    {"arp_spa=", OF_F_ARP_SPA, AS_FIELD, OF_KIND_ARP},
    {"arp_tpa=", OF_F_ARP_TPA, AS_FIELD, OF_KIND_ARP},
    {"nw_src=", OF_F_NW_SRC, AS_FIELD, OF_KIND_IP},
    {"nw_dst=", OF_F_NW_DST, AS_FIELD, OF_KIND_IP},
    {"arp_op=", OF_F_ARP_OP, AS_FIELD, OF_KIND_ARP},
    {"nw_proto=", OF_F_NW_PROTO, AS_FIELD, OF_KIND_IP},
    {"arp_sha=", OF_F_ARP_SHA, AS_FIELD, OF_KIND_ARP},
    {"arp_tha=", OF_F_ARP_THA, AS_FIELD, OF_KIND_ARP},
    {"nw_tos=", OF_F_NW_TOS, AS_FIELD, 0},
    {"nw_ecn=", OF_F_NW_ECN, AS_FIELD, 0},
    {"nw_ttl=", OF_F_NW_TTL, AS_FIELD, 0},
    {"mpls_label=", OF_F_MPLS_LABEL, AS_FIELD, OF_KIND_MPLS},
    {"mpls_tc=", OF_F_MPLS_TC, AS_FIELD, OF_KIND_MPLS},
    {"mpls_ttl=", OF_F_MPLS_TTL, AS_FIELD, OF_KIND_MPLS},
    {"mpls_bos=", OF_F_MPLS_BOS, AS_FIELD, OF_KIND_MPLS},
    {"nw_frag=", OF_F_IP_FRAG, AS_FIELD, 0},
    {"icmp_type=", OF_F_ICMP_TYPE, AS_FIELD, OF_KIND_ICMP | OF_KIND_ICMP6},
    {"icmp_code=", OF_F_ICMP_CODE, AS_FIELD, OF_KIND_ICMP | OF_KIND_ICMP6},
    {"tp_src=", OF_F_TP_SRC, AS_PORT, OF_KIND_L4},
    {"tp_dst=", OF_F_TP_DST, AS_PORT, OF_KIND_L4},
    {"nd_target=", OF_F_ND_TARGET, AS_FIELD, 0},
    {"nd_sll=", OF_F_ND_SLL, AS_FIELD, OF_KIND_ICMP6},
    {"nd_tll=", OF_F_ND_TLL, AS_FIELD, OF_KIND_ICMP6},
    {"tcp_flags=", OF_F_TCP_FLAGS, AS_FIELD, 0},
};

// Before the packet's own.
static const struct print_row meta_rows[] = {
    {"pkt_mark=", OF_F_PKT_MARK, AS_FIELD, 0},
    {"ct_state=", OF_F_CT_STATE, AS_FIELD, 0},
    {"ct_zone=", OF_F_CT_ZONE, AS_FIELD, 0},
    {"ct_mark=", OF_F_CT_MARK, AS_FIELD, 0},
    {"ct_label=", OF_F_CT_LABEL, AS_FIELD, 0},
    {"ct_nw_src=", OF_F_CT_NW_SRC, AS_FIELD, 0},
    {"ct_ipv6_src=", OF_F_CT_IPV6_SRC, AS_FIELD, 0},
    {"ct_nw_dst=", OF_F_CT_NW_DST, AS_FIELD, 0},
    {"ct_ipv6_dst=", OF_F_CT_IPV6_DST, AS_FIELD, 0},
    {"ct_nw_proto=", OF_F_CT_NW_PROTO, AS_FIELD, 0},
    {"ct_tp_src=", OF_F_CT_TP_SRC, AS_PORT, 0},
    {"ct_tp_dst=", OF_F_CT_TP_DST, AS_PORT, 0},
};
static const struct print_row tunnel_rows[] = {
    {"tun_id=", OF_F_TUN_ID, AS_FIELD, 0},
    {"tun_src=", OF_F_TUN_SRC, AS_FIELD, 0},
    {"tun_dst=", OF_F_TUN_DST, AS_FIELD, 0},
    {"tun_ipv6_src=", OF_F_TUN_IPV6_SRC, AS_FIELD, 0},
    {"tun_ipv6_dst=", OF_F_TUN_IPV6_DST, AS_FIELD, 0},
    {"tun_gbp_id=", OF_F_TUN_GBP_ID, AS_FIELD, 0},
    {"tun_gbp_flags=", OF_F_TUN_GBP_FLAGS, AS_FIELD, 0},
    {"tun_flags=", OF_F_TUN_FLAGS, AS_FIELD, 0},
};

struct printer {
	struct of_out *out;
	const struct of_match *match;
	const struct of_ports *ports;
	uint16_t kinds;
	bool shows_type, shows_proto; // in a protocol's word
};

static void print_masked_hex(struct of_out *out, of_value value, of_value mask, bool whole)
{
	of_out_0x(out, value);
	if (!whole) {
		of_out_char(out, '/');
		of_out_0x(out, mask);
	}
}

// "tcp6" says EtherType and protocol in a word.
static void print_protocol(struct printer *p)
{
	const struct flow_key *key = &p->match->key.pkt, *mask = &p->match->mask.pkt;
	const struct of_protocol *best = NULL;
	if (mask->eth_type_be != UINT16_MAX || key->eth_type_be == 0)
		return;
	for (unsigned i = 0; i < of_n_protocols; i++) {
		const struct of_protocol *q = &of_protocols[i];
		if (htons(q->eth_type) != key->eth_type_be)
			continue;
		if (!best && !q->nw_proto)
			best = q;
		if (q->nw_proto && mask->nw_proto == UINT8_MAX && key->nw_proto == q->nw_proto)
			best = q;
	}
	if (!best)
		return;
	of_out_text(p->out, best->word);
	of_out_char(p->out, ',');
	p->shows_type = true;
	p->shows_proto = best->nw_proto != 0;
}

static void print_registers(struct printer *p)
{
	for (unsigned i = 0; i < OF_N_REGS; i++) {
		uint32_t mask = ntohl(p->match->mask.reg_be[i]);
		if (!mask)
			continue;
		of_out_text(p->out, of_fields[OF_F_REG0 + i].name);
		of_out_char(p->out, '=');
		print_masked_hex(p->out, ntohl(p->match->key.reg_be[i]), mask, mask == UINT32_MAX);
		of_out_char(p->out, ',');
	}
	if (p->match->mask.metadata_be) {
		of_out_text(p->out, "metadata=");
		print_masked_hex(p->out, __builtin_bswap64(p->match->key.metadata_be),
				 __builtin_bswap64(p->match->mask.metadata_be),
				 p->match->mask.metadata_be == UINT64_MAX);
		of_out_char(p->out, ',');
	}
}

// A tag's parts can be written only when nothing but whole parts of a present tag is matched.
static bool vlan_has_parts(uint16_t tci, uint16_t mask)
{
	uint16_t vid = mask & VLAN_VID_MASK, pcp = mask >> VLAN_PCP_SHIFT;
	return (tci & mask & VLAN_CFI) && (vid == 0 || vid == VLAN_VID_MASK) &&
	       (pcp == 0 || pcp == 7) && (vid || pcp);
}

static void print_vlan(struct printer *p)
{
	uint16_t tci = ntohs(p->match->key.pkt.vlan[0].tci_be);
	uint16_t mask = ntohs(p->match->mask.pkt.vlan[0].tci_be);
	if (!mask)
		return;
	if (!vlan_has_parts(tci, mask)) {
		of_out_text(p->out, "vlan_tci=");
		of_out_hex_wide(p->out, tci, 4);
		if (mask != UINT16_MAX) {
			of_out_char(p->out, '/');
			of_out_hex_wide(p->out, mask, 4);
		}
		of_out_char(p->out, ',');
		return;
	}
	if (mask & VLAN_VID_MASK) {
		of_out_text(p->out, "dl_vlan=");
		of_out_dec(p->out, tci & VLAN_VID_MASK);
		of_out_char(p->out, ',');
	}
	if (mask >> VLAN_PCP_SHIFT) {
		of_out_text(p->out, "dl_vlan_pcp=");
		of_out_dec(p->out, tci >> VLAN_PCP_SHIFT);
		of_out_char(p->out, ',');
	}
}

static bool is_in_word(const struct printer *p, const struct print_row *row)
{
	return (row->field == OF_F_DL_TYPE && p->shows_type) ||
	       (row->field == OF_F_NW_PROTO && p->shows_proto);
}

// Whether the match has no bit of the field's place: so it is with most fields, quickly told.
static bool is_wild(const struct of_match *match, const struct of_field *field)
{
	static const uint8_t zeros[sizeof(of_value)];
	return memcmp((const uint8_t *)&match->mask + field->offset, zeros, field->size) == 0;
}

static void print_row(struct printer *p, const struct print_row *row)
{
	if (is_wild(p->match, &of_fields[row->field]))
		return;
	struct of_subfield sf = of_field_whole((enum of_field_id)row->field);
	of_value mask = of_subfield_get(&sf, &p->match->mask);
	if (!mask || (row->kinds && !(row->kinds & p->kinds)) || is_in_word(p, row))
		return;
	const struct of_field *f = &of_fields[row->field];
	of_value value = of_subfield_get(&sf, &p->match->key);
	bool whole = mask == of_field_bits(f);
	of_out_text(p->out, row->name);
	if (row->form == AS_TYPE || row->form == AS_LABEL) {
		unsigned n_digits = row->form == AS_TYPE ? 4 : 5;
		of_out_hex_wide(p->out, (uint64_t)value, n_digits);
		if (!whole) {
			of_out_char(p->out, '/');
			of_out_hex_wide(p->out, (uint64_t)mask, n_digits);
		}
	} else if (row->form == AS_PORT && !whole) {
		of_out_hex_wide(p->out, (uint64_t)value, 1);
		of_out_char(p->out, '/');
		of_out_hex_wide(p->out, (uint64_t)mask, 1);
	} else {
		of_value_print(p->out, f, value, mask, p->ports);
	}
	of_out_char(p->out, ',');
}

static void print_rows_of(struct printer *p, const struct print_row *row, unsigned n)
{
	for (; n > 0; n--)
		print_row(p, row++);
}

void of_out_match(struct of_out *out, const struct of_match *match, const struct of_ports *ports)
{
	struct printer p = {out, match, ports, of_match_kinds(match), false, false};
	size_t start = out->len;
	bool has_meta = match->mask.pkt.ct_zone || match->mask.pkt.ct_state ||
			match->mask.pkt.ct_mark || match->mask.pkt.ct_nw_proto ||
			(flow_mask_uses(&match->mask.pkt) & FLOW_COLD_ALL);
	if (has_meta)
		print_rows_of(&p, meta_rows, sizeof(meta_rows) / sizeof(meta_rows[0]));
	print_protocol(&p);
	print_registers(&p);
	if (has_meta)
		print_rows_of(&p, tunnel_rows, sizeof(tunnel_rows) / sizeof(tunnel_rows[0]));
	if (match->mask.pkt.in_port) {
		of_out_text(out, "in_port=");
		of_port_print(out, match->key.pkt.in_port, ports);
		of_out_char(out, ',');
	}
	print_vlan(&p);
	print_rows_of(&p, print_rows, sizeof(print_rows) / sizeof(print_rows[0]));
	if (out->len > start)
		of_out_chomp(out, ',');
}

void of_match_print(FILE *file, const struct of_match *match, const struct of_ports *ports)
{
	struct of_out out;
	of_out_init(&out);
	of_out_match(&out, match, ports);
	of_out_write(&out, file);
}

char *of_match_format(const struct of_match *match, const struct of_ports *ports)
{
	struct of_out out;
	of_out_init(&out);
	of_out_match(&out, match, ports);
	return of_out_take(&out);
}
