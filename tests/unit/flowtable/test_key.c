#include "flowtable/key_words.h"

#include "inlines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_ROUNDS 2000

static void fill_random(struct flow_key *key, unsigned *seed)
{
	uint8_t *b = (uint8_t *)key;

	for (unsigned i = 0; i < sizeof(*key); i++)
		b[i] = (uint8_t)(rand_r(seed) >> 7);
}

static void flip_bit(struct flow_key *key, unsigned bit)
{
	((uint8_t *)key)[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

// A bit of `which` for each part that is cleared: line 2, and what FLOW_COLD_* stand for.
static void lines_clear(struct flow_key *key, unsigned which)
{
	uint8_t *b = (uint8_t *)key;

	for (unsigned line = 1; line < sizeof(*key) / FLOW_KEY_LINE; line++)
		if (which >> (line < 4 ? line - 1 : 3) & 1)
			memset(b + line * FLOW_KEY_LINE, 0, FLOW_KEY_LINE);
}

static bool bit_is_set(const struct flow_key *key, unsigned bit)
{
	return ((const uint8_t *)key)[bit / 8] >> bit % 8 & 1;
}

static void hash_is_keyed(void **state)
{
	(void)state;
	struct key_hash_secret saved = key_hash_secret;
	struct flow_key key;
	unsigned seed = 1;

	fill_random(&key, &seed);
	uint32_t hash = flow_key_hash(&key, 0);

	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++) {
		assert_int_not_equal(key_hash_secret.word[i], 0);
		key_hash_secret.word[i] ^= 1;
		assert_int_not_equal(flow_key_hash(&key, 0), hash);
		key_hash_secret = saved;
	}
	assert_int_not_equal(flow_key_hash(&key, 1), hash);
}

static void hash_masked_is_hash_of_masked(void **state)
{
	(void)state;
	struct flow_key key, mask, masked;
	unsigned seed = 2;

	for (unsigned i = 0; i < N_ROUNDS; i++) {
		fill_random(&key, &seed);
		fill_random(&mask, &seed);
		lines_clear(&mask, i); // masks that end early may take the short way
		flow_key_mask(&masked, &key, &mask);

		uint32_t want = flow_key_hash(&masked, i);

		assert_int_equal(flow_key_hash_masked(&key, &mask, i), want);
		key.cold = FLOW_COLD_ALL;
		mask.cold = 0;
		flow_key_mask(&masked, &key, &mask);
		want = flow_key_hash(&masked, 0);
		uint8_t uses = flow_mask_uses(&mask);
		assert_int_equal(key_hash_masked_cold(&key, &mask, uses), want);
		if (!(uses & FLOW_COLD_ALL))
			assert_int_equal(key_hash_masked_inline(&key, &mask, 0,
								uses & FLOW_USES_LINE2),
					 want);
	}
}

static void each_bit_changes_hash_and_equality(void **state)
{
	(void)state;
	struct flow_key key, other;
	unsigned seed = 3;

	fill_random(&key, &seed);
	for (unsigned bit = 0; bit < 8 * sizeof(key); bit++) {
		other = key;
		assert_true(flow_key_equal(&key, &other));
		flip_bit(&other, bit);
		assert_false(flow_key_equal(&key, &other));
		assert_int_not_equal(flow_key_hash(&key, 0), flow_key_hash(&other, 0));
	}
}

static void equal_masked_sees_just_the_masks_bits(void **state)
{
	(void)state;
	struct flow_key key, other, mask;
	unsigned seed = 4;

	fill_random(&key, &seed);
	fill_random(&mask, &seed);
	for (unsigned bit = 0; bit < 8 * sizeof(key); bit++) {
		other = key;
		flip_bit(&other, bit);
		assert_int_equal(flow_key_equal_masked(&key, &other, &mask),
				 !bit_is_set(&mask, bit));
	}
}

static void merge_ors(void **state)
{
	(void)state;
	struct flow_key a, b, acc;
	unsigned seed = 5;

	fill_random(&a, &seed);
	fill_random(&b, &seed);
	acc = a;
	flow_mask_merge(&acc, &b);
	for (unsigned bit = 0; bit < 8 * sizeof(a); bit++)
		assert_int_equal(bit_is_set(&acc, bit), bit_is_set(&a, bit) || bit_is_set(&b, bit));
}

static void lines_are_noticed_by_each_of_their_bits_only(void **state)
{
	(void)state;
	static const uint8_t uses[] = {
	    0, FLOW_USES_LINE2, FLOW_COLD_CT, FLOW_COLD_TUN, FLOW_COLD_OPTS, FLOW_COLD_OPTS};
	struct flow_key mask;

	for (unsigned bit = 0; bit < 8 * sizeof(mask); bit++) {
		memset(&mask, 0, sizeof(mask));
		flip_bit(&mask, bit);
		assert_int_equal(flow_mask_uses(&mask), uses[bit / (8 * FLOW_KEY_LINE)]);
	}
}

// Flows that count up in one field fill 1024 buckets about evenly, by the hash's low and by its
// high bits.
static void hash_spreads_counting_keys(void **state)
{
	(void)state;
	static unsigned low[1024], high[1024];
	struct flow_key key;

	memset(&key, 0, sizeof(key));
	for (uint32_t i = 0; i < 64 * 1024; i++) {
		key.ip_dst_be = __builtin_bswap32(0x0a000000 + i);

		uint32_t hash = flow_key_hash(&key, 0);

		low[hash % 1024]++;
		high[hash >> 22]++;
	}
	for (unsigned i = 0; i < 1024; i++) {
		assert_in_range(low[i], 16, 128);
		assert_in_range(high[i], 16, 128);
	}
}

// The hash, told again in the simplest way: NH of 64-bit words, where zeros in cold lines add
// nothing, and two rounds of mixing.
static uint32_t reference_hash(const struct flow_key *key, uint32_t basis)
{
	uint64_t h = basis;

	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++) {
		uint64_t word = key_words(key)[i], secret = key_hash_secret.word[i];
		uint32_t low = (uint32_t)word + (uint32_t)secret;
		uint32_t high = (uint32_t)(word >> 32) + (uint32_t)(secret >> 32);

		h += (uint64_t)low * high;
		if (i >= HOT_WORDS)
			h -= (secret & UINT32_MAX) * (secret >> 32);
	}
	h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
	return (uint32_t)(h ^ h >> 33);
}

static void hash_is_the_same_in_each_instruction_set(void **state)
{
	(void)state;
	const struct inlines *rows[N_ISAS];
	unsigned seed = 6, n_rows = inlines_rows(rows);
	struct flow_key key, mask, masked;

	for (unsigned i = 0; i < N_ROUNDS; i++) {
		fill_random(&key, &seed);
		fill_random(&mask, &seed);
		mask.cold = 0;
		key.cold = i % 8;
		lines_clear(&mask, i / 8);

		uint8_t uses = flow_mask_uses(&mask);

		flow_key_whole(&masked, &key);
		flow_key_mask(&masked, &masked, &mask);
		uint32_t hash = reference_hash(&masked, 0);

		assert_int_equal(flow_key_hash(&masked, 0), hash);
		for (unsigned j = 0; j < n_rows; j++) {
			assert_int_equal(rows[j]->hash_masked_cold(&key, &mask, uses), hash);
			if (!(uses & key.cold & FLOW_COLD_ALL))
				assert_int_equal(rows[j]->hash_masked(&key, &mask, 0,
								      uses & FLOW_USES_LINE2),
						 hash);
		}
	}
}

// What a packet's key says it does not have is read as zeros.
static void cold_compare_sees_the_masks_bits_in_each_instruction_set(void **state)
{
	(void)state;
	const struct inlines *rows[N_ISAS];
	unsigned seed = 7, n_rows = inlines_rows(rows);
	struct flow_key key, other, mask, whole, whole_other;

	fill_random(&key, &seed);
	fill_random(&mask, &seed);
	uint8_t uses = flow_mask_uses(&mask);

	for (unsigned i = 0; i < 8; i++) {
		key.cold = (uint8_t)i;
		flow_key_whole(&whole, &key);
		for (unsigned bit = 8 * FLOW_KEY_HOT_BYTES; bit < 8 * sizeof(key); bit++) {
			other = key;
			flip_bit(&other, bit);
			flow_key_whole(&whole_other, &other);

			bool same = flow_key_equal(&whole, &whole_other);
			bool same_masked = same || !bit_is_set(&mask, bit);

			for (unsigned j = 0; j < n_rows; j++) {
				assert_true(rows[j]->cold_equal(&key, &key));
				assert_int_equal(rows[j]->cold_equal(&key, &other), same);
				assert_int_equal(rows[j]->cold_equal_masked(&other,
									    key_words(&whole) +
										HOT_WORDS,
									    &mask, uses),
						 same_masked);
			}
		}
	}
}

// Of packets' keys, those of types that have fields in line 2 are compared in it.
static void packet_keys_differ_by_each_bit(void **state)
{
	(void)state;
	static const uint16_t types[] = {0x0800, 0x86dd, 0x0806, 0x8035, 0x88cc};
	const struct inlines *rows[N_ISAS];
	unsigned seed = 8, n_rows = inlines_rows(rows);
	struct flow_key key, other, hot;

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		bool line2 = i >= 1 && i <= 3;

		fill_random(&key, &seed);
		key.eth_type_be = __builtin_bswap16(types[i]);
		assert_int_equal(key_has_line2(&key), line2);
		if (!line2)
			memset(&key.ipv6_src, 0, FLOW_KEY_LINE);
		hot = key;
		lines_clear(&hot, 0xe);
		for (unsigned bit = 0; bit < 8 * (line2 ? 2 : 1) * FLOW_KEY_LINE; bit++) {
			other = key;
			for (unsigned j = 0; j < n_rows; j++)
				assert_true(rows[j]->packet_equal(&key, &other));
			flip_bit(&other, bit);
			for (unsigned j = 0; j < n_rows; j++) {
				assert_false(rows[j]->packet_equal(&key, &other));
				assert_int_equal(rows[j]->packet_hash(&key, 0),
						 flow_key_hash(&hot, 0));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hash_is_keyed),
	    cmocka_unit_test(hash_masked_is_hash_of_masked),
	    cmocka_unit_test(each_bit_changes_hash_and_equality),
	    cmocka_unit_test(equal_masked_sees_just_the_masks_bits),
	    cmocka_unit_test(merge_ors),
	    cmocka_unit_test(lines_are_noticed_by_each_of_their_bits_only),
	    cmocka_unit_test(hash_spreads_counting_keys),
	    cmocka_unit_test(hash_is_the_same_in_each_instruction_set),
	    cmocka_unit_test(cold_compare_sees_the_masks_bits_in_each_instruction_set),
	    cmocka_unit_test(packet_keys_differ_by_each_bit),
	};

	return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
