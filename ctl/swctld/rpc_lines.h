// What has come from a control client and is not answered yet: whole lines, and the start of one.
#ifndef CTL_SWCTLD_RPC_LINES_H
#define CTL_SWCTLD_RPC_LINES_H

#include <stdbool.h>
#include <stddef.h>

#define RPC_BUFFERED_MAX (256u << 20) // bytes of unfinished lines, all clients together

struct rpc_lines {
	char *text;
	size_t len, cap;
	size_t scanned;	  // of len, bytes without a newline
	size_t *buffered; // sum of the caps of all clients
};

// Where n more bytes may be put, which rpc_lines_add then counts in; NULL when the bounds forbid
// them.
char *rpc_lines_reserve(struct rpc_lines *l, size_t n);
void rpc_lines_add(struct rpc_lines *l, size_t n);
// Finds the end of the line that starts at `start`. false when it has not come yet.
bool rpc_lines_end(struct rpc_lines *l, size_t start, size_t *end);
// Forgets the first n bytes; a big buffer does not outlive its line.
void rpc_lines_consume(struct rpc_lines *l, size_t n);
void rpc_lines_free(struct rpc_lines *l);

#endif
