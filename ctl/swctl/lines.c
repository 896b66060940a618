#include "ctl/swctl/lines.h"

#include "ctl/rpc_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *swctl_lines_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "<stdin>" : path;
}

static size_t trim_end(const char *line, size_t len)
{
	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	return len;
}

static int read_all(FILE *in, const char *name, json_t *lines, char *err, size_t err_len)
{
	char *line = NULL;
	size_t room = 0, total = 0;
	ssize_t len;
	int ret = 0;
	while ((len = getline(&line, &room, in)) > 0) {
		total += (size_t)len;
		if (total > RPC_LINE_MAX) {
			snprintf(err, err_len, "%s: more than %d MiB; split it into several files",
				 name, RPC_LINE_MAX >> 20);
			ret = -EFBIG;
			break;
		}
		size_t n = trim_end(line, (size_t)len);
		json_t *text = memchr(line, '\0', n) ? NULL : json_stringn(line, n);
		if (!text || json_array_append_new(lines, text)) {
			snprintf(err, err_len, "%s:%zu: not text (UTF-8); is this a file of flows?",
				 name, json_array_size(lines) + 1);
			ret = -EILSEQ;
			break;
		}
	}
	if (ret == 0 && ferror(in)) {
		ret = -errno;
		snprintf(err, err_len, "cannot read %s: %s", name, strerror(-ret));
	}
	free(line);
	return ret;
}

int swctl_lines_read(const char *path, json_t **lines, char *err, size_t err_len)
{
	const char *name = swctl_lines_name(path);
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!in) {
		int code = -errno;
		snprintf(err, err_len, "cannot open %s: %s", name, strerror(-code));
		return code;
	}
	int ret = -ENOMEM;
	json_t *array = json_array();
	if (array)
		ret = read_all(in, name, array, err, err_len);
	else
		snprintf(err, err_len, "out of memory");
	if (in != stdin)
		fclose(in);
	if (ret)
		json_decref(array);
	else
		*lines = array;
	return ret;
}
