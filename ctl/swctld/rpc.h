// One request and its reply: JSON-RPC 2.0, from a line's text to an object, without sockets.
#ifndef CTL_SWCTLD_RPC_H
#define CTL_SWCTLD_RPC_H

#include "ctl/of_error.h"
#include "ctl/peer.h"
#include "ctl/rpc_table.h"
#include "ctl/swctld/daemon.h"

#include <jansson.h>
#include <stdio.h>

enum rpc_code {
	RPC_NOT_JSON = -32700,
	RPC_NOT_A_REQUEST = -32600,
	RPC_NO_METHOD = -32601,
	RPC_BAD_PARAMS = -32602,
};

// What a handler fills: `result` or `rows` when it returns 0, otherwise an error (by the functions
// below).
struct rpc_reply {
	json_t *result;
	FILE *rows; // a long result, as text
	char *rows_text;
	size_t rows_len, n_rows;
	int code;
	char message[800];
	json_t *data;
};

// Handlers get parameters that fit their row. 0, or what the functions below return.
typedef int (*rpc_handler_fn)(struct swctld *d, const json_t *params, struct rpc_reply *reply);

// All return -1.
int rpc_refuse(struct rpc_reply *reply, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int rpc_bad_params(struct rpc_reply *reply, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// A mistake in a flow; `line` counts from 1, 0: no lines.
int rpc_refuse_flow(struct rpc_reply *reply, const struct of_error *error, size_t line);

// A result {"NAME": [..]} that may be long: its rows become text one by one, since a tree of them
// all would take many times as much memory. rpc_rows_add takes `row` over.
void rpc_rows_begin(struct rpc_reply *reply, const char *name);
void rpc_rows_add(struct rpc_reply *reply, json_t *row);
void rpc_rows_end(struct rpc_reply *reply);

// A result {"NAME": "..."} of a text that may be long, added piece by piece: what is not ASCII
// becomes a '?'.
void rpc_text_begin(struct rpc_reply *reply, const char *name);
void rpc_text_add(struct rpc_reply *reply, const char *text, size_t len);
void rpc_text_end(struct rpc_reply *reply);

// The reply to a line that `who` sent, malloc'd, without a newline; NULL when it needs none.
char *rpc_dispatch(struct swctld *d, const struct peer *who, const char *line, size_t len);
// An error for when there is no request to answer.
char *rpc_error(const json_t *id, int code, const char *message);

// A string for JSON from what may not be UTF-8. Never NULL but when out of memory.
json_t *rpc_text(const char *text);

#define X(name, command, params, has_json, access, handler, help) \
	int method_##handler(struct swctld *d, const json_t *params_, struct rpc_reply *reply);
RPC_METHODS(X)
#undef X

#endif
