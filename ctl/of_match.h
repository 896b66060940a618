// Matches in ovs-ofctl's syntax: "tcp,in_port=vm1,nw_dst=10.0.0.0/8,tp_dst=80".
#ifndef CTL_OF_MATCH_H
#define CTL_OF_MATCH_H

#include "ctl/of_error.h"
#include "flowtable/of_key.h"

#include <stdio.h>

// Names to port numbers and back, from whoever knows the ports. by_name returns 0 for none; by_no
// NULL for none. Either may be NULL: then there are no names, or numbers are taken unchecked; so
// with no struct at all.
struct of_ports {
	uint32_t (*by_name)(const char *name, void *arg);
	const char *(*by_no)(uint32_t no, void *arg);
	void *arg;
};

// Fields only: "field=value" and protocols' words ("ip", "tcp6", "arp"...). "" matches all. 0, or
// -EINVAL with *error.
int of_match_parse(struct of_match *match, const char *text, const struct of_ports *ports,
		   struct of_error *error);
// In ovs-ofctl dump-flows's form (nothing when it matches all); can be parsed again.
void of_match_print(FILE *out, const struct of_match *match, const struct of_ports *ports);
char *of_match_format(const struct of_match *match, const struct of_ports *ports); // malloc'd

#endif
