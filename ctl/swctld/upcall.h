// Missed packets: translated, their megaflow installed, and they themselves sent on their way.
#ifndef CTL_SWCTLD_UPCALL_H
#define CTL_SWCTLD_UPCALL_H

#include "ctl/swctld/daemon.h"

#include "ctl/swctld/translate.h"

#include <libmnl/libmnl.h>

// Since swctld started.
struct upcall_counts {
	uint64_t missed;	   // packets
	uint64_t not_installed;	   // of them: more megaflows or masks than there may be
	uint64_t ends[XLATE_ENDS]; // by how their translation ended
};

const struct upcall_counts *upcall_counts(void);

// One message from the connection for upcalls: a missed packet, the refusal of a megaflow, or the
// final counters of one. The caller flushes the outbox after the last one it has.
void upcall_message(struct swctld *d, const struct nlmsghdr *nlh);

#endif
