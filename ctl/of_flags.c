#include "ctl/of_flags.h"

#include "ctl/of_text.h"

#include <string.h>

#define TCP_FLAGS_MASK 0x0fff

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

// From bit 0 up, RFC 9293 and RFC 3540.
static const char *const tcp_flags[] = {"fin", "syn", "rst", "psh", "ack",
					"urg", "ece", "cwr", "ns"};
#define N_TCP_FLAGS	(sizeof(tcp_flags) / sizeof(tcp_flags[0]))
#define TCP_FLAGS_NAMED ((1 << N_TCP_FLAGS) - 1)

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
static uint16_t take_flag(const char **text, const char *end)
{
	size_t len = 0;
	while (*text + len < end && !strchr("+-|", (*text)[len]))
		len++;
	for (unsigned i = 0; i < N_TCP_FLAGS; i++) {
		if (of_slice_is(*text, len, tcp_flags[i])) {
			*text += len;
			return (uint16_t)(1 << i);
		}
	}
	return 0;
}

bool of_tcp_flags_parse(const char *text, size_t len, uint16_t *value, uint16_t *mask)
{
	const char *end = text + len;
	bool is_signed = len > 0 && (text[0] == '+' || text[0] == '-');
	*value = 0;
	*mask = is_signed ? 0 : TCP_FLAGS_MASK;
	for (bool first = true; text < end; first = false) {
		char sign = '+';
		if (is_signed || !first)
			sign = *text++;
		if (is_signed ? sign != '+' && sign != '-' : !first && sign != '|')
			return false;
		uint16_t bit = take_flag(&text, end);
		if (!bit || (is_signed && (*mask & bit)))
			return false;
		*mask |= bit;
		*value |= sign == '-' ? 0 : bit;
	}
	return len > 0;
}

void of_tcp_flags_print(struct of_out *out, uint16_t value, uint16_t mask)
{
	bool exact = mask == TCP_FLAGS_MASK;
	if ((exact ? value : mask) & ~TCP_FLAGS_NAMED || mask == 0) {
		of_out_hex_wide(out, value, 3);
		if (!exact) {
			of_out_char(out, '/');
			of_out_hex_wide(out, mask, 3);
		}
		return;
	}
	if (exact && value == 0)
		of_out_char(out, '0');
	bool any = false;
	for (unsigned i = 0; i < N_TCP_FLAGS; i++) {
		uint16_t bit = (uint16_t)(1 << i);
		if (!(exact ? value & bit : mask & bit))
			continue;
		if (!exact)
			of_out_char(out, value & bit ? '+' : '-');
		else if (any)
			of_out_char(out, '|');
		any = true;
		of_out_text(out, tcp_flags[i]);
	}
}
