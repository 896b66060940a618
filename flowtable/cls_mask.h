// Masks that rules share: each different one is kept once for the whole process, counted, and
// prepared for the classifier: which words of a key it touches, in which stage each is looked at
// (stages.h), which of its fields are prefixes (trie.h). swctld's one thread only.
#ifndef FLOWTABLE_CLS_MASK_H
#define FLOWTABLE_CLS_MASK_H

#include "flowtable/of_key.h"
#include "flowtable/of_words.h"
#include "flowtable/trie.h"

#define CLS_STAGES 4 // metadata, L2, L3, L4

// Fields that have tries.
enum cls_prefix_field {
	CLS_PREFIX_IP_SRC,
	CLS_PREFIX_IP_DST,
	CLS_PREFIX_IPV6_SRC,
	CLS_PREFIX_IPV6_DST,
	CLS_PREFIX_TP_SRC,
	CLS_PREFIX_TP_DST,
	CLS_N_PREFIX_FIELDS,
};

// Bits of one word that belong to one stage.
struct cls_entry {
	uint64_t bits;
	uint8_t word; // of a key
	uint8_t at;   // of a rule's words
};

// A field on which the mask is a prefix.
struct cls_prefix {
	uint8_t field; // enum cls_prefix_field
	uint8_t len;   // 1 to the field's width
	uint8_t stage;
};

// A word has two stages' bits at most, and few words have: 64 are enough (cls_mask.c checks).
#define CLS_ENTRIES_MAX 64

struct cls_mask {
	struct of_key mask;
	struct cls_mask *next; // with the same bucket
	uint32_t hash;
	uint32_t refs;
	uint64_t map; // words that have bits
	uint8_t n_words;
	uint8_t n_stages;	       // that have bits; 1 if none has
	uint8_t stage_end[CLS_STAGES]; // entries of a stage and of those before it
	uint8_t n_prefixes;
	struct cls_prefix prefixes[CLS_N_PREFIX_FIELDS];
	struct cls_entry entries[]; // by stage
};

// NULL: no memory. Give back with cls_mask_put().
const struct cls_mask *cls_mask_get(const struct of_key *mask);
void cls_mask_put(const struct cls_mask *mask);
// Without a count; NULL: nobody holds such a mask.
const struct cls_mask *cls_mask_find(const struct of_key *mask);

// The field's value, left-aligned.
trie_value cls_prefix_value(const struct of_key *key, enum cls_prefix_field field);
// What trie_init() wants.
unsigned cls_prefix_bytes(enum cls_prefix_field field);
// Adds the field's first `len` bits, and what of `mask` tells that a packet has the field.
void cls_prefix_look(struct of_key *looked_at, const struct cls_mask *mask,
		     enum cls_prefix_field field, unsigned len);

// NH (key_words.h), with a secret for each entry: within one mask an entry is always at the same
// place.
extern uint64_t cls_secret[CLS_ENTRIES_MAX];

static inline uint64_t cls_word_nh(uint64_t word, uint64_t secret)
{
	uint32_t low = (uint32_t)word + (uint32_t)secret;
	uint32_t high = (uint32_t)(word >> 32) + (uint32_t)(secret >> 32);

	return (uint64_t)low * high;
}

// The hash of the mask's bits at the end of each stage; returns the last, which is a rule's own.
// `packed`: words are a rule's, not a key's.
static inline uint32_t cls_mask_hashes(const struct cls_mask *mask, const key_word *words,
				       bool packed, uint32_t hashes[CLS_STAGES])
{
	unsigned at = 0, stage = 0;
	uint64_t sum = 0;

	do {
		for (; at < mask->stage_end[stage]; at++) {
			const struct cls_entry *e = &mask->entries[at];

			sum +=
			    cls_word_nh(words[packed ? e->at : e->word] & e->bits, cls_secret[at]);
		}
		hashes[stage] = hash_finish(sum, 0);
	} while (++stage < mask->n_stages);
	return hashes[stage - 1];
}

// The key that a rule's words are of; bits outside the mask are zero.
static inline void cls_mask_unpack(const struct cls_mask *mask, const uint64_t *rule_words,
				   struct of_key *key)
{
	key_word *words = of_words_rw(key);

	*key = (struct of_key){0};
	for (uint64_t map = mask->map; map; map &= map - 1)
		words[__builtin_ctzll(map)] = *rule_words++;
}

// Adds the mask's bits up to and with a stage.
static inline void cls_mask_look(struct of_key *looked_at, const struct cls_mask *mask,
				 unsigned stage)
{
	key_word *words = of_words_rw(looked_at);

	for (unsigned i = 0; i < mask->stage_end[stage]; i++)
		words[mask->entries[i].word] |= mask->entries[i].bits;
}

// Whether a key has the words of a rule.
static inline bool cls_mask_equal(const struct cls_mask *mask, const key_word *rule_words,
				  const struct of_key *key)
{
	const key_word *words = of_words(key);
	unsigned n = mask->stage_end[mask->n_stages - 1];

	for (unsigned i = 0; i < n; i++) {
		const struct cls_entry *e = &mask->entries[i];

		if ((words[e->word] ^ rule_words[e->at]) & e->bits)
			return false;
	}
	return true;
}

#endif
