#define _GNU_SOURCE // memmem
#include "ctl/json_lift.h"

#include <stdlib.h>
#include <string.h>

static const char mark[] = "(lifted)";

// The quote that ends the string whose text starts at `text`, or NULL.
static const char *closing_quote(const char *text, const char *end)
{
	for (const char *at = text; at < end; at++) {
		at = memchr(at, '"', (size_t)(end - at));
		if (!at)
			return NULL;
		size_t n = 0; // of backslashes before it
		while (at - n > text && at[-1 - (ptrdiff_t)n] == '\\')
			n++;
		if (n % 2 == 0)
			return at;
	}
	return NULL;
}

// The first string that is long enough: its text and length. NULL when there is none.
static const char *find_long(const char *line, size_t len, size_t *text_len)
{
	const char *end = line + len;
	while (line < end && (line = memchr(line, '"', (size_t)(end - line)))) {
		const char *text = line + 1, *quote = closing_quote(text, end);
		if (!quote)
			return NULL;
		*text_len = (size_t)(quote - text);
		if (*text_len >= JSON_LIFT_MIN)
			return text;
		line = quote + 1;
	}
	return NULL;
}

// Bytes up to the first that is not just itself.
static size_t plain_bytes(const char *text, size_t len)
{
	size_t n = 0;
	while (n < len && text[n] >= ' ' && text[n] != '\\' && !(text[n] & 0x80))
		n++;
	return n;
}

// RFC 8259, section 7, but for \u. Returns the length, or 0 when there is something else in it.
static size_t unescape(char *out, const char *text, size_t len)
{
	static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *end = text + len;
	char *start = out;
	while (text < end) {
		size_t n = plain_bytes(text, (size_t)(end - text));
		memcpy(out, text, n);
		out += n;
		text += n;
		if (text == end)
			break;
		if (*text != '\\' || end - text < 2)
			return 0;
		const char *escape = memchr(escapes, text[1], sizeof(escapes) - 1);
		if (!escape)
			return 0;
		*out++ = meanings[escape - escapes];
		text += 2;
	}
	return (size_t)(out - start);
}

// The line with the mark in place of the text.
static bool splice(struct json_lift *lift, const char *line, size_t len, const char *text,
		   size_t text_len)
{
	size_t before = (size_t)(text - line), after = len - before - text_len;
	lift->len = before + sizeof(mark) - 1 + after;
	lift->line = malloc(lift->len + 1);
	if (!lift->line)
		return false;
	memcpy(lift->line, line, before);
	memcpy(lift->line + before + sizeof(mark) - 1, text + text_len, after);
	memset(lift->line + before, ' ', sizeof(mark) - 1);
	// It must tell nothing else from what is lifted.
	if (memmem(lift->line, lift->len, mark, sizeof(mark) - 1))
		return false;
	memcpy(lift->line + before, mark, sizeof(mark) - 1);
	return true;
}

bool json_lift_take(struct json_lift *lift, const char *line, size_t len)
{
	size_t text_len;
	*lift = (struct json_lift){.line = NULL};
	const char *text = len < JSON_LIFT_MIN ? NULL : find_long(line, len, &text_len);
	if (!text)
		return false;
	lift->text = malloc(text_len);
	if (lift->text)
		lift->text_len = unescape(lift->text, text, text_len);
	if (lift->text_len && splice(lift, line, len, text, text_len))
		return true;
	json_lift_fini(lift);
	return false;
}

bool json_lift_put(struct json_lift *lift, json_t *parsed, const char *member)
{
	json_t *object = json_object_get(parsed, member), *value;
	const char *name;
	json_object_foreach (object, name, value) {
		const char *text = json_string_value(value);
		if (!text || strcmp(text, mark) != 0)
			continue;
		json_t *whole = json_stringn_nocheck(lift->text, lift->text_len);
		return whole && json_object_set_new(object, name, whole) == 0;
	}
	return false;
}

void json_lift_fini(struct json_lift *lift)
{
	free(lift->line);
	free(lift->text);
	*lift = (struct json_lift){.line = NULL};
}
