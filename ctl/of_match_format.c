#include "ctl/of_field.h"
#include "ctl/of_flags.h"
#include "ctl/of_match.h"
#include "ctl/of_port.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// What is printed, in the order of ovs-ofctl dump-flows. A row takes its bits away, so that a later
// row of the same place prints what is left of it.
static const char *const print_order[] = {
    "in_port",	"dl_vlan",    "dl_vlan_pcp", "vlan_tci",  "dl_src",    "dl_dst",
    "dl_type",	"arp_spa",    "arp_tpa",     "nw_src",	  "nw_dst",    "ipv6_src",
    "ipv6_dst", "ipv6_label", "arp_op",	     "nw_proto",  "arp_sha",   "arp_tha",
    "nw_tos",	"nw_ecn",     "nw_ttl",	     "nw_frag",	  "icmp_type", "icmp_code",
    "tp_src",	"tp_dst",     "tcp_flags",   "nd_target", "nd_sll",    "nd_tll",
};

struct printer {
	struct flow_key left; // bits of the mask that are not printed yet
	FILE *out;
	const struct of_ports *ports;
	const struct flow_match *match;
	bool any; // whether something is printed
};

static void print_mac(FILE *out, const uint8_t *b)
{
	fprintf(out, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

// The length of a prefix, or -1 when the mask is none.
static int prefix_len(const uint8_t *mask, unsigned size)
{
	int len = 0;
	bool ended = false;
	for (unsigned i = 0; i < size * 8; i++) {
		bool bit = mask[i / 8] & (0x80 >> i % 8);
		if (bit && ended)
			return -1;
		ended = !bit;
		len += bit;
	}
	return len;
}

static void print_ip(FILE *out, int family, unsigned size, const uint8_t *value,
		     const uint8_t *mask)
{
	char buf[INET6_ADDRSTRLEN];
	fputs(inet_ntop(family, value, buf, sizeof(buf)), out);
	int len = prefix_len(mask, size);
	if (len < 0)
		fprintf(out, "/%s", inet_ntop(family, mask, buf, sizeof(buf)));
	else if ((unsigned)len < size * 8)
		fprintf(out, "/%d", len);
}

static void print_number(FILE *out, const struct of_field *f, uint32_t value, uint32_t mask)
{
	value >>= f->shift;
	fprintf(out, f->format == OF_FMT_HEX ? "0x%04" PRIx32 : "%" PRIu32, value);
	if (mask != f->full)
		fprintf(out, "/0x%" PRIx32, mask >> f->shift);
}

static void print_value(struct printer *p, const struct of_field *f, const uint8_t *value,
			const uint8_t *mask)
{
	const void *key = value - f->offset, *bits = mask - f->offset;
	uint32_t port;
	switch (f->format) {
	case OF_FMT_MAC:
		print_mac(p->out, value);
		if (prefix_len(mask, f->size) != 48) {
			fputc('/', p->out);
			print_mac(p->out, mask);
		}
		break;
	case OF_FMT_IPV4:
		print_ip(p->out, AF_INET, f->size, value, mask);
		break;
	case OF_FMT_IPV6:
		print_ip(p->out, AF_INET6, f->size, value, mask);
		break;
	case OF_FMT_PORT:
		memcpy(&port, value, sizeof(port));
		of_port_print(p->out, port, p->ports);
		break;
	case OF_FMT_FRAG:
		fputs(of_frag_word(*value, *mask), p->out);
		break;
	case OF_FMT_TCP_FLAGS:
		of_tcp_flags_print(p->out, (uint16_t)of_field_load(f, key),
				   (uint16_t)of_field_load(f, bits));
		break;
	default:
		print_number(p->out, f, of_field_load(f, key) & f->full,
			     of_field_load(f, bits) & f->full);
	}
}

// Whether the bits that are left at the field's place can be written as this field.
static bool can_print(const struct printer *p, const struct of_field *f)
{
	uint8_t full[sizeof(struct in6)], both = 0;
	const uint8_t *mask = (const uint8_t *)&p->left + f->offset;
	const uint8_t *key = (const uint8_t *)&p->match->key + f->offset;
	of_field_full_mask(f, full);
	bool exact = true;
	for (unsigned i = 0; i < f->size; i++) {
		both |= mask[i] & full[i];
		exact &= (mask[i] & full[i]) == full[i];
	}
	if (!both)
		return false;
	if (f->format == OF_FMT_FRAG)
		return of_frag_word(*key, *mask) != NULL;
	return exact || f->maskable;
}

// A tag's parts can be written only when nothing but whole parts of a present tag is matched.
static bool vlan_has_parts(const struct flow_match *match)
{
	uint16_t tci = ntohs(match->key.vlan[0].tci_be);
	uint16_t mask = ntohs(match->mask.vlan[0].tci_be);
	uint16_t vid = mask & VLAN_VID_MASK, pcp = mask >> VLAN_PCP_SHIFT;
	return (tci & mask & VLAN_CFI) && (vid == 0 || vid == VLAN_VID_MASK) &&
	       (pcp == 0 || pcp == 7) && (vid || pcp);
}

static void print_comma(struct printer *p)
{
	if (p->any)
		fputc(',', p->out);
	p->any = true;
}

static void print_field(struct printer *p, const struct of_field *f)
{
	uint8_t full[sizeof(struct in6)];
	uint8_t *left = (uint8_t *)&p->left + f->offset;
	of_field_full_mask(f, full);
	print_comma(p);
	fprintf(p->out, "%s=", f->alias && strcmp(f->alias, "nw_frag") == 0 ? f->alias : f->name);
	print_value(p, f, (const uint8_t *)&p->match->key + f->offset, left);
	for (unsigned i = 0; i < f->size; i++)
		left[i] &= (uint8_t)~full[i];
}

// "tcp6" says EtherType and protocol in a word.
static void print_protocol(struct printer *p)
{
	const struct of_protocol *best = NULL;
	if (p->left.eth_type_be != UINT16_MAX)
		return;
	for (unsigned i = 0; i < of_n_protocols; i++) {
		const struct of_protocol *q = &of_protocols[i];
		if (htons(q->eth_type) != p->match->key.eth_type_be)
			continue;
		if (q->nw_proto
			? p->left.nw_proto == UINT8_MAX && p->match->key.nw_proto == q->nw_proto
			: !best)
			best = q;
	}
	if (!best)
		return;
	print_comma(p);
	fputs(best->word, p->out);
	p->left.eth_type_be = 0;
	if (best->nw_proto)
		p->left.nw_proto = 0;
}

char *of_match_format(const struct flow_match *match, const struct of_ports *ports)
{
	char *text = NULL;
	size_t len;
	struct printer p = {.ports = ports, .match = match, .left = match->mask};
	p.out = open_memstream(&text, &len);
	if (!p.out)
		return NULL;
	uint16_t kinds = of_match_kinds(match);
	bool parts = vlan_has_parts(match);
	print_protocol(&p);
	for (unsigned i = 0; i < sizeof(print_order) / sizeof(print_order[0]); i++) {
		const struct of_field *f = of_field_find(print_order[i], strlen(print_order[i]));
		bool is_part = f->presence != 0;
		if (is_part && !parts)
			continue;
		if ((!f->needs || (f->needs & kinds)) && can_print(&p, f))
			print_field(&p, f);
		if (is_part)
			p.left.vlan[0].tci_be &= htons((uint16_t)~VLAN_CFI);
	}
	if (fclose(p.out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
