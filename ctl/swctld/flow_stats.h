// Counters from swd to rules and learned addresses, and the end of idle megaflows.
#ifndef CTL_SWCTLD_FLOW_STATS_H
#define CTL_SWCTLD_FLOW_STATS_H

#include "ctl/swctld/daemon.h"
#include "ctl/swctld/dp_calls.h"

#define MEGAFLOW_IDLE_MS      10000
#define MEGAFLOW_IDLE_FULL_MS 1000 // when swd's table is nearly full

// A megaflow as a dump shows it: what it counted since the last time goes to its rule. One that is
// not known is adopted, and will be translated like all that are stale.
void flow_stats_reading(struct swctld *d, const struct dp_flow *flow);
// The same for a reading that answers a change or deletion.
void flow_stats_answer(struct swctld *d, struct known_flow *f, const struct flow_reading *reading);

void flow_stats_round_begin(struct swctld *d);
// Forgets what swd lost, deletes what is idle.
void flow_stats_round_end(struct swctld *d, uint64_t started_ms);
// After a reconnection's dump: what it did not show is to be sent again, what was used last first.
// How many that are.
unsigned flow_stats_mark_absent(struct swctld *d);
// Reads all counters now, over a connection for calls. 0 or -errno with text.
int flow_stats_read(struct swctld *d, struct dp_client *calls, char *text);
// The same if there is a connection and they are not too many: so that a user sees what has just
// been forwarded.
void flow_stats_refresh(struct swctld *d);

#endif
