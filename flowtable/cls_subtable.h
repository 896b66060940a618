// The rules of one mask in a classifier: a hash table of their masked keys, with what tells early
// that none matches.
#ifndef FLOWTABLE_CLS_SUBTABLE_H
#define FLOWTABLE_CLS_SUBTABLE_H

#include "flowtable/classifier.h"
#include "flowtable/cls_mask.h"
#include "flowtable/priorities.h"
#include "flowtable/stages.h"

struct cls_subtable {
	const struct cls_mask *mask; // counted
	struct cls_rule **buckets;   // chains
	uint32_t n_buckets;	     // a power of two
	uint32_t n_rules;
	struct stages stages;
	struct priorities priorities;
	struct cls_subtable *next; // the classifier's
};

struct cls_subtable *cls_subtable_create(const struct cls_mask *mask); // NULL: no memory
void cls_subtable_destroy(struct cls_subtable *s);
// Sets the rule's fields `hash`, `next` and `subtable`. 0 or -ENOMEM.
int cls_subtable_add(struct cls_subtable *s, struct cls_rule *rule);
void cls_subtable_del(struct cls_subtable *s, struct cls_rule *rule);
// By words of a rule of this mask.
struct cls_rule *cls_subtable_find(const struct cls_subtable *s, const key_word *rule_words,
				   uint16_t priority);
// The best rule that matches, if it is better than `best`; else `best`. `hash` is the key's, at the
// end of all stages (cls_mask_hashes()).
struct cls_rule *cls_subtable_lookup(const struct cls_subtable *s, const struct of_key *key,
				     uint32_t hash, struct cls_rule *best);

// What the stages and cls_subtable_lookup() will read, while the tries are searched.
static inline void cls_subtable_prefetch(const struct cls_subtable *s, const uint32_t *hashes,
					 uint32_t hash)
{
	__builtin_prefetch(&s->buckets[hash & (s->n_buckets - 1)]);
	for (unsigned i = 0; i + 1 < s->mask->n_stages; i++)
		hash_counts_prefetch(&s->stages.early[i], hashes[i]);
}

#endif
