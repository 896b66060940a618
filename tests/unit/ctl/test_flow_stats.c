// Who gets the packets that swd tells of, on whichever of two connections it tells them first.
#include "ctl/swctld/flow_stats.h"
#include "ctl/swctld/rules.h"
#include "tests/unit/ctl/state_fixture.h"

struct fixture {
	struct state *state;
	struct swctld d;
	struct known_flow *flow;
	int64_t before, after; // ids of two rules
};

static int64_t add_rule(struct fixture *f, uint32_t priority)
{
	struct rule *rule = rule_alloc();
	struct rules_change change = {0};
	assert_non_null(rule);
	rule->flow.priority = priority;
	assert_int_equal(rules_add(f->d.rules, &rule, 1, 0, 0, &change), 0);
	return rule->id;
}

static uint64_t packets_of(const struct fixture *f, int64_t id)
{
	uint64_t packets = UINT64_MAX;
	size_t n;
	const struct rule **list = rules_list(f->d.rules, NULL, &n);
	for (size_t i = 0; i < n; i++) {
		if (list[i]->id == id)
			packets = list[i]->n_packets;
	}
	free(list);
	return packets;
}

static int setup(void **arg)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_int_equal(state_setup((void **)&f->state), 0);
	f->d.db = f->state->db;
	f->d.rules = rules_create(f->d.db);
	f->d.megaflows = megaflows_create();
	f->before = add_rule(f, 10);
	f->after = add_rule(f, 20);
	struct flow_match match;
	memset(&match, 0, sizeof(match));
	f->flow = megaflows_add(f->d.megaflows, &match, 1);
	f->flow->rule_id = f->before;
	*arg = f;
	return 0;
}

static int teardown(void **arg)
{
	struct fixture *f = *arg;
	megaflows_destroy(f->d.megaflows);
	rules_destroy(f->d.rules);
	state_teardown((void **)&f->state);
	free(f);
	return 0;
}

static void dump_shows(struct fixture *f, uint64_t packets, uint64_t at_ms)
{
	struct dp_flow flow;
	memset(&flow, 0, sizeof(flow));
	flow.match = f->flow->match;
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
	megaflows_switch_begin(f->d.megaflows, f->flow, f->after);
	answer_tells(f, 12, 1100);
	dump_shows(f, 20, 1500);
	assert_int_equal(packets_of(f, f->before), 12);
	assert_int_equal(packets_of(f, f->after), 8);
}

static void an_answer_that_a_dump_has_overtaken_counts_nothing_twice(void **arg)
{
	struct fixture *f = *arg;
	megaflows_switch_begin(f->d.megaflows, f->flow, f->after);
	dump_shows(f, 15, 1000);
	answer_tells(f, 12, 1100);
	dump_shows(f, 20, 1500);
	assert_int_equal(packets_of(f, f->before) + packets_of(f, f->after), 20);
}

static void a_megaflow_that_swd_made_anew_counts_from_zero(void **arg)
{
	struct fixture *f = *arg;
	dump_shows(f, 15, 1000);
	megaflows_switch_begin(f->d.megaflows, f->flow, f->after);
	answer_tells(f, 0, 1100);
	dump_shows(f, 5, 1500);
	assert_int_equal(packets_of(f, f->before), 15);
	assert_int_equal(packets_of(f, f->after), 5);
}

#define WITH_RULES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_RULES(a_change_of_rule_divides_the_packets),
	    WITH_RULES(an_answer_that_a_dump_has_overtaken_counts_nothing_twice),
	    WITH_RULES(a_megaflow_that_swd_made_anew_counts_from_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
