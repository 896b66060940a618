#include "ctl/swctld/rule_sort.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sorted {
	struct rule *rule;
	size_t place; // before
	of_value value;
	bool has_value;
};

static int compare(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	if (x->has_value != y->has_value)
		return x->has_value ? -1 : 1;
	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	if (x->rule->cls.priority != y->rule->cls.priority)
		return x->rule->cls.priority > y->rule->cls.priority ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

// What to sort by. A descending order is the ascending one of the complement.
static void read_field(struct sorted *s, const struct of_field *field, bool descending)
{
	struct of_match match;
	struct of_subfield whole = of_field_whole((enum of_field_id)(field - of_fields));
	cls_rule_match(&s->rule->cls, &match);
	s->has_value = of_subfield_get(&whole, &match.mask) != 0;
	s->value = s->has_value ? of_subfield_get(&whole, &match.key) : 0;
	if (s->has_value && descending)
		s->value = ~s->value;
}

static const struct of_field *find_field(const char *name, struct of_error *error)
{
	const struct of_field *field = of_field_find(name, strlen(name));
	if (!field)
		of_error_set(error, name, name, strlen(name),
			     "neither a field nor priority; rules cannot be sorted by it");
	return field;
}

int rule_sort(struct rule **list, size_t n, const char *field_name, bool descending,
	      struct of_error *error)
{
	const struct of_field *field = NULL;
	bool by_priority = !*field_name || strcmp(field_name, "priority") == 0;
	if (!by_priority) {
		field = find_field(field_name, error);
		if (!field)
			return -EINVAL;
	}
	struct sorted *sorted = calloc(n + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct sorted *s = &sorted[i];
		*s = (struct sorted){.rule = list[i], .place = i, .has_value = true};
		if (field)
			read_field(s, field, descending);
		else
			s->value =
			    descending ? UINT16_MAX - list[i]->cls.priority : list[i]->cls.priority;
	}
	qsort(sorted, n, sizeof(*sorted), compare);
	for (size_t i = 0; i < n; i++)
		list[i] = sorted[i].rule;
	free(sorted);
	return 0;
}
