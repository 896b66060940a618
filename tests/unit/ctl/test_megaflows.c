#include "ctl/swctld/megaflows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define MASKS_MAX 128

static struct frozen_states *frozen;

static int setup(void **arg)
{
	frozen = frozen_create();
	*arg = frozen ? megaflows_create(MASKS_MAX, frozen) : NULL;
	return *arg ? 0 : -1;
}

static int teardown(void **arg)
{
	megaflows_destroy(*arg);
	frozen_destroy(frozen);
	return 0;
}

static struct rule *make_rule(uint16_t priority)
{
	struct of_flow flow = {.priority = priority};
	struct rule *rule = rule_create(&flow, &flow.match, 1);
	assert_non_null(rule);
	return rule;
}

static struct known_rules *rules_of(struct rule *rule)
{
	struct known_rules *rules;
	assert_true(known_rules_make(&rules, &rule, 1));
	return rules;
}

static struct known_flow *add(struct megaflows *m, uint32_t in_port)
{
	struct flow_match match;
	memset(&match, 0, sizeof(match));
	match.key.in_port = in_port;
	match.mask.in_port = UINT32_MAX;
	return megaflows_add(m, &match, 100);
}

static struct flow_reading account(struct known_flow *f, uint64_t packets, uint64_t at_ms)
{
	struct flow_reading reading = {packets, packets * 100, at_ms - 1, at_ms};
	return known_flow_account(f, &reading);
}

static void a_reading_counts_once(void **arg)
{
	struct known_flow *f = add(*arg, 1);
	assert_int_equal(account(f, 10, 1000).packets, 10);
	assert_int_equal(account(f, 10, 1500).packets, 0);
	struct flow_reading delta = account(f, 17, 2000);
	assert_int_equal(delta.packets, 7);
	assert_int_equal(delta.bytes, 700);
	assert_int_equal(delta.used_ms, 1999);
}

static void a_reading_that_was_overtaken_counts_nothing(void **arg)
{
	struct known_flow *f = add(*arg, 1);
	account(f, 10, 2000);
	assert_int_equal(account(f, 8, 1500).packets, 0);
	assert_int_equal(account(f, 12, 2500).packets, 2);
}

static void counters_that_started_again_count_from_zero(void **arg)
{
	struct known_flow *f = add(*arg, 1);
	account(f, 10, 1000);
	assert_int_equal(account(f, 3, 2000).packets, 3);
	assert_int_equal(account(f, 4, 3000).packets, 1);
}

static void a_rule_keeps_what_was_counted_before_the_change_was_answered(void **arg)
{
	struct megaflows *m = *arg;
	struct known_flow *f = add(m, 1);
	struct rule *a = make_rule(5), *b = make_rule(6), *c = make_rule(7);
	f->rules = rules_of(a);
	megaflows_switch_begin(m, f, rules_of(b));
	assert_true(known_rules_same(f->rules, &a, 1));
	megaflows_switch_begin(m, f, rules_of(c)); // changed again before the answer
	assert_int_equal(b->n_refs, 1);
	megaflows_switch_end(m, f);
	assert_true(known_rules_same(f->rules, &c, 1));
	megaflows_switch_end(m, f);
	assert_true(known_rules_same(f->rules, &c, 1));
	assert_int_equal(a->n_refs, 1);
	megaflows_switch_begin(m, f, NULL); // no rule any more
	megaflows_switch_end(m, f);
	assert_null(f->rules);
	assert_int_equal(c->n_refs, 1);
	rule_unref(a);
	rule_unref(b);
	rule_unref(c);
}

static void a_megaflow_keeps_its_rules_alive(void **arg)
{
	struct megaflows *m = *arg;
	struct known_flow *f = add(m, 1);
	struct rule *a = make_rule(5), *b = make_rule(6);
	f->rules = rules_of(a);
	megaflows_switch_begin(m, f, rules_of(b));
	assert_int_equal(a->n_refs, 2);
	assert_int_equal(b->n_refs, 2);
	megaflows_forget(m, f);
	assert_int_equal(a->n_refs, 1);
	assert_int_equal(b->n_refs, 1);
	rule_unref(a);
	rule_unref(b);
}

static void rules_are_the_same_in_the_same_order_only(void **arg)
{
	(void)arg;
	struct rule *list[] = {make_rule(1), make_rule(2)}, *turned[] = {list[1], list[0]};
	struct known_rules *rules;
	assert_true(known_rules_make(&rules, list, 2));
	assert_true(known_rules_same(rules, list, 2));
	assert_false(known_rules_same(rules, turned, 2));
	assert_false(known_rules_same(rules, list, 1));
	assert_false(known_rules_same(rules, list, 0));
	assert_false(known_rules_same(NULL, list, 1));
	assert_true(known_rules_same(NULL, list, 0));
	known_rules_free(rules);
	rule_unref(list[0]);
	rule_unref(list[1]);
}

static void a_mask_is_in_use_until_its_last_megaflow_is_forgotten(void **arg)
{
	struct megaflows *m = *arg;
	struct known_flow *a = add(m, 1), *b = add(m, 2);
	assert_int_equal(mask_budget_count(megaflows_masks(m)), 1);
	megaflows_forget(m, a);
	assert_int_equal(mask_budget_count(megaflows_masks(m)), 1);
	megaflows_leave(m, b); // swd still has it
	assert_int_equal(mask_budget_count(megaflows_masks(m)), 1);
	megaflows_forget(m, b);
	assert_int_equal(mask_budget_count(megaflows_masks(m)), 0);
}

static void megaflows_are_counted_by_port_until_they_are_forgotten(void **arg)
{
	struct megaflows *m = *arg;
	struct known_flow *a = add(m, 1);
	add(m, 2);
	assert_int_equal(megaflows_count_port(m, 1), 1);
	megaflows_leave(m, a);
	assert_int_equal(megaflows_count_port(m, 1), 1);
	megaflows_forget(m, a);
	assert_int_equal(megaflows_count_port(m, 1), 0);
	assert_int_equal(megaflows_count_port(m, 2), 1);
	add(m, UINT32_MAX); // swd may name any
	assert_int_equal(megaflows_count_port(m, UINT32_MAX), 1);
}

static uint32_t freeze(unsigned i)
{
	struct frozen_head head = {.metadata_be = i};
	return frozen_number(frozen, &head, sizeof(head));
}

static struct known_flow *add_round(struct megaflows *m, uint32_t number)
{
	struct flow_match match;
	memset(&match, 0, sizeof(match));
	match.key.recirc_id = number;
	match.mask.recirc_id = UINT32_MAX;
	return megaflows_add(m, &match, 100);
}

static void a_frozen_state_lives_while_a_megaflow_sends_to_it_or_comes_from_it(void **arg)
{
	struct megaflows *m = *arg;
	uint32_t numbers[] = {freeze(1), freeze(2), freeze(3)};
	struct known_flow *sender = add(m, 1), *comer = add_round(m, numbers[0]);
	megaflows_refer(m, sender, numbers, 2);
	assert_int_equal(frozen_count(frozen), 3);
	megaflows_refer(m, sender, numbers + 1, 2); // one stays, one is new, one is not sent to
	assert_non_null(frozen_find(frozen, numbers[0]));
	megaflows_forget(m, comer);
	assert_null(frozen_find(frozen, numbers[0]));
	assert_non_null(frozen_find(frozen, numbers[1]));
	megaflows_forget(m, sender);
	assert_int_equal(frozen_count(frozen), 0);
}

static void the_stalest_stands_first(void **arg)
{
	struct megaflows *m = *arg;
	struct known_flow *a = add(m, 1), *b = add(m, 2), *c = add(m, 3);
	megaflows_stamp(m, a, 1);
	megaflows_stamp(m, b, 1);
	megaflows_stamp(m, c, 2);
	assert_ptr_equal(megaflows_first(m), a);
	megaflows_stamp(m, a, 3);
	assert_ptr_equal(megaflows_first(m), b);
	megaflows_outdate(m, c);
	assert_ptr_equal(megaflows_first(m), c);
	assert_int_equal(c->gen, 0);
	assert_ptr_equal(megaflows_first(m)->next, b);
}

static void one_that_leaves_is_found_by_its_answer_only(void **arg)
{
	struct megaflows *m = *arg;
	struct known_flow *f = add(m, 1);
	struct flow_match match = f->match;
	uint32_t id = f->id;
	megaflows_leave(m, f);
	assert_null(megaflows_find(m, &match));
	assert_int_equal(megaflows_count(m), 0);
	assert_ptr_equal(megaflows_by_id(m, id), f);
	struct known_flow *again = add(m, 1);
	assert_int_not_equal(again->id, id);
	megaflows_forget(m, f);
	assert_null(megaflows_by_id(m, id));
	assert_ptr_equal(megaflows_find(m, &match), again);
}

static void answers_that_swd_owes_are_bounded(void **arg)
{
	struct megaflows *m = *arg;
	for (uint32_t i = 0; i < MEGAFLOWS_AWAITED_MAX; i++) {
		struct known_flow *f = add(m, i + 1);
		assert_true(megaflows_may_await(m));
		if (i % 2)
			megaflows_leave(m, f);
		else
			megaflows_switch_begin(m, f, NULL);
	}
	assert_false(megaflows_may_await(m));
	megaflows_forget_leaving(m);
	assert_true(megaflows_may_await(m));
	megaflows_switch_end_all(m);
	for (uint32_t i = 0; i < MEGAFLOWS_AWAITED_MAX - 1; i++)
		megaflows_leave(m, add(m, i + 100000));
	assert_true(megaflows_may_await(m));
}

static void actions_are_compared_by_their_bytes(void **arg)
{
	struct known_flow *f = add(*arg, 1);
	assert_true(known_flow_same_actions(f, "", 0));
	assert_int_equal(known_flow_set_actions(f, "abcd", 4), 0);
	assert_true(known_flow_same_actions(f, "abcd", 4));
	assert_false(known_flow_same_actions(f, "abce", 4));
	assert_false(known_flow_same_actions(f, "abc", 3));
	assert_int_equal(known_flow_set_actions(f, "", 0), 0);
	assert_true(known_flow_same_actions(f, "", 0));
}

#define WITH_MEGAFLOWS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_MEGAFLOWS(a_reading_counts_once),
	    WITH_MEGAFLOWS(a_reading_that_was_overtaken_counts_nothing),
	    WITH_MEGAFLOWS(counters_that_started_again_count_from_zero),
	    WITH_MEGAFLOWS(a_rule_keeps_what_was_counted_before_the_change_was_answered),
	    WITH_MEGAFLOWS(a_megaflow_keeps_its_rules_alive),
	    WITH_MEGAFLOWS(rules_are_the_same_in_the_same_order_only),
	    WITH_MEGAFLOWS(a_mask_is_in_use_until_its_last_megaflow_is_forgotten),
	    WITH_MEGAFLOWS(megaflows_are_counted_by_port_until_they_are_forgotten),
	    WITH_MEGAFLOWS(a_frozen_state_lives_while_a_megaflow_sends_to_it_or_comes_from_it),
	    WITH_MEGAFLOWS(the_stalest_stands_first),
	    WITH_MEGAFLOWS(one_that_leaves_is_found_by_its_answer_only),
	    WITH_MEGAFLOWS(answers_that_swd_owes_are_bounded),
	    WITH_MEGAFLOWS(actions_are_compared_by_their_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
