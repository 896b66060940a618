// What commands do around their work: ask swctld, complain, show a result, end the output.
#ifndef CTL_SWCTL_SESSION_H
#define CTL_SWCTL_SESSION_H

#include "ctl/rpc_table.h"
#include "ctl/swctl/options.h"

#include <jansson.h>

void session_complain(const char *text); // a line on stderr
// With how the command is used, if there is one. SWCTL_USAGE.
int session_wrong_usage(const struct rpc_method *method, const char *text);
int session_wrong_usage_of(const char *usage, const char *text); // of a command without a method
// The result of a method (the caller's), or NULL when the complaint is made; `file` is what the
// lines of `params` are from, or NULL.
json_t *session_call(const char *method, const struct swctl_options *options, json_t *params,
		     const char *file);
// Prints to stdout. An exit status.
int session_print(const struct rpc_method *method, const struct swctl_options *options,
		  const json_t *result);
// The status, or another when not all of stdout could be written.
int session_finish_output(int status);

#endif
