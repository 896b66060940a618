#include "flowtable/classifier.h"

#include "tests/unit/ctl/random_flow.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define N_RANDOM_RULES 300
#define N_MANY	       100000

// The reference: rules in a list, all compared.
struct list {
	struct cls_rule rules[N_RANDOM_RULES];
	bool inside[N_RANDOM_RULES];
};

static void random_mask(struct flow_key *mask)
{
	memset(mask, 0, sizeof(*mask));
	if (random_one_in(2))
		mask->in_port = UINT32_MAX;
	if (random_one_in(3))
		memset(&mask->eth_dst, 0xff, 6);
	if (random_one_in(3))
		mask->eth_type_be = UINT16_MAX;
	if (random_one_in(3))
		mask->ip_dst_be = htonl(0xffffffffu << random_below(32));
	if (random_one_in(4))
		mask->nw_proto = UINT8_MAX;
	if (random_one_in(4))
		mask->tp_dst_be = htons((uint16_t)(0xffff << random_below(16)));
	if (random_one_in(6))
		memset(&mask->ipv6_dst, 0xff, random_below(17));
	if (random_one_in(8))
		mask->vlan[0].tci_be = htons(0x1fff);
}

static void random_rule(struct cls_rule *rule, uint32_t priority)
{
	struct flow_key key;
	memset(rule, 0, sizeof(*rule));
	random_key(&key);
	random_mask(&rule->match.mask);
	flow_key_mask(&rule->match.key, &key, &rule->match.mask);
	rule->priority = priority;
}

static struct cls_rule *list_lookup(struct list *list, const struct flow_key *key)
{
	struct cls_rule *best = NULL;
	for (unsigned i = 0; i < N_RANDOM_RULES; i++) {
		struct cls_rule *rule = &list->rules[i];
		if (list->inside[i] && (!best || rule->priority > best->priority) &&
		    flow_key_equal_masked(&rule->match.key, key, &rule->match.mask))
			best = rule;
	}
	return best;
}

static struct list *list_create(void)
{
	struct list *list = aligned_alloc(64, sizeof(*list));
	assert_non_null(list);
	memset(list, 0, sizeof(*list));
	// All priorities differ, so that the winner is one.
	for (unsigned i = 0; i < N_RANDOM_RULES; i++)
		random_rule(&list->rules[i], i);
	for (unsigned i = N_RANDOM_RULES - 1; i > 0; i--) {
		uint32_t *a = &list->rules[i].priority, *b = &list->rules[random_below(i)].priority;
		uint32_t swap = *a;
		*a = *b;
		*b = swap;
	}
	return list;
}

static void toggle_some(struct classifier *c, struct list *list)
{
	for (unsigned n = random_below(60); n > 0; n--) {
		unsigned i = random_below(N_RANDOM_RULES);
		if (list->inside[i])
			classifier_del(c, &list->rules[i]);
		else
			assert_int_equal(classifier_add(c, &list->rules[i]), 0);
		list->inside[i] = !list->inside[i];
	}
}

static void the_winner_is_the_linear_searchs_as_rules_come_and_go(void **state)
{
	(void)state;
	struct list *list = list_create();
	struct classifier *c = classifier_create();
	for (unsigned round = 0; round < 200; round++) {
		toggle_some(c, list);
		for (unsigned i = 0; i < 100; i++) {
			struct flow_key key;
			random_key(&key);
			assert_ptr_equal(classifier_lookup(c, &key, NULL), list_lookup(list, &key));
		}
	}
	classifier_destroy(c);
	free(list);
}

static void keys_that_agree_in_the_wildcards_have_the_same_winner(void **state)
{
	(void)state;
	struct list *list = list_create();
	struct classifier *c = classifier_create();
	unsigned n_agreed = 0;
	for (unsigned round = 0; round < 100; round++) {
		toggle_some(c, list);
		for (unsigned i = 0; i < 100; i++) {
			struct flow_key key, other, wildcards = {0};
			random_key(&key);
			struct cls_rule *winner = classifier_lookup(c, &key, &wildcards);
			for (unsigned j = 0; j < 20; j++) {
				other = key;
				random_change(&other);
				if (!flow_key_equal_masked(&key, &other, &wildcards))
					continue;
				n_agreed++;
				assert_ptr_equal(classifier_lookup(c, &other, NULL), winner);
			}
		}
	}
	assert_true(n_agreed > 10000);
	classifier_destroy(c);
	free(list);
}

static void wildcards_are_added_to_what_is_there(void **state)
{
	(void)state;
	struct classifier *c = classifier_create();
	struct cls_rule rule = {.priority = 1};
	struct flow_key key = {0}, wildcards = {.nw_ttl = 7};
	rule.match.mask.in_port = UINT32_MAX;
	assert_int_equal(classifier_add(c, &rule), 0);
	assert_null(classifier_lookup(c, &(struct flow_key){.in_port = 9}, &wildcards));
	assert_int_equal(wildcards.nw_ttl, 7);
	assert_int_equal(wildcards.in_port, UINT32_MAX);
	assert_ptr_equal(classifier_lookup(c, &key, NULL), &rule);
	classifier_destroy(c);
}

static void tables_below_the_winner_are_not_looked_at(void **state)
{
	(void)state;
	struct classifier *c = classifier_create();
	struct cls_rule high = {.priority = 10}, low = {.priority = 5}, higher = {.priority = 20};
	high.match.mask.in_port = UINT32_MAX;
	low.match.mask.tp_dst_be = UINT16_MAX;
	higher.match = low.match;
	struct flow_key key = {0}, wildcards = {0};
	assert_int_equal(classifier_add(c, &low), 0);
	assert_int_equal(classifier_add(c, &high), 0);
	assert_ptr_equal(classifier_lookup(c, &key, &wildcards), &high);
	assert_int_equal(wildcards.tp_dst_be, 0);
	// The order follows the greatest priority both ways.
	assert_int_equal(classifier_add(c, &higher), 0);
	memset(&wildcards, 0, sizeof(wildcards));
	assert_ptr_equal(classifier_lookup(c, &key, &wildcards), &higher);
	assert_int_equal(wildcards.in_port, 0);
	classifier_del(c, &higher);
	memset(&wildcards, 0, sizeof(wildcards));
	assert_ptr_equal(classifier_lookup(c, &key, &wildcards), &high);
	assert_int_equal(wildcards.tp_dst_be, 0);
	classifier_destroy(c);
}

static struct flow_key ipv4_key(uint32_t in_port, uint8_t proto, uint16_t tp_src, uint16_t tp_dst)
{
	return (struct flow_key){.in_port = in_port,
				 .eth_type_be = htons(0x0800),
				 .nw_proto = proto,
				 .tp_src_be = htons(tp_src),
				 .tp_dst_be = htons(tp_dst)};
}

static void add_rule(struct classifier *c, struct cls_rule *rule, struct flow_key key,
		     struct flow_key mask, uint32_t priority)
{
	memset(rule, 0, sizeof(*rule));
	flow_key_mask(&rule->match.key, &key, &mask);
	rule->match.mask = mask;
	rule->priority = priority;
	assert_int_equal(classifier_add(c, rule), 0);
}

static void expect_lookup(struct classifier *c, struct flow_key key, struct cls_rule *winner,
			  struct flow_key wildcards)
{
	struct flow_key got = {0};
	assert_ptr_equal(classifier_lookup(c, &key, &got), winner);
	assert_memory_equal(&got, &wildcards, sizeof(got));
}

// Telnet is refused, all else goes: only TCP's packets need to be told apart by their ports.
static void ports_are_looked_at_for_the_rules_protocol_only(void **state)
{
	(void)state;
	struct classifier *c = classifier_create();
	struct cls_rule telnet, any;
	struct flow_key no_ports = {.eth_type_be = UINT16_MAX, .nw_proto = UINT8_MAX};
	struct flow_key mask = no_ports, type_only = {.eth_type_be = UINT16_MAX};
	struct flow_key arp = {.eth_type_be = htons(0x0806), .nw_proto = 6};
	mask.tp_dst_be = UINT16_MAX;
	add_rule(c, &telnet, ipv4_key(0, 6, 0, 23), mask, 50);
	add_rule(c, &any, (struct flow_key){0}, (struct flow_key){0}, 0);
	expect_lookup(c, ipv4_key(1, 1, 8, 0), &any, no_ports);
	expect_lookup(c, ipv4_key(1, 17, 5000, 23), &any, no_ports);
	expect_lookup(c, ipv4_key(1, 6, 5000, 80), &any, mask);
	expect_lookup(c, ipv4_key(1, 6, 5000, 23), &telnet, mask);
	expect_lookup(c, arp, &any, type_only);
	classifier_destroy(c);
}

static void a_rule_of_one_port_costs_the_others_nothing(void **state)
{
	(void)state;
	struct classifier *c = classifier_create();
	struct cls_rule rule, any;
	struct flow_key mask = {.in_port = UINT32_MAX,
				.eth_type_be = UINT16_MAX,
				.nw_proto = UINT8_MAX,
				.tp_src_be = UINT16_MAX};
	add_rule(c, &rule, ipv4_key(1, 6, 5001, 0), mask, 50);
	add_rule(c, &any, (struct flow_key){0}, (struct flow_key){0}, 0);
	expect_lookup(c, ipv4_key(2, 6, 5001, 80), &any, (struct flow_key){.in_port = UINT32_MAX});
	expect_lookup(c, ipv4_key(1, 6, 5001, 80), &rule, mask);
	expect_lookup(c, ipv4_key(1, 6, 5002, 80), &any, mask);
	classifier_destroy(c);
}

// As if those that went had never been.
static void expect_as_new(const struct classifier *c, const struct list *list)
{
	struct classifier *fresh = classifier_create();
	struct list *copy = aligned_alloc(64, sizeof(*copy));
	assert_non_null(copy);
	*copy = *list;
	for (unsigned i = 0; i < N_RANDOM_RULES; i++) {
		if (copy->inside[i])
			assert_int_equal(classifier_add(fresh, &copy->rules[i]), 0);
	}
	for (unsigned i = 0; i < 100; i++) {
		struct flow_key key, wildcards = {0}, expected = {0};
		random_key(&key);
		classifier_lookup(c, &key, &wildcards);
		classifier_lookup(fresh, &key, &expected);
		assert_memory_equal(&wildcards, &expected, sizeof(expected));
	}
	classifier_destroy(fresh);
	free(copy);
}

static void rules_that_went_leave_nothing_in_the_wildcards(void **state)
{
	(void)state;
	struct list *list = list_create();
	struct classifier *c = classifier_create();
	for (unsigned i = 0; i < N_RANDOM_RULES; i++) // in few subtables
		list->rules[i].match.mask = list->rules[i % 20].match.mask;
	for (unsigned i = 0; i < N_RANDOM_RULES; i++) {
		struct flow_match *m = &list->rules[i].match;
		struct flow_key key;
		random_key(&key);
		flow_key_mask(&m->key, &key, &m->mask);
	}
	for (unsigned round = 0; round < 200; round++) {
		toggle_some(c, list);
		expect_as_new(c, list);
	}
	classifier_destroy(c);
	free(list);
}

static void find_wants_the_same_match_and_priority(void **state)
{
	(void)state;
	struct classifier *c = classifier_create();
	struct cls_rule a = {.priority = 1}, b = {.priority = 2};
	a.match.mask.in_port = b.match.mask.in_port = UINT32_MAX;
	a.match.key.in_port = b.match.key.in_port = 3;
	assert_int_equal(classifier_add(c, &a), 0);
	assert_null(classifier_find(c, &a.match, 2));
	assert_int_equal(classifier_add(c, &b), 0);
	assert_ptr_equal(classifier_find(c, &a.match, 1), &a);
	assert_ptr_equal(classifier_find(c, &a.match, 2), &b);
	struct flow_match other = a.match;
	other.key.in_port = 4;
	assert_null(classifier_find(c, &other, 1));
	other = a.match;
	other.mask.nw_ttl = 255;
	assert_null(classifier_find(c, &other, 1));
	assert_int_equal(classifier_n_rules(c), 2);
	classifier_del(c, &a);
	classifier_del(c, &b);
	assert_int_equal(classifier_n_rules(c), 0);
	assert_null(classifier_find(c, &a.match, 1));
	classifier_destroy(c);
}

static double seconds(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

// One mask, many masks, and every priority: adding, finding and deleting stay quick.
static void a_hundred_thousand_rules_are_no_trouble(void **state)
{
	(void)state;
	struct classifier *c = classifier_create();
	struct cls_rule *rules = aligned_alloc(64, N_MANY * sizeof(*rules));
	assert_non_null(rules);
	memset(rules, 0, N_MANY * sizeof(*rules));
	double start = seconds();
	for (unsigned i = 0; i < N_MANY; i++) {
		struct cls_rule *r = &rules[i];
		r->match.mask.ip_dst_be = UINT32_MAX;
		r->match.key.ip_dst_be = htonl(i);
		if (i % 100 == 0)
			r->match.mask.tp_src_be = htons((uint16_t)(i / 100 + 1));
		r->priority = i % 65536;
		assert_int_equal(classifier_add(c, r), 0);
	}
	assert_int_equal(classifier_n_rules(c), N_MANY);
	for (unsigned i = 0; i < N_MANY; i += 97) {
		struct flow_key key = rules[i].match.key;
		assert_ptr_equal(classifier_lookup(c, &key, NULL), &rules[i]);
		assert_ptr_equal(classifier_find(c, &rules[i].match, rules[i].priority), &rules[i]);
	}
	for (unsigned i = N_MANY; i > 0; i--)
		classifier_del(c, &rules[i - 1]);
	assert_int_equal(classifier_n_rules(c), 0);
	assert_true(seconds() - start < 20); // 0.3 s is usual, sanitizers take longer
	classifier_destroy(c);
	free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_winner_is_the_linear_searchs_as_rules_come_and_go),
	    cmocka_unit_test(keys_that_agree_in_the_wildcards_have_the_same_winner),
	    cmocka_unit_test(wildcards_are_added_to_what_is_there),
	    cmocka_unit_test(tables_below_the_winner_are_not_looked_at),
	    cmocka_unit_test(ports_are_looked_at_for_the_rules_protocol_only),
	    cmocka_unit_test(a_rule_of_one_port_costs_the_others_nothing),
	    cmocka_unit_test(rules_that_went_leave_nothing_in_the_wildcards),
	    cmocka_unit_test(find_wants_the_same_match_and_priority),
	    cmocka_unit_test(a_hundred_thousand_rules_are_no_trouble),
	};
	return cmocka_run_group_tests_name("classifier", tests, NULL, NULL);
}
