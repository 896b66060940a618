// Results with counters, as differences over time.
#ifndef CTL_SWCTL_INTERVAL_H
#define CTL_SWCTL_INTERVAL_H

#include "ctl/rpc_table.h"

#include <jansson.h>
#include <stdbool.h>

// Whether its results are counters.
bool swctl_interval_fits(const struct rpc_method *method);
// What was counted between two results of such a method. What has no part in `before`, or counted
// anew since, is as in `after`. A new object, or NULL when out of memory.
json_t *swctl_interval_difference(const json_t *before, json_t *after);

#endif
