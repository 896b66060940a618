#include "ctl/of_out.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

void of_out_init(struct of_out *out)
{
	out->text = out->local;
	out->len = 0;
	out->room = sizeof(out->local);
	out->failed = false;
}

static void out_end(struct of_out *out)
{
	if (out->text != out->local)
		free(out->text);
}

void of_out_write(struct of_out *out, FILE *file)
{
	fwrite(out->text, 1, out->len, file);
	out_end(out);
}

char *of_out_take(struct of_out *out)
{
	char *text = NULL;
	of_out_char(out, '\0');
	if (!out->failed)
		text = malloc(out->len);
	if (text)
		memcpy(text, out->text, out->len);
	out_end(out);
	return text;
}

// Room for n more bytes.
static bool out_reserve(struct of_out *out, size_t n)
{
	if (out->room - out->len >= n)
		return true;
	if (out->failed)
		return false;
	size_t room = out->room * 2 + n;
	bool is_local = out->text == out->local;
	char *text = realloc(is_local ? NULL : out->text, room);
	if (!text) {
		out->failed = true;
		return false;
	}
	if (is_local)
		memcpy(text, out->local, out->len);
	out->text = text;
	out->room = room;
	return true;
}

void of_out_bytes(struct of_out *out, const char *bytes, size_t len)
{
	if (!out_reserve(out, len))
		return;
	memcpy(out->text + out->len, bytes, len);
	out->len += len;
}

void of_out_text(struct of_out *out, const char *text)
{
	of_out_bytes(out, text, strlen(text));
}

void of_out_char(struct of_out *out, char c)
{
	if (out_reserve(out, 1))
		out->text[out->len++] = c;
}

void of_out_chomp(struct of_out *out, char c)
{
	if (out->len > 0 && out->text[out->len - 1] == c)
		out->len--;
}

void of_out_dec(struct of_out *out, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	of_out_bytes(out, digits + at, sizeof(digits) - at);
}

static const char hex_digits[] = "0123456789abcdef";

void of_out_hex(struct of_out *out, unsigned __int128 value)
{
	char digits[32];
	size_t at = sizeof(digits);
	do {
		digits[--at] = hex_digits[value & 0xf];
		value >>= 4;
	} while (value);
	of_out_bytes(out, digits + at, sizeof(digits) - at);
}

void of_out_hex_wide(struct of_out *out, uint64_t value, unsigned n_digits)
{
	of_out_bytes(out, "0x", 2);
	for (unsigned i = n_digits; i > 1 && value >> (i - 1) * 4 == 0; i--)
		of_out_char(out, '0');
	of_out_hex(out, value);
}

void of_out_0x(struct of_out *out, unsigned __int128 value)
{
	if (value)
		of_out_bytes(out, "0x", 2);
	of_out_hex(out, value);
}

void of_out_mac(struct of_out *out, const uint8_t *bytes)
{
	char text[6 * 3];
	for (unsigned i = 0; i < 6; i++) {
		text[i * 3] = hex_digits[bytes[i] >> 4];
		text[i * 3 + 1] = hex_digits[bytes[i] & 0xf];
		text[i * 3 + 2] = ':';
	}
	of_out_bytes(out, text, sizeof(text) - 1);
}

void of_out_ipv4(struct of_out *out, const uint8_t *bytes)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			of_out_char(out, '.');
		of_out_dec(out, bytes[i]);
	}
}

void of_out_ipv6(struct of_out *out, const uint8_t *bytes)
{
	char text[INET6_ADDRSTRLEN];
	of_out_text(out, inet_ntop(AF_INET6, bytes, text, sizeof(text)));
}
