#include "flowtable/classifier.h"

#include "flowtable/key_words.h"
#include "flowtable/priorities.h"
#include "flowtable/stages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 4 // a power of two, as all bucket counts

// The rules of one mask, chained in a hash table by their masked keys.
struct subtable {
	struct flow_key mask;
	uint32_t mask_hash;
	uint32_t n_rules;
	uint32_t n_buckets;
	uint32_t place; // in classifier.order
	bool line2;	// the mask has bits there
	struct cls_rule **buckets;
	struct priorities priorities;
	struct stages stages;
	struct subtable *next_by_mask;
};

struct classifier {
	// By greatest priority, descending.
	struct subtable **order;
	uint32_t n_subtables, room;
	struct subtable **by_mask;
	uint32_t n_mask_buckets;
	unsigned n_rules;
};

struct classifier *classifier_create(void)
{
	struct classifier *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->n_mask_buckets = 256;
	c->by_mask = calloc(c->n_mask_buckets, sizeof(*c->by_mask));
	if (!c->by_mask) {
		free(c);
		return NULL;
	}
	return c;
}

static void subtable_free(struct subtable *s)
{
	stages_fini(&s->stages);
	priorities_fini(&s->priorities);
	free(s->buckets);
	free(s);
}

void classifier_destroy(struct classifier *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->n_subtables; i++)
		subtable_free(c->order[i]);
	free(c->order);
	free(c->by_mask);
	free(c);
}

static struct subtable *subtable_find(const struct classifier *c, const struct flow_key *mask,
				      uint32_t hash)
{
	struct subtable *s = c->by_mask[hash & (c->n_mask_buckets - 1)];
	while (s && (s->mask_hash != hash || !flow_key_equal(&s->mask, mask)))
		s = s->next_by_mask;
	return s;
}

// Puts a subtable whose greatest priority has changed where it belongs.
static void subtable_reorder(struct classifier *c, struct subtable *s)
{
	uint32_t max = priorities_max(&s->priorities), i = s->place;
	for (; i > 0 && priorities_max(&c->order[i - 1]->priorities) < max; i--) {
		c->order[i] = c->order[i - 1];
		c->order[i]->place = i;
	}
	for (; i + 1 < c->n_subtables && priorities_max(&c->order[i + 1]->priorities) > max; i++) {
		c->order[i] = c->order[i + 1];
		c->order[i]->place = i;
	}
	c->order[i] = s;
	s->place = i;
}

static int order_make_room(struct classifier *c)
{
	if (c->n_subtables < c->room)
		return 0;
	uint32_t room = c->room ? c->room * 2 : 16;
	void *order = realloc(c->order, room * sizeof(*c->order));
	if (!order)
		return -ENOMEM;
	c->order = order;
	c->room = room;
	return 0;
}

// Growing is a matter of speed only: without memory the chains get longer.
static void by_mask_grow(struct classifier *c)
{
	uint32_t n = c->n_mask_buckets * 2;
	struct subtable **table = calloc(n, sizeof(*table));
	if (!table)
		return;
	for (uint32_t i = 0; i < c->n_subtables; i++) {
		struct subtable *s = c->order[i], **head = &table[s->mask_hash & (n - 1)];
		s->next_by_mask = *head;
		*head = s;
	}
	free(c->by_mask);
	c->by_mask = table;
	c->n_mask_buckets = n;
}

static struct subtable *subtable_create(const struct flow_key *mask, uint32_t hash)
{
	struct subtable *s = aligned_alloc(_Alignof(struct subtable), sizeof(*s));
	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->mask = *mask;
	s->mask_hash = hash;
	s->line2 = flow_mask_uses_line2(mask);
	stages_init(&s->stages, mask);
	s->n_buckets = BUCKETS_MIN;
	s->buckets = calloc(s->n_buckets, sizeof(*s->buckets));
	if (!s->buckets) {
		free(s);
		return NULL;
	}
	return s;
}

static void subtable_link(struct classifier *c, struct subtable *s)
{
	if (c->n_subtables >= c->n_mask_buckets)
		by_mask_grow(c);
	struct subtable **head = &c->by_mask[s->mask_hash & (c->n_mask_buckets - 1)];
	s->next_by_mask = *head;
	*head = s;
	s->place = c->n_subtables;
	c->order[c->n_subtables++] = s;
}

static void subtable_unlink(struct classifier *c, struct subtable *s)
{
	struct subtable **at = &c->by_mask[s->mask_hash & (c->n_mask_buckets - 1)];
	while (*at != s)
		at = &(*at)->next_by_mask;
	*at = s->next_by_mask;
	c->n_subtables--;
	for (uint32_t i = s->place; i < c->n_subtables; i++) {
		c->order[i] = c->order[i + 1];
		c->order[i]->place = i;
	}
}

static struct cls_rule **bucket_of(const struct subtable *s, uint32_t hash)
{
	return &s->buckets[hash & (s->n_buckets - 1)];
}

static void subtable_grow(struct subtable *s)
{
	struct cls_rule **old = s->buckets;
	uint32_t n_old = s->n_buckets;
	struct cls_rule **buckets = calloc((size_t)n_old * 2, sizeof(*buckets));
	if (!buckets)
		return;
	s->buckets = buckets;
	s->n_buckets = n_old * 2;
	for (uint32_t i = 0; i < n_old; i++) {
		while (old[i]) {
			struct cls_rule *rule = old[i];
			old[i] = rule->next;
			rule->next = *bucket_of(s, rule->hash);
			*bucket_of(s, rule->hash) = rule;
		}
	}
	free(old);
}

static int subtable_add(struct subtable *s, struct cls_rule *rule)
{
	int err = stages_add(&s->stages, &rule->match.key);
	if (err)
		return err;
	err = priorities_add(&s->priorities, rule->priority);
	if (err) {
		stages_del(&s->stages, &rule->match.key);
		return err;
	}
	if (s->n_rules >= s->n_buckets)
		subtable_grow(s);
	rule->hash = flow_key_hash(&rule->match.key, 0);
	struct cls_rule **head = bucket_of(s, rule->hash);
	rule->subtable = s;
	rule->next = *head;
	*head = rule;
	s->n_rules++;
	return 0;
}

int classifier_add(struct classifier *c, struct cls_rule *rule)
{
	uint32_t mask_hash = flow_key_hash(&rule->match.mask, 0);
	struct subtable *s = subtable_find(c, &rule->match.mask, mask_hash);
	bool is_new = !s;
	if (is_new) {
		s = order_make_room(c) == 0 ? subtable_create(&rule->match.mask, mask_hash) : NULL;
		if (!s)
			return -ENOMEM;
	}
	int err = subtable_add(s, rule);
	if (err) {
		if (is_new)
			subtable_free(s);
		return err;
	}
	if (is_new)
		subtable_link(c, s);
	subtable_reorder(c, s);
	c->n_rules++;
	return 0;
}

void classifier_del(struct classifier *c, struct cls_rule *rule)
{
	struct subtable *s = rule->subtable;
	struct cls_rule **at = bucket_of(s, rule->hash);
	while (*at != rule)
		at = &(*at)->next;
	*at = rule->next;
	rule->next = NULL;
	rule->subtable = NULL;
	priorities_del(&s->priorities, rule->priority);
	stages_del(&s->stages, &rule->match.key);
	c->n_rules--;
	if (--s->n_rules > 0) {
		subtable_reorder(c, s);
	} else {
		subtable_unlink(c, s);
		subtable_free(s);
	}
}

struct cls_rule *classifier_find(const struct classifier *c, const struct flow_match *match,
				 uint32_t priority)
{
	struct subtable *s = subtable_find(c, &match->mask, flow_key_hash(&match->mask, 0));
	if (!s)
		return NULL;
	uint32_t hash = flow_key_hash(&match->key, 0);
	struct cls_rule *rule = *bucket_of(s, hash);
	while (rule && (rule->hash != hash || rule->priority != priority ||
			!flow_key_equal(&rule->match.key, &match->key)))
		rule = rule->next;
	return rule;
}

// The best rule of a subtable that matches, if it is better than `best`.
static struct cls_rule *subtable_lookup(const struct subtable *s, const struct flow_key *key,
					struct cls_rule *best)
{
	uint32_t hash = key_hash_masked_inline(key, &s->mask, 0, s->line2);
	for (struct cls_rule *rule = *bucket_of(s, hash); rule; rule = rule->next) {
		if (rule->hash == hash && (!best || rule->priority > best->priority) &&
		    key_equal_masked_inline(&rule->match.key, key, &s->mask, s->line2))
			best = rule;
	}
	return best;
}

struct cls_rule *classifier_lookup(const struct classifier *c, const struct flow_key *key,
				   struct flow_key *wildcards)
{
	struct cls_rule *best = NULL;
	for (uint32_t i = 0; i < c->n_subtables; i++) {
		const struct subtable *s = c->order[i];
		if (best && priorities_max(&s->priorities) <= best->priority)
			break;
		const struct flow_key *looked_at = stages_stop(&s->stages, key);
		if (!looked_at) {
			best = subtable_lookup(s, key, best);
			looked_at = &s->mask;
		}
		if (wildcards)
			flow_mask_merge(wildcards, looked_at);
	}
	return best;
}

unsigned classifier_n_rules(const struct classifier *c)
{
	return c->n_rules;
}
