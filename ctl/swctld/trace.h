// A packet's way through the tables, told step by step: what `swctl trace` shows.
#ifndef CTL_SWCTLD_TRACE_H
#define CTL_SWCTLD_TRACE_H

#include "ctl/swctld/daemon.h"
#include "flowtable/key.h"

#include <jansson.h>

// Translates the key under the present state, learning nothing. A new object:
//   flow      the packet as a flow
//   steps     in order: {depth, table, rule?, near?, near_by?}, {depth, action} or {depth, note}.
//             Rules are {flow, priority, match, cookie, actions}. `near` is the one that came
//             closest without being taken: one that would have been preferred, and differs in the
//             field `near_by`, or one that matches too, and is of lower priority (near_by
//             "priority")
//   end       "done", or why the packet is dropped
//   megaflow, actions   as swd would have them
// *looks is how many rules may be looked at for near ones, and becomes what is left of it: a table
// with more has a note instead. NULL: out of memory.
json_t *trace_key(struct swctld *d, const struct flow_key *key, unsigned *looks);

#define TRACE_LOOKS_MAX 1000000 // of a request: they take half a second

#endif
