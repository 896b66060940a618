// Who wants to see how a packet is translated.
#ifndef CTL_SWCTLD_XLATE_TRACE_H
#define CTL_SWCTLD_XLATE_TRACE_H

#include "ctl/of_actions.h"
#include "ctl/swctld/rule.h"
#include "flowtable/action.h"

// A copy of the packet that is sent round.
struct xlate_round {
	uint32_t number; // of the state that it goes on from
	// What it comes round with, as far as translation knows: not what is behind a label that
	// was popped, nor what connection tracking finds.
	struct flow_key key;
	const struct action_ct *ct; // that sent it; NULL: behind a popped label stands more to read
	uint8_t table;		    // ct's, in which it goes on
};

// Called in the order of the walk; `depth` counts resubmits, clones and buckets around it.
struct xlate_trace {
	// A table was looked into; rule NULL: none matched.
	void (*table)(void *arg, unsigned depth, uint8_t table, const struct of_key *key,
		      const struct rule *rule);
	void (*action)(void *arg, unsigned depth, const struct of_action *action);
	void (*note)(void *arg, unsigned depth, const char *text);
	void (*round)(void *arg, unsigned depth, const struct xlate_round *round);
	void *arg;
};

#endif
