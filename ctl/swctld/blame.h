// Errors of commands whose text was sound, but not what it asks for.
#ifndef CTL_SWCTLD_BLAME_H
#define CTL_SWCTLD_BLAME_H

#include "ctl/of_error.h"

#include <stdint.h>

// All return -EINVAL. No word is at fault.
int blame_nothing(struct of_error *error, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// The word NAME and its number in the line (as "group:7", "meter=7", "group_id=0x7"), where it is
// found.
int blame_value(struct of_error *error, const char *line, const char *name, uint32_t value,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
