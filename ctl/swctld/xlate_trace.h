// Who wants to see how a packet is translated.
#ifndef CTL_SWCTLD_XLATE_TRACE_H
#define CTL_SWCTLD_XLATE_TRACE_H

#include "ctl/of_actions.h"
#include "ctl/swctld/rule.h"

// Called in the order of the walk; `depth` counts resubmits, clones and buckets around it.
struct xlate_trace {
	// A table was looked into; rule NULL: none matched.
	void (*table)(void *arg, unsigned depth, uint8_t table, const struct of_key *key,
		      const struct rule *rule);
	void (*action)(void *arg, unsigned depth, const struct of_action *action);
	void (*note)(void *arg, unsigned depth, const char *text);
	void *arg;
};

#endif
