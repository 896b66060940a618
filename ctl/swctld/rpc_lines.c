#include "ctl/swctld/rpc_lines.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 4096
#define CAP_KEPT  65536 // without a line in it

char *rpc_lines_reserve(struct rpc_lines *l, size_t n)
{
	size_t cap = l->cap ? l->cap : CAP_FIRST;
	while (cap < l->len + n)
		cap *= 2;
	if (cap == l->cap)
		return l->text + l->len;
	if (*l->buffered - l->cap + cap > RPC_BUFFERED_MAX)
		return NULL;
	char *text = realloc(l->text, cap);
	if (!text)
		return NULL;
	*l->buffered += cap - l->cap;
	l->text = text;
	l->cap = cap;
	return text + l->len;
}

void rpc_lines_add(struct rpc_lines *l, size_t n)
{
	l->len += n;
}

bool rpc_lines_end(struct rpc_lines *l, size_t start, size_t *end)
{
	size_t from = l->scanned > start ? l->scanned : start;
	char *newline = l->len > from ? memchr(l->text + from, '\n', l->len - from) : NULL;
	l->scanned = *end = newline ? (size_t)(newline - l->text) : l->len;
	return newline != NULL;
}

void rpc_lines_consume(struct rpc_lines *l, size_t n)
{
	if (n == 0)
		return;
	l->len -= n;
	l->scanned = 0;
	memmove(l->text, l->text + n, l->len);
	if (l->len == 0 && l->cap > CAP_KEPT)
		rpc_lines_free(l);
}

void rpc_lines_free(struct rpc_lines *l)
{
	*l->buffered -= l->cap;
	free(l->text);
	l->text = NULL;
	l->len = l->cap = l->scanned = 0;
}
