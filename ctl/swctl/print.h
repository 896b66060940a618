// A method's result as people read it, or as JSON.
#ifndef CTL_SWCTL_PRINT_H
#define CTL_SWCTL_PRINT_H

#include "ctl/rpc_table.h"
#include "ctl/swctl/options.h"

#include <jansson.h>
#include <stdio.h>

// 0, or -ENOMEM. Write errors are the caller's to look for.
int swctl_print(const struct rpc_method *method, const json_t *result,
		const struct swctl_options *options, FILE *out);
int swctl_print_json(const json_t *result, const struct swctl_options *options, FILE *out);

// One per method, in print_*.c.
typedef int (*print_fn)(const json_t *result, FILE *out);
int print_port_added(const json_t *result, FILE *out);
int print_port_removed(const json_t *result, FILE *out);
int print_ports(const json_t *result, FILE *out);
int print_stats(const json_t *result, FILE *out);
int print_drops(const json_t *result, FILE *out);
int print_rules_changed(const json_t *result, FILE *out);
int print_rules(const json_t *result, FILE *out);
int print_lines(const json_t *result, FILE *out);
int print_aggregate(const json_t *result, FILE *out);
int print_tables(const json_t *result, FILE *out);
int print_groups(const json_t *result, FILE *out);
int print_meters(const json_t *result, FILE *out);
int print_meter_stats(const json_t *result, FILE *out);
int print_megaflows(const json_t *result, FILE *out);
int print_show(const json_t *result, FILE *out);
int print_datapath(const json_t *result, FILE *out);
int print_rebalance(const json_t *result, FILE *out);
int print_pmds(const json_t *result, FILE *out);
int print_pmd_stats(const json_t *result, FILE *out);
int print_connections(const json_t *result, FILE *out);
int print_ct_stats(const json_t *result, FILE *out);
int print_fdb(const json_t *result, FILE *out);
int print_version(const json_t *result, FILE *out);

#endif
