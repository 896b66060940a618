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

// One "field=value" or a protocol's word ("ip", "tcp6", "arp"...). Returns 1 when it was a field, 0
// when the name is not a field's (then it may be "priority", say), -EINVAL with *error.
// `name`/`value` are slices of a line that starts at `line`.
int of_match_field(struct of_match *match, const char *line, const char *name, size_t name_len,
		   const char *value, size_t value_len, const struct of_ports *ports,
		   struct of_error *error);
// After the last field: the prerequisites (nw_src needs ip or arp; tp_dst needs tcp, udp, sctp...).
// 0 or -EINVAL.
int of_match_finish(struct of_match *match, const char *line, struct of_error *error);
// Whole text at once, fields only. "" matches all.
int of_match_parse(struct of_match *match, const char *text, const struct of_ports *ports,
		   struct of_error *error);
// In ovs-ofctl dump-flows's form (nothing when it matches all); can be parsed again.
void of_match_print(FILE *out, const struct of_match *match, const struct of_ports *ports);
char *of_match_format(const struct of_match *match, const struct of_ports *ports); // malloc'd

#endif
