// State at a glance: show, dp show, version.
#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"

static const char *masks_word(const json_t *object)
{
	return field_count(object, "masks") == 1 ? "mask" : "masks";
}

static void print_daemon(const char *name, const json_t *daemon, FILE *out)
{
	struct field_buf up;
	fprintf(out, "%-10s %s", name, field_text(daemon, "version"));
	if (field_present(daemon, "dpdk"))
		fprintf(out, " on DPDK %s", field_text(daemon, "dpdk"));
	fprintf(out, ", pid %lld, up %s", field_count(daemon, "pid"),
		field_duration(field_real(daemon, "uptime_s"), &up));
	if (field_present(daemon, "db"))
		fprintf(out, ", database %s", field_text(daemon, "db"));
	fputc('\n', out);
}

// Packets that met no megaflow, and what went wrong with some.
static void print_misses(const json_t *result, FILE *out)
{
	const char *reason;
	json_t *n;
	fprintf(out, "%-10s %lld", "misses", field_count(result, "missed"));
	if (field_count(result, "not_installed"))
		fprintf(out, ", %lld without room for a megaflow",
			field_count(result, "not_installed"));
	fputc('\n', out);
	json_object_foreach (json_object_get(result, "failed"), reason, n) {
		fprintf(out, "%-10s %lld dropped: %s (swctl trace shows where)\n", "",
			(long long)json_integer_value(n), reason);
	}
}

static void print_away(const json_t *swd, FILE *out)
{
	fprintf(out, "%-10s away: swctld keeps trying to connect (systemctl status swd)\n", "swd");
	if (field_present(swd, "reason")) // swctld of before has none
		fprintf(out, "%-10s %s\n", "", field_text(swd, "reason"));
}

int print_show(const json_t *result, FILE *out)
{
	const json_t *swd = json_object_get(result, "swd");
	print_daemon("swctld", json_object_get(result, "swctld"), out);
	if (json_is_true(json_object_get(swd, "connected")))
		print_daemon("swd", swd, out);
	else
		print_away(swd, out);
	fprintf(out, "%-10s %lld, %lld up\n", "ports", field_count(result, "ports"),
		field_count(result, "ports_up"));
	fprintf(out, "%-10s %lld\n", "rules", field_count(result, "rules"));
	fprintf(out, "%-10s %lld under %lld %s of at most %lld\n", "megaflows",
		field_count(result, "megaflows"), field_count(result, "masks"), masks_word(result),
		field_count(result, "max_masks"));
	print_misses(result, out);
	fprintf(out, "%-10s %lld learned\n", "MACs", field_count(result, "macs"));
	return 0;
}

static void print_memory(const json_t *dp, FILE *out)
{
	static const char *const parts[][2] = {{"flow caches", "cache_bytes"},
					       {"megaflow table", "megaflow_bytes"},
					       {"flow counters", "counter_bytes"}};
	struct field_buf used, total;
	fprintf(out, "%-20s %s, %s of %s used\n", "memory", field_text(dp, "memory_kind"),
		field_bytes(field_count(dp, "memory_used"), &used),
		field_bytes(field_count(dp, "memory_total"), &total));
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		fprintf(out, "  %-18s %s\n", parts[i][0],
			field_bytes(field_count(dp, parts[i][1]), &used));
	fprintf(out, "%-20s %lld of %lld free\n", "packet buffers", field_count(dp, "pool_free"),
		field_count(dp, "pool_total"));
}

// A count, with its share of the lookups where there were any.
static void print_share(const char *what, double n, double lookups, FILE *out)
{
	struct field_buf share;
	const char *percent = field_percent(n, lookups, &share);
	fprintf(out, "  %-18s %.0f%s%s\n", what, n, *percent ? "  " : "", percent);
}

// The limit and the masks are those of all control daemons together.
static void print_megaflow_count(const json_t *dp, FILE *out)
{
	long long own = field_count(dp, "flows"), all = field_count(dp, "all_flows");
	fprintf(out, "%-20s %lld", "megaflows", own);
	if (all > own)
		fprintf(out, " and %lld of other control daemons", all - own);
	fprintf(out, " of at most %lld, under %lld %s\n", field_count(dp, "max_flows"),
		field_count(dp, "masks"), masks_word(dp));
}

int print_datapath(const json_t *dp, FILE *out)
{
	struct field_buf tries;
	double hits = field_real(dp, "hits"), cached = field_real(dp, "cache_hits");
	double lookups = hits + field_real(dp, "misses");
	fprintf(out, "%-20s %s\n", "instruction set", field_text(dp, "isa"));
	print_memory(dp, out);
	print_megaflow_count(dp, out);
	fprintf(out, "%-20s %.0f\n", "lookups", lookups);
	print_share("cache hits", cached, lookups, out);
	print_share("megaflow hits", hits - cached, lookups, out);
	print_share("misses", lookups - hits, lookups, out);
	fprintf(out, "%-20s %lld\n", "misses lost", field_count(dp, "lost"));
	if (*field_ratio(field_real(dp, "mask_hits"), lookups - cached, &tries))
		fprintf(out, "%-20s %s\n", "masks per lookup", tries.text);
	return 0;
}

int print_version(const json_t *result, FILE *out)
{
	// Behind swctl's own, which needs no daemon.
	static const char *const rows[][2] = {{"swctld", "swctld"},
					      {"swd", "swd"},
					      {"DPDK", "dpdk"},
					      {"SQLite", "sqlite"}};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(out, "%-9s %s\n", rows[i][0],
			field_present(result, rows[i][1]) ? field_text(result, rows[i][1])
							  : "(swd is away)");
	fprintf(out, "%-9s %lld\n", "protocol", field_count(result, "protocol"));
	return 0;
}
