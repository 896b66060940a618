// Bringing swd to what swctld knows, after a connection: ports, meters and megaflows.
#ifndef CTL_SWCTLD_DP_SYNC_H
#define CTL_SWCTLD_DP_SYNC_H

#include "ctl/swctld/daemon.h"
#include "ctl/swctld/dp_calls.h"

// Adopts ports and megaflows that swd has, removes ports that are not ours, adds those that it
// lacks, does the same with meters, and marks megaflows that it lacks to be sent. A swd that has
// none of the ports gets them behind its megaflows (datapath_hold_ports). A port that swd refuses
// is logged and tried again later. 0 or -errno with text.
int dp_sync(struct swctld *d, struct dp_client *calls, char *text);
// The ports alone: called at intervals, for link states and what has gone astray.
int dp_sync_ports(struct swctld *d, struct dp_client *calls, char *text);
// The meters alone: swd gets those that it lacks or has otherwise, and loses those that are not
// ours.
int dp_sync_meters(struct swctld *d, struct dp_client *calls, char *text);
// The same after a change, if swd is there.
void dp_sync_meters_now(struct swctld *d);

#endif
