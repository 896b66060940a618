// Missed packets: translated, their megaflow installed, and they themselves sent on their way.
#ifndef CTL_SWCTLD_UPCALL_H
#define CTL_SWCTLD_UPCALL_H

#include "ctl/swctld/daemon.h"

#include <libmnl/libmnl.h>

// One message from the connection for upcalls: a missed packet, the refusal of a megaflow, or the
// final counters of one. The caller flushes the outbox after the last one it has.
void upcall_message(struct swctld *d, const struct nlmsghdr *nlh);

#endif
