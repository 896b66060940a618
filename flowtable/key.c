#include "flowtable/key_words.h"

#include <stdlib.h>
#include <unistd.h>

struct key_hash_secret key_hash_secret;

__attribute__((constructor)) static void draw_secret(void)
{
	static const struct flow_key zero;
	const uint64_t *line2 = key_hash_secret.word + LINE_WORDS;

	if (getentropy(key_hash_secret.word, sizeof(key_hash_secret.word)) != 0)
		abort(); // a kernel before 3.17
	key_hash_secret.empty_line2 = vec_sum(line_nh(key_words(&zero) + LINE_WORDS, line2));
}

void flow_key_mask(struct flow_key *dst, const struct flow_key *key, const struct flow_key *mask)
{
	key_word *dw = (key_word *)dst;
	const key_word *kw = key_words(key), *mw = key_words(mask);

	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++)
		dw[i] = kw[i] & mw[i];
}

bool flow_key_equal_masked(const struct flow_key *a, const struct flow_key *b,
			   const struct flow_key *mask)
{
	return key_equal_masked_inline(a, b, mask, true);
}

bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	return key_equal_inline(a, b);
}

void flow_mask_merge(struct flow_key *acc, const struct flow_key *mask)
{
	key_word *aw = (key_word *)acc;
	const key_word *mw = key_words(mask);

	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++)
		aw[i] |= mw[i];
}

bool flow_mask_covers(const struct flow_key *outer, const struct flow_key *inner)
{
	const key_word *ow = key_words(outer), *iw = key_words(inner);
	uint64_t outside = 0;

	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++)
		outside |= iw[i] & ~ow[i];
	return outside == 0;
}

bool flow_mask_uses_line2(const struct flow_key *mask)
{
	const key_word *mw = key_words(mask);
	uint64_t bits = 0;

	for (unsigned i = LINE_WORDS; i < FLOW_KEY_WORDS; i++)
		bits |= mw[i];
	return bits != 0;
}

uint32_t flow_key_hash(const struct flow_key *key, uint32_t basis)
{
	return key_hash_inline(key, basis);
}

uint32_t flow_key_hash_masked(const struct flow_key *key, const struct flow_key *mask,
			      uint32_t basis)
{
	return key_hash_masked_inline(key, mask, basis, true);
}
