#include "ctl/of_flags.h"

#include "ctl/of_text.h"

#include <string.h>

static const struct {
	const char *word;
	uint8_t value, mask;
} frags[] = {
    {"no", 0, NW_FRAG_ANY | NW_FRAG_LATER},
    {"yes", NW_FRAG_ANY, NW_FRAG_ANY},
    {"first", NW_FRAG_ANY, NW_FRAG_ANY | NW_FRAG_LATER},
    {"later", NW_FRAG_ANY | NW_FRAG_LATER, NW_FRAG_ANY | NW_FRAG_LATER},
    {"not_later", 0, NW_FRAG_LATER},
};
#define N_FRAGS (sizeof(frags) / sizeof(frags[0]))

#define SET(list, bits, digits)                                    \
	{                                                          \
		list, sizeof(list) / sizeof(list[0]), digits, bits \
	}

static const char *const tcp_names[] = {"fin", "syn", "rst", "psh", "ack", // RFC 9293, RFC 3540
					"urg", "ece", "cwr", "ns"};
static const char *const ct_names[] = {"new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"};
static const char *const tun_names[] = {"oam"};

const struct of_flag_set of_tcp_flags = SET(tcp_names, 0x0fff, 3);
const struct of_flag_set of_ct_state = SET(ct_names, 0xff, 1);
const struct of_flag_set of_tun_flags = SET(tun_names, 0x1, 1);

bool of_frag_parse(const char *text, size_t len, uint8_t *value, uint8_t *mask)
{
	for (unsigned i = 0; i < N_FRAGS; i++) {
		if (of_slice_is(text, len, frags[i].word)) {
			*value = frags[i].value;
			*mask = frags[i].mask;
			return true;
		}
	}
	return false;
}

const char *of_frag_word(uint8_t value, uint8_t mask)
{
	for (unsigned i = 0; i < N_FRAGS; i++) {
		if (frags[i].value == value && frags[i].mask == mask)
			return frags[i].word;
	}
	return NULL;
}

// The bit of the flag's name at *text, which moves past it; 0 when it is none.
static uint16_t take_flag(const struct of_flag_set *set, const char **text, const char *end)
{
	size_t len = 0;
	while (*text + len < end && !strchr("+-|", (*text)[len]))
		len++;
	for (unsigned i = 0; i < set->n; i++) {
		if (of_slice_is(*text, len, set->names[i])) {
			*text += len;
			return (uint16_t)(1 << i);
		}
	}
	return 0;
}

bool of_flags_parse(const struct of_flag_set *set, const char *text, size_t len, uint16_t *value,
		    uint16_t *mask)
{
	const char *end = text + len;
	bool is_signed = len > 0 && (text[0] == '+' || text[0] == '-');
	*value = 0;
	*mask = is_signed ? 0 : set->all;
	for (bool first = true; text < end; first = false) {
		char sign = '+';
		if (is_signed || !first)
			sign = *text++;
		if (is_signed ? sign != '+' && sign != '-' : !first && sign != '|')
			return false;
		uint16_t bit = take_flag(set, &text, end);
		if (!bit || (is_signed && (*mask & bit)))
			return false;
		*mask |= bit;
		*value |= sign == '-' ? 0 : bit;
	}
	return len > 0;
}

static void print_number(struct of_out *out, const struct of_flag_set *set, uint16_t value,
			 uint16_t mask)
{
	of_out_hex_wide(out, value, set->n_digits);
	if (mask == set->all)
		return;
	of_out_char(out, '/');
	of_out_hex_wide(out, mask, set->n_digits);
}

void of_flags_print(struct of_out *out, const struct of_flag_set *set, uint16_t value,
		    uint16_t mask)
{
	bool exact = mask == set->all && set->n > 1;
	if ((exact ? value : mask) & ~((1 << set->n) - 1) || mask == 0) {
		print_number(out, set, value, mask);
		return;
	}
	if (exact && value == 0)
		of_out_char(out, '0');
	bool any = false;
	for (unsigned i = 0; i < set->n; i++) {
		uint16_t bit = (uint16_t)(1 << i);
		if (!(exact ? value & bit : mask & bit))
			continue;
		if (!exact)
			of_out_char(out, value & bit ? '+' : '-');
		else if (any)
			of_out_char(out, '|');
		any = true;
		of_out_text(out, set->names[i]);
	}
}
