#include "flowtable/key_words.h"

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
		if (i % 2) // a mask that ends in line 1 may take the short way
			memset(&mask.ipv6_src, 0, FLOW_KEY_LINE);
		flow_key_mask(&masked, &key, &mask);

		uint32_t want = flow_key_hash(&masked, i);

		assert_int_equal(flow_key_hash_masked(&key, &mask, i), want);
		assert_int_equal(key_hash_masked_inline(&key, &mask, i,
							flow_mask_uses_line2(&mask)),
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

static void line2_is_noticed_by_each_of_its_bits_only(void **state)
{
	(void)state;
	struct flow_key mask;

	for (unsigned bit = 0; bit < 8 * sizeof(mask); bit++) {
		memset(&mask, 0, sizeof(mask));
		flip_bit(&mask, bit);
		assert_int_equal(flow_mask_uses_line2(&mask), bit >= 8 * FLOW_KEY_LINE);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hash_is_keyed),
	    cmocka_unit_test(hash_masked_is_hash_of_masked),
	    cmocka_unit_test(each_bit_changes_hash_and_equality),
	    cmocka_unit_test(equal_masked_sees_just_the_masks_bits),
	    cmocka_unit_test(merge_ors),
	    cmocka_unit_test(line2_is_noticed_by_each_of_its_bits_only),
	    cmocka_unit_test(hash_spreads_counting_keys),
	};

	return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
