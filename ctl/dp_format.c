#include "ctl/dp_format_meta.h"
#include "ctl/dp_key_rows.h"
#include "ctl/dp_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void format_eth_type(struct dp_text *t, uint16_t type_be, uint16_t mask_be)
{
	if (mask_be == 0)
		return;
	dp_text_open(t, "eth_type");
	fprintf(t->out, "0x%04x", ntohs(type_be));
	if (mask_be != UINT16_MAX)
		fprintf(t->out, "/0x%04x", ntohs(mask_be));
	dp_text_close(t);
}

// Returns how many encap() are left open.
static unsigned format_vlans(struct dp_text *t, const struct flow_match *match)
{
	unsigned n_open = 0;
	for (unsigned i = 0; i < 2; i++) {
		const struct vlan_tag *tag = &match->key.vlan[i], *mask = &match->mask.vlan[i];
		if (dp_text_wild(mask, sizeof(*mask)))
			continue;
		format_eth_type(t, tag->tpid_be, tag->tpid_be != 0 ? mask->tpid_be : 0);
		dp_text_open(t, "vlan");
		if (tag->tci_be == 0 && ntohs(mask->tci_be) & VLAN_CFI)
			fputs("none", t->out);
		else
			dp_text_tag(t, tag, mask);
		dp_text_close(t);
		if (ntohs(tag->tci_be) & VLAN_CFI) {
			dp_text_open(t, "encap");
			n_open++;
		}
	}
	return n_open;
}

static void put_frag(struct dp_text *t, uint8_t frag, uint8_t mask)
{
	static const char *const names[] = {"no", "first", "?", "later"};
	mask &= NW_FRAG_ANY | NW_FRAG_LATER;
	if (mask == 0)
		return;
	dp_text_sep(t);
	if (mask == (NW_FRAG_ANY | NW_FRAG_LATER))
		fprintf(t->out, "frag=%s", names[frag & mask]);
	else if (mask == NW_FRAG_ANY)
		fprintf(t->out, "frag=%s", frag & NW_FRAG_ANY ? "yes" : "no");
	else
		fprintf(t->out, "frag=%s", frag & NW_FRAG_LATER ? "later" : "not_later");
}

static void format_ip_rest(struct dp_text *t, const struct flow_match *match, const char *tos,
			   const char *ttl)
{
	const struct flow_key *k = &match->key, *m = &match->mask;
	dp_text_dec(t, "proto", k->nw_proto, m->nw_proto, UINT8_MAX);
	dp_text_hex(t, tos, k->nw_tos, m->nw_tos, UINT8_MAX);
	dp_text_dec(t, ttl, k->nw_ttl, m->nw_ttl, UINT8_MAX);
	put_frag(t, k->nw_frag, m->nw_frag);
}

static void fields_ipv4(struct dp_text *t, const struct flow_match *match)
{
	dp_text_ipv4(t, "src", match->key.ip_src_be, match->mask.ip_src_be);
	dp_text_ipv4(t, "dst", match->key.ip_dst_be, match->mask.ip_dst_be);
	format_ip_rest(t, match, "tos", "ttl");
}

static void fields_ipv6(struct dp_text *t, const struct flow_match *match)
{
	dp_text_ipv6(t, "src", &match->key.ipv6_src, &match->mask.ipv6_src);
	dp_text_ipv6(t, "dst", &match->key.ipv6_dst, &match->mask.ipv6_dst);
	dp_text_hex(t, "label", ntohl(match->key.ipv6_label_be), ntohl(match->mask.ipv6_label_be),
		    0xfffff);
	format_ip_rest(t, match, "tclass", "hlimit");
}

static void fields_arp(struct dp_text *t, const struct flow_match *match)
{
	dp_text_ipv4(t, "sip", match->key.ip_src_be, match->mask.ip_src_be);
	dp_text_ipv4(t, "tip", match->key.ip_dst_be, match->mask.ip_dst_be);
	dp_text_dec(t, "op", match->key.nw_proto, match->mask.nw_proto, UINT8_MAX);
	dp_text_mac(t, "sha", &match->key.arp_sha, &match->mask.arp_sha);
	dp_text_mac(t, "tha", &match->key.arp_tha, &match->mask.arp_tha);
}

static void fields_tp(struct dp_text *t, const struct flow_match *match)
{
	dp_text_ports(t, match->key.tp_src_be, match->key.tp_dst_be, match->mask.tp_src_be,
		      match->mask.tp_dst_be);
}

static void fields_icmp(struct dp_text *t, const struct flow_match *match)
{
	uint16_t type = ntohs(match->mask.tp_src_be) & UINT8_MAX;
	uint16_t code = ntohs(match->mask.tp_dst_be) & UINT8_MAX;
	dp_text_dec(t, "type", ntohs(match->key.tp_src_be), type, UINT8_MAX);
	dp_text_dec(t, "code", ntohs(match->key.tp_dst_be), code, UINT8_MAX);
}

static void fields_tcp_flags(struct dp_text *t, const struct flow_match *match)
{
	uint16_t mask = ntohs(match->mask.tcp_flags_be);
	if (mask == 0)
		return;
	dp_text_sep(t);
	fprintf(t->out, "0x%03x", ntohs(match->key.tcp_flags_be));
	if ((mask & 0xfff) != 0xfff)
		fprintf(t->out, "/0x%03x", mask);
}

static void fields_nd(struct dp_text *t, const struct flow_match *match)
{
	dp_text_ipv6(t, "target", &match->key.nd_target, &match->mask.nd_target);
	dp_text_mac(t, "sll", &match->key.arp_sha, &match->mask.arp_sha);
	dp_text_mac(t, "tll", &match->key.arp_tha, &match->mask.arp_tha);
}

// One entry behind the other, as ovs-dpctl does: the label says where each begins.
static void fields_mpls(struct dp_text *t, const struct flow_match *match)
{
	const uint32_t *lse_be = match->key.mpls_lse_be, *mask_be = match->mask.mpls_lse_be;
	unsigned n = FLOW_MPLS_LABELS;
	while (n > 0 && mask_be[n - 1] == 0)
		n--;
	for (unsigned i = 0; i < n; i++)
		dp_text_lse(t, lse_be[i], mask_be[i], n > 1);
}

static const struct {
	uint16_t type; // OVS_KEY_ATTR_*
	const char *name;
	void (*fields)(struct dp_text *t, const struct flow_match *match);
} format_rows[] = {
    {OVS_KEY_ATTR_IPV4, "ipv4", fields_ipv4},
    {OVS_KEY_ATTR_IPV6, "ipv6", fields_ipv6},
    {OVS_KEY_ATTR_ARP, "arp", fields_arp},
    {OVS_KEY_ATTR_MPLS, "mpls", fields_mpls},
    {OVS_KEY_ATTR_TCP, "tcp", fields_tp},
    {OVS_KEY_ATTR_UDP, "udp", fields_tp},
    {OVS_KEY_ATTR_SCTP, "sctp", fields_tp},
    {OVS_KEY_ATTR_ICMP, "icmp", fields_icmp},
    {OVS_KEY_ATTR_ICMPV6, "icmpv6", fields_icmp},
    {OVS_KEY_ATTR_TCP_FLAGS, "tcp_flags", fields_tcp_flags},
    {OVS_KEY_ATTR_ND, "nd", fields_nd},
};

// A row whose fields are all wild is left out.
static void format_row(struct dp_text *t, const struct flow_match *match, unsigned row)
{
	char *buf = NULL;
	size_t len = 0;
	struct dp_text inner = {.out = open_memstream(&buf, &len), .first = true};
	if (inner.out == NULL)
		return;
	format_rows[row].fields(&inner, match);
	fclose(inner.out);
	if (len > 0) {
		dp_text_open(t, format_rows[row].name);
		fputs(buf, t->out);
		dp_text_close(t);
	}
	free(buf);
}

static void format_headers(struct dp_text *t, const struct flow_match *match)
{
	uint64_t rows = dp_key_maskable(&match->key, &match->mask);
	for (unsigned i = 0; i < sizeof(format_rows) / sizeof(format_rows[0]); i++) {
		if (rows & DP_KEY_BIT(format_rows[i].type))
			format_row(t, match, i);
	}
}

static void format_eth(struct dp_text *t, const struct flow_match *match)
{
	const struct flow_key *k = &match->key, *m = &match->mask;
	if (dp_text_wild(&m->eth_src, sizeof(m->eth_src)) &&
	    dp_text_wild(&m->eth_dst, sizeof(m->eth_dst)))
		return;
	dp_text_open(t, "eth");
	dp_text_mac(t, "src", &k->eth_src, &m->eth_src);
	dp_text_mac(t, "dst", &k->eth_dst, &m->eth_dst);
	dp_text_close(t);
}

char *dp_match_format(const struct flow_match *match, dp_port_name_fn port_name, void *arg)
{
	char *buf = NULL;
	size_t len = 0;
	struct dp_text t = {.out = open_memstream(&buf, &len), .first = true};
	if (t.out == NULL)
		return NULL;
	const struct flow_key *k = &match->key, *m = &match->mask;
	if (m->recirc_id != 0) {
		dp_text_open(&t, "recirc_id");
		fprintf(t.out, k->recirc_id != 0 ? "0x%" PRIx32 : "%" PRIx32, k->recirc_id);
		dp_text_close(&t);
	}
	dp_format_meta(&t, match);
	if (m->in_port != 0) {
		dp_text_open(&t, "in_port");
		dp_text_port(&t, k->in_port, port_name, arg);
		dp_text_close(&t);
	}
	format_eth(&t, match);
	unsigned n_open = format_vlans(&t, match);
	format_eth_type(&t, k->eth_type_be, m->eth_type_be);
	format_headers(&t, match);
	while (n_open-- > 0)
		dp_text_close(&t);
	fclose(t.out);
	return buf;
}
