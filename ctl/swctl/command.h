// Words of the command line to a row of the method table, and a row's parameters one by one.
#ifndef CTL_SWCTL_COMMAND_H
#define CTL_SWCTL_COMMAND_H

#include "ctl/rpc_table.h"

#include <stddef.h>

// The method that the first words name; *n_used is how many words (one or two). NULL with one line
// in err.
const struct rpc_method *swctl_command_find(char *const *words, int n, int *n_used, char *err,
					    size_t err_len);

enum param_type {
	PARAM_STRING,
	PARAM_OBJECT,
	PARAM_PORT,
	PARAM_FLOW,
	PARAM_FILE,
	PARAM_FLAG,    // an option
	PARAM_FIELD,   // an option that may have a value
	PARAM_OPTION,  // an option that has a value
	PARAM_OPTIONS, // and one that may be given several times
	PARAM_AMOUNT,  // an option that has a number
	PARAM_FORM,    // not on the command line
	PARAM_NUMBER,  // nor that: an option of swctl's own gives it
};

struct param_spec {
	char name[32];
	enum param_type type;
	bool optional;
	const char *key; // not NULL: written KEY=VALUE among the words
};

// The next parameter of a row; *cursor starts as the row's params. false at the end.
bool swctl_param_next(const char **cursor, struct param_spec *spec);

// Whether the parameter stands among the words of a command, not among its options.
bool swctl_param_is_word(const struct param_spec *spec);
// Whether it is an option of its command, and whether that must have a value.
bool swctl_param_is_option(const struct param_spec *spec);
bool swctl_param_has_value(const struct param_spec *spec);
// "NAME", "type=KIND", "KEY=VALUE...", "--strict", "--sort[=FIELD]".
void swctl_param_usage(const struct param_spec *spec, char *buf, size_t len);
// "add-port NAME type=KIND [KEY=VALUE...]".
void swctl_command_usage(const struct rpc_method *method, char *buf, size_t len);

#endif
