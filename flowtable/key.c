#include "flowtable/key_words.h"

#include <stdlib.h>
#include <unistd.h>

struct key_hash_secret key_hash_secret;

#define ENTROPY_MAX 256 // bytes that getentropy() gives at a time

void secret_draw(uint64_t *words, unsigned n_words)
{
	const unsigned most = ENTROPY_MAX / sizeof(words[0]);

	for (unsigned i = 0; i < n_words; i += most) {
		unsigned n = n_words - i < most ? n_words - i : most;

		if (getentropy(words + i, n * sizeof(words[0])) != 0)
			abort(); // a kernel before 3.17
	}
}

__attribute__((constructor)) static void draw_secret(void)
{
	static const struct flow_key zero;
	const uint64_t *line2 = key_hash_secret.word + LINE_WORDS;

	secret_draw(key_hash_secret.word, FLOW_KEY_WORDS);
	key_hash_secret.empty_line2 = vec_sum(line_nh(key_words(&zero) + LINE_WORDS, line2));
	for (unsigned i = 0; i < COLD_LINES; i++) {
		key_hash_secret.empty_cold[i] =
		    vec_sum(line_nh(cold_words(&zero, i), line2 + (i + 1) * LINE_WORDS));
		key_hash_secret.empty_cold_all += key_hash_secret.empty_cold[i];
	}
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
	const key_word *aw = key_words(a), *bw = key_words(b), *mw = key_words(mask);
	uint64_t differ = 0;

	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++)
		differ |= (aw[i] ^ bw[i]) & mw[i];
	return differ == 0;
}

bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
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

static uint64_t line_bits(const key_word *line)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < LINE_WORDS; i++)
		bits |= line[i];
	return bits;
}

uint8_t flow_mask_uses(const struct flow_key *mask)
{
	uint8_t uses = line_bits(key_words(mask) + LINE_WORDS) ? FLOW_USES_LINE2 : 0;

	for (unsigned i = 0; i < COLD_LINES; i++)
		if (line_bits(cold_words(mask, i)))
			uses |= cold_of_line(i);
	return uses;
}

void flow_key_whole(struct flow_key *dst, const struct flow_key *key)
{
	key_word *to = (key_word *)dst;

	memcpy(dst, key, FLOW_KEY_HOT_BYTES);
	for (unsigned i = 0; i < COLD_LINES; i++)
		memcpy(to + HOT_WORDS + i * LINE_WORDS, packet_cold_words(key, i), FLOW_KEY_LINE);
	dst->cold = 0;
}

uint32_t flow_key_hash(const struct flow_key *key, uint32_t basis)
{
	const key_word *kw = key_words(key);
	const uint64_t *secret = key_hash_secret.word;
	uint64_t sum = 0;

	for (unsigned line = 0; line < FLOW_KEY_WORDS; line += LINE_WORDS)
		sum += vec_sum(line_nh(kw + line, secret + line));
	return hash_finish(sum - key_hash_secret.empty_cold_all, basis);
}

uint32_t flow_key_hash_masked(const struct flow_key *key, const struct flow_key *mask,
			      uint32_t basis)
{
	struct flow_key masked;

	flow_key_mask(&masked, key, mask);
	return flow_key_hash(&masked, basis);
}
