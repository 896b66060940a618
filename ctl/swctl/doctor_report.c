// What `swctl doctor` found, as people read it and as JSON.
#include "ctl/swctl/doctor_check.h"
#include "ctl/swctl/field.h"
#include "ctl/swctl/table.h"

#include <string.h>

#define GAP    2
#define NORMAL "\033[0m"

static const char *const colours[DOCTOR_LEVELS] = {
    [DOCTOR_OK] = "\033[32m",	     [DOCTOR_SKIPPED] = "",	      [DOCTOR_HINT] = "\033[36m",
    [DOCTOR_WARNING] = "\033[1;33m", [DOCTOR_PROBLEM] = "\033[1;31m",
};

struct widths {
	size_t check, level, about;
};

static enum doctor_level level_of(const json_t *finding)
{
	enum doctor_level level = DOCTOR_OK;
	while (level + 1 < DOCTOR_LEVELS &&
	       strcmp(field_text(finding, "level"), doctor_level_name(level)) != 0)
		level++;
	return level;
}

static void widen(size_t *width, const char *text)
{
	size_t needed = text_width(text);
	*width = needed > *width ? needed : *width;
}

static struct widths measure(const json_t *findings)
{
	struct widths w = {strlen("CHECK"), strlen("STATE"), strlen("OF")};
	size_t i;
	const json_t *finding;
	json_array_foreach (findings, i, finding) {
		widen(&w.check, field_text(finding, "check"));
		widen(&w.level, field_text(finding, "level"));
		widen(&w.about, field_text(finding, "about"));
	}
	return w;
}

// What a terminal would obey is shown as "?"; names of ports and paths are an operator's words, but
// reasons come from peers, too.
static void put_tame(const char *text, FILE *out)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static void put_cell(const char *text, size_t width, FILE *out)
{
	put_tame(text, out);
	fprintf(out, "%*s", (int)(width - text_width(text) + GAP), "");
}

static void put_finding(const json_t *finding, const struct widths *w, bool colour, FILE *out)
{
	enum doctor_level level = level_of(finding);
	const char *mend = field_text(finding, "mend"), *about = field_text(finding, "about");
	put_cell(field_text(finding, "check"), w->check, out);
	fputs(colour ? colours[level] : "", out);
	put_cell(doctor_level_name(level), w->level, out);
	fputs(colour ? NORMAL : "", out);
	put_cell(*about ? about : "-", w->about, out);
	put_tame(field_text(finding, "text"), out);
	fputc('\n', out);
	if (!*mend)
		return;
	fprintf(out, "%*smend: ", (int)(w->check + w->level + w->about + 3 * GAP), "");
	put_tame(mend, out);
	fputc('\n', out);
}

static void put_sum(const struct doctor *d, FILE *out)
{
	const char *between = "";
	for (int level = DOCTOR_PROBLEM; level > DOCTOR_SKIPPED; level--) {
		unsigned n = doctor_count(d, (enum doctor_level)level);
		if (n > 0 || level == DOCTOR_PROBLEM)
			fprintf(out, "%s%u %s%s", between, n,
				doctor_level_name((enum doctor_level)level), n == 1 ? "" : "s");
		between = ", ";
	}
	fputc('\n', out);
}

void doctor_print(const struct doctor *d, bool colour, FILE *out)
{
	struct widths w = measure(d->findings);
	size_t i;
	const json_t *finding;
	put_cell("CHECK", w.check, out);
	put_cell("STATE", w.level, out);
	put_cell("OF", w.about, out);
	fputs("FINDING\n", out);
	json_array_foreach (d->findings, i, finding) {
		put_finding(finding, &w, colour, out);
	}
	put_sum(d, out);
}

json_t *doctor_json(const struct doctor *d)
{
	return json_pack("{s:i, s:i, s:i, s:O}", "problems", (int)doctor_count(d, DOCTOR_PROBLEM),
			 "warnings", (int)doctor_count(d, DOCTOR_WARNING), "hints",
			 (int)doctor_count(d, DOCTOR_HINT), "findings", d->findings);
}
