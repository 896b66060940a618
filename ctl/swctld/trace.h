// A packet's way through the tables, told step by step: what `swctl trace` shows.
#ifndef CTL_SWCTLD_TRACE_H
#define CTL_SWCTLD_TRACE_H

#include "ctl/swctld/daemon.h"
#include "ctl/swctld/trace_pass.h"

#include <jansson.h>

// Translates the key under the present state, learning nothing. A new object:
//   flow      the packet as a flow
//   steps     in order: {depth, table, rule?, near?, near_by?}, {depth, action} or {depth, note}.
//             Rules are {flow, priority, match, cookie, actions}. `near` is the one that came
//             closest without being taken: one that would have been preferred, and differs in the
//             field `near_by`, or one that matches too, and is of lower priority (near_by
//             "priority")
//   end       "done", "goes on" when all that comes of the packet comes round, or why it is dropped
//   megaflow, actions   as swd would have them
//   passes    absent when the packet does not come round. Otherwise, for each time that it, or a
//             copy of it, does, in order, the same of that pass, and
//     number, of    its number, and that of the pass that sends it there; the first one is 1
//     by            "ct", or "mpls": behind a label that was popped, nothing of the packet is known
//     table, ct_state, nat   of ct: where it goes on, as what, and whether with addresses that may
//                   be others by then
//     source        where the key is from: "default" and "given" are assumed, "swd" is what it told
// *looks is how many rules may be looked at for near ones, and becomes what is left of it: a table
// with more has a note instead. NULL: out of memory.
json_t *trace_key(struct swctld *d, const struct flow_key *key, const struct trace_known *known,
		  unsigned *looks);

#define TRACE_LOOKS_MAX 1000000 // of a request: they take half a second

#endif
