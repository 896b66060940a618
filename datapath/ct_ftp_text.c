#include "datapath/ct_ftp_text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NUMBERS 6 // of PORT: four of the address, two of the port

// A line, its end excluded.
struct cursor {
	const char *text;
	uint32_t len, at;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool at_digit(const struct cursor *c)
{
	return c->at < c->len && is_digit(c->text[c->at]);
}

static bool take_char(struct cursor *c, char want)
{
	if (c->at == c->len || c->text[c->at] != want)
		return false;
	c->at++;
	return true;
}

static bool take_number(struct cursor *c, uint32_t max, uint32_t *value)
{
	uint32_t v = 0;

	if (!at_digit(c))
		return false;
	for (; at_digit(c); c->at++) {
		v = v * 10 + (uint32_t)(c->text[c->at] - '0');
		if (v > max)
			return false;
	}
	*value = v;
	return true;
}

static void skip_to(struct cursor *c, bool (*is_wanted)(char))
{
	while (c->at < c->len && !is_wanted(c->text[c->at]))
		c->at++;
}

static bool is_parenthesis(char c)
{
	return c == '(';
}

// h1,h2,h3,h4,p1,p2
static bool parse_numbers(struct cursor *c, struct ftp_endpoint *e)
{
	uint32_t n[NUMBERS];

	e->at = c->at;
	for (unsigned i = 0; i < NUMBERS; i++) {
		if ((i > 0 && !take_char(c, ',')) || !take_number(c, 255, &n[i]))
			return false;
	}
	e->len = c->at - e->at;
	e->has_addr = true;
	for (unsigned i = 0; i < 4; i++)
		e->addr.b[i] = (uint8_t)n[i];
	e->port = (uint16_t)(n[4] << 8 | n[5]);
	return e->port != 0;
}

static bool parse_port(struct cursor *c, struct ftp_endpoint *e)
{
	return parse_numbers(c, e) && c->at == c->len;
}

// "227 Entering Passive Mode (h1,h2,h3,h4,p1,p2)", whatever the words.
static bool parse_pasv(struct cursor *c, struct ftp_endpoint *e)
{
	skip_to(c, is_digit);
	return parse_numbers(c, e);
}

// RFC 2428: any printable character that is no part of what it delimits.
static bool take_delimiter(struct cursor *c, struct ftp_endpoint *e)
{
	if (c->at == c->len || c->text[c->at] <= ' ' || c->text[c->at] > '~' || at_digit(c))
		return false;
	e->delimiter = c->text[c->at++];
	return true;
}

static bool take_addr(struct cursor *c, struct ftp_endpoint *e)
{
	char addr[INET6_ADDRSTRLEN];
	uint32_t n = 0;

	while (c->at < c->len && c->text[c->at] != e->delimiter && n < sizeof addr - 1)
		addr[n++] = c->text[c->at++];
	addr[n] = '\0';
	return inet_pton(e->is_v6 ? AF_INET6 : AF_INET, addr, e->addr.b) == 1;
}

static bool take_port(struct cursor *c, struct ftp_endpoint *e)
{
	uint32_t port;

	if (!take_number(c, UINT16_MAX, &port) || port == 0)
		return false;
	e->port = (uint16_t)port;
	e->len = c->at - e->at;
	return take_char(c, e->delimiter);
}

// |1|132.235.1.2|6275| or |2|1080::8:800:200C:417A|5282|
static bool parse_eprt(struct cursor *c, struct ftp_endpoint *e)
{
	uint32_t family;

	if (!take_delimiter(c, e) || !take_number(c, 2, &family) || family == 0 ||
	    !take_char(c, e->delimiter))
		return false;
	e->is_v6 = family == 2;
	e->has_addr = true;
	e->at = c->at;
	return take_addr(c, e) && take_char(c, e->delimiter) && take_port(c, e) && c->at == c->len;
}

// "229 Entering Extended Passive Mode (|||6446|)"
static bool parse_epsv(struct cursor *c, struct ftp_endpoint *e)
{
	skip_to(c, is_parenthesis);
	if (!take_char(c, '(') || !take_delimiter(c, e) || !take_char(c, e->delimiter) ||
	    !take_char(c, e->delimiter))
		return false;
	e->at = c->at;
	return take_port(c, e) && take_char(c, ')');
}

static const struct {
	const char *start;
	bool is_reply;
	bool (*parse)(struct cursor *c, struct ftp_endpoint *e);
} forms[N_FTP_FORMS] = {
    [FTP_PORT] = {"PORT ", false, parse_port},
    [FTP_EPRT] = {"EPRT ", false, parse_eprt},
    [FTP_PASV] = {"227 ", true, parse_pasv},
    [FTP_EPSV] = {"229 ", true, parse_epsv},
};

// Its length without the end, -1: it has none.
static int line_len(const uint8_t *text, uint32_t len)
{
	const uint8_t *end = memchr(text, '\n', len);

	if (!end)
		return -1;
	if (end > text && end[-1] == '\r')
		end--;
	return (int)(end - text);
}

static bool line_parse(const uint8_t *text, uint32_t len, bool is_reply, struct ftp_endpoint *e)
{
	int n = line_len(text, len < FTP_LINE_MAX ? len : FTP_LINE_MAX);

	for (unsigned i = 0; n > 0 && i < N_FTP_FORMS; i++) {
		uint32_t start_len = (uint32_t)strlen(forms[i].start);
		struct cursor c = {.text = (const char *)text, .len = (uint32_t)n, .at = start_len};

		if (forms[i].is_reply != is_reply || c.len < start_len ||
		    strncasecmp(c.text, forms[i].start, start_len) != 0)
			continue;
		*e = (struct ftp_endpoint){.form = (enum ftp_form)i};
		return forms[i].parse(&c, e);
	}
	return false;
}

bool ftp_command_parse(const uint8_t *text, uint32_t len, struct ftp_endpoint *e)
{
	return line_parse(text, len, false, e);
}

bool ftp_reply_parse(const uint8_t *text, uint32_t len, struct ftp_endpoint *e)
{
	return line_parse(text, len, true, e);
}

uint32_t ftp_endpoint_format(const struct ftp_endpoint *e, char text[static FTP_TEXT_MAX])
{
	const uint8_t *b = e->addr.b;
	char addr[INET6_ADDRSTRLEN];
	int n;

	if (e->form == FTP_PORT || e->form == FTP_PASV) {
		n = snprintf(text, FTP_TEXT_MAX, "%u,%u,%u,%u,%u,%u", b[0], b[1], b[2], b[3],
			     (unsigned)e->port >> 8, e->port & 0xffu);
	} else if (e->form == FTP_EPSV) {
		n = snprintf(text, FTP_TEXT_MAX, "%u", e->port);
	} else {
		inet_ntop(e->is_v6 ? AF_INET6 : AF_INET, b, addr, sizeof addr);
		n = snprintf(text, FTP_TEXT_MAX, "%s%c%u", addr, e->delimiter, e->port);
	}
	return (uint32_t)n;
}
