// A traced packet that comes round: each pass begins with a key, of which connection tracking has
// written a part. What it would find is assumed, unless swd told of the packet's lookups.
#ifndef CTL_SWCTLD_TRACE_PASS_H
#define CTL_SWCTLD_TRACE_PASS_H

#include "ctl/dp_trace.h"
#include "ctl/swctld/xlate_trace.h"

#define TRACE_PASSES_MAX 32 // of a packet and its copies; each is a translation

// What is known of a packet beside its key. Zeros: nothing.
struct trace_known {
	const uint32_t *states; // CT_STATE_*: what each ct finds, in the order of the passes
	unsigned n_states;
	const struct dp_trace_step *steps; // a live packet's lookups
	unsigned n_steps;
};

// Where the key of a pass comes from.
enum trace_source {
	TRACE_DEFAULT, // ct finds a new connection
	TRACE_GIVEN,   // trace_known.states
	TRACE_TOLD,    // trace_known.steps
};

struct trace_pass {
	struct flow_key key;
	unsigned of;	   // number of the pass that sends it here; 0: it came in
	unsigned n_rounds; // times that it has come round
	bool by_ct;	   // otherwise for headers behind a popped label
	uint8_t table;	   // ct's
	struct action_ct ct;
	enum trace_source source;
};

struct trace_passes {
	struct trace_known known;
	unsigned n_states_used;
	unsigned steps_used; // bit per step
	unsigned number, n;  // of the pass under way, from 1; and how many there are
	unsigned n_before;   // those that it has not added
	struct trace_pass list[TRACE_PASSES_MAX];
};

void trace_passes_init(struct trace_passes *p, const struct flow_key *key,
		       const struct trace_known *known);
// The next one, first come first served, with its key; NULL: there is none.
const struct trace_pass *trace_passes_next(struct trace_passes *p);
// The pass under way sends a copy round: its pass's number. 0: it has come round too often for
// swd, which drops it; -ENOSPC: there are too many passes.
int trace_passes_add(struct trace_passes *p, const struct xlate_round *round);
// It sends none after all.
void trace_passes_take_back(struct trace_passes *p);

// The states that words such as "est,rpl" or "+trk+est" name, tracked ones. 0, or -EINVAL with one
// line in err.
int trace_state_parse(const char *text, uint32_t *state, char *err, size_t err_len);

#endif
