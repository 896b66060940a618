#include "ctl/swctl/lines.h"

#include "ctl/rpc_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *swctl_lines_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "<stdin>" : path;
}

struct text {
	char *bytes;
	size_t len, room;
};

static int read_all(FILE *in, const char *name, struct text *t, char *err, size_t err_len)
{
	size_t n;
	do {
		if (t->len == t->room) {
			size_t room = t->room ? t->room * 2 : 65536;
			char *bytes = realloc(t->bytes, room);
			if (!bytes) {
				snprintf(err, err_len, "%s: out of memory", name);
				return -ENOMEM;
			}
			t->bytes = bytes;
			t->room = room;
		}
		n = fread(t->bytes + t->len, 1, t->room - t->len, in);
		t->len += n;
		if (t->len > RPC_LINE_MAX) {
			snprintf(err, err_len, "%s: more than %d MiB; split it into several files",
				 name, RPC_LINE_MAX >> 20);
			return -EFBIG;
		}
	} while (n > 0);
	if (ferror(in)) {
		int code = -errno;
		snprintf(err, err_len, "cannot read %s: %s", name, strerror(-code));
		return code;
	}
	return 0;
}

// The line, from 1, in which the first bytes stand that are no text.
static size_t bad_line(const struct text *t)
{
	size_t line = 1;
	const char *at = t->bytes, *end = t->bytes + t->len;
	for (const char *next; at < end; at = next, line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		next = newline ? newline + 1 : end;
		json_t *text = json_stringn(at, (size_t)(next - at));
		bool bad = !text || memchr(at, '\0', (size_t)(next - at));
		json_decref(text);
		if (bad)
			break;
	}
	return line;
}

static json_t *to_json(const struct text *t, const char *name, char *err, size_t err_len)
{
	const char *bytes = t->bytes ? t->bytes : "";
	json_t *text = memchr(bytes, '\0', t->len) ? NULL : json_stringn(bytes, t->len);
	if (!text)
		snprintf(err, err_len, "%s:%zu: not text (UTF-8); is this a file of flows?", name,
			 bad_line(t));
	return text;
}

int swctl_lines_read(const char *path, json_t **text, char *err, size_t err_len)
{
	const char *name = swctl_lines_name(path);
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!in) {
		int code = -errno;
		snprintf(err, err_len, "cannot open %s: %s", name, strerror(-code));
		return code;
	}
	struct text t = {.len = 0};
	int ret = read_all(in, name, &t, err, err_len);
	if (in != stdin)
		fclose(in);
	if (!ret) {
		*text = to_json(&t, name, err, err_len);
		ret = *text ? 0 : -EILSEQ;
	}
	free(t.bytes);
	return ret;
}
