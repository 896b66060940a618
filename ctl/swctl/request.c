#include "ctl/swctl/request.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>

// RFC 8259, section 7: what a string cannot have as it is.
static bool needs_escape(char c)
{
	return (unsigned char)c < ' ' || c == '"' || c == '\\';
}

static void put_escape(FILE *out, char c)
{
	if (c == '\n')
		fputs("\\n", out);
	else if (c == '\t')
		fputs("\\t", out);
	else if (c == '\r')
		fputs("\\r", out);
	else if ((unsigned char)c < ' ')
		fprintf(out, "\\u%04x", c);
	else
		fprintf(out, "\\%c", c);
}

static void put_string(FILE *out, const char *text, size_t len)
{
	size_t from = 0;
	fputc('"', out);
	for (size_t i = 0; i < len; i++) {
		if (!needs_escape(text[i]))
			continue;
		fwrite(text + from, 1, i - from, out);
		put_escape(out, text[i]);
		from = i + 1;
	}
	fwrite(text + from, 1, len - from, out);
	fputc('"', out);
}

static void put_params(FILE *out, const json_t *params)
{
	const char *name, *between = "";
	json_t *value;
	json_object_foreach ((json_t *)params, name, value) {
		fprintf(out, "%s\"%s\":", between, name);
		if (json_is_string(value))
			put_string(out, json_string_value(value), json_string_length(value));
		else
			json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY);
		between = ",";
	}
}

char *swctl_request_make(const char *method, const json_t *params, size_t *len)
{
	char *line = NULL;
	FILE *out = open_memstream(&line, len);
	if (!out)
		return NULL;
	__fsetlocking(out, FSETLOCKING_BYCALLER); // one thread
	fprintf(out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{", method);
	put_params(out, params);
	fputs("}}\n", out);
	bool failed = ferror(out);
	if (fclose(out) == EOF || failed) {
		free(line);
		return NULL;
	}
	return line;
}
