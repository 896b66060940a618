// Traces of live packets: swd tells what became of a port's next packets, and each is walked
// through the tables here, too. A trace has a number, by which its starter asks for what has come.
#ifndef CTL_SWCTLD_LIVE_TRACE_H
#define CTL_SWCTLD_LIVE_TRACE_H

#include "ctl/swctld/daemon.h"
#include "ctl/swctld/ports.h"

#include <jansson.h>
#include <stdbool.h>

#define LIVE_TRACES_MAX 8

struct live_traces;

struct live_traces *live_traces_create(struct swctld *d);
void live_traces_destroy(struct live_traces *t);

// Starts one of `count` packets for at most time_ms. Its number, from 1; or -errno with text
// (DP_CALL_TEXT): -EBUSY when the port is being traced, -ENOSPC when there are too many.
int live_trace_start(struct live_traces *t, const struct port *port, unsigned count,
		     unsigned time_ms, char *text);
// What came since the last call: {packets: [...], end: TEXT or null}; with `end` the trace is over
// and its number is free. `stop` ends it with that. NULL: there is no such trace. One that nobody
// asks for ends by itself.
json_t *live_trace_read(struct live_traces *t, int number, bool stop);

#endif
