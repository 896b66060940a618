// Refusals on stderr: one line, and on a terminal, for a mistake in a flow, the flow with a caret
// under the word at fault.
#ifndef CTL_SWCTL_COMPLAIN_H
#define CTL_SWCTL_COMPLAIN_H

#include "ctl/rpc_table.h"

#include <jansson.h>
#include <stdio.h>

// A file and a pipe get the line alone, which scripts can read.
enum complain_style { COMPLAIN_LINE, COMPLAIN_CARET, COMPLAIN_COLOUR };

// What `out` is worth: its terminal, NO_COLOR and TERM decide.
enum complain_style swctl_complain_style(FILE *out);
// A refusal of swctld. `params` is what was sent; `file` the file that its lines are from, or NULL.
void swctl_complain(FILE *out, enum complain_style style, const char *message, const json_t *data,
		    const json_t *params, const char *file);

#endif
