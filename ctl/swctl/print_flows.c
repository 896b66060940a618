// Rules as ovs-ofctl prints them, megaflows as ovs-dpctl does, so that users know what they see.
#include "ctl/swctl/field.h"
#include "ctl/swctl/print.h"

#include <string.h>

int print_rules_changed(const json_t *result, FILE *out)
{
	static const char *const counts[] = {"added", "replaced", "deleted"};
	const char *between = "";
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		long long n = field_count(result, counts[i]);
		// A zero says something only where it stands alone.
		if (n == 0 && strcmp(counts[i], "deleted") != 0)
			continue;
		if (!field_present(result, counts[i]))
			continue;
		fprintf(out, "%s%lld %s %s", between, n, n == 1 ? "rule" : "rules", counts[i]);
		between = ", ";
	}
	fputs(*between ? "\n" : "no rule changed\n", out);
	return 0;
}

static void print_rule(const json_t *rule, FILE *out)
{
	const char *match = field_text(rule, "match");
	fprintf(out, " cookie=%s, duration=%.1fs, n_packets=%lld, n_bytes=%lld",
		field_text(rule, "cookie"), field_real(rule, "duration_s"),
		field_count(rule, "n_packets"), field_count(rule, "n_bytes"));
	if (field_count(rule, "idle_timeout"))
		fprintf(out, ", idle_timeout=%lld", field_count(rule, "idle_timeout"));
	if (field_count(rule, "hard_timeout"))
		fprintf(out, ", hard_timeout=%lld", field_count(rule, "hard_timeout"));
	if (field_present(rule, "idle_age_s"))
		fprintf(out, ", idle_age=%lld", field_count(rule, "idle_age_s"));
	fprintf(out, ", priority=%lld%s%s actions=%s\n", field_count(rule, "priority"),
		*match ? "," : "", match, field_text(rule, "actions"));
}

int print_rules(const json_t *result, FILE *out)
{
	size_t i;
	const json_t *rule;
	json_array_foreach (json_object_get(result, "rules"), i, rule) {
		print_rule(rule, out);
	}
	return 0;
}

int print_rules_plain(const json_t *result, FILE *out)
{
	size_t i;
	const json_t *rule;
	json_array_foreach (json_object_get(result, "rules"), i, rule) {
		fprintf(out, "%s\n", field_text(rule, "flow"));
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
	const json_t *flow;
	json_array_foreach (json_object_get(result, "flows"), i, flow) {
		print_megaflow(flow, out);
	}
	return 0;
}
