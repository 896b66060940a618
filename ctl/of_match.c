#include "ctl/of_match.h"

#include "ctl/of_field.h"
#include "ctl/of_flags.h"
#include "ctl/of_port.h"
#include "ctl/of_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define FIELD_SIZE_MAX 16 // bytes

// What a word says of the key: bits that it matches, at the field's place.
struct field_value {
	uint8_t value[FIELD_SIZE_MAX];
	uint8_t mask[FIELD_SIZE_MAX];
};

// The word being read, for its errors.
struct field_word {
	const struct of_field *field;
	const char *line;
	const char *value; // as written, up to a mask's slash
	size_t value_len;
	const char *mask; // NULL when there is none
	size_t mask_len;
	struct of_error *error;
};

static const struct {
	const char *wants;
} format_texts[] = {
    [OF_FMT_DEC] = {"a number"},
    [OF_FMT_HEX] = {"a number"},
    [OF_FMT_VID] = {"a VLAN from 0 to 4095, or 0xffff for none"},
    [OF_FMT_MAC] = {"a MAC address, like 52:54:00:00:00:01"},
    [OF_FMT_IPV4] = {"an IPv4 address, like 10.0.0.1 or 10.0.0.0/8"},
    [OF_FMT_IPV6] = {"an IPv6 address, like fd00::1 or fd00::/8"},
    [OF_FMT_PORT] = {"a port"},
    [OF_FMT_FRAG] = {"no, yes, first, later or not_later"},
    [OF_FMT_TCP_FLAGS] = {"flags, like +syn-ack, or a number up to 0xfff"},
};

static int bad_value(const struct field_word *w)
{
	const char *word = w->value ? w->value : w->line;
	size_t len = w->value_len + (w->mask ? w->mask_len + 1 : 0);
	if (w->field->format == OF_FMT_DEC || w->field->format == OF_FMT_HEX)
		return of_error_set(w->error, w->line, word, len,
				    w->field->maskable
					? "%s wants a number up to %u, or NUMBER/MASK"
					: "%s wants a number up to %u",
				    w->field->name, w->field->max);
	return of_error_set(w->error, w->line, word, len, "%s wants %s", w->field->name,
			    format_texts[w->field->format].wants);
}

static int read_number(const struct field_word *w, struct field_value *out)
{
	const struct of_field *f = w->field;
	uint64_t value, mask = f->full >> f->shift;
	if (!of_text_u64(w->value, w->value_len, f->max, &value))
		return bad_value(w);
	if (w->mask && !of_text_u64(w->mask, w->mask_len, f->max, &mask))
		return bad_value(w);
	of_field_store(f, (uint32_t)value << f->shift | f->presence, out->value);
	of_field_store(f, (uint32_t)mask << f->shift | f->presence, out->mask);
	return 0;
}

static int read_vid(const struct field_word *w, struct field_value *out)
{
	uint64_t value;
	if (!of_text_u64(w->value, w->value_len, UINT16_MAX, &value) || value != UINT16_MAX)
		return read_number(w, out);
	of_field_store(w->field, 0, out->value); // no tag
	of_field_store(w->field, UINT16_MAX, out->mask);
	return 0;
}

static int read_mac(const struct field_word *w, struct field_value *out)
{
	struct eth_addr addr, mask;
	memset(&mask, 0xff, sizeof(mask));
	if (!of_text_mac(w->value, w->value_len, &addr) ||
	    (w->mask && !of_text_mac(w->mask, w->mask_len, &mask)))
		return bad_value(w);
	memcpy(out->value, &addr, sizeof(addr));
	memcpy(out->mask, &mask, sizeof(mask));
	return 0;
}

static void prefix_mask(uint8_t *mask, unsigned size, unsigned bits)
{
	for (unsigned i = 0; i < size; i++) {
		unsigned n = bits < 8 ? bits : 8;
		mask[i] = (uint8_t)(0xff00 >> n);
		bits -= n;
	}
}

// A mask as a prefix's length.
static bool read_prefix(const struct field_word *w, struct field_value *out)
{
	uint64_t bits;
	if (!of_text_u64(w->mask, w->mask_len, w->field->size * 8ull, &bits))
		return false;
	prefix_mask(out->mask, w->field->size, (unsigned)bits);
	return true;
}

static int read_ipv4(const struct field_word *w, struct field_value *out)
{
	uint32_t addr, mask = UINT32_MAX;
	if (!of_text_ipv4(w->value, w->value_len, &addr))
		return bad_value(w);
	memcpy(out->value, &addr, sizeof(addr));
	if (w->mask && read_prefix(w, out))
		return 0;
	if (w->mask && !of_text_ipv4(w->mask, w->mask_len, &mask))
		return bad_value(w);
	memcpy(out->mask, &mask, sizeof(mask));
	return 0;
}

static int read_ipv6(const struct field_word *w, struct field_value *out)
{
	struct in6 addr, mask;
	memset(&mask, 0xff, sizeof(mask));
	if (!of_text_ipv6(w->value, w->value_len, &addr))
		return bad_value(w);
	memcpy(out->value, &addr, sizeof(addr));
	if (w->mask && read_prefix(w, out))
		return 0;
	if (w->mask && !of_text_ipv6(w->mask, w->mask_len, &mask))
		return bad_value(w);
	memcpy(out->mask, &mask, sizeof(mask));
	return 0;
}

static int read_frag(const struct field_word *w, struct field_value *out)
{
	return of_frag_parse(w->value, w->value_len, out->value, out->mask) ? 0 : bad_value(w);
}

static int read_tcp_flags(const struct field_word *w, struct field_value *out)
{
	uint16_t value, mask;
	if (w->mask)
		return read_number(w, out);
	if (!of_tcp_flags_parse(w->value, w->value_len, &value, &mask))
		return read_number(w, out);
	of_field_store(w->field, value, out->value);
	of_field_store(w->field, mask, out->mask);
	return 0;
}

static int (*const readers[])(const struct field_word *w, struct field_value *out) = {
    [OF_FMT_DEC] = read_number, [OF_FMT_HEX] = read_number,	     [OF_FMT_VID] = read_vid,
    [OF_FMT_MAC] = read_mac,	[OF_FMT_IPV4] = read_ipv4,	     [OF_FMT_IPV6] = read_ipv6,
    [OF_FMT_FRAG] = read_frag,	[OF_FMT_TCP_FLAGS] = read_tcp_flags,
};

// Adds bits to a match; false when they contradict what is there.
static bool match_add(struct flow_match *match, unsigned offset, unsigned size,
		      const struct field_value *v)
{
	uint8_t *key = (uint8_t *)&match->key + offset, *mask = (uint8_t *)&match->mask + offset;
	for (unsigned i = 0; i < size; i++) {
		if ((key[i] ^ v->value[i]) & mask[i] & v->mask[i])
			return false;
	}
	for (unsigned i = 0; i < size; i++) {
		key[i] |= v->value[i] & v->mask[i];
		mask[i] |= v->mask[i];
	}
	return true;
}

static int contradiction(const char *line, const char *name, size_t len, struct of_error *error)
{
	return of_error_set(error, line, name, len, "contradicts a field that stands before it");
}

static int add_protocol(struct flow_match *match, const char *line, const char *name, size_t len,
			const struct of_protocol *protocol, struct of_error *error)
{
	struct field_value v = {.value = {(uint8_t)(protocol->eth_type >> 8),
					  (uint8_t)protocol->eth_type},
				.mask = {0xff, 0xff}};
	if (!match_add(match, offsetof(struct flow_key, eth_type_be), sizeof(uint16_t), &v))
		return contradiction(line, name, len, error);
	if (!protocol->nw_proto)
		return 1;
	v = (struct field_value){.value = {protocol->nw_proto}, .mask = {0xff}};
	if (!match_add(match, offsetof(struct flow_key, nw_proto), sizeof(uint8_t), &v))
		return contradiction(line, name, len, error);
	return 1;
}

// Whether the field or protocol of this word stands in the line before it.
static bool given_before(const char *line, const char *name, size_t name_len)
{
	const struct of_field *field = of_field_find(name, name_len);
	struct of_word word;
	for (const char *p = line; of_word_next(&p, "=", &word) && word.name < name;) {
		if (field ? of_field_find(word.name, word.name_len) == field
			  : word.name_len == name_len && memcmp(word.name, name, name_len) == 0)
			return true;
	}
	return false;
}

static int read_port(const struct field_word *w, const struct of_ports *ports,
		     struct field_value *out)
{
	uint32_t port;
	int err = of_port_parse(&port, w->line, w->value, w->value_len, ports, w->error);
	if (err)
		return err;
	memcpy(out->value, &port, sizeof(port));
	memset(out->mask, 0xff, sizeof(port));
	return 0;
}

static int add_field(struct flow_match *match, const struct field_word *w, const char *name,
		     size_t name_len, const struct of_ports *ports)
{
	const struct of_field *field = w->field;
	struct field_value v = {0};
	if (w->value_len == 1 && w->value[0] == '*' && !w->mask)
		return 1;
	if (w->mask && !field->maskable)
		return of_error_set(w->error, w->line, w->value, w->value_len + 1 + w->mask_len,
				    "%s takes no mask", field->name);
	int err =
	    field->format == OF_FMT_PORT ? read_port(w, ports, &v) : readers[field->format](w, &v);
	if (err)
		return err;
	if (!match_add(match, field->offset, field->size, &v))
		return contradiction(w->line, name, name_len, w->error);
	return 1;
}

int of_match_field(struct flow_match *match, const char *line, const char *name, size_t name_len,
		   const char *value, size_t value_len, const struct of_ports *ports,
		   struct of_error *error)
{
	const struct of_protocol *protocol = of_protocol_find(name, name_len);
	const struct of_field *field = of_field_find(name, name_len);
	if (!field && !protocol) {
		if (of_field_is_foreign(name, name_len))
			return of_error_set(error, line, name, name_len, "not built yet");
		return 0;
	}
	if (given_before(line, name, name_len))
		return of_error_set(error, line, name, name_len, "given twice");
	if (protocol && value)
		return of_error_set(error, line, name, name_len, "takes no value");
	if (protocol)
		return add_protocol(match, line, name, name_len, protocol, error);
	if (!value || value_len == 0)
		return of_error_set(error, line, name, name_len, "needs a value: %s=VALUE",
				    field->name);
	const char *slash = memchr(value, '/', value_len);
	struct field_word w = {.field = field, .line = line, .value = value, .error = error};
	w.value_len = slash ? (size_t)(slash - value) : value_len;
	w.mask = slash ? slash + 1 : NULL;
	w.mask_len = slash ? value_len - w.value_len - 1 : 0;
	return add_field(match, &w, name, name_len, ports);
}

int of_match_finish(struct flow_match *match, const char *line, struct of_error *error)
{
	uint16_t kinds = of_match_kinds(match);
	struct of_word word;
	for (const char *p = line; of_word_next(&p, "=", &word);) {
		if (of_word_is(&word, "actions") || of_word_is(&word, "action"))
			break;
		const struct of_field *field = of_field_find(word.name, word.name_len);
		if (!field || !field->needs || (field->needs & kinds))
			continue;
		char text[96];
		of_kinds_text(field->needs, text, sizeof(text));
		return of_error_set(error, line, word.name, word.name_len,
				    "needs %s in the match, too", text);
	}
	return 0;
}

int of_match_parse(struct flow_match *match, const char *text, const struct of_ports *ports,
		   struct of_error *error)
{
	struct of_word word;
	memset(match, 0, sizeof(*match));
	for (const char *p = text; of_word_next(&p, "=", &word);) {
		int found = of_match_field(match, text, word.name, word.name_len, word.value,
					   word.value_len, ports, error);
		if (found < 0)
			return found;
		if (found > 0)
			continue;
		struct of_guess guess;
		of_guess_init(&guess, word.name, word.name_len);
		of_field_guess(&guess);
		return of_guess_fail(&guess, error, text, "field");
	}
	return of_match_finish(match, text, error);
}
