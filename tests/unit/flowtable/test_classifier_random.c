// The classifier against a search of all rules, on random ones, and its promise on looked_at.
#include "tests/unit/flowtable/of_rules.h"

#include <stdio.h>

static void expect_as_linear(const struct classifier *c, const struct test_rule *rules, unsigned n,
			     const struct of_key *key)
{
	struct cls_rule *winner = classifier_lookup(c, key, NULL);

	assert_int_equal(winner ? winner->priority : -1, linear_search(rules, n, key));
	if (winner)
		assert_true(cls_rule_matches(winner, key));
}

static void the_winner_is_the_linear_searchs_as_rules_come_and_go(void **state)
{
	(void)state;
	for (unsigned set = 0; set < 40; set++) {
		unsigned n = 20 + below(300);
		struct test_rule *rules = near_rules(n, 1 + below(n));
		struct classifier *c = classifier_create();

		for (unsigned round = 0; round < 30; round++) {
			test_rules_toggle(c, rules, n, below(n));
			for (unsigned i = 0; i < 30; i++) {
				struct of_key key;

				near_key(&key);
				expect_as_linear(c, rules, n, &key);
			}
		}
		classifier_destroy(c);
		test_rules_free(rules, n);
	}
}

// A key that comes close to one with this winner: another, or one that a rule matches, but for the
// bits that were looked at.
static void agreeing_key(struct of_key *other, const struct of_key *key,
			 const struct of_key *looked_at, const struct test_rule *rules, unsigned n)
{
	near_key(other);
	if (one_in(2)) {
		const struct of_match *m = &rules[below(n)].match;

		if (one_in(2))
			*other = *key;
		overlay(other, &m->key, &m->mask);
	}
	overlay(other, key, looked_at);
}

static unsigned try_pairs(const struct classifier *c, const struct test_rule *rules, unsigned n)
{
	struct of_key key, looked_at = {0};
	struct cls_rule *winner;

	near_key(&key);
	winner = classifier_lookup(c, &key, &looked_at);
	assert_int_equal(winner ? winner->priority : -1, linear_search(rules, n, &key));
	for (unsigned i = 0; i < 30; i++) {
		struct of_key other;

		agreeing_key(&other, &key, &looked_at, rules, n);
		assert_ptr_equal(classifier_lookup(c, &other, NULL), winner);
		assert_int_equal(linear_search(rules, n, &other), winner ? winner->priority : -1);
	}
	return 30;
}

static void keys_that_agree_in_what_was_looked_at_have_the_same_winner(void **state)
{
	unsigned n_pairs = 0;
	const char *seed = getenv("CLASSIFIER_SEED");

	(void)state;
	if (seed)
		of_rules_state = strtoull(seed, NULL, 0) * 2 + 1;
	for (unsigned set = 0; set < 100; set++) {
		unsigned n = 1 + below(set % 4 ? 60 : 400);
		struct test_rule *rules = near_rules(n, 1 + below(n));
		struct classifier *c = classifier_create();

		for (unsigned round = 0; round < 10; round++) {
			test_rules_toggle(c, rules, n, 1 + below(n));
			for (unsigned i = 0; i < 20; i++)
				n_pairs += try_pairs(c, rules, n);
		}
		classifier_destroy(c);
		test_rules_free(rules, n);
	}
	assert_true(n_pairs >= 500000);
}

// As if those that went had never been.
static void rules_that_went_leave_nothing_in_what_is_looked_at(void **state)
{
	(void)state;
	for (unsigned set = 0; set < 40; set++) {
		unsigned n = 20 + below(200);
		struct test_rule *rules = near_rules(n, 1 + below(30));
		struct classifier *c = classifier_create();

		for (unsigned i = 0; i < n; i++) // all differ: the order of equals is open
			rules[i].rule.priority = (uint16_t)(i * 7919 % n);
		for (unsigned round = 0; round < 10; round++) {
			struct classifier *fresh = classifier_create();
			struct test_rule *copy = test_rules_alloc(n);

			test_rules_toggle(c, rules, n, below(n));
			for (unsigned i = 0; i < n; i++) {
				const struct test_rule *r = &rules[i];

				test_rule_init(&copy[i], &r->match.key, &r->match.mask,
					       r->rule.priority);
				if (r->inside)
					assert_int_equal(classifier_add(fresh, &copy[i].rule), 0);
			}
			for (unsigned i = 0; i < 50; i++) {
				struct of_key key, looked_at = {0}, expected = {0};

				near_key(&key);
				classifier_lookup(c, &key, &looked_at);
				classifier_lookup(fresh, &key, &expected);
				assert_memory_equal(&looked_at, &expected, sizeof(expected));
			}
			classifier_destroy(fresh);
			test_rules_free(copy, n);
		}
		classifier_destroy(c);
		test_rules_free(rules, n);
	}
}

static void an_emptied_classifier_is_as_a_new_one(void **state)
{
	struct test_rule *rules = near_rules(500, 20);
	struct classifier *c = classifier_create();
	struct of_key key, looked_at = {0}, zero = {0};

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		test_rules_toggle(c, rules, 500, 1000);
		for (unsigned i = 0; i < 500; i++) {
			if (rules[i].inside)
				classifier_del(c, &rules[i].rule);
			rules[i].inside = false;
		}
		assert_int_equal(classifier_n_rules(c), 0);
		assert_int_equal(classifier_n_masks(c), 0);
		near_key(&key);
		assert_null(classifier_lookup(c, &key, &looked_at));
		assert_true(of_key_equal(&looked_at, &zero));
	}
	classifier_destroy(c);
	test_rules_free(rules, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_winner_is_the_linear_searchs_as_rules_come_and_go),
	    cmocka_unit_test(keys_that_agree_in_what_was_looked_at_have_the_same_winner),
	    cmocka_unit_test(rules_that_went_leave_nothing_in_what_is_looked_at),
	    cmocka_unit_test(an_emptied_classifier_is_as_a_new_one),
	};
	return cmocka_run_group_tests_name("classifier_random", tests, NULL, NULL);
}
