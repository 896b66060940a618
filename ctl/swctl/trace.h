// trace and dp trace: commands that do more than one call.
#ifndef CTL_SWCTL_TRACE_H
#define CTL_SWCTL_TRACE_H

#include "ctl/rpc_table.h"
#include "ctl/swctl/options.h"

#include <jansson.h>

// What a packet is given as, by the words behind `trace`.
enum trace_form {
	TRACE_FLOW, // the first word has a '=' or a ',', or is a protocol's: all words are one flow
	TRACE_FILE, // behind a port: "-" or the name of something that exists
	TRACE_HEX,  // behind a port: anything else
	TRACE_NONE, // no packet: a port alone, or no word
};

enum trace_form swctl_trace_form(char *const *words, int n);

// Both return an exit status. `words` are all behind the command; `params` are what options give.
int swctl_trace(const struct rpc_method *method, const struct swctl_options *options,
		json_t *params, char *const *words, int n);
// `params` of dp.trace, without those that options give. Prints packets as they come, until the
// trace is over or SIGINT or SIGTERM arrives.
int swctl_live_trace(const struct swctl_options *options, json_t *params);

#endif
