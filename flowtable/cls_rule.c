// What rules are, apart from the classifier they are in.
#include "flowtable/classifier.h"

#include "flowtable/cls_mask.h"

#include <errno.h>
#include <string.h>

size_t cls_match_bytes(const struct of_key *mask)
{
	const key_word *words = of_words(mask);
	size_t n = 0;

	for (unsigned i = 0; i < OF_KEY_WORDS; i++)
		n += words[i] != 0;
	return n * sizeof(uint64_t);
}

int cls_rule_init(struct cls_rule *rule, uint64_t *words, const struct of_match *match,
		  uint16_t priority)
{
	const key_word *key = of_words(&match->key);
	const struct cls_mask *mask = cls_mask_get(&match->mask);

	if (!mask)
		return -ENOMEM;
	*rule = (struct cls_rule){.mask = mask, .words = words, .priority = priority};
	for (uint64_t map = mask->map; map; map &= map - 1)
		*words++ = key[__builtin_ctzll(map)];
	return 0;
}

void cls_rule_fini(struct cls_rule *rule)
{
	cls_mask_put(rule->mask);
	rule->mask = NULL;
}

void cls_rule_match(const struct cls_rule *rule, struct of_match *match)
{
	match->mask = rule->mask->mask;
	cls_mask_unpack(rule->mask, rule->words, &match->key);
}

bool cls_rule_matches(const struct cls_rule *rule, const struct of_key *key)
{
	return cls_mask_equal(rule->mask, rule->words, key);
}

bool cls_rule_same(const struct cls_rule *a, const struct cls_rule *b)
{
	return a->mask == b->mask && a->priority == b->priority &&
	       memcmp(a->words, b->words, a->mask->n_words * sizeof(uint64_t)) == 0;
}

bool cls_rule_is_within(const struct cls_rule *rule, const struct of_match *match)
{
	const key_word *key = of_words(&match->key), *mask = of_words(&match->mask);
	const key_word *own = of_words(&rule->mask->mask);
	const uint64_t *words = rule->words;
	uint64_t diff = 0;

	if (!of_mask_covers(&rule->mask->mask, &match->mask))
		return false;
	for (unsigned i = 0; i < OF_KEY_WORDS; i++) {
		if (own[i])
			diff |= (*words++ ^ key[i]) & mask[i];
	}
	return diff == 0;
}

bool cls_rule_overlaps(const struct cls_rule *rule, const struct of_match *match)
{
	const key_word *key = of_words(&match->key), *mask = of_words(&match->mask);
	const key_word *own = of_words(&rule->mask->mask);
	const uint64_t *words = rule->words;
	uint64_t diff = 0;

	for (uint64_t map = rule->mask->map; map; map &= map - 1) {
		unsigned i = (unsigned)__builtin_ctzll(map);

		diff |= (*words++ ^ key[i]) & mask[i] & own[i];
	}
	return diff == 0;
}
