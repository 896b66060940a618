#include "flowtable/trie.h"

#include "tests/unit/flowtable/of_rules.h"

#define N_MODEL 9000

struct prefix {
	trie_value value;
	unsigned len, count;
};

static trie_value v4(uint32_t address)
{
	return (trie_value)address << (TRIE_BITS - 32);
}

// Few bits differ, spread over the value: prefixes nest, and part early and late. Most are in a
// cluster that shares its first half, so that a few others part from it.
static trie_value random_value(unsigned bytes, unsigned n_bits)
{
	trie_value value = 0;

	for (unsigned i = 0; i < n_bits; i++)
		value |= (trie_value)below(2) << (TRIE_BITS - 1 - (i * 7 + 3) % (bytes * 8));
	if (!one_in(20))
		value &= ~(trie_value)0 >> bytes * 4;
	return value;
}

static struct prefix *model_find(struct prefix *model, unsigned *n, trie_value value, unsigned len)
{
	for (unsigned i = 0; i < *n; i++) {
		if (model[i].value == value && model[i].len == len)
			return &model[i];
	}
	assert_true(*n < N_MODEL);
	model[*n] = (struct prefix){value, len, 0};
	return &model[(*n)++];
}

static void expect_as_model(const struct trie *t, const struct prefix *model, unsigned n,
			    trie_value value)
{
	struct trie_result r;
	unsigned need[TRIE_BITS + 1] = {0};
	bool matches[TRIE_BITS + 1] = {false};

	trie_lookup(t, value, &r);
	for (unsigned i = 0; i < n; i++) {
		unsigned len = model[i].len, common = trie_common_bits(value, model[i].value);

		if (model[i].count == 0)
			continue;
		if (common >= len)
			matches[len] = true;
		else if (common + 1 > need[len])
			need[len] = common + 1;
	}
	for (unsigned len = 1; len <= TRIE_BITS; len++) {
		assert_int_equal(trie_lens_has(&r.matches, len), matches[len]);
		if (!matches[len] && need[len])
			assert_int_equal(r.need_bits[len], need[len]);
	}
}

static void run_model(unsigned bytes, unsigned n_lens, unsigned n_bits, unsigned most)
{
	struct prefix *model = calloc(N_MODEL, sizeof(*model));
	unsigned n = 0, n_inside = 0;
	struct trie t;

	assert_non_null(model);
	trie_init(&t, bytes);
	for (unsigned step = 0; step < 8000; step++) {
		unsigned len = bytes * 8 - below(n_lens) * (bytes * 8 / n_lens);
		trie_value value = trie_leading_bits(random_value(bytes, n_bits), len);
		struct prefix *p = model_find(model, &n, value, len);
		bool growing = n_inside < most && step % 2000 < 1200;

		if (growing || (p->count == 0 && one_in(8))) {
			assert_int_equal(trie_add(&t, value, len), 0);
			n_inside += p->count++ == 0;
		} else if (p->count > 0) {
			trie_del(&t, value, len);
			n_inside -= --p->count == 0;
		}
		if (step % 4 == 0)
			expect_as_model(&t, model, n, random_value(bytes, n_bits));
	}
	for (unsigned i = 0; i < n; i++) {
		for (; model[i].count > 0; model[i].count--)
			trie_del(&t, model[i].value, model[i].len);
	}
	assert_null(t.root.node);
	assert_null(t.root.bucket);
	trie_fini(&t);
	free(model);
}

static void a_lookup_is_as_a_comparison_with_all_prefixes(void **state)
{
	static const struct {
		unsigned bytes, n_lens, n_bits, most;
	} cases[] = {
	    {4, 1, 20, 2000},  {4, 4, 16, 1500},  {4, 32, 9, 2000},   {4, 8, 4, 60},
	    {16, 1, 20, 2000}, {16, 4, 16, 1500}, {16, 128, 6, 3000}, {16, 2, 3, 10},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_model(cases[i].bytes, cases[i].n_lens, cases[i].n_bits, cases[i].most);
}

static void it_needs_one_bit_more_than_is_shared_with_the_nearest(void **state)
{
	struct trie_result r;
	struct trie t;

	(void)state;
	trie_init(&t, 4);
	assert_int_equal(trie_add(&t, v4(0x0a000001), 32), 0);
	assert_int_equal(trie_add(&t, v4(0xc0a80000), 16), 0);
	trie_lookup(&t, v4(0x0a000003), &r);
	assert_false(trie_lens_has(&r.matches, 32));
	assert_int_equal(r.need_bits[32], 31);
	assert_int_equal(r.need_bits[16], 1); // each length has its own
	trie_lookup(&t, v4(0xc0a80001), &r);
	assert_true(trie_lens_has(&r.matches, 16));
	assert_int_equal(r.need_bits[32], 1);
	trie_fini(&t);
}

// Chains of nested prefixes cannot be cut in two: a bucket holds them all.
static void a_chain_of_all_lengths_is_searched_too(void **state)
{
	struct trie_result r;
	struct trie t;

	(void)state;
	trie_init(&t, 16);
	for (unsigned len = 1; len <= TRIE_BITS; len++)
		assert_int_equal(trie_add(&t, trie_leading_bits(~(trie_value)0, len), len), 0);
	trie_lookup(&t, trie_leading_bits(~(trie_value)0, 100), &r);
	for (unsigned len = 1; len <= TRIE_BITS; len++) {
		assert_int_equal(trie_lens_has(&r.matches, len), len <= 100);
		if (len > 100)
			assert_int_equal(r.need_bits[len], 101);
	}
	for (unsigned len = 1; len <= TRIE_BITS; len++)
		trie_del(&t, trie_leading_bits(~(trie_value)0, len), len);
	assert_null(t.root.bucket);
	trie_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_lookup_is_as_a_comparison_with_all_prefixes),
	    cmocka_unit_test(it_needs_one_bit_more_than_is_shared_with_the_nearest),
	    cmocka_unit_test(a_chain_of_all_lengths_is_searched_too),
	};
	return cmocka_run_group_tests_name("trie", tests, NULL, NULL);
}
