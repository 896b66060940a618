// Ports that a rule or a group names, by number, and that are not there any more: what it sends to
// them is dropped, until a port of the old name, which has the old number, comes.
#ifndef CTL_SWCTLD_GONE_H
#define CTL_SWCTLD_GONE_H

#include "ctl/swctld/daemon.h"
#include "ctl/swctld/groups.h"
#include "ctl/swctld/rule.h"

#include <jansson.h>
#include <stdio.h>

#define GONE_MAX 8 // of one rule or group that are told

struct gone {
	const struct ports *ports;
	unsigned n;
	uint32_t nos[GONE_MAX];
};

struct gone gone_of_rule(struct swctld *d, const struct rule *rule);
struct gone gone_of_group(struct swctld *d, const struct of_group *group);

// A comment as files may have: "  # port 4 (vm2) is gone". Nothing when all are there.
void gone_print(struct swctld *d, const struct gone *gone, FILE *out);
// Puts their numbers into the object as "gone"; nothing when all are there.
void gone_put_json(const struct gone *gone, json_t *object);
// How many name the port.
size_t gone_count_rules(struct swctld *d, uint32_t no);
size_t gone_count_groups(struct swctld *d, uint32_t no);

#endif
