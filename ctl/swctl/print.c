#include "ctl/swctl/print.h"

#include "ctl/swctl/print_trace.h"

#include <errno.h>
#include <string.h>

static int print_nothing(const json_t *result, FILE *out)
{
	(void)result;
	(void)out;
	return 0;
}

static const struct {
	const char *method;
	print_fn print;
} printers[] = {
    {"port.add", print_port_added},
    {"port.del", print_port_removed},
    {"port.list", print_ports},
    {"show", print_show},
    {"flow.add", print_rules_changed},
    {"flow.add_many", print_rules_changed},
    {"flow.mod", print_rules_changed},
    {"flow.del", print_rules_changed},
    {"flow.replace", print_rules_changed},
    {"flow.diff", print_lines},
    {"flow.dump", print_rules},
    {"flow.aggregate", print_aggregate},
    {"table.list", print_tables},
    {"group.add", print_rules_changed},
    {"group.add_many", print_rules_changed},
    {"group.mod", print_rules_changed},
    {"group.del", print_rules_changed},
    {"group.dump", print_groups},
    {"meter.add", print_rules_changed},
    {"meter.add_many", print_rules_changed},
    {"meter.mod", print_rules_changed},
    {"meter.del", print_rules_changed},
    {"meter.dump", print_meters},
    {"meter.stats", print_meter_stats},
    {"bundle", print_rules_changed},
    {"trace", print_trace},
    {"dp.show", print_datapath},
    {"dp.dump_flows", print_megaflows},
    {"stats", print_stats},
    {"drops", print_drops},
    {"pmd.show", print_pmds},
    {"pmd.set", print_nothing},
    {"pmd.rebalance", print_rebalance},
    {"pmd.stats", print_pmd_stats},
    {"ct.dump", print_connections},
    {"ct.flush", print_nothing},
    {"ct.stats", print_ct_stats},
    {"fdb.show", print_fdb},
    {"version", print_version},
};

int swctl_print_json(const json_t *result, const struct swctl_options *options, FILE *out)
{
	// One of many results is one line.
	size_t layout = options->interval_s ? 0 : JSON_INDENT(2);
	// 15 digits: all that a counter or a time needs, and 0.1 stays 0.1.
	if (json_dumpf(result, out, layout | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY) &&
	    !ferror(out))
		return -ENOMEM;
	fputc('\n', out);
	return 0;
}

int swctl_print(const struct rpc_method *method, const json_t *result,
		const struct swctl_options *options, FILE *out)
{
	if (options->json)
		return swctl_print_json(result, options, out);
	for (unsigned i = 0; i < sizeof(printers) / sizeof(printers[0]); i++)
		if (strcmp(printers[i].method, method->name) == 0)
			return printers[i].print(result, out);
	return swctl_print_json(result, options, out); // a method newer than its printer
}
