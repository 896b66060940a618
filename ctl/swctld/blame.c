#include "ctl/swctld/blame.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int blame_nothing(struct of_error *error, const char *fmt, ...)
{
	va_list args;
	*error = (struct of_error){.column = 0};
	va_start(args, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

// Bytes of "NAME:VALUE" at `at`; 0 when it is something else.
static size_t word_at(const char *line, const char *at, const char *name, uint32_t value)
{
	size_t len = strlen(name);
	char *end;
	if (at > line && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))
		return 0;
	if (!at[len] || !strchr(":=(", at[len]))
		return 0;
	unsigned long number = strtoul(at + len + 1, &end, 0);
	return end > at + len + 1 && number == value ? (size_t)(end - at) : 0;
}

int blame_value(struct of_error *error, const char *line, const char *name, uint32_t value,
		const char *fmt, ...)
{
	char text[sizeof(error->text)];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (const char *at = strstr(line, name); at; at = strstr(at + 1, name)) {
		size_t len = word_at(line, at, name, value);
		if (len > 0)
			return of_error_set(error, line, at, len, "%s", text);
	}
	return blame_nothing(error, "%s", text);
}
