// All rules of a table are looked at, of which there may be a hundred thousand and more. Those with
// one mask come one behind the other, so what fields a mask has bits of is found out once.
#include "ctl/swctld/nearest.h"

#include <string.h>

#define PLACE_WORDS 3 // the most that a field is in: 16 bytes that start anywhere

// A field that a mask has bits of: its place in the key, and those bits.
struct cared {
	enum of_field_id id;
	unsigned first, n_words;
	uint64_t bits[PLACE_WORDS];
};

struct distance {
	unsigned n_differ, n_agree; // fields of the rule's match
	enum of_field_id first;	    // that differs
};

struct search {
	const struct of_key *key;
	const struct rule *winner, *best;
	struct distance distance; // of the best
	// Of the mask that was met last, in rules of this kind of packet.
	const struct cls_mask *mask;
	uint16_t kinds;
	unsigned n_cared;
	struct cared cared[OF_N_FIELDS];
};

static const uint64_t *words_of(const struct of_key *key)
{
	return (const void *)key;
}

// The field's part of a mask, which loses it: a place has several names, and once is enough.
static bool take_field(struct of_key *mask, enum of_field_id id, struct cared *cared)
{
	const struct of_field *field = &of_fields[id];
	struct of_subfield whole = of_field_whole(id);
	uint64_t *m = (uint64_t *)(void *)mask, any = 0;
	struct of_key place;
	cared->id = id;
	cared->first = field->offset / 8u;
	cared->n_words = (field->offset + field->size - 1u) / 8 - cared->first + 1;
	memset(&place, 0, sizeof(place));
	of_subfield_set(&whole, &place, of_value_ones(whole.n_bits));
	for (unsigned i = 0; i < cared->n_words; i++) {
		unsigned w = cared->first + i;
		cared->bits[i] = m[w] & words_of(&place)[w];
		m[w] &= ~cared->bits[i];
		any |= cared->bits[i];
	}
	return any != 0;
}

static void list_fields(struct search *s, const struct of_key *mask, uint16_t kinds)
{
	struct of_key left = *mask;
	s->kinds = kinds;
	s->n_cared = 0;
	for (unsigned id = 0; id < OF_N_FIELDS; id++) {
		uint16_t needs = of_fields[id].needs;
		if (!needs || (needs & kinds))
			s->n_cared += take_field(&left, id, &s->cared[s->n_cared]);
	}
}

static struct distance measure(struct search *s, const struct cls_rule *rule)
{
	struct distance distance = {0, 0, 0};
	struct of_match match;
	cls_rule_match(rule, &match);
	uint16_t kinds = of_match_kinds(&match);
	if (rule->mask != s->mask || kinds != s->kinds)
		list_fields(s, &match.mask, kinds);
	s->mask = rule->mask;
	const uint64_t *is = words_of(s->key), *wants = words_of(&match.key);
	for (unsigned i = 0; i < s->n_cared; i++) {
		const struct cared *c = &s->cared[i];
		uint64_t differs = 0;
		for (unsigned w = 0; w < c->n_words; w++)
			differs |= (is[c->first + w] ^ wants[c->first + w]) & c->bits[w];
		if (!differs)
			distance.n_agree++;
		else if (distance.n_differ++ == 0)
			distance.first = c->id;
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

static void take(struct search *s, const struct rule *rule, const struct distance *d)
{
	s->best = rule;
	s->distance = *d;
}

static bool look_at(struct cls_rule *cls, void *arg)
{
	struct search *s = arg;
	const struct rule *rule = (const struct rule *)cls;
	const struct distance none = {0, 0, 0};
	if (rule == s->winner)
		return true;
	if (s->winner && cls->priority < s->winner->cls.priority) {
		// It would not have won: it only has to match.
		if (is_nearer(s, rule, &none) && cls_rule_matches(cls, s->key))
			take(s, rule, &none);
		return true;
	}
	struct distance d = measure(s, cls);
	if (d.n_differ > 0 && is_nearer(s, rule, &d))
		take(s, rule, &d);
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
