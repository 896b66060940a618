// Refusals on stderr: one line, and for a mistake in a flow the flow with a caret under the word at
// fault.
#ifndef CTL_SWCTL_COMPLAIN_H
#define CTL_SWCTL_COMPLAIN_H

#include "ctl/rpc_table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

// A refusal of swctld. `params` is what was sent; `file` the file that its lines are from, or NULL.
void swctl_complain(FILE *out, bool colour, const char *message, const json_t *data,
		    const json_t *params, const char *file);
// Whether `out` is a terminal that takes colours.
bool swctl_complain_colour(FILE *out);

#endif
