// Rules as ovs-ofctl prints them, megaflows as ovs-dpctl does, so that users know what they see.
#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"

#include <stdbool.h>

// "3 rules added, 1 rule deleted": the counts of `object` that are not 0, or stand alone.
static void print_counts(const json_t *object, const char *noun, const char **between, FILE *out)
{
	static const char *const counts[] = {"added", "replaced", "modified", "deleted"};
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		long long n = field_count(object, counts[i]);
		bool alone = json_object_size(object) == 1 && field_present(object, counts[i]);
		if (n == 0 && !alone)
			continue;
		fprintf(out, "%s%lld %s%s %s", *between, n, noun, n == 1 ? "" : "s", counts[i]);
		*between = ", ";
	}
}

int print_rules_changed(const json_t *result, FILE *out)
{
	const char *between = "";
	const json_t *groups = json_object_get(result, "groups"),
		     *meters = json_object_get(result, "meters");
	print_counts(groups, "group", &between, out);
	print_counts(meters, "meter", &between, out);
	print_counts(result, "rule", &between, out);
	fputs(*between ? "\n" : "nothing changed\n", out);
	return 0;
}

// In ovs-ofctl's form, which swctld writes.
int print_rules(const json_t *result, FILE *out)
{
	const char *text = field_text(result, "text");
	fputs(*text ? text : "# no rules\n", out); // a comment: add-flows takes what is printed
	return 0;
}

int print_lines(const json_t *result, FILE *out)
{
	size_t i;
	const json_t *line;
	json_array_foreach (json_object_get(result, "lines"), i, line) {
		fprintf(out, "%s\n", json_string_value(line) ? json_string_value(line) : "");
	}
	return 0;
}

int print_aggregate(const json_t *result, FILE *out)
{
	fprintf(out, "packet_count=%lld byte_count=%lld flow_count=%lld\n",
		field_count(result, "packet_count"), field_count(result, "byte_count"),
		field_count(result, "flow_count"));
	return 0;
}

int print_tables(const json_t *result, FILE *out)
{
	size_t i;
	const json_t *table, *tables = json_object_get(result, "tables");
	if (json_array_size(tables) == 0)
		fputs("no table has rules\n", out);
	json_array_foreach (tables, i, table) {
		fprintf(out, "table %lld: active=%lld, masks=%lld\n", field_count(table, "table"),
			field_count(table, "active"), field_count(table, "masks"));
	}
	return 0;
}

// TCP flags in ovs-dpctl's letters, as "SP.", from bits or as text.
static void print_tcp_flags(const json_t *flags, FILE *out)
{
	static const char letters[] =
	    "FSRP.UEC"; // bit 0 first: FIN, SYN, RST, PSH, ACK, URG, ECE, CWR
	const char *text = json_string_value(flags);
	long long bits = json_integer_value(flags);
	if (text && *text)
		fprintf(out, ", flags:%s", text);
	if (bits == 0)
		return;
	fputs(", flags:", out);
	for (unsigned i = 0; letters[i]; i++)
		if (bits & (1 << i))
			fputc(letters[i], out);
}

static void print_megaflow(const json_t *flow, FILE *out)
{
	fprintf(out, "%s, packets:%lld, bytes:%lld, used:", field_text(flow, "match"),
		field_count(flow, "packets"), field_count(flow, "bytes"));
	if (field_present(flow, "age_s"))
		fprintf(out, "%.3fs", field_real(flow, "age_s"));
	else
		fputs("never", out);
	print_tcp_flags(json_object_get(flow, "tcp_flags"), out);
	fprintf(out, ", actions:%s\n", field_text(flow, "actions"));
}

int print_megaflows(const json_t *result, FILE *out)
{
	size_t i;
	const json_t *flow, *flows = json_object_get(result, "flows");
	if (json_array_size(flows) == 0)
		fputs("no megaflows\n", out);
	json_array_foreach (flows, i, flow) {
		print_megaflow(flow, out);
	}
	return 0;
}
