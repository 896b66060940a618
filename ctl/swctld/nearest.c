#include "ctl/swctld/nearest.h"

#include <string.h>

struct distance {
	unsigned n_differ, n_agree; // fields of the rule's match
	enum of_field_id first;	    // that differs
};

struct search {
	const struct of_key *key;
	const struct rule *winner, *best;
	struct distance distance; // of the best
};

// Where the rule's match and the key differ.
static void subtract(struct of_key *differs, const struct of_match *match, const struct of_key *key)
{
	uint64_t *d = (uint64_t *)(void *)differs;
	const uint64_t *k = (const void *)key, *rk = (const void *)&match->key,
		       *rm = (const void *)&match->mask;
	for (unsigned i = 0; i < OF_KEY_WORDS; i++)
		d[i] = (k[i] ^ rk[i]) & rm[i];
}

// The words of a key that a field is in.
struct span {
	unsigned first, last;
};

static struct span span_of(const struct of_field *field)
{
	return (struct span){field->offset / 8u, (field->offset + field->size - 1u) / 8};
}

static bool is_zero(const struct of_key *key, struct span span)
{
	const uint64_t *k = (const void *)key;
	uint64_t any = 0;
	for (unsigned i = span.first; i <= span.last; i++)
		any |= k[i];
	return !any;
}

// A place has several names: once is enough.
static void forget(struct of_key *key, const struct of_subfield *whole, struct span span)
{
	struct of_key place; // of which nothing but the span is used
	uint64_t *k = (uint64_t *)(void *)key, *p = (uint64_t *)(void *)&place;
	for (unsigned i = span.first; i <= span.last; i++)
		p[i] = 0;
	of_subfield_set(whole, &place, of_value_ones(whole->n_bits));
	for (unsigned i = span.first; i <= span.last; i++)
		k[i] &= ~p[i];
}

static struct distance measure(const struct of_match *match, const struct of_key *key)
{
	struct distance distance = {0, 0, 0};
	struct of_key differs, cares = match->mask;
	uint16_t kinds = of_match_kinds(match);
	subtract(&differs, match, key);
	for (unsigned id = 0; id < OF_N_FIELDS; id++) {
		const struct of_field *field = &of_fields[id];
		struct of_subfield whole = of_field_whole(id);
		struct span span = span_of(field);
		if (is_zero(&cares, span) || (field->needs && !(field->needs & kinds)) ||
		    !of_subfield_get(&whole, &cares))
			continue;
		if (!of_subfield_get(&whole, &differs))
			distance.n_agree++;
		else if (distance.n_differ++ == 0)
			distance.first = id;
		forget(&cares, &whole, span);
		forget(&differs, &whole, span);
	}
	return distance;
}

static bool is_nearer(const struct search *s, const struct rule *rule, const struct distance *d)
{
	const struct distance *best = &s->distance;
	if (!s->best)
		return true;
	// One that would have won tells more than one that would not.
	if ((d->n_differ == 0) != (best->n_differ == 0))
		return d->n_differ != 0;
	if (d->n_differ != best->n_differ)
		return d->n_differ < best->n_differ;
	if (d->n_differ > 0 && d->n_agree != best->n_agree)
		return d->n_agree > best->n_agree;
	return rule->cls.priority > s->best->cls.priority;
}

// One that would not have won, which only has to match.
static void look_at_lower(struct search *s, const struct rule *rule)
{
	const struct distance none = {0, 0, 0};
	if (is_nearer(s, rule, &none) && cls_rule_matches(&rule->cls, s->key)) {
		s->best = rule;
		s->distance = none;
	}
}

static bool look_at(struct cls_rule *cls, void *arg)
{
	struct search *s = arg;
	const struct rule *rule = (const struct rule *)cls;
	struct of_match match;
	if (rule == s->winner)
		return true;
	if (s->winner && cls->priority < s->winner->cls.priority) {
		look_at_lower(s, rule);
		return true;
	}
	cls_rule_match(cls, &match);
	struct distance d = measure(&match, s->key);
	if (d.n_differ > 0 && is_nearer(s, rule, &d)) {
		s->best = rule;
		s->distance = d;
	}
	return true;
}

struct nearest nearest_find(const struct classifier *c, const struct of_key *key,
			    const struct rule *winner)
{
	struct search s = {.key = key, .winner = winner};
	classifier_each(c, look_at, &s);
	return (struct nearest){s.best, s.distance.n_differ == 0, s.distance.first};
}

const char *nearest_field_name(enum of_field_id field)
{
	const struct of_field *f = &of_fields[field];
	bool old =
	    f->alias && (strncmp(f->alias, "dl_", 3) == 0 || strncmp(f->alias, "nw_", 3) == 0);
	return old ? f->alias : f->name;
}
