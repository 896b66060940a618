// What is done at intervals: timeouts, ageing, link states, counters.
#ifndef CTL_SWCTLD_TICK_H
#define CTL_SWCTLD_TICK_H

#include "ctl/swctld/daemon.h"

#define TICK_MS 500

struct tick;

struct tick *tick_start(struct swctld *d);
void tick_stop(struct tick *tick);

#endif
