// The clock of times on disk: the wall clock as it stood when the first swctld of this boot
// started, going on with CLOCK_BOOTTIME. So setting the wall clock ages nothing, over restarts
// either; only a reboot counts by the wall clock.
#ifndef CTL_SWCTLD_DISK_CLOCK_H
#define CTL_SWCTLD_DISK_CLOCK_H

#include "ctl/swctld/db.h"

#include <stdint.h>

// Goes on where an earlier swctld of this boot stood. Before the first times are read.
void disk_clock_start(struct db *db);
// Milliseconds since 1970, more or less.
int64_t disk_clock_ms(void);

#endif
