// Which rule came nearest to being taken.
#include "ctl/swctld/nearest.h"

#include "tests/unit/ctl/flow_ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#define RULES_MAX 8

struct table {
	struct classifier *c;
	struct rule *rules[RULES_MAX];
	unsigned n;
};

static void put(struct table *t, const char *text)
{
	struct of_flow flow;
	struct of_error error;
	if (of_flow_parse(&flow, OF_FLOW_ADD, text, &ports, &error) < 0)
		fail_msg("%s", error.text);
	struct rule *rule = rule_create(&flow, &flow.match, 0);
	of_flow_fini(&flow);
	assert_true(t->n < RULES_MAX);
	assert_int_equal(classifier_add(t->c, &rule->cls), 0);
	t->rules[t->n++] = rule;
}

static void clear(struct table *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		classifier_del(t->c, &t->rules[i]->cls);
		rule_unref(t->rules[i]);
	}
	classifier_destroy(t->c);
}

// With these rules (up to a NULL), the packet's nearest rule is texts[nearest] (-1: there is none),
// and this is the field that it loses by (NULL: it matches).
static void expect(const char *packet, int nearest, const char *field, const char *const *texts)
{
	struct table t = {.c = classifier_create()};
	struct of_match match;
	struct of_error error;
	while (*texts)
		put(&t, *texts++);
	if (of_match_parse(&match, packet, &ports, &error) < 0)
		fail_msg("%s", error.text);
	const struct cls_rule *winner = classifier_lookup(t.c, &match.key, NULL);
	struct nearest near = nearest_find(t.c, &match.key, (const struct rule *)winner);
	assert_ptr_equal(near.rule, nearest < 0 ? NULL : t.rules[nearest]);
	if (near.rule)
		assert_int_equal(near.matches, field == NULL);
	if (near.rule && field)
		assert_string_equal(nearest_field_name(near.field), field);
	clear(&t);
}

#define RULES(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static void the_field_that_differs_is_named_as_in_flows(void **state)
{
	(void)state;
	expect("in_port=vm1,tcp,tp_dst=80", 1, "tp_dst",
	       RULES("priority=1,actions=drop", "priority=2,tcp,tp_dst=81,actions=drop"));
	expect("in_port=vm1,ip,nw_dst=10.0.0.1", 0, "nw_dst",
	       RULES("ip,nw_dst=10.1.0.0/16,actions=drop"));
	expect("in_port=vm1,dl_src=02:00:00:00:00:01", 0, "dl_src",
	       RULES("dl_src=02:00:00:00:00:02,actions=drop"));
	expect("in_port=vm1", 0, "in_port", RULES("in_port=vm2,actions=drop"));
	expect("in_port=vm1,arp", 0, "dl_type", RULES("ip,actions=drop"));
	expect("in_port=vm1,icmp6,icmpv6_type=135", 0, "icmpv6_type",
	       RULES("icmp6,icmpv6_type=136,actions=drop"));
}

static void fewer_differing_fields_are_nearer(void **state)
{
	(void)state;
	expect("in_port=vm1,tcp,tp_src=5,tp_dst=80", 0, "tp_dst",
	       RULES("priority=1,tcp,tp_src=5,tp_dst=81,actions=drop",
		     "priority=9,tcp,tp_src=6,tp_dst=81,actions=drop"));
	// A VLAN is one field, though it has several names.
	expect("in_port=vm1,tcp,tp_src=5,tp_dst=80", 1, "dl_vlan",
	       RULES("priority=9,tcp,tp_src=6,tp_dst=81,actions=drop",
		     "priority=1,dl_vlan=5,actions=drop"));
	expect("in_port=vm1,dl_vlan=6,tcp,tp_src=5,tp_dst=80", 1, "dl_vlan",
	       RULES("priority=9,tcp,tp_src=6,tp_dst=81,actions=drop",
		     "priority=1,dl_vlan=5,actions=drop"));
}

static void of_as_many_the_one_that_agrees_in_more_is_nearer(void **state)
{
	(void)state;
	expect("in_port=vm1,tcp,tp_dst=80", 0, "tp_dst",
	       RULES("priority=2,tcp,in_port=vm1,tp_dst=81,actions=drop",
		     "priority=9,udp,in_port=vm1,actions=drop"));
	expect("in_port=vm1,tcp,tp_dst=80", 1, "tp_dst",
	       RULES("priority=2,tcp,tp_dst=81,actions=drop",
		     "priority=3,tcp,tp_dst=82,actions=drop"));
}

static void a_rule_that_could_not_win_is_told_of_when_it_matches(void **state)
{
	(void)state;
	// tp_dst=81 would not have won, had it matched.
	expect("in_port=vm1,tcp,tp_dst=80", 2, NULL,
	       RULES("priority=9,tcp,actions=drop", "priority=3,tcp,tp_dst=81,actions=drop",
		     "priority=2,ip,actions=drop", "priority=1,actions=drop"));
	expect("in_port=vm1,tcp", 1, "nw_proto",
	       RULES("priority=9,tcp,actions=drop", "priority=10,udp,actions=drop",
		     "priority=2,ip,actions=drop"));
}

static void there_may_be_none(void **state)
{
	(void)state;
	expect("in_port=vm1,tcp", -1, NULL, RULES("priority=9,tcp,actions=drop"));
	expect("in_port=vm1,tcp", -1, NULL,
	       RULES("priority=9,tcp,actions=drop", "priority=8,udp,actions=drop"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_field_that_differs_is_named_as_in_flows),
	    cmocka_unit_test(fewer_differing_fields_are_nearer),
	    cmocka_unit_test(of_as_many_the_one_that_agrees_in_more_is_nearer),
	    cmocka_unit_test(a_rule_that_could_not_win_is_told_of_when_it_matches),
	    cmocka_unit_test(there_may_be_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
