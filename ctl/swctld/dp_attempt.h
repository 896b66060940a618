// An attempt to connect to swd: the connections are made, swd says which version it speaks and
// gives its upcalls. Nothing is waited for: a swd that hangs must not hold up control clients.
#ifndef CTL_SWCTLD_DP_ATTEMPT_H
#define CTL_SWCTLD_DP_ATTEMPT_H

#include "ctl/swctld/dp_calls.h"

#define DP_OF_NO_USE "swd is of no use (%s): %s" // the socket's path, the reason

// One for calls, one for upcalls and all changes of megaflows (in order), one for dumping counters.
struct dp_link {
	struct dp_client *calls, *upcalls, *dump;
};

void dp_link_close(struct dp_link *link);

// How an attempt ends, called from the loop or from dp_attempt_begin().
struct dp_attempt_ends {
	// The link is the callee's. Upcalls may stand behind swd's answer in its datagram.
	void (*up)(const struct dp_link *link, const struct dp_info *info, const char *answer,
		   int len, void *arg);
	// `why` is one line with the mend. `present`: swd is there, and not as it should be.
	void (*failed)(bool present, const char *why, void *arg);
};

struct event_base;
struct dp_attempt;

// `path` and `ends` must live as long. NULL when out of memory.
struct dp_attempt *dp_attempt_create(struct event_base *base, const char *path,
				     const struct dp_attempt_ends *ends, void *arg);
void dp_attempt_destroy(struct dp_attempt *a);
void dp_attempt_begin(struct dp_attempt *a); // once the one before has ended

#endif
