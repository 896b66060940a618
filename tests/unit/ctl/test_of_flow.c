#include "ctl/of_flow.h"

#include "tests/unit/ctl/flow_ports.h"
#include "tests/unit/ctl/random_flow.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct of_flow parse_as(enum of_flow_form form, const char *line)
{
	struct of_flow flow;
	struct of_error error = {0};
	if (of_flow_parse(&flow, form, line, &ports, &error) != 0)
		fail_msg("%s: %s", line, error.text);
	return flow;
}

static struct of_flow parse(const char *line)
{
	return parse_as(OF_FLOW_ADD, line);
}

static void expect_error_as(enum of_flow_form form, const char *line, unsigned column,
			    const char *message)
{
	struct of_flow flow;
	struct of_error error = {0};
	assert_int_equal(of_flow_parse(&flow, form, line, &ports, &error), -EINVAL);
	assert_string_equal(error.text, message);
	assert_int_equal(error.column, column);
}

static void expect_error(const char *line, unsigned column, const char *message)
{
	expect_error_as(OF_FLOW_ADD, line, column, message);
}

static void expect_filter_error(bool strict, const char *line, unsigned column, const char *message)
{
	struct of_filter filter;
	struct of_error error = {0};
	assert_int_equal(of_filter_parse(&filter, strict, line, &ports, &error), -EINVAL);
	assert_string_equal(error.text, message);
	assert_int_equal(error.column, column);
}

static char *format(const struct of_flow *flow, const struct of_match *match,
		    const struct of_ports *names)
{
	struct of_flow_view view = {match,
				    flow->actions,
				    flow->cookie,
				    flow->priority,
				    flow->idle_timeout_s,
				    flow->hard_timeout_s,
				    flow->importance,
				    flow->table,
				    flow->flags};
	return of_flow_format(&view, names);
}

static void expect_format(const char *line, const char *printed)
{
	struct of_flow flow = parse(line);
	char *text = format(&flow, &flow.match, &ports);
	assert_string_equal(text, printed);
	free(text);
	of_flow_fini(&flow);
}

static void a_line_gives_all_parts(void **state)
{
	(void)state;
	struct of_flow flow =
	    parse("priority=10,tcp,in_port=vm1,tp_dst=80,idle_timeout=60,importance=3,"
		  "hard_timeout=600 cookie=0x1234 table=7 send_flow_rem actions=output:vm2,3");
	assert_int_equal(flow.priority, 10);
	assert_int_equal(flow.table, 7);
	assert_int_equal(flow.cookie, 0x1234);
	assert_true(flow.has_cookie);
	assert_int_equal(flow.cookie_mask, 0);
	assert_int_equal(flow.idle_timeout_s, 60);
	assert_int_equal(flow.hard_timeout_s, 600);
	assert_int_equal(flow.importance, 3);
	assert_int_equal(flow.flags, OF_FLOW_SEND_FLOW_REM);
	assert_int_equal(flow.match.key.pkt.in_port, 1);
	assert_int_equal(flow.match.key.pkt.tp_dst_be, htons(80));
	assert_int_equal(flow.actions->n_bytes, 2 * sizeof(struct of_act_output));
	of_flow_fini(&flow);
	flow = parse("actions=NORMAL");
	assert_int_equal(flow.priority, OF_PRIORITY_DEFAULT);
	assert_int_equal(flow.table, 0);
	assert_false(flow.has_cookie);
	assert_int_equal(flow.match.mask.pkt.in_port, 0);
	of_flow_fini(&flow);
}

static void lines_are_printed_as_ovs_ofctl_dump_flows_does(void **state)
{
	(void)state;
	expect_format("actions=NORMAL", "actions=NORMAL");
	expect_format("priority=0 actions=normal", "priority=0 actions=NORMAL");
	expect_format("in_port=1,actions=2", "in_port=vm1 actions=output:vm2");
	expect_format("tp_dst=80,tcp,priority=10,in_port=vm1,actions=output:vm2",
		      "priority=10,tcp,in_port=vm1,tp_dst=80 actions=output:vm2");
	expect_format("table=3,idle_timeout=5,hard_timeout=6,cookie=7,ip,action=drop",
		      "cookie=0x7, table=3, idle_timeout=5, hard_timeout=6, ip actions=drop");
	expect_format("no_byte_counts,send_flow_rem,importance=2 actions=drop",
		      "send_flow_rem no_byte_counts importance=2, actions=drop");
}

static void a_dump_can_be_fed_back(void **state)
{
	(void)state;
	struct of_flow flow =
	    parse(" cookie=0x1, duration=12.345s, table=0, n_packets=3, n_bytes=180, "
		  "idle_age=4, hard_age=9, send_flow_rem priority=7,ip actions=drop");
	assert_int_equal(flow.priority, 7);
	assert_int_equal(flow.cookie, 1);
	assert_int_equal(flow.flags, OF_FLOW_SEND_FLOW_REM);
	of_flow_fini(&flow);
}

static void expect_same(const struct of_flow *a, const struct of_match *match,
			const struct of_flow *b, const char *line, const char *text)
{
	if (memcmp(match, &b->match, sizeof(*match)) != 0 ||
	    !of_actions_equal(a->actions, b->actions) || a->priority != b->priority ||
	    a->table != b->table || a->flags != b->flags || a->cookie != b->cookie ||
	    a->idle_timeout_s != b->idle_timeout_s || a->hard_timeout_s != b->hard_timeout_s ||
	    a->importance != b->importance)
		fail_msg("%s -> %s", line, text);
}

static void read_again(const struct of_flow *flow, const struct of_match *match, const char *line,
		       const struct of_ports *names)
{
	struct of_flow again;
	struct of_error error;
	char *text = format(flow, match, names);
	if (of_flow_parse(&again, OF_FLOW_ADD, text, names, &error) != 0)
		fail_msg("%s -> %s: %s", line, text, error.text);
	expect_same(flow, match, &again, line, text);
	of_flow_fini(&again);
	free(text);
}

// Lines may contradict themselves, or ask for what an earlier action took away.
static bool is_fair_refusal(const char *text)
{
	return strstr(text, "given twice") || strstr(text, "contradicts") ||
	       strstr(text, "in the match") || strstr(text, "at most two tags") ||
	       strstr(text, "later fragment");
}

static void any_flow_printed_reads_as_the_same_flow(void **state)
{
	(void)state;
	unsigned n_read = 0;
	for (unsigned i = 0; i < 100000; i++) {
		char line[4096];
		struct of_flow flow;
		struct of_error error;
		if (i % 4)
			random_rich_line(line, sizeof(line));
		else
			random_flow_line(line, sizeof(line));
		if (of_flow_parse(&flow, OF_FLOW_ADD, line, &ports, &error) != 0) {
			if (!is_fair_refusal(error.text))
				fail_msg("%s: %s", line, error.text);
			continue;
		}
		n_read++;
		read_again(&flow, &flow.match, line, i % 2 ? &ports : NULL);
		of_flow_fini(&flow);
	}
	assert_true(n_read > 50000);
}

static bool covers(const struct of_flow *flow, uint16_t port)
{
	unsigned n_in = 0;
	for (unsigned i = 0; i < of_flow_n_variants(flow); i++) {
		struct of_match match;
		of_flow_variant(flow, i, &match);
		n_in +=
		    !((ntohs(match.key.pkt.tp_dst_be) ^ port) & ntohs(match.mask.pkt.tp_dst_be));
	}
	assert_true(n_in <= 1); // no port twice
	return n_in;
}

static void a_range_of_ports_is_exactly_its_parts(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		unsigned a = random_below(65536), b = random_below(65536);
		unsigned low = a < b ? a : b, high = a < b ? b : a;
		char line[128];
		if (round == 0) {
			low = 1;
			high = 65534;
		}
		snprintf(line, sizeof(line), "tcp,tp_dst=%u-%u,actions=drop", low, high);
		struct of_flow flow = parse(line);
		assert_true(of_flow_n_variants(&flow) <= 30);
		for (unsigned port = 0; port < 65536; port += 1 + random_below(3))
			assert_int_equal(covers(&flow, (uint16_t)port),
					 port >= low && port <= high);
		assert_false(covers(&flow, (uint16_t)(low - 1)) && low > 0);
		assert_true(covers(&flow, (uint16_t)low) && covers(&flow, (uint16_t)high));
		of_flow_fini(&flow);
	}
}

static void two_ranges_are_all_their_combinations(void **state)
{
	(void)state;
	struct of_flow flow = parse("udp,tp_src=1-2,tp_dst=1000-1003,actions=drop");
	struct of_match match;
	assert_int_equal(of_flow_n_variants(&flow), 2);
	of_flow_variant(&flow, 0, &match);
	assert_int_equal(match.key.pkt.tp_src_be, htons(1));
	assert_int_equal(match.mask.pkt.tp_dst_be, htons(0xfffc));
	of_flow_variant(&flow, 1, &match);
	assert_int_equal(match.key.pkt.tp_src_be, htons(2));
	assert_int_equal(match.key.pkt.tp_dst_be, htons(1000));
	read_again(&flow, &match, "variant", NULL);
	of_flow_fini(&flow);
	flow = parse("udp,tp_src=1-65534,tp_dst=1-65534,actions=drop");
	assert_int_equal(of_flow_n_variants(&flow), 900);
	of_flow_fini(&flow);
	flow = parse("udp,tp_src=0-65535,tp_dst=7-7,actions=drop");
	assert_int_equal(of_flow_n_variants(&flow), 1);
	of_flow_variant(&flow, 0, &match);
	assert_int_equal(match.mask.pkt.tp_src_be, 0);
	assert_int_equal(match.mask.pkt.tp_dst_be, 0xffff);
	of_flow_fini(&flow);
	expect_error(
	    "tcp,tp_dst=5-3,actions=drop", 12,
	    "column 12: \"5-3\": tp_dst wants a port up to 65535, PORT/MASK or FIRST-LAST");
	expect_error("tp_dst=5-9,actions=drop", 1,
		     "column 1: \"tp_dst\": needs tcp, udp or sctp in the match, too");
	expect_error("tcp,tp_dst=5-9,tcp_dst=7,actions=drop", 16,
		     "column 16: \"tcp_dst\": is matched by a field that stands before it");
	expect_filter_error(false, "tcp,tp_dst=5-9", 12,
			    "column 12: \"5-9\": a range can stand only in a flow that is added or "
			    "changed");
}

static void a_change_may_choose_rules_by_cookie(void **state)
{
	(void)state;
	struct of_flow flow = parse_as(OF_FLOW_MODIFY, "cookie=0x15/0xf,actions=drop");
	assert_int_equal(flow.cookie, 5);
	assert_int_equal(flow.cookie_mask, 15);
	assert_false(flow.has_cookie);
	flow = parse_as(OF_FLOW_MODIFY, "cookie=5/-1,actions=drop");
	assert_true(flow.cookie_mask == UINT64_MAX);
	flow = parse_as(OF_FLOW_MODIFY, "cookie=5,actions=drop");
	assert_true(flow.has_cookie);
	assert_int_equal(flow.cookie_mask, 0);
	expect_error_as(OF_FLOW_MODIFY, "importance=5,actions=drop", 1,
			"column 1: \"importance\": unknown field");
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
	expect_error("table=255,actions=drop", 7,
		     "column 7: \"255\": table wants a number from 0 to 254");
	expect_error("cookie=1/2,actions=drop", 8,
		     "column 8: \"1/2\": a new flow's cookie takes no mask");
	expect_error("in_port=1 actions", 11,
		     "column 11: \"actions\": needs a list: actions=output:PORT");
	expect_error("in_port=vm1,actions=output:vm22", 28,
		     "column 28: \"vm22\": no such port; add it first with swctl add-port");
}

static struct of_filter filter_parse(bool strict, const char *text)
{
	struct of_filter filter;
	struct of_error error = {0};
	if (of_filter_parse(&filter, strict, text, &ports, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	return filter;
}

static void a_filter_gives_all_parts(void **state)
{
	(void)state;
	struct of_filter f = filter_parse(false, "");
	assert_int_equal(f.table, OF_TABLE_ALL);
	assert_false(f.has_table);
	assert_int_equal(f.out_port, 0);
	assert_true(f.out_group == UINT32_MAX);
	assert_int_equal(f.cookie_mask, 0);
	f = filter_parse(false, "table=3,tcp,cookie=0x15/0xf,out_port=vm2,out_group=7");
	assert_true(f.has_table && f.table == 3);
	assert_int_equal(f.match.key.pkt.nw_proto, 6);
	assert_int_equal(f.cookie, 5);
	assert_int_equal(f.cookie_mask, 15);
	assert_int_equal(f.out_port, 2);
	assert_int_equal(f.out_group, 7);
	f = filter_parse(false, "cookie=5");
	assert_true(f.cookie_mask == UINT64_MAX);
	f = filter_parse(false, "table=255");
	assert_false(f.has_table);
	f = filter_parse(true, "priority=5,ip");
	assert_int_equal(f.priority, 5);
	assert_int_equal(filter_parse(true, "ip").priority, OF_PRIORITY_DEFAULT);
}

static void a_filter_may_name_a_port_that_is_gone(void **state)
{
	(void)state;
	assert_int_equal(filter_parse(false, "in_port=77").match.key.pkt.in_port, 77);
	assert_int_equal(filter_parse(false, "out_port=78").out_port, 78);
}

static void what_is_no_filter_is_refused(void **state)
{
	(void)state;
	expect_filter_error(false, "ip,actions=drop", 4,
			    "column 4: \"actions\": is no part of a filter");
	expect_filter_error(
	    false, "priority=5", 1,
	    "column 1: \"priority\": only a strict filter has one: add --strict, or write "
	    "delete_strict");
	expect_filter_error(false, "idle_timeout=5", 1,
			    "column 1: \"idle_timeout\": unknown field");
	expect_filter_error(false, "out_prt=5", 1,
			    "column 1: \"out_prt\": unknown field; did you mean out_port?");
	expect_filter_error(true, "in_port=nosuch", 9,
			    "column 9: \"nosuch\": no such port; add it first with swctl add-port");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_gives_all_parts),
	    cmocka_unit_test(lines_are_printed_as_ovs_ofctl_dump_flows_does),
	    cmocka_unit_test(a_dump_can_be_fed_back),
	    cmocka_unit_test(any_flow_printed_reads_as_the_same_flow),
	    cmocka_unit_test(a_range_of_ports_is_exactly_its_parts),
	    cmocka_unit_test(two_ranges_are_all_their_combinations),
	    cmocka_unit_test(a_change_may_choose_rules_by_cookie),
	    cmocka_unit_test(mistakes_name_word_column_and_mend),
	    cmocka_unit_test(a_filter_gives_all_parts),
	    cmocka_unit_test(a_filter_may_name_a_port_that_is_gone),
	    cmocka_unit_test(what_is_no_filter_is_refused),
	};
	return cmocka_run_group_tests_name("of_flow", tests, NULL, NULL);
}
