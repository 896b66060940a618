#include "tests/unit/ctl/property_report.h"

#include <stdlib.h>
#include <string.h>

static struct property property;
static struct comparison comparison;

// Whether these rules still fail, with no word refused.
static bool fails(const struct mismatch *m, const struct random_rules *rules,
		  const struct xlate_ctx *base)
{
	struct of_error error;
	enum verdict verdict;

	if (!property_init(&property, rules, m->ports_down, base, &error))
		return false;
	verdict = property_check(&property, &comparison, &m->first);
	if (m->is_other)
		verdict = verdict != SKIPPED && property_is_inside(&comparison, &m->other)
			      ? property_check_inside(&property, &comparison, &m->other)
			      : SAME;
	comparison_reset(&comparison, &property);
	property_fini(&property);
	return verdict == DIFFERENT;
}

static void drop_rule(struct random_rules *rules, unsigned i)
{
	memmove(rules->rules[i], rules->rules[i + 1],
		sizeof(rules->rules[0]) * (rules->n_rules - i - 1));
	rules->n_rules--;
}

static void drop_group(struct random_rules *rules, unsigned i)
{
	memmove(rules->groups[i], rules->groups[i + 1],
		sizeof(rules->groups[0]) * (rules->n_groups - i - 1));
	rules->n_groups--;
}

static void shrink_groups(const struct mismatch *m, struct random_rules *rules,
			  const struct xlate_ctx *base)
{
	static struct random_rules fewer;

	for (unsigned i = rules->n_groups; i > 0; i--) {
		random_rules_copy(&fewer, rules);
		drop_group(&fewer, i - 1);
		if (fails(m, &fewer, base))
			random_rules_copy(rules, &fewer);
	}
}

static void shrink_rules(const struct mismatch *m, struct random_rules *rules,
			 const struct xlate_ctx *base)
{
	static struct random_rules fewer;

	for (unsigned i = rules->n_rules; i > 0; i--) {
		random_rules_copy(&fewer, rules);
		drop_rule(&fewer, i - 1);
		if (fails(m, &fewer, base))
			random_rules_copy(rules, &fewer);
	}
}

// The end of the piece between commas that starts at s, of no parenthesis.
static char *piece_end(char *s)
{
	unsigned depth = 0;

	for (; *s && (depth > 0 || (*s != ',' && *s != ')')); s++) {
		if (*s == '(')
			depth++;
		else if (*s == ')')
			depth--;
	}
	return s;
}

// Without the n-th piece of the text, counted through all parentheses; false when there is none.
static bool drop_piece(char *line, unsigned n)
{
	char *s = line;

	while (n > 0 && *s) {
		if (*s == ',' || *s == '(' || *s == '=')
			n--;
		s++;
	}
	if (!*s)
		return false;

	char *end = piece_end(s);

	if (*end == ',')
		end++;
	else if (s > line && s[-1] == ',')
		s--;
	memmove(s, end, strlen(end) + 1);
	return true;
}

static bool shrink_line(const struct mismatch *m, struct random_rules *rules,
			struct random_rules *fewer, char *line, const struct xlate_ctx *base)
{
	size_t ofs = (size_t)(line - (char *)fewer);

	for (unsigned n = 0;; n++) {
		random_rules_copy(fewer, rules);
		if (!drop_piece(line, n))
			return false;
		if (strcmp(line, (char *)rules + ofs) != 0 && fails(m, fewer, base)) {
			random_rules_copy(rules, fewer);
			return true;
		}
	}
}

static void shrink_lines(const struct mismatch *m, struct random_rules *rules,
			 const struct xlate_ctx *base)
{
	static struct random_rules fewer;

	for (unsigned i = 0; i < rules->n_rules; i++)
		while (shrink_line(m, rules, &fewer, fewer.rules[i], base))
			;
	for (unsigned i = 0; i < rules->n_groups; i++)
		while (shrink_line(m, rules, &fewer, fewer.groups[i], base))
			;
}

static void print_arrival(const char *what, const struct arrival *a)
{
	fprintf(stderr, "%s on port %u: ", what, a->in_port);
	model_print(stderr, &a->packet);
	fprintf(stderr, "\n");
}

static void print_rules(const struct random_rules *rules)
{
	struct of_flow_view view;
	struct of_match match;

	for (unsigned i = 0; i < rules->n_groups; i++)
		fprintf(stderr, "%s\n", rules->groups[i]);
	for (unsigned i = 0; i < property.text.n_rules; i++) {
		const struct of_flow *flow = &property.flows[i];

		match = flow->match;
		view = (struct of_flow_view){.match = &match,
					     .actions = flow->actions,
					     .priority = flow->priority,
					     .table = flow->table};
		of_flow_print(stderr, &view, NULL);
		fprintf(stderr, "\n");
	}
}

static void print_results(const struct mismatch *m, struct comparison *c)
{
	struct ref_choices none = {0};

	fprintf(stderr, "differs: %s\nthe reference%s%s:\n", c->why,
		c->ref.dropped ? ", dropping" : "",
		c->ref.expired ? ", the TTL having run out" : "");
	ref_run(&property.sw, m->is_other ? m->other.in_port : m->first.in_port,
		m->is_other ? &m->other.packet : &m->first.packet, &none, &c->ref);
	ref_events_print(stderr, &c->ref.events);
	fprintf(stderr, "  rules met:");
	for (unsigned i = 0; i < c->ref.n_rules; i++)
		fprintf(stderr, " %u", c->ref.rules[i]);
	fprintf(stderr, "\nthe translator (%s):\n", xlate_end_text(c->xlate.end));
	ref_events_print(stderr, &c->events);
	fprintf(stderr, "  rules met:");
	for (unsigned i = 0; i < c->n_rules; i++)
		fprintf(stderr, " %u", c->rules[i]);
	fprintf(stderr, "\n");
}

void mismatch_report(const struct mismatch *m, const struct random_rules *all,
		     const struct xlate_ctx *base)
{
	static struct random_rules rules;
	struct of_error error;

	random_rules_copy(&rules, all);
	if (!fails(m, &rules, base)) {
		fprintf(stderr, "%s=%llu: does not fail a second time\n", m->source,
			(unsigned long long)m->seed);
		return;
	}
	shrink_rules(m, &rules, base);
	shrink_groups(m, &rules, base);
	shrink_lines(m, &rules, base);
	shrink_groups(m, &rules, base);
	shrink_rules(m, &rules, base);
	fails(m, &rules, base);
	fprintf(stderr, "---- %s=%llu (ports down: %#x)\n", m->source, (unsigned long long)m->seed,
		m->ports_down);
	if (!property_init(&property, &rules, m->ports_down, base, &error))
		return;
	print_rules(&rules);
	print_arrival(m->is_other ? "translated for a packet" : "packet", &m->first);
	if (m->is_other)
		print_arrival("and failed for another one", &m->other);
	property_check(&property, &comparison, &m->first);
	if (m->is_other)
		property_check_inside(&property, &comparison, &m->other);
	print_results(m, &comparison);
	comparison_reset(&comparison, &property);
	property_fini(&property);
}
