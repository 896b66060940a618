#include "ctl/swctl/print_trace.h"

#include "ctl/swctl/complain.h"
#include "ctl/swctl/field.h"

#include <string.h>

#define LABEL_WIDTH 11 // of the column on the left: "table 254" and two spaces
#define DEPTH_WIDTH 2
#define DEPTH_MAX   16 // deeper is a loop of resubmits: not to run off the screen

enum ink { INK_NONE, INK_TABLE, INK_FAINT, INK_GOOD, INK_BAD };

static const char *const inks[] = {
    [INK_NONE] = "",	     [INK_TABLE] = "\033[1m",  [INK_FAINT] = "\033[2m",
    [INK_GOOD] = "\033[32m", [INK_BAD] = "\033[1;31m",
};

struct pen {
	FILE *out;
	bool colour;
};

static bool has_colours(FILE *out)
{
	return swctl_complain_style(out) == COMPLAIN_COLOUR;
}

static void put(const struct pen *pen, enum ink ink, const char *text)
{
	bool inked = pen->colour && ink != INK_NONE;
	fprintf(pen->out, "%s%s%s", inked ? inks[ink] : "", text, inked ? "\033[0m" : "");
}

// The label of a line that starts at `depth`; its text is to follow.
static void put_label(const struct pen *pen, long long depth, enum ink ink, const char *label)
{
	if (depth < 0 || depth > DEPTH_MAX)
		depth = DEPTH_MAX;
	fprintf(pen->out, "%*s", (int)(depth * DEPTH_WIDTH), "");
	put(pen, ink, label);
	fprintf(pen->out, "%*s", LABEL_WIDTH - (int)strlen(label), "");
}

static void put_line(const struct pen *pen, long long depth, enum ink ink, const char *label,
		     const char *text)
{
	put_label(pen, depth, INK_NONE, label);
	put(pen, ink, text);
	fputc('\n', pen->out);
}

static void put_rule(const struct pen *pen, enum ink ink, const json_t *rule)
{
	char text[32];
	const char *match = field_text(rule, "match"), *cookie = field_text(rule, "cookie");
	snprintf(text, sizeof(text), "priority=%lld", field_count(rule, "priority"));
	put(pen, ink, text);
	if (*match) {
		put(pen, ink, ",");
		put(pen, ink, match);
	}
	if (*cookie && strcmp(cookie, "0x0") != 0)
		fprintf(pen->out, " (cookie %s)", cookie);
}

static void put_near(const struct pen *pen, const json_t *step, long long depth)
{
	const json_t *rule = json_object_get(step, "near");
	const char *by = field_text(step, "near_by");
	put_label(pen, depth, INK_FAINT, "  near");
	put_rule(pen, INK_FAINT, rule);
	put(pen, INK_FAINT, " actions=");
	put(pen, INK_FAINT, field_text(rule, "actions"));
	if (strcmp(by, "priority") == 0)
		fputs(" (of lower priority)\n", pen->out);
	else
		fprintf(pen->out, " (differs in %s)\n", by);
}

static void put_table(const struct pen *pen, const json_t *step, long long depth)
{
	char label[32];
	const json_t *rule = json_object_get(step, "rule");
	snprintf(label, sizeof(label), "table %lld", field_count(step, "table"));
	put_label(pen, depth, INK_TABLE, label);
	if (rule)
		put_rule(pen, INK_TABLE, rule);
	else
		put(pen, INK_BAD, "no rule matches");
	fputc('\n', pen->out);
	if (json_object_get(step, "near"))
		put_near(pen, step, depth);
	if (strcmp(field_text(rule, "actions"), "drop") == 0)
		put_line(pen, depth, INK_NONE, "  action", "drop");
}

static void put_step(const struct pen *pen, const json_t *step)
{
	long long depth = field_count(step, "depth");
	if (field_present(step, "table"))
		put_table(pen, step, depth);
	else if (field_present(step, "action"))
		put_line(pen, depth, INK_NONE, "  action", field_text(step, "action"));
	else
		put_line(pen, depth, INK_NONE, "  note", field_text(step, "note"));
}

static void put_end(const struct pen *pen, const json_t *trace)
{
	const char *end = field_text(trace, "end");
	char text[160];
	if (strcmp(end, "done") == 0 || strcmp(end, "goes on") == 0) {
		put_line(pen, 0, *end == 'd' ? INK_GOOD : INK_NONE, "end", end);
		return;
	}
	snprintf(text, sizeof(text), "dropped: %s", end);
	put_line(pen, 0, INK_BAD, "end", text);
}

static void put_walk(const struct pen *pen, const json_t *trace)
{
	size_t i;
	const json_t *step;
	json_array_foreach (json_object_get(trace, "steps"), i, step) {
		put_step(pen, step);
	}
	put_end(pen, trace);
}

static void put_megaflow(const struct pen *pen, const json_t *trace)
{
	put_line(pen, 0, INK_NONE, "megaflow", field_text(trace, "megaflow"));
	put_line(pen, 0, INK_NONE, "actions", field_text(trace, "actions"));
}

// Why a pass begins with what it does. `other`: how to ask for another state.
static void put_why_ct(const struct pen *pen, const json_t *pass, const char *other)
{
	const char *source = field_text(pass, "source");
	fprintf(pen->out, "ct: goes on in table %lld as %s", field_count(pass, "table"),
		field_text(pass, "ct_state"));
	if (strcmp(source, "swd") == 0) {
		fputs(", as swd told", pen->out);
		return;
	}
	if (json_is_true(json_object_get(pass, "nat")))
		fputs(", with addresses as before NAT", pen->out);
	if (strcmp(source, "given") != 0)
		fprintf(pen->out, "; %s for another", other);
}

// Whether a lookup hit the megaflow that the tables give now.
static bool is_same(const json_t *trace, const json_t *lookup)
{
	return strcmp(field_text(trace, "megaflow"), field_text(lookup, "megaflow")) == 0 &&
	       strcmp(field_text(trace, "actions"), field_text(lookup, "actions")) == 0;
}

// One that stands among the lookups (NULL: none) has been shown.
static void put_megaflow_unless(const struct pen *pen, const json_t *trace, const json_t *lookups)
{
	size_t i;
	const json_t *lookup;
	json_array_foreach (lookups, i, lookup) {
		if (is_same(trace, lookup))
			return;
	}
	put_megaflow(pen, trace);
}

static void put_pass(const struct pen *pen, const json_t *pass, const char *other,
		     const json_t *lookups)
{
	char label[32];
	snprintf(label, sizeof(label), "pass %lld", field_count(pass, "number"));
	put_label(pen, 0, INK_TABLE, label);
	if (strcmp(field_text(pass, "by"), "ct") == 0)
		put_why_ct(pen, pass, other);
	else if (strcmp(field_text(pass, "source"), "swd") == 0)
		fputs("mpls: goes on behind the label, as swd told", pen->out);
	else
		fputs("mpls: goes on behind the label, where a trace knows nothing: zeros",
		      pen->out);
	fputc('\n', pen->out);
	put_line(pen, 0, INK_NONE, "", field_text(pass, "flow"));
	put_walk(pen, pass);
	put_megaflow_unless(pen, pass, lookups);
}

static void put_passes(const struct pen *pen, const json_t *trace, const char *other,
		       const json_t *lookups)
{
	size_t i;
	const json_t *pass;
	json_array_foreach (json_object_get(trace, "passes"), i, pass) {
		put_pass(pen, pass, other, lookups);
	}
}

void print_trace_in(bool colour, const json_t *result, FILE *out)
{
	const struct pen pen = {out, colour};
	put_line(&pen, 0, INK_NONE, "packet", field_text(result, "flow"));
	put_walk(&pen, result);
	put_megaflow(&pen, result);
	put_passes(&pen, result, "--ct-state est,rpl", NULL);
}

int print_trace(const json_t *result, FILE *out)
{
	print_trace_in(has_colours(out), result, out);
	return 0;
}

static void put_lookup(const struct pen *pen, const char *label, const json_t *lookup)
{
	if (!json_is_true(json_object_get(lookup, "hit"))) {
		put_line(pen, 0, INK_NONE, label, "miss");
		return;
	}
	put_label(pen, 0, INK_NONE, label);
	fprintf(pen->out, "hit %s\n", field_text(lookup, "megaflow"));
	put_label(pen, 0, INK_NONE, "");
	fprintf(pen->out, "actions %s\n", field_text(lookup, "actions"));
}

static void put_lookups(const struct pen *pen, const json_t *lookups)
{
	size_t i;
	const json_t *lookup;
	if (json_array_size(lookups) == 0)
		put_line(pen, 0, INK_NONE, "lookup", "none: the frame is malformed");
	json_array_foreach (lookups, i, lookup) {
		put_lookup(pen, i == 0 ? "lookup" : "again", lookup);
	}
}

static void put_drop(const struct pen *pen, const json_t *event)
{
	const char *text = field_text(event, "text");
	put(pen, INK_BAD, "dropped");
	fprintf(pen->out, " at %s: %s", field_text(event, "port"), field_text(event, "reason"));
	if (*text)
		fprintf(pen->out, " (%s)", text);
}

static void put_event(const struct pen *pen, const char *label, const json_t *event)
{
	const char *kind = field_text(event, "kind");
	long long n = field_count(event, "packets");
	put_label(pen, 0, INK_NONE, label);
	if (strcmp(kind, "drop") == 0) {
		put_drop(pen, event);
	} else if (strcmp(kind, "upcall") == 0) {
		fputs("to swctld, which decides", pen->out);
	} else {
		put(pen, INK_GOOD, "output");
		fprintf(pen->out, " to %s", field_text(event, "port"));
	}
	if (n > 1)
		fprintf(pen->out, ", as %lld packets", n);
	fputc('\n', pen->out);
}

void print_live_packet_in(bool colour, const json_t *packet, FILE *out)
{
	const struct pen pen = {out, colour};
	const json_t *trace = json_object_get(packet, "trace"), *event;
	const json_t *lookups = json_object_get(packet, "lookups");
	char label[32];
	size_t i;
	snprintf(label, sizeof(label), "packet %lld", field_count(packet, "index") + 1);
	put_label(&pen, 0, INK_TABLE, label);
	fprintf(out, "%lld bytes at %s\n", field_count(packet, "bytes"),
		field_text(packet, "port"));
	if (trace)
		put_line(&pen, 0, INK_NONE, "", field_text(trace, "flow"));
	put_lookups(&pen, lookups);
	if (trace) {
		put_walk(&pen, trace);
		put_megaflow_unless(&pen, trace, lookups);
		put_passes(&pen, trace, "`swctl trace --ct-state est,rpl`", lookups);
	}
	json_array_foreach (json_object_get(packet, "events"), i, event) {
		put_event(&pen, i == 0 ? "went" : "", event);
	}
	if (json_is_true(json_object_get(packet, "cut")))
		put_line(&pen, 0, INK_NONE, "", "and more than a trace keeps");
	fputc('\n', out);
}

int print_live_packet(const json_t *packet, FILE *out)
{
	print_live_packet_in(has_colours(out), packet, out);
	return 0;
}

void print_trace_line(const json_t *json, FILE *out)
{
	json_dumpf(json, out, JSON_REAL_PRECISION(15));
	fputc('\n', out);
}
