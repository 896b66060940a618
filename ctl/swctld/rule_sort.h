// Rules in the order of a field, as ovs-ofctl's --sort has it.
#ifndef CTL_SWCTLD_RULE_SORT_H
#define CTL_SWCTLD_RULE_SORT_H

#include "ctl/swctld/rule.h"

// field: a field's name, "priority", or "" for that. Rules without the field come last, in either
// direction; among equals the order is kept, but for priority by the highest first. 0, -EINVAL with
// *error (columns within `field`), or -ENOMEM.
int rule_sort(struct rule **list, size_t n, const char *field, bool descending,
	      struct of_error *error);

#endif
