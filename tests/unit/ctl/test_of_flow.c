#include "ctl/of_flow.h"

#include "tests/unit/ctl/flow_ports.h"
#include "tests/unit/ctl/random_flow.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct of_flow parse(const char *line)
{
	struct of_flow flow;
	struct of_error error = {0};
	if (of_flow_parse(&flow, line, &ports, &error) != 0)
		fail_msg("%s: %s", line, error.text);
	return flow;
}

static void expect_error(const char *line, unsigned column, const char *message)
{
	struct of_flow flow;
	struct of_error error = {0};
	assert_int_equal(of_flow_parse(&flow, line, &ports, &error), -EINVAL);
	assert_string_equal(error.text, message);
	assert_int_equal(error.column, column);
}

static void expect_filter_error(const char *line, unsigned column, const char *message)
{
	struct of_filter filter;
	struct of_error error = {0};
	assert_int_equal(of_filter_parse(&filter, line, &ports, &error), -EINVAL);
	assert_string_equal(error.text, message);
	assert_int_equal(error.column, column);
}

static void expect_format(const char *line, const char *printed)
{
	struct of_flow flow = parse(line);
	char *text = of_flow_format(&flow, &ports);
	assert_string_equal(text, printed);
	free(text);
}

static void a_line_gives_all_parts(void **state)
{
	(void)state;
	struct of_flow flow = parse("priority=10,tcp,in_port=vm1,tp_dst=80,idle_timeout=60,"
				    "hard_timeout=600 cookie=0x1234 table=0 actions=output:vm2,3");
	assert_int_equal(flow.priority, 10);
	assert_int_equal(flow.cookie, 0x1234);
	assert_int_equal(flow.idle_timeout_s, 60);
	assert_int_equal(flow.hard_timeout_s, 600);
	assert_int_equal(flow.match.key.in_port, 1);
	assert_int_equal(flow.match.key.tp_dst_be, htons(80));
	assert_int_equal(flow.n_actions, 2);
	assert_int_equal(flow.actions[0].u.port, 2);
	assert_int_equal(flow.actions[1].u.port, 3);
	flow = parse("actions=NORMAL");
	assert_int_equal(flow.priority, OF_PRIORITY_DEFAULT);
	assert_int_equal(flow.match.mask.in_port, 0);
}

static void lines_are_printed_as_ovs_ofctl_dump_flows_does(void **state)
{
	(void)state;
	expect_format("actions=NORMAL", "actions=NORMAL");
	expect_format("priority=0 actions=normal", "priority=0 actions=NORMAL");
	expect_format("in_port=1,actions=2", "in_port=vm1 actions=output:vm2");
	expect_format("tp_dst=80,tcp,priority=10,in_port=vm1,actions=output:vm2",
		      "priority=10,tcp,in_port=vm1,tp_dst=80 actions=output:vm2");
	expect_format("idle_timeout=5,hard_timeout=6,cookie=7,ip,action=drop",
		      "cookie=0x7, idle_timeout=5, hard_timeout=6, ip actions=drop");
}

static void a_dump_can_be_fed_back(void **state)
{
	(void)state;
	struct of_flow flow =
	    parse(" cookie=0x1, duration=12.345s, table=0, n_packets=3, n_bytes=180, "
		  "idle_age=4, priority=7,ip actions=drop");
	assert_int_equal(flow.priority, 7);
	assert_int_equal(flow.cookie, 1);
}

static void any_flow_printed_reads_as_the_same_flow(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char line[2048];
		random_flow_line(line, sizeof(line));
		struct of_flow flow, again;
		struct of_error error;
		// Some lines contradict themselves.
		if (of_flow_parse(&flow, line, &ports, &error) != 0) {
			assert_non_null(strstr(error.text, "given twice"));
			continue;
		}
		const struct of_ports *names = i % 2 ? &ports : NULL;
		char *text = of_flow_format(&flow, names);
		if (of_flow_parse(&again, text, names, &error) != 0)
			fail_msg("%s -> %s: %s", line, text, error.text);
		if (memcmp(&flow, &again, sizeof(flow)) != 0)
			fail_msg("%s -> %s", line, text);
		free(text);
	}
}

static void mistakes_name_word_column_and_mend(void **state)
{
	(void)state;
	expect_error("priority=10,in_port=1", 22,
		     "column 22: actions= is missing, like actions=output:PORT or actions=drop");
	expect_error("", 1,
		     "column 1: actions= is missing, like actions=output:PORT or actions=drop");
	expect_error("priorty=10,actions=drop", 1,
		     "column 1: \"priorty\": unknown field; did you mean priority?");
	expect_error("priority=65536,actions=drop", 10,
		     "column 10: \"65536\": priority wants a number from 0 to 65535");
	expect_error("priority=1,priority=2,actions=drop", 12,
		     "column 12: \"priority\": given twice");
	expect_error("priority,actions=drop", 1,
		     "column 1: \"priority\": needs a value: priority=VALUE");
	expect_error("table=1,actions=drop", 7, "column 7: \"1\": there is only table 0 yet");
	expect_error("idle_timeout=65536,actions=drop", 14,
		     "column 14: \"65536\": idle_timeout wants a number from 0 to 65535");
	expect_error("cookie=1/2,actions=drop", 8,
		     "column 8: \"1/2\": a new flow's cookie takes no mask");
	expect_error("out_port=1,actions=drop", 1, "column 1: \"out_port\": unknown field");
	expect_error("action=drop,priority=5", 13,
		     "column 13: \"priority\": unknown action, and no port has this name");
	expect_error("in_port=1 actions", 11,
		     "column 11: \"actions\": needs a list: actions=output:PORT");
	expect_error("tcp,actions=mod_nw_dst:1.2.3", 24,
		     "column 24: \"1.2.3\": mod_nw_dst wants an IPv4 address, like 10.0.0.1");
	expect_error("tp_dst=80,actions=drop", 1,
		     "column 1: \"tp_dst\": needs tcp, udp or sctp in the match, too");
	expect_error("in_port=vm1,actions=output:vm22", 28,
		     "column 28: \"vm22\": no such port; add it first with swctl add-port");
}

static struct of_filter filter_parse(const char *text)
{
	struct of_filter filter;
	struct of_error error = {0};
	if (of_filter_parse(&filter, text, &ports, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	return filter;
}

static void a_filter_takes_what_is_as_specific(void **state)
{
	(void)state;
	static const struct {
		const char *filter, *flow;
		bool accepts;
	} rows[] = {
	    {"", "actions=drop", true},
	    {"table=0", "tcp,actions=drop", true},
	    {"ip", "tcp,actions=drop", true},
	    {"tcp", "ip,actions=drop", false},
	    {"in_port=1", "in_port=vm1,tcp,actions=drop", true},
	    {"in_port=1", "in_port=vm2,tcp,actions=drop", false},
	    {"in_port=1", "actions=drop", false},
	    {"ip,nw_src=10.0.0.0/8", "ip,nw_src=10.1.0.0/16,actions=drop", true},
	    {"ip,nw_src=10.1.0.0/16", "ip,nw_src=10.0.0.0/8,actions=drop", false},
	    {"cookie=5/-1", "cookie=5,actions=drop", true},
	    {"cookie=5", "cookie=6,actions=drop", false},
	    {"cookie=0x10/0xf0", "cookie=0x1f,actions=drop", true},
	    {"cookie=0x10/0xf0", "cookie=0x2f,actions=drop", false},
	    {"out_port=vm2", "actions=output:1,output:2", true},
	    {"out_port=vm3", "actions=output:1,output:2", false},
	    {"out_port=3", "actions=mod_tp_dst:3,normal", false},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct of_filter filter = filter_parse(rows[i].filter);
		struct of_flow flow;
		struct of_error error;
		if (of_flow_parse(&flow, rows[i].flow, &ports, &error) != 0) {
			assert_non_null(strstr(rows[i].flow, "mod_tp_dst"));
			continue;
		}
		if (of_filter_accepts(&filter, &flow) != rows[i].accepts)
			fail_msg("%s on %s", rows[i].filter, rows[i].flow);
	}
}

static void a_filter_may_name_a_port_that_is_gone(void **state)
{
	(void)state;
	assert_int_equal(filter_parse("in_port=77").match.key.in_port, 77);
	assert_int_equal(filter_parse("out_port=78").out_port, 78);
}

static void what_is_no_filter_is_refused(void **state)
{
	(void)state;
	expect_filter_error("ip,actions=drop", 4, "column 4: \"actions\": is no part of a filter");
	expect_filter_error("priority=5", 1,
			    "column 1: \"priority\": is no part of a filter: match fields, cookie= "
			    "and out_port= are");
	expect_filter_error("idle_timeout=5", 1, "column 1: \"idle_timeout\": unknown field");
	expect_filter_error("out_prt=5", 1,
			    "column 1: \"out_prt\": unknown field; did you mean out_port?");
	expect_filter_error("in_port=nosuch", 9,
			    "column 9: \"nosuch\": no such port; add it first with swctl add-port");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_gives_all_parts),
	    cmocka_unit_test(lines_are_printed_as_ovs_ofctl_dump_flows_does),
	    cmocka_unit_test(a_dump_can_be_fed_back),
	    cmocka_unit_test(any_flow_printed_reads_as_the_same_flow),
	    cmocka_unit_test(mistakes_name_word_column_and_mend),
	    cmocka_unit_test(a_filter_takes_what_is_as_specific),
	    cmocka_unit_test(a_filter_may_name_a_port_that_is_gone),
	    cmocka_unit_test(what_is_no_filter_is_refused),
	};
	return cmocka_run_group_tests_name("of_flow", tests, NULL, NULL);
}
