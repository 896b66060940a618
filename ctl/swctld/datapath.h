// The connections to swd: one for calls, one for upcalls and all changes of megaflows (in order),
// one for dumping counters. Kept up by a timer; everything else asks datapath_calls() and goes on
// without when it is NULL.
#ifndef CTL_SWCTLD_DATAPATH_H
#define CTL_SWCTLD_DATAPATH_H

#include "ctl/swctld/daemon.h"
#include "ctl/swctld/dp_calls.h"
#include "ctl/swctld/outbox.h"

struct datapath;

// Starts to connect to DIR/datapath.sock. NULL when out of memory.
struct datapath *datapath_create(struct swctld *d);
void datapath_destroy(struct datapath *dp);

// The connection for calls, or NULL while swd is away.
struct dp_client *datapath_calls(const struct datapath *dp);
const struct dp_info *datapath_info(const struct datapath *dp); // as of the connection
// Megaflows at most: swd's limit or the operator's; 0: not known.
unsigned datapath_max_flows(const struct datapath *dp);
struct outbox *datapath_outbox(const struct datapath *dp);
// Up to when packets have been counted for their rules (CLOCK_MONOTONIC); stands still while swd is
// away. 0: never yet.
uint64_t datapath_counted_ms(const struct datapath *dp);
// Why swd is away, one line with the mend.
const char *datapath_away(const struct datapath *dp);

// Asks for all megaflows; answers go to flow_stats_reading(), the end to flow_stats_round_end().
// false when one is under way.
bool datapath_dump_start(struct datapath *dp);
// Serves upcalls for a turn, in the midst of something that takes long.
void datapath_breathe(struct datapath *dp);
// Sends what has gathered in the outbox.
void datapath_flush(struct datapath *dp);
// swd gets no ports before the megaflows that it lacks (port_hold.h).
void datapath_hold_ports(struct datapath *dp);
bool datapath_holds_ports(const struct datapath *dp);
// No megaflow is left to be sent.
void datapath_all_sent(struct datapath *dp);
// What a call returned: a broken connection is torn down and made anew. Returns err.
int datapath_check(struct datapath *dp, int err);

#endif
