// The commands that a change is made of, one row each.
#ifndef CTL_SWCTLD_CHANGE_COMMAND_H
#define CTL_SWCTLD_CHANGE_COMMAND_H

#include "ctl/swctld/change.h"

struct change_command {
	const char *noun, *verb;
	int (*run)(struct change *c, const struct change_command *command, const char *line,
		   struct of_error *error);
	bool strict;
	bool may_create;
};

// NULL: there is none.
const struct change_command *change_command_find(const char *noun, size_t noun_len,
						 const char *verb, size_t verb_len);

#endif
