#include "ctl/of_text.h"

#include <arpa/inet.h>
#include <string.h>

static const char separators[] = ", \t\r\n";

bool of_word_next(const char **cursor, const char *assign, struct of_word *word)
{
	const char *p = *cursor + strspn(*cursor, separators);
	*cursor = p;
	if (!*p)
		return false;
	*word = (struct of_word){.name = p, .len = strcspn(p, separators)};
	word->name_len = word->len;
	for (size_t i = 0; i < word->len; i++) {
		if (strchr(assign, p[i])) {
			word->name_len = i;
			word->value = p + i + 1;
			word->value_len = word->len - i - 1;
			break;
		}
	}
	*cursor = p + word->len;
	return true;
}

bool of_slice_is(const char *text, size_t len, const char *word)
{
	// Asked for every word against every name there is: most differ in the first letter.
	return len > 0 && *text == *word && strncmp(text, word, len) == 0 && word[len] == '\0';
}

bool of_word_is(const struct of_word *word, const char *name)
{
	return of_slice_is(word->name, word->name_len, name);
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

bool of_text_u64(const char *text, size_t len, uint64_t max, uint64_t *out)
{
	int base = 10;
	if (len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
		len -= 2;
	} else if (len > 1 && text[0] == '0') {
		base = 8;
	}
	uint64_t value = 0;
	for (size_t i = 0; i < len; i++) {
		int digit = digit_value(text[i]);
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
			value = value << 4 | (unsigned)digit_value(text[at]);
		if (n == 0)
			return false;
		out->b[i] = (uint8_t)value;
	}
	return at == len;
}

static bool text_address(int family, const char *text, size_t len, void *out)
{
	char buf[INET6_ADDRSTRLEN];
	if (len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return inet_pton(family, buf, out) == 1;
}

bool of_text_ipv4(const char *text, size_t len, uint32_t *out_be)
{
	return text_address(AF_INET, text, len, out_be);
}

bool of_text_ipv6(const char *text, size_t len, struct in6 *out)
{
	return text_address(AF_INET6, text, len, out);
}
