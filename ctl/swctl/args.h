// The words behind a command to a request's parameters, by the row's specification.
#ifndef CTL_SWCTL_ARGS_H
#define CTL_SWCTL_ARGS_H

#include "ctl/rpc_table.h"
#include "ctl/swctl/options.h"

#include <jansson.h>
#include <stddef.h>

// A new object in *params. 0; -EINVAL for a mistake in the words; another -errno when a file cannot
// be used. One line in err.
int swctl_args_build(const struct rpc_method *method, char *const *words, int n, json_t **params,
		     char *err, size_t err_len);
// Adds what options give. 0, or -EINVAL for an option that the method does not have, with one line
// in err.
int swctl_args_options(const struct rpc_method *method, const struct swctl_options *options,
		       json_t *params, char *err, size_t err_len);

#endif
