// Ports that a rule names, by number, and that are not there any more: what it sends to them is
// dropped, until a port of the old name, which has the old number, comes.
#ifndef CTL_SWCTLD_RULE_GONE_H
#define CTL_SWCTLD_RULE_GONE_H

#include "ctl/swctld/daemon.h"
#include "ctl/swctld/rule.h"

#include <jansson.h>
#include <stdio.h>

// A comment as rule files may have: "  # port 4 (vm2) is gone". Nothing when all are there.
void rule_gone_print(struct swctld *d, const struct rule *rule, FILE *out);
// Their numbers; NULL when all are there.
json_t *rule_gone_json(struct swctld *d, const struct rule *rule);
// How many rules name the port.
size_t rule_gone_count(struct swctld *d, uint32_t no);

#endif
