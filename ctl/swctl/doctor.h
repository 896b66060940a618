// `swctl doctor`: looks for what keeps the switch from working, or from working well, and says how
// to mend it. Works with daemons down, too.
#ifndef CTL_SWCTL_DOCTOR_H
#define CTL_SWCTL_DOCTOR_H

#include "ctl/swctl/options.h"

// `n` words behind "doctor". An exit status: SWCTL_FAILED when there is a problem.
int swctl_doctor(const struct swctl_options *options, int n);

#endif
