// Traced packets as the datapath protocol carries them, both ways: what a packet was when it came
// in, which megaflows it met, and where it ended. Filled by the PMD that the packet went through.
#ifndef CTL_DP_TRACE_H
#define CTL_DP_TRACE_H

#include "ctl/dp_key.h"
#include "ctl/dp_proto.h"
#include "flowtable/action.h"

#define DP_TRACE_COUNT_MAX   64	 // packets of a trace
#define DP_TRACE_FRAME_MAX   256 // bytes of a frame that are kept
#define DP_TRACE_STEPS_MAX   8	 // lookups of a packet that are kept: one, and one a recirculation
#define DP_TRACE_ACTIONS_MAX 32	 // actions of a megaflow that are kept
#define DP_TRACE_EVENTS_MAX  64
#define DP_TRACE_MS_MAX	     600000 // of a trace

// A lookup.
struct dp_trace_step {
	struct flow_key key;
	bool hit;		 // otherwise it missed, and what follows is zero
	struct flow_match match; // the megaflow's
	unsigned n_actions;	 // 0: it drops
	struct action actions[DP_TRACE_ACTIONS_MAX];
};

enum dp_trace_event_kind {
	DP_TRACE_OUTPUT, // left by port_no
	DP_TRACE_UPCALL, // queued for the control side: a miss, or by an action
	DP_TRACE_DROP,	 // dropped for `reason`, which is charged to port_no
};

// Where a packet, or a copy or part of it, went.
struct dp_trace_event {
	enum dp_trace_event_kind kind;
	uint32_t port_no;
	uint32_t n;	 // packets: more than one when it was segmented
	char reason[32]; // name of datapath/drop.h
};

struct dp_trace_packet {
	uint32_t port_no;		   // where it came in
	uint32_t index;			   // its place in the trace, from 0
	uint32_t frame_len, captured_len;  // bytes: of all, and of those in `frame`
	uint8_t frame[DP_TRACE_FRAME_MAX]; // as it came in
	bool cut; // there was more than there is room for here: steps, actions or events
	unsigned n_steps, n_events;
	struct dp_trace_step steps[DP_TRACE_STEPS_MAX];	   // none: malformed
	struct dp_trace_event events[DP_TRACE_EVENTS_MAX]; // in the order in which they happened
};

// Puts the attributes of SWD_CMD_TRACE. false when there is no room.
bool dp_trace_put(struct nlmsghdr *nlh, size_t room, const struct dp_trace_packet *packet);
// Reads them. 1, 0 for the message that ends a trace (`end`, of end_len bytes, says why), or
// -EINVAL, -EOPNOTSUPP with *error.
int dp_trace_parse(const struct nlmsghdr *nlh, struct dp_trace_packet *packet, char *end,
		   size_t end_len, struct dp_error *error);

#endif
