#include "flowtable/of_key.h"

#include "flowtable/of_words.h"

void of_key_mask(struct of_key *dst, const struct of_key *key, const struct of_key *mask)
{
	key_word *dw = of_words_rw(dst);
	const key_word *kw = of_words(key), *mw = of_words(mask);

	for (unsigned i = 0; i < OF_KEY_WORDS; i++)
		dw[i] = kw[i] & mw[i];
}

bool of_key_equal(const struct of_key *a, const struct of_key *b)
{
	const key_word *aw = of_words(a), *bw = of_words(b);
	uint64_t diff = 0;

	for (unsigned i = 0; i < OF_KEY_WORDS; i++)
		diff |= aw[i] ^ bw[i];
	return diff == 0;
}

bool of_key_equal_masked(const struct of_key *a, const struct of_key *b, const struct of_key *mask)
{
	const key_word *aw = of_words(a), *bw = of_words(b), *mw = of_words(mask);
	uint64_t diff = 0;

	for (unsigned i = 0; i < OF_KEY_WORDS; i++)
		diff |= (aw[i] ^ bw[i]) & mw[i];
	return diff == 0;
}

void of_mask_merge(struct of_key *acc, const struct of_key *mask)
{
	key_word *aw = of_words_rw(acc);
	const key_word *mw = of_words(mask);

	for (unsigned i = 0; i < OF_KEY_WORDS; i++)
		aw[i] |= mw[i];
}

bool of_mask_covers(const struct of_key *outer, const struct of_key *inner)
{
	const key_word *ow = of_words(outer), *iw = of_words(inner);
	uint64_t missing = 0;

	for (unsigned i = 0; i < OF_KEY_WORDS; i++)
		missing |= iw[i] & ~ow[i];
	return missing == 0;
}
