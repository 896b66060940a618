// What the methods that change rules, groups and meters have in common.
#ifndef CTL_SWCTLD_METHODS_CHANGE_H
#define CTL_SWCTLD_METHODS_CHANGE_H

#include "ctl/swctld/change.h"
#include "ctl/swctld/rpc.h"

// One command on a text; the result counts what changed. Of rules, the counts that `always` names
// ("added replaced") are there even when they are 0. 0 or -1 with the reply set.
int method_command(struct swctld *d, const char *verb, const char *text, const char *always,
		   struct rpc_reply *reply);
// A file's lines.
int method_lines(struct swctld *d, enum change_syntax syntax, const json_t *text,
		 const char *always, struct rpc_reply *reply);

// The text of a parameter; "" when it is not there.
const char *method_text(const json_t *params, const char *name);
bool method_flag(const json_t *params, const char *name);

// Rows {"flow": "..."} and so on: takes the malloc'd text over.
json_t *method_take_text(char *text);

#endif
