// A whole flow as an operator types it:
// "priority=10,tcp,in_port=vm1,tp_dst=80,idle_timeout=60,actions=output:vm2".
#ifndef CTL_OF_FLOW_H
#define CTL_OF_FLOW_H

#include "ctl/of_actions.h"

#define OF_PRIORITY_DEFAULT 32768

struct of_flow {
	struct flow_match match;
	uint32_t priority;
	uint64_t cookie;
	uint16_t idle_timeout_s; // 0: none
	uint16_t hard_timeout_s;
	unsigned n_actions;
	struct of_action actions[OF_ACTIONS_MAX];
};

// An add-flow line; "actions=" must be there and last. 0 or -EINVAL. Understands also table=0.
int of_flow_parse(struct of_flow *flow, const char *line, const struct of_ports *ports,
		  struct of_error *error);
// A del-flows or dump-flows filter: match fields, cookie=VALUE[/MASK], out_port=PORT, table=0.
// Numbers of ports that are gone are taken.
struct of_filter {
	struct flow_match match;
	uint64_t cookie, cookie_mask;
	uint32_t out_port; // 0: any
};
int of_filter_parse(struct of_filter *filter, const char *line, const struct of_ports *ports,
		    struct of_error *error);
// Loose OpenFlow matching: the flow is at least as specific as the filter.
bool of_filter_accepts(const struct of_filter *filter, const struct of_flow *flow);
// malloc'd: "priority=10,tcp,in_port=vm1,tp_dst=80 actions=output:vm2", with idle_timeout and
// cookie when set. Can be parsed again.
char *of_flow_format(const struct of_flow *flow, const struct of_ports *ports);

#endif
