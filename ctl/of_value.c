#include "ctl/of_value.h"

#include "ctl/of_flags.h"
#include "ctl/of_port.h"
#include "ctl/of_text.h"

#include <string.h>

// The text, in two.
struct value_text {
	const struct of_field *field;
	const char *value, *mask; // mask: NULL when there is none
	size_t value_len, mask_len;
};

static const struct {
	const char *value, *masked; // where there can be a mask
} wants[] = {
    [OF_FMT_MAC] = {"a MAC address, like 52:54:00:00:00:01",
		    "a MAC address, like 52:54:00:00:00:01"},
    [OF_FMT_IPV4] = {"an IPv4 address, like 10.0.0.1",
		     "an IPv4 address, like 10.0.0.1 or 10.0.0.0/8"},
    [OF_FMT_IPV6] = {"an IPv6 address, like fd00::1", "an IPv6 address, like fd00::1 or fd00::/8"},
    [OF_FMT_PORT] = {"a port", "a port, without a mask"},
    [OF_FMT_FRAG] = {"no, yes, first, later or not_later", "no, yes, first, later or not_later"},
    [OF_FMT_TCP_FLAGS] = {"flags, like syn|ack, or a number up to 0xfff",
			  "flags, like +syn-ack, or a number up to 0xfff"},
    [OF_FMT_CT_STATE] = {"states, like trk|new, or a number up to 0xff",
			 "states, like +trk-new, or a number up to 0xff"},
    [OF_FMT_TUN_FLAGS] = {"oam or 0", "+oam, -oam, or 0"},
};

static int bad_value(const struct of_field *field, const struct of_text_at *at, bool masks)
{
	const char *text = masks ? wants[field->format].masked : wants[field->format].value;
	const char *or_mask = masks && field->maskable ? ", or NUMBER/MASK" : "";
	if (text)
		return of_error_set(at->error, at->line, at->value, at->value_len, "%.*s wants %s",
				    (int)at->name_len, at->name, text);
	if (field == &of_fields[OF_F_NW_TOS])
		return of_error_set(at->error, at->line, at->value, at->value_len,
				    "%.*s wants a multiple of 4 up to 252", (int)at->name_len,
				    at->name);
	if (field->n_bits > 32)
		return of_error_set(at->error, at->line, at->value, at->value_len,
				    "%.*s wants a number of %u bits%s", (int)at->name_len, at->name,
				    field->n_bits, or_mask);
	return of_error_set(at->error, at->line, at->value, at->value_len,
			    "%.*s wants a number up to %u%s", (int)at->name_len, at->name,
			    field->max, or_mask);
}

static of_value number_max(const struct of_field *field)
{
	return field->n_bits > 32 ? of_value_ones(field->n_bits) : field->max;
}

static bool read_number(const struct value_text *t, of_value *value, of_value *mask)
{
	uint64_t small;
	of_value max = number_max(t->field);
	if (max <= UINT64_MAX && of_text_u64(t->value, t->value_len, (uint64_t)max, &small))
		*value = small;
	else if (!of_text_u128(t->value, t->value_len, max, value))
		return false;
	if (!t->mask)
		return true;
	// Ones above the field are harmless: ovs-ofctl counts in whole bytes.
	of_value all = of_value_ones((t->field->n_bits + 7u) & ~7u);
	if (!of_text_u128(t->mask, t->mask_len, all, mask))
		return false;
	*mask &= of_field_bits(t->field);
	return true;
}

static of_value bytes_value(const void *bytes, unsigned size)
{
	of_value value = 0;
	for (unsigned i = 0; i < size; i++)
		value = value << 8 | ((const uint8_t *)bytes)[i];
	return value;
}

static bool read_mac(const struct value_text *t, of_value *value, of_value *mask)
{
	struct eth_addr addr;
	if (!of_text_mac(t->value, t->value_len, &addr))
		return false;
	*value = bytes_value(&addr, sizeof(addr));
	if (!t->mask)
		return true;
	if (!of_text_mac(t->mask, t->mask_len, &addr))
		return false;
	*mask = bytes_value(&addr, sizeof(addr));
	return true;
}

// A mask as a prefix's length.
static bool read_prefix(const struct value_text *t, of_value *mask)
{
	unsigned n_bits = t->field->n_bits;
	uint64_t len;
	if (!of_text_u64(t->mask, t->mask_len, n_bits, &len))
		return false;
	*mask = of_value_ones(n_bits) & ~of_value_ones(n_bits - (unsigned)len);
	return true;
}

static bool read_ipv4(const struct value_text *t, of_value *value, of_value *mask)
{
	uint32_t addr;
	if (!of_text_ipv4(t->value, t->value_len, &addr))
		return false;
	*value = bytes_value(&addr, sizeof(addr));
	if (!t->mask || read_prefix(t, mask))
		return true;
	if (!of_text_ipv4(t->mask, t->mask_len, &addr))
		return false;
	*mask = bytes_value(&addr, sizeof(addr));
	return true;
}

static bool read_ipv6(const struct value_text *t, of_value *value, of_value *mask)
{
	struct in6 addr;
	if (!of_text_ipv6(t->value, t->value_len, &addr))
		return false;
	*value = bytes_value(&addr, sizeof(addr));
	if (!t->mask || read_prefix(t, mask))
		return true;
	if (!of_text_ipv6(t->mask, t->mask_len, &addr))
		return false;
	*mask = bytes_value(&addr, sizeof(addr));
	return true;
}

static bool read_frag(const struct value_text *t, of_value *value, of_value *mask)
{
	uint8_t v, m;
	if (t->mask || !of_frag_parse(t->value, t->value_len, &v, &m))
		return false;
	*value = v;
	*mask = m;
	return true;
}

static const struct of_flag_set *flag_set(enum of_format format)
{
	return format == OF_FMT_CT_STATE    ? &of_ct_state
	       : format == OF_FMT_TUN_FLAGS ? &of_tun_flags
					    : &of_tcp_flags;
}

static bool read_flags(const struct value_text *t, of_value *value, of_value *mask)
{
	const struct of_flag_set *set = flag_set(t->field->format);
	uint16_t v, m;
	if (t->mask || !of_flags_parse(set, t->value, t->value_len, &v, &m))
		return read_number(t, value, mask);
	*value = v;
	*mask = m;
	return true;
}

static bool (*const readers[])(const struct value_text *t, of_value *value, of_value *mask) = {
    [OF_FMT_DEC] = read_number,	    [OF_FMT_HEX] = read_number,
    [OF_FMT_VID] = read_number,	    [OF_FMT_MAC] = read_mac,
    [OF_FMT_IPV4] = read_ipv4,	    [OF_FMT_IPV6] = read_ipv6,
    [OF_FMT_FRAG] = read_frag,	    [OF_FMT_TCP_FLAGS] = read_flags,
    [OF_FMT_CT_STATE] = read_flags, [OF_FMT_TUN_FLAGS] = read_flags,
};

static int read_port(const struct of_text_at *at, of_value *value)
{
	uint32_t port;
	int err = of_port_parse(&port, at->line, at->value, at->value_len, at->ports, at->error);
	*value = port;
	return err;
}

static int takes_no_mask(const struct of_text_at *at)
{
	return of_error_set(at->error, at->line, at->value, at->value_len, "%.*s takes no mask",
			    (int)at->name_len, at->name);
}

static int parse(const struct of_field *field, const struct of_text_at *at, bool masks,
		 of_value *value, of_value *mask)
{
	const char *slash = memchr(at->value, '/', at->value_len);
	struct value_text t = {.field = field, .value = at->value, .value_len = at->value_len};
	*value = 0;
	*mask = of_field_bits(field);
	if (slash && !masks)
		return takes_no_mask(at);
	if (slash) {
		t.value_len = (size_t)(slash - at->value);
		t.mask = slash + 1;
		t.mask_len = at->value_len - t.value_len - 1;
	}
	if (field->format == OF_FMT_PORT && !slash)
		return read_port(at, value);
	if (field->format == OF_FMT_PORT || !readers[field->format](&t, value, mask))
		return bad_value(field, at, masks);
	if (*value & ~of_field_bits(field))
		return bad_value(field, at, masks);
	if (slash && !field->maskable && *mask && *mask != of_field_bits(field))
		return takes_no_mask(at);
	*value &= *mask;
	return 0;
}

int of_value_parse(const struct of_field *field, const struct of_text_at *at, of_value *value,
		   of_value *mask)
{
	if (at->value_len != 1 || at->value[0] != '*')
		return parse(field, at, true, value, mask);
	*value = 0;
	*mask = 0;
	return 0;
}

int of_value_parse_exact(const struct of_field *field, const struct of_text_at *at, of_value *value)
{
	of_value mask;
	int err = parse(field, at, false, value, &mask);
	// Words may have one: "+syn".
	return !err && mask != of_field_bits(field) ? bad_value(field, at, false) : err;
}

int of_value_parse_bits(unsigned n_bits, const struct of_text_at *at, of_value *value)
{
	if (of_text_u128(at->value, at->value_len, of_value_ones(n_bits), value))
		return 0;
	return of_error_set(at->error, at->line, at->value, at->value_len,
			    "%.*s wants a number of %u bit%s", (int)at->name_len, at->name, n_bits,
			    n_bits == 1 ? "" : "s");
}

static void value_bytes(of_value value, uint8_t *bytes, unsigned size)
{
	for (unsigned i = size; i > 0; i--, value >>= 8)
		bytes[i - 1] = (uint8_t)value;
}

// The length of a prefix, or -1 when the mask is none.
static int prefix_len(of_value mask, unsigned n_bits)
{
	unsigned n_zeros = 0;
	while (n_zeros < n_bits && !(mask >> n_zeros & 1))
		n_zeros++;
	bool is_prefix = mask == (of_value_ones(n_bits) & ~of_value_ones(n_zeros));
	return is_prefix ? (int)(n_bits - n_zeros) : -1;
}

static void print_address(struct of_out *out, enum of_format format, of_value value)
{
	uint8_t bytes[16];
	if (format == OF_FMT_MAC) {
		value_bytes(value, bytes, 6);
		of_out_mac(out, bytes);
	} else if (format == OF_FMT_IPV4) {
		value_bytes(value, bytes, 4);
		of_out_ipv4(out, bytes);
	} else {
		value_bytes(value, bytes, 16);
		of_out_ipv6(out, bytes);
	}
}

static void print_address_mask(struct of_out *out, const struct of_field *field, of_value mask)
{
	int len = field->format == OF_FMT_MAC ? -1 : prefix_len(mask, field->n_bits);
	of_out_char(out, '/');
	if (len >= 0)
		of_out_dec(out, (uint64_t)len);
	else
		print_address(out, field->format, mask);
}

static void print_frag(struct of_out *out, of_value value, of_value mask)
{
	const char *word = of_frag_word((uint8_t)value, (uint8_t)mask);
	of_out_text(out, word ? word : "later");
}

void of_value_print(struct of_out *out, const struct of_field *field, of_value value, of_value mask,
		    const struct of_ports *ports)
{
	bool whole = mask == of_field_bits(field);
	switch (field->format) {
	case OF_FMT_MAC:
	case OF_FMT_IPV4:
	case OF_FMT_IPV6:
		print_address(out, field->format, value);
		if (!whole)
			print_address_mask(out, field, mask);
		return;
	case OF_FMT_PORT:
		of_port_print(out, (uint32_t)value, ports);
		return;
	case OF_FMT_FRAG:
		print_frag(out, value, mask);
		return;
	case OF_FMT_TCP_FLAGS:
	case OF_FMT_CT_STATE:
	case OF_FMT_TUN_FLAGS:
		of_flags_print(out, flag_set(field->format), (uint16_t)value, (uint16_t)mask);
		return;
	case OF_FMT_HEX:
		of_out_0x(out, value);
		break;
	default:
		of_out_dec(out, (uint64_t)value);
	}
	if (!whole) {
		of_out_char(out, '/');
		of_out_0x(out, mask);
	}
}

void of_subfield_print(struct of_out *out, const struct of_subfield *sf)
{
	const struct of_field *f = &of_fields[sf->field];
	of_out_text(out, f->nxm ? f->nxm : f->oxm ? f->oxm : f->name);
	of_out_char(out, '[');
	if (!of_subfield_is_whole(sf))
		of_out_dec(out, sf->ofs);
	if (!of_subfield_is_whole(sf) && sf->n_bits > 1) {
		of_out_text(out, "..");
		of_out_dec(out, sf->ofs + sf->n_bits - 1u);
	}
	of_out_char(out, ']');
}
