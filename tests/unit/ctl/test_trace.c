// What `swctl trace` tells of a packet's way.
#include "ctl/swctld/trace.h"

#include "tests/unit/ctl/control_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static int setup(void **arg)
{
	control_setup(arg);
	control_ports(*arg, 3);
	control_change(*arg, "flow delete");
	return 0;
}

static struct flow_key tcp_key(uint32_t in_port, uint16_t tp_dst)
{
	return (struct flow_key){.in_port = in_port,
				 .eth_src = {{0x52, 0x54, 0, 0, 0, 1}},
				 .eth_dst = {{0x52, 0x54, 0, 0, 0, 2}},
				 .eth_type_be = htons(0x0800),
				 .ip_src_be = htonl(0x0a000001),
				 .ip_dst_be = htonl(0x0a000002),
				 .nw_proto = IPPROTO_TCP,
				 .nw_ttl = 64,
				 .tp_src_be = htons(1000),
				 .tp_dst_be = htons(tp_dst)};
}

static const struct trace_known nothing;

static json_t *trace(struct control *c, uint16_t tp_dst)
{
	struct flow_key key = tcp_key(1, tp_dst);
	unsigned looks = 1000; // more than enough
	json_t *told = trace_key(&c->d, &key, &nothing, &looks);
	assert_non_null(told);
	return told;
}

static const char *text_of(const json_t *told, const char *name)
{
	const json_t *value = json_object_get(told, name);
	if (json_is_object(value))
		value = json_object_get(value, "flow"); // a rule
	const char *text = json_string_value(value);
	return text ? text : "";
}

// Each step in a line: its depth as blanks, then what it tells.
static const char *steps_of(const json_t *told)
{
	static char text[8192];
	size_t used = 0, i;
	json_t *step;
	text[0] = '\0';
	json_array_foreach (json_object_get(told, "steps"), i, step) {
		int depth = (int)json_integer_value(json_object_get(step, "depth"));
		char what[1024];
		if (json_object_get(step, "table"))
			snprintf(what, sizeof(what), "%d: %s",
				 (int)json_integer_value(json_object_get(step, "table")),
				 text_of(step, "rule"));
		else
			snprintf(what, sizeof(what), "%s%s", text_of(step, "action"),
				 text_of(step, "note"));
		used +=
		    (size_t)snprintf(text + used, sizeof(text) - used, "%*s%s\n", depth, "", what);
	}
	return text;
}

static void expect_steps(struct control *c, const char *want)
{
	json_t *told = trace(c, 80);
	assert_string_equal(steps_of(told), want);
	json_decref(told);
}

static json_t *first_step(const json_t *told)
{
	return json_array_get(json_object_get(told, "steps"), 0);
}

static void expect_near(struct control *c, uint16_t tp_dst, const char *near, const char *by)
{
	json_t *told = trace(c, tp_dst);
	assert_string_equal(text_of(first_step(told), "near"), near);
	assert_string_equal(text_of(first_step(told), "near_by"), by);
	json_decref(told);
}

static void the_walk_is_told_step_by_step(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add cookie=5,tcp,actions=resubmit(,1),load:1->NXM_NX_REG0[],"
			  "goto_table:2\n"
			  "flow add table=1,actions=clone(output:p2)\n"
			  "flow add table=2,priority=7,reg0=1,actions=output:p3");
	expect_steps(c, "0: cookie=0x5, tcp actions=resubmit(,1),load:0x1->NXM_NX_REG0[],"
			"goto_table:2\n"
			"resubmit(,1)\n"
			" 1: table=1, actions=clone(output:p2)\n"
			" clone(output:p2)\n"
			"  output:p2\n"
			"load:0x1->NXM_NX_REG0[]\n"
			"goto_table:2\n"
			"2: table=2, priority=7,reg0=0x1 actions=output:p3\n"
			"output:p3\n");
}

static void a_walk_that_does_not_end_is_told_in_part(void **arg)
{
	struct control *c = *arg;
	control_change(c,
		       "flow add tcp,actions=note:01,note:02,note:03,note:04,note:05,note:06,"
		       "resubmit(,1),resubmit(,1)\n"
		       "flow add table=1,actions=note:01,note:02,note:03,note:04,note:05,note:06,"
		       "resubmit(,1),resubmit(,1)");
	json_t *told = trace(c, 80), *steps = json_object_get(told, "steps");
	size_t n = json_array_size(steps);
	assert_string_not_equal(text_of(told, "end"), "done");
	assert_true(n < 20000);
	json_decref(told);
	control_change(c,
		       "flow add table=1,actions=note:01,note:02,note:03,note:04,note:05,note:06,"
		       "resubmit(,2),resubmit(,2)\n"
		       "flow add table=2,actions=resubmit(,3),resubmit(,3),resubmit(,3)\n"
		       "flow add table=3,actions=resubmit(,4),resubmit(,4),resubmit(,4)\n"
		       "flow add table=4,actions=resubmit(,5),resubmit(,5),resubmit(,5)\n"
		       "flow add table=5,actions=resubmit(,6),resubmit(,6),resubmit(,6)\n"
		       "flow add table=6,actions=note:01,note:02,note:03,note:04,note:05,note:06,"
		       "resubmit(,7),resubmit(,7),resubmit(,7)\n"
		       "flow add table=7,actions=note:01,note:02,note:03,note:04,note:05,note:06,"
		       "note:07,note:08,note:09,note:0a,note:0b,note:0c");
	told = trace(c, 80);
	steps = json_object_get(told, "steps");
	n = json_array_size(steps);
	assert_true(n < 20000);
	assert_string_equal(text_of(json_array_get(steps, n - 1), "note"),
			    "more steps than a trace shows");
	json_decref(told);
}

static void the_result_is_what_swd_would_have(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add tcp,nw_dst=10.0.0.0/24,actions=mod_dl_src:00:00:00:00:00:07,"
			  "output:p2");
	json_t *told = trace(c, 80);
	assert_string_equal(text_of(told, "end"), "done");
	assert_string_equal(text_of(told, "actions"), "set(eth(src=00:00:00:00:00:07)),p2");
	assert_non_null(strstr(text_of(told, "megaflow"), "in_port(p1)"));
	assert_non_null(strstr(text_of(told, "megaflow"), "proto=6"));
	assert_null(strstr(text_of(told, "megaflow"), "tcp("));
	assert_non_null(strstr(text_of(told, "flow"), "tcp,in_port=p1"));
	assert_non_null(strstr(text_of(told, "flow"), "tp_dst=80"));
	json_decref(told);
}

static void a_table_without_a_match_is_told(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add udp,actions=output:p2");
	json_t *told = trace(c, 80);
	assert_null(json_object_get(first_step(told), "rule"));
	assert_string_equal(text_of(first_step(told), "near_by"), "nw_proto");
	assert_string_equal(text_of(told, "actions"), "drop");
	assert_string_equal(text_of(told, "end"), "table 0 has no rule for it");
	json_decref(told);
}

static void the_nearest_loser_is_the_one_that_differs_least(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add priority=10,tcp,actions=output:p2\n"
			  "flow add priority=20,tcp,tp_dst=443,actions=output:p3\n"
			  "flow add priority=30,in_port=2,tcp,tp_dst=443,actions=output:p3\n"
			  "flow add priority=5,udp,actions=output:p3");
	expect_near(c, 80, "priority=20,tcp,tp_dst=443 actions=output:p3", "tp_dst");
	// The winner is preferred to all.
	expect_near(c, 443, "priority=30,tcp,in_port=p2,tp_dst=443 actions=output:p3", "in_port");
}

static void of_those_that_differ_alike_the_highest_priority_is_told(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add priority=10,tcp,actions=output:p2\n"
			  "flow add priority=20,tcp,tp_dst=443,actions=output:p3\n"
			  "flow add priority=21,tcp,tp_dst=444,actions=output:p3\n"
			  "flow add priority=19,tcp,tp_dst=445,actions=output:p3");
	expect_near(c, 80, "priority=21,tcp,tp_dst=444 actions=output:p3", "tp_dst");
}

static void one_that_matches_too_lost_by_its_priority(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add priority=10,tcp,actions=output:p2\n"
			  "flow add priority=5,ip,actions=output:p3\n"
			  "flow add priority=4,actions=output:p3\n"
			  "flow add priority=3,udp,actions=output:p3");
	expect_near(c, 80, "priority=5,ip actions=output:p3", "priority");
	// One that would have won tells more.
	control_change(c, "flow add priority=50,in_port=3,udp,actions=output:p3");
	expect_near(c, 80, "priority=50,udp,in_port=p3 actions=output:p3", "in_port");
}

static void a_lone_rule_has_no_near_one(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add tcp,actions=output:p2\n"
			  "flow add priority=1,udp,actions=output:p3");
	json_t *told = trace(c, 80);
	assert_null(json_object_get(first_step(told), "near"));
	json_decref(told);
}

static void too_many_rules_are_not_looked_at(void **arg)
{
	struct control *c = *arg;
	struct flow_key key = tcp_key(1, 80);
	unsigned looks = 3;
	control_change(c, "flow add priority=2,tcp,actions=resubmit(,1)\n"
			  "flow add priority=3,udp,actions=drop\n"
			  "flow add table=1,priority=3,udp,actions=drop\n"
			  "flow add table=1,priority=2,ip,actions=output:p2");
	json_t *told = trace_key(&c->d, &key, &nothing, &looks);
	assert_string_equal(text_of(first_step(told), "near_by"), "nw_proto");
	assert_int_equal(looks, 1);
	assert_string_equal(steps_of(told), "0: priority=2,tcp actions=resubmit(,1)\n"
					    "resubmit(,1)\n"
					    " 1: table=1, priority=2,ip actions=output:p2\n"
					    " too many rules to tell which came near\n"
					    " output:p2\n");
	json_decref(told);
}

// By a register, which the pipeline alone has.
static void a_register_may_make_the_difference(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add priority=10,tcp,actions=output:p2\n"
			  "flow add priority=20,reg3=7,actions=output:p3");
	expect_near(c, 80, "priority=20,reg3=0x7 actions=output:p3", "reg3");
}

static void groups_leave_notes(void **arg)
{
	struct control *c = *arg;
	control_change(c, "group add group_id=1,type=ff,bucket=bucket_id:8,watch_port:p2,output:p2,"
			  "bucket=bucket_id:9,watch_port:p3,output:p3\n"
			  "flow add tcp,actions=group:1");
	expect_steps(c, "0: tcp actions=group:1\n"
			"group:1\n"
			"bucket 8\n"
			" output:p2\n");
	ports_set_up(c->d.ports, ports_by_name(c->d.ports, "p2"), false);
	ports_set_up(c->d.ports, ports_by_name(c->d.ports, "p3"), false);
	expect_steps(c, "0: tcp actions=group:1\n"
			"group:1\n"
			"group 1: no live bucket\n");
}

static void the_end_says_why_a_packet_is_dropped(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add tcp,actions=output:p2,resubmit(,0)");
	json_t *told = trace(c, 80);
	assert_non_null(strstr(text_of(told, "end"), "nested more than 64 deep"));
	assert_string_equal(text_of(told, "actions"), "drop");
	assert_int_equal(json_array_size(json_object_get(told, "steps")), 64 * 3);
	json_decref(told);
}

static void expect_end(struct control *c, const char *want)
{
	json_t *told = trace(c, 80);
	assert_string_equal(text_of(told, "end"), want);
	json_decref(told);
}

// What is left may be a meter, which measures what goes nowhere.
static void a_packet_that_goes_nowhere_is_told_as_dropped(void **arg)
{
	struct control *c = *arg;
	control_change(c, "meter add meter=1,pktps,bands=type=drop,rate=1\n"
			  "flow add tcp,actions=meter:1,goto_table:1");
	expect_end(c, "table 1 has no rule for it");
	control_change(c, "flow add table=1,tcp,actions=mod_nw_ttl:7");
	expect_end(c, "no action outputs it");
	control_change(c, "flow add table=1,tcp,actions=resubmit(,2),load:1->NXM_NX_REG0[]");
	expect_end(c, "no action outputs it");
	control_change(c, "flow add table=1,tcp,actions=resubmit(,2),output:p2");
	expect_end(c, "done");
}

static void tracing_learns_nothing(void **arg)
{
	struct control *c = *arg;
	control_change(c, "flow add tcp,actions=learn(table=1,NXM_OF_ETH_SRC[]),NORMAL");
	unsigned n = rules_count(c->d.rules);
	json_decref(trace(c, 80));
	assert_int_equal(rules_count(c->d.rules), n);
	assert_int_equal(fdb_lookup(c->d.fdb, tcp_key(1, 80).eth_src, 0), 0);
}

#define WITH_CONTROL(test) cmocka_unit_test_setup_teardown(test, setup, control_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CONTROL(the_walk_is_told_step_by_step),
	    WITH_CONTROL(a_walk_that_does_not_end_is_told_in_part),
	    WITH_CONTROL(the_result_is_what_swd_would_have),
	    WITH_CONTROL(a_table_without_a_match_is_told),
	    WITH_CONTROL(the_nearest_loser_is_the_one_that_differs_least),
	    WITH_CONTROL(of_those_that_differ_alike_the_highest_priority_is_told),
	    WITH_CONTROL(one_that_matches_too_lost_by_its_priority),
	    WITH_CONTROL(a_lone_rule_has_no_near_one),
	    WITH_CONTROL(too_many_rules_are_not_looked_at),
	    WITH_CONTROL(a_register_may_make_the_difference),
	    WITH_CONTROL(groups_leave_notes),
	    WITH_CONTROL(the_end_says_why_a_packet_is_dropped),
	    WITH_CONTROL(a_packet_that_goes_nowhere_is_told_as_dropped),
	    WITH_CONTROL(tracing_learns_nothing),
	};
	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
