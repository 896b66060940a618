// What swctl says of itself; all of it comes from the method table.
#ifndef CTL_SWCTL_HELP_H
#define CTL_SWCTL_HELP_H

#include "ctl/rpc_table.h"

#include <stdio.h>

void swctl_help(FILE *out);
// "pmd stats [--interval SECONDS [--count N]] [--json]".
void swctl_help_usage(const struct rpc_method *method, char *buf, size_t len);
// Of swctl's own commands, "nic unbind ADDRESS [--force]"; NULL behind the last.
const char *swctl_help_own_usage(unsigned i);
void swctl_help_command(FILE *out, const struct rpc_method *method);
// What `swctl help WORDS` prints: a command, all that start with a word such as "dp", or a command
// of swctl's own. -ENOENT with one line in err.
int swctl_help_words(FILE *out, char *const *words, int n, char *err, size_t err_len);
// docs/swctl-reference.md.
void swctl_help_markdown(FILE *out);
// A script for bash.
void swctl_completion_bash(FILE *out);

#endif
