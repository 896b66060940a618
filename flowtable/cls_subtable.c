#include "flowtable/cls_subtable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 4

struct cls_subtable *cls_subtable_create(const struct cls_mask *mask)
{
	struct cls_subtable *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->n_buckets = BUCKETS_MIN;
	s->buckets = calloc(s->n_buckets, sizeof(struct cls_rule *));
	s->mask = cls_mask_get(&mask->mask);
	if (s->buckets && s->mask)
		return s;
	cls_subtable_destroy(s);
	return NULL;
}

void cls_subtable_destroy(struct cls_subtable *s)
{
	if (s->mask)
		cls_mask_put(s->mask);
	stages_fini(&s->stages);
	priorities_fini(&s->priorities);
	free(s->buckets);
	free(s);
}

static struct cls_rule **bucket_of(const struct cls_subtable *s, uint32_t hash)
{
	return &s->buckets[hash & (s->n_buckets - 1)];
}

// A matter of speed and room only: without memory all stays as it is.
static void resize(struct cls_subtable *s, uint32_t n_buckets)
{
	struct cls_rule **old = s->buckets, **buckets = calloc(n_buckets, sizeof(*buckets));
	uint32_t n_old = s->n_buckets;

	if (!buckets)
		return;
	s->buckets = buckets;
	s->n_buckets = n_buckets;
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

int cls_subtable_add(struct cls_subtable *s, struct cls_rule *rule)
{
	uint32_t hashes[CLS_STAGES];
	unsigned n_stages = s->mask->n_stages;
	struct cls_rule **head;
	int err;

	rule->hash = cls_mask_hashes(s->mask, rule->words, true, hashes);
	err = stages_add(&s->stages, n_stages, hashes);
	if (err)
		return err;
	err = priorities_add(&s->priorities, rule->priority);
	if (err) {
		stages_del(&s->stages, n_stages, hashes);
		return err;
	}
	if (s->n_rules >= s->n_buckets)
		resize(s, s->n_buckets * 2);
	s->n_rules++;
	rule->subtable = s;
	head = bucket_of(s, rule->hash);
	rule->next = *head;
	*head = rule;
	return 0;
}

void cls_subtable_del(struct cls_subtable *s, struct cls_rule *rule)
{
	struct cls_rule **at = bucket_of(s, rule->hash);
	uint32_t hashes[CLS_STAGES];

	while (*at != rule)
		at = &(*at)->next;
	*at = rule->next;
	rule->next = NULL;
	rule->subtable = NULL;
	cls_mask_hashes(s->mask, rule->words, true, hashes);
	stages_del(&s->stages, s->mask->n_stages, hashes);
	priorities_del(&s->priorities, rule->priority);
	s->n_rules--;
	if (s->n_buckets > BUCKETS_MIN && s->n_rules < s->n_buckets / 4)
		resize(s, s->n_buckets / 2);
}

struct cls_rule *cls_subtable_find(const struct cls_subtable *s, const key_word *rule_words,
				   uint16_t priority)
{
	size_t size = s->mask->n_words * sizeof(*rule_words);
	uint32_t hashes[CLS_STAGES], hash = cls_mask_hashes(s->mask, rule_words, true, hashes);
	struct cls_rule *rule = *bucket_of(s, hash);

	while (rule && (rule->hash != hash || rule->priority != priority ||
			memcmp(rule->words, rule_words, size) != 0))
		rule = rule->next;
	return rule;
}

struct cls_rule *cls_subtable_lookup(const struct cls_subtable *s, const struct of_key *key,
				     uint32_t hash, struct cls_rule *best)
{
	for (struct cls_rule *rule = *bucket_of(s, hash); rule; rule = rule->next) {
		if (rule->hash == hash && (!best || rule->priority > best->priority) &&
		    cls_mask_equal(s->mask, rule->words, key))
			best = rule;
	}
	return best;
}
