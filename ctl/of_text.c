#include "ctl/of_text.h"

#include <arpa/inet.h>
#include <string.h>

struct of_slice of_slice_of(const char *text)
{
	return (struct of_slice){text, text + strlen(text)};
}

static bool is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// To the separator that ends a value, or to the parenthesis that closes it.
static const char *value_end(const char *p, const char *end, bool in_parentheses, bool *is_open)
{
	unsigned depth = in_parentheses;
	for (; p < end; p++) {
		if (*p == '(')
			depth++;
		else if (*p == ')' && depth > 0 && --depth == 0 && in_parentheses)
			break;
		else if (depth == 0 && is_separator(*p))
			break;
	}
	*is_open = depth > 0;
	return p;
}

bool of_word_next(struct of_slice *slice, struct of_word *word)
{
	const char *p = slice->p, *end = slice->end;
	while (p < end && is_separator(*p))
		p++;
	slice->p = p;
	if (p == end)
		return false;
	*word = (struct of_word){.name = p};
	while (p < end && *p != '=' && *p != ':' && *p != '(' && !is_separator(*p))
		p++;
	word->name_len = (size_t)(p - word->name);
	if (p < end && !is_separator(*p)) {
		word->assign = *p++;
		word->value = p;
		p = value_end(p, end, word->assign == '(', &word->is_open);
		word->value_len = (size_t)(p - word->value);
		if (word->assign == '(' && p < end)
			p++;
	}
	word->len = (size_t)(p - word->name);
	slice->p = p;
	return true;
}

bool of_slice_is(const char *text, size_t len, const char *word)
{
	// Most differ in the first letter.
	return len > 0 && *text == *word && strncmp(text, word, len) == 0 && word[len] == '\0';
}

bool of_word_is(const struct of_word *word, const char *name)
{
	return of_slice_is(word->name, word->name_len, name);
}

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A' + 10);
	return 16;
}

static unsigned number_base(const char **text, size_t *len)
{
	const char *p = *text;
	if (*len > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		*text += 2;
		*len -= 2;
		return 16;
	}
	return *len > 1 && p[0] == '0' ? 8 : 10;
}

bool of_text_u128(const char *text, size_t len, unsigned __int128 max, unsigned __int128 *out)
{
	unsigned base = number_base(&text, &len);
	unsigned __int128 value = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = digit_value(text[i]);
		if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*out = value;
	return len > 0 && value <= max;
}

bool of_text_u64(const char *text, size_t len, uint64_t max, uint64_t *out)
{
	unsigned base = number_base(&text, &len);
	uint64_t value = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = digit_value(text[i]);
		if (digit >= base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	*out = value;
	return len > 0 && value <= max;
}

bool of_text_mac(const char *text, size_t len, struct eth_addr *out)
{
	size_t at = 0;
	for (unsigned i = 0; i < sizeof(out->b); i++) {
		unsigned value = 0, n = 0;
		if (i > 0 && (at >= len || text[at++] != ':'))
			return false;
		for (; at < len && n < 2 && digit_value(text[at]) < 16; at++, n++)
			value = value << 4 | digit_value(text[at]);
		if (n == 0)
			return false;
		out->b[i] = (uint8_t)value;
	}
	return at == len;
}

bool of_text_ipv4(const char *text, size_t len, uint32_t *out_be)
{
	uint8_t bytes[4];
	size_t at = 0;
	for (unsigned i = 0; i < 4; i++) {
		unsigned value = 0;
		if (i > 0 && (at >= len || text[at++] != '.'))
			return false;
		size_t start = at;
		for (; at < len && at - start < 3 && digit_value(text[at]) < 10; at++)
			value = value * 10 + digit_value(text[at]);
		if (at == start || value > UINT8_MAX)
			return false;
		bytes[i] = (uint8_t)value;
	}
	memcpy(out_be, bytes, sizeof(bytes));
	return at == len;
}

bool of_text_ipv6(const char *text, size_t len, struct in6 *out)
{
	char buf[INET6_ADDRSTRLEN];
	if (len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return inet_pton(AF_INET6, buf, out) == 1;
}
