// Who gets the packets that swd tells of, on whichever of two connections it tells them first.
#include "ctl/swctld/flow_stats.h"
#include "ctl/swctld/megaflows.h"
#include "ctl/swctld/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct swctld d;
	struct known_flow *flow;
	struct rule *before, *after;
};

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

static int setup(void **arg)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct flow_match match;
	memset(&match, 0, sizeof(match));
	f->d.frozen = frozen_create();
	f->d.megaflows = megaflows_create(MASKS_MAX_DEFAULT, f->d.frozen);
	f->before = make_rule(10);
	f->after = make_rule(20);
	f->flow = megaflows_add(f->d.megaflows, &match, 1);
	f->flow->rules = rules_of(f->before);
	*arg = f;
	return 0;
}

static int teardown(void **arg)
{
	struct fixture *f = *arg;
	megaflows_destroy(f->d.megaflows);
	frozen_destroy(f->d.frozen);
	assert_int_equal(f->before->n_refs + f->after->n_refs, 2);
	rule_unref(f->before);
	rule_unref(f->after);
	free(f);
	return 0;
}

static void dump_shows(struct fixture *f, uint64_t packets, uint64_t at_ms)
{
	struct dp_flow flow;
	memset(&flow, 0, sizeof(flow));
	flow.has_ufid = true; // as a dump tells it
	megaflows_ufid(f->d.megaflows, f->flow, &flow.ufid);
	flow.reading = (struct flow_reading){packets, packets * 60, at_ms, at_ms};
	flow_stats_reading(&f->d, &flow);
}

static void answer_tells(struct fixture *f, uint64_t packets, uint64_t at_ms)
{
	struct flow_reading reading = {packets, packets * 60, at_ms, at_ms};
	flow_stats_answer(&f->d, f->flow, &reading);
	megaflows_switch_end(f->d.megaflows, f->flow);
}

static void a_change_of_rule_divides_the_packets(void **arg)
{
	struct fixture *f = *arg;
	dump_shows(f, 10, 1000);
	megaflows_switch_begin(f->d.megaflows, f->flow, rules_of(f->after));
	answer_tells(f, 12, 1100);
	dump_shows(f, 20, 1500);
	assert_int_equal(f->before->n_packets, 12);
	assert_int_equal(f->after->n_packets, 8);
}

static void an_answer_that_a_dump_has_overtaken_counts_nothing_twice(void **arg)
{
	struct fixture *f = *arg;
	megaflows_switch_begin(f->d.megaflows, f->flow, rules_of(f->after));
	dump_shows(f, 15, 1000);
	answer_tells(f, 12, 1100);
	dump_shows(f, 20, 1500);
	assert_int_equal(f->before->n_packets + f->after->n_packets, 20);
}

static void a_megaflow_that_swd_made_anew_counts_from_zero(void **arg)
{
	struct fixture *f = *arg;
	dump_shows(f, 15, 1000);
	megaflows_switch_begin(f->d.megaflows, f->flow, rules_of(f->after));
	answer_tells(f, 0, 1100);
	dump_shows(f, 5, 1500);
	assert_int_equal(f->before->n_packets, 15);
	assert_int_equal(f->after->n_packets, 5);
}

static struct known_flow *add_flow(struct fixture *f, uint32_t in_port, uint64_t used_ms)
{
	struct flow_match match;
	memset(&match, 0, sizeof(match));
	match.key.in_port = in_port;
	match.mask.in_port = UINT32_MAX;
	struct known_flow *flow = megaflows_add(f->d.megaflows, &match, 1);
	assert_non_null(flow);
	flow->last.used_ms = used_ms;
	return flow;
}

static void what_a_new_swd_lacks_is_sent_in_the_order_of_use(void **arg)
{
	struct fixture *f = *arg;
	const struct known_flow *second = add_flow(f, 1, 2000), *first = add_flow(f, 2, 3000),
				*third = add_flow(f, 3, 1000);
	flow_stats_round_begin(&f->d);
	dump_shows(f, 1, 1000); // swd has this one
	assert_int_equal(flow_stats_mark_absent(&f->d), 3);
	assert_ptr_equal(megaflows_first(f->d.megaflows), first);
	assert_ptr_equal(first->next, second);
	assert_ptr_equal(second->next, third);
	assert_true(first->absent && second->absent && third->absent);
	assert_false(f->flow->absent);
	assert_true(known_flow_used_ms(third) >
		    clock_now_ms()); // not idle before its guest is back
}

#define WITH_RULES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_RULES(a_change_of_rule_divides_the_packets),
	    WITH_RULES(an_answer_that_a_dump_has_overtaken_counts_nothing_twice),
	    WITH_RULES(a_megaflow_that_swd_made_anew_counts_from_zero),
	    WITH_RULES(what_a_new_swd_lacks_is_sent_in_the_order_of_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
