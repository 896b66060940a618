// Random rule sets as an operator would type them: tables that send packets to one another, matches
// on values of random_model.h's pools, every action, and groups.
#ifndef TESTS_UNIT_CTL_RANDOM_RULES_H
#define TESTS_UNIT_CTL_RANDOM_RULES_H

#include "tests/unit/ctl/reference.h"

#define RANDOM_LINE	  1536
#define RANDOM_RULES_MAX  40
#define RANDOM_CROWD_MAX  360 // with a crowd of like rules in one table
#define RANDOM_GROUPS_MAX 4

struct random_rules {
	unsigned n_tables;
	unsigned n_groups; // ids from 1; a group uses only ones with lower ids
	unsigned n_rules;
	bool loops; // some rules send packets back to where they came from
	char groups[RANDOM_GROUPS_MAX][RANDOM_LINE];
	char rules[RANDOM_CROWD_MAX][RANDOM_LINE];
};

void random_rules(struct random_rules *rules);
void random_rules_copy(struct random_rules *to, const struct random_rules *from);

#endif
