// Messages about one megaflow or packet, put into the outbox. All go one way over one connection,
// so that swd sees them in the order in which they were decided.
#ifndef CTL_SWCTLD_FLOW_OPS_H
#define CTL_SWCTLD_FLOW_OPS_H

#include "ctl/swctld/megaflows.h"
#include "ctl/swctld/outbox.h"

#include <libmnl/libmnl.h>

// Actions as attributes. `len` bytes of buf.
struct encoded_actions {
	uint16_t len;
	char buf[32768];
};

// 0 or -E2BIG.
int flow_actions_encode(struct encoded_actions *out, const struct action *list, unsigned n);
// What swd will take a match for, once it went through the protocol: dumps show just that. 0 or
// -EINVAL.
int flow_match_canonical(struct flow_match *out, const struct flow_match *match);
// The same for any mask over a packet's key: without bits of fields that the packet lacks.
int flow_mask_canonical(struct flow_match *out, const struct flow_key *mask,
			const struct flow_key *key);

// All below: 0 or an error of outbox_put.
// Adds, or sets its actions. `echo`: answered with the counters.
int flow_op_put(struct outbox *ob, const struct megaflows *m, const struct known_flow *f,
		bool echo);
int flow_op_del(struct outbox *ob, const struct known_flow *f); // answered with the final counters
int flow_op_execute(struct outbox *ob, const struct nlattr *packet, const struct flow_key *key,
		    const struct encoded_actions *actions);

#endif
