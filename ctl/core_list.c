#include "ctl/core_list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORE_NUMBER_MAX 1023

// Reads a number at *text and moves past it. false when there is none, or it is too large.
static bool scan(const char **text, unsigned *out)
{
	size_t len = strspn(*text, "0123456789");
	if (len == 0 || len > 9)
		return false;
	*out = (unsigned)strtoul(*text, NULL, 10);
	*text += len;
	return *out <= CORE_NUMBER_MAX;
}

static bool add(unsigned core, unsigned *cores, unsigned *n)
{
	for (unsigned i = 0; i < *n; i++) {
		if (cores[i] == core)
			return true;
	}
	if (*n == CORE_LIST_MAX)
		return false;
	cores[(*n)++] = core;
	return true;
}

int core_list_parse(const char *text, unsigned *cores, unsigned *n, char *err, size_t err_len)
{
	const char *at = text;
	*n = 0;
	do {
		unsigned first, last;
		if (!scan(&at, &first))
			goto refuse;
		last = first;
		if (*at == '-') {
			at++;
			if (!scan(&at, &last) || last < first)
				goto refuse;
		}
		for (unsigned core = first; core <= last; core++) {
			if (!add(core, cores, n)) {
				snprintf(err, err_len,
					 "core list \"%.40s\" names more than %d cores", text,
					 CORE_LIST_MAX);
				return -EINVAL;
			}
		}
	} while (*at == ',' && *++at);
	if (*at == '\0' && at > text && at[-1] != ',')
		return 0;
refuse:
	snprintf(err, err_len, "core list \"%.40s\" does not do: write it as in 1,3-5", text);
	return -EINVAL;
}
