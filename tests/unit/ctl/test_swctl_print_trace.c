// A packet's way through the tables, and a live packet's fate, as people read them.
#include "ctl/swctl/print_trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef void (*print_in_fn)(bool colour, const json_t *json, FILE *out);

// JSON that is written with single quotes.
static json_t *parse(const char *text)
{
	char *copy = strdup(text);
	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json_t *json = json_loads(copy, 0, NULL);
	assert_non_null(json);
	free(copy);
	return json;
}

static char *print(print_in_fn fn, bool colour, const char *json)
{
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);
	json_t *result = parse(json);
	fn(colour, result, out);
	fclose(out);
	json_decref(result);
	return got;
}

static void expect(print_in_fn fn, const char *json, const char *want)
{
	char *got = print(fn, false, json);
	assert_string_equal(got, want);
	free(got);
}

static void a_walk_lines_up_and_nests(void **state)
{
	(void)state;
	expect(print_trace_in,
	       "{'flow': 'udp,in_port=vm1', 'end': 'done', 'megaflow': 'in_port(vm1)', 'actions': "
	       "'vm2', 'steps': ["
	       "{'depth': 0, 'table': 0, 'near_by': 'tp_dst',"
	       " 'rule': {'priority': 7, 'match': 'udp', 'cookie': '0xa', 'actions': 'group:1'},"
	       " 'near': {'priority': 9, 'match': 'udp,tp_dst=7', 'actions': 'drop'}},"
	       "{'depth': 0, 'action': 'resubmit(,254)'},"
	       "{'depth': 1, 'table': 254, 'near_by': 'priority',"
	       " 'rule': {'priority': 5, 'match': '', 'cookie': '0x0', 'actions': 'group:1'},"
	       " 'near': {'priority': 0, 'match': '', 'cookie': '0x1', 'actions': 'vm3'}},"
	       "{'depth': 1, 'action': 'group:1'},"
	       "{'depth': 1, 'note': 'bucket 2'},"
	       "{'depth': 2, 'action': 'output:vm2'}]}",
	       "packet     udp,in_port=vm1\n"
	       "table 0    priority=7,udp (cookie 0xa)\n"
	       "  near     priority=9,udp,tp_dst=7 actions=drop (differs in tp_dst)\n"
	       "  action   resubmit(,254)\n"
	       "  table 254  priority=5\n"
	       "    near     priority=0 (cookie 0x1) actions=vm3 (of lower priority)\n"
	       "    action   group:1\n"
	       "    note     bucket 2\n"
	       "      action   output:vm2\n"
	       "end        done\n"
	       "megaflow   in_port(vm1)\n"
	       "actions    vm2\n");
}

#define ENDS(steps, end, actions)                                             \
	"{'flow': 'ip', 'steps': [" steps "], 'end': '" end "', 'megaflow': " \
	"'m', 'actions': '" actions "'}"

static void the_end_says_why_nothing_is_sent(void **state)
{
	(void)state;
	expect(print_trace_in,
	       ENDS("{'depth': 0, 'table': 3}", "table 3 has no rule for it", "meter(1)"),
	       "packet     ip\n"
	       "table 3    no rule matches\n"
	       "end        dropped: table 3 has no rule for it\n"
	       "megaflow   m\n"
	       "actions    meter(1)\n");
	expect(print_trace_in,
	       ENDS("{'depth': 0, 'table': 3, 'rule': "
		    "{'priority': 1, 'match': 'ip', 'actions': 'drop'}"
		    "}, {'depth': 0, 'note': 'n'}",
		    "no action outputs it", "drop"),
	       "packet     ip\n"
	       "table 3    priority=1,ip\n"
	       "  action   drop\n"
	       "  note     n\n"
	       "end        dropped: no action outputs it\n"
	       "megaflow   m\n"
	       "actions    drop\n");
}

static void a_loop_does_not_run_off_the_screen(void **state)
{
	(void)state;
	char *got =
	    print(print_trace_in, false, ENDS("{'depth': 4000, 'action': 'x'}", "done", "vm2"));
	assert_non_null(strstr(got, "\n                                  action   x\n"));
	free(got);
}

static void without_a_terminal_there_are_no_colours(void **state)
{
	(void)state;
	const char *json = ENDS("{'depth': 0, 'table': 3}", "done", "drop");
	char *plain = NULL, *coloured = print(print_trace_in, true, json);
	size_t len;
	FILE *out = open_memstream(&plain, &len);
	json_t *result = parse(json);
	print_trace(result, out);
	fclose(out);
	json_decref(result);
	assert_null(strchr(plain, '\033'));
	assert_non_null(strstr(coloured, "\033[1mtable 3\033[0m    \033[1;31mno rule matches"));
	free(plain);
	free(coloured);
}

#define PASS(rest) \
	"'flow': 'ip', 'steps': [], 'end': 'done', 'megaflow': 'n', 'actions': 'vm2', " rest
#define GOES_ON(passes)                                                                \
	"{'flow': 'ip', 'steps': [{'depth': 0, 'note': 'goes on in pass 2'}], 'end': " \
	"'goes on', 'megaflow': 'm', 'actions': 'ct,recirc(0x1)', 'passes': [{" passes "}]}"
#define PASS_TEXT           \
	"           ip\n"   \
	"end        done\n" \
	"megaflow   n\n"    \
	"actions    vm2\n"
#define FIRST_TEXT                       \
	"packet     ip\n"                \
	"  note     goes on in pass 2\n" \
	"end        goes on\n"           \
	"megaflow   m\n"                 \
	"actions    ct,recirc(0x1)\n"

static void each_pass_says_what_was_assumed(void **state)
{
	(void)state;
	static const struct {
		const char *json, *text;
	} rows[] = {
	    {GOES_ON(PASS("'number': 2, 'by': 'ct', 'table': 1, 'ct_state': '+new+trk', 'nat': "
			  "false, 'source': 'default'")),
	     "ct: goes on in table 1 as +new+trk; --ct-state est,rpl for another"},
	    {GOES_ON(PASS("'number': 2, 'by': 'ct', 'table': 1, 'ct_state': '+est+trk', 'nat': "
			  "true, 'source': 'given'")),
	     "ct: goes on in table 1 as +est+trk, with addresses as before NAT"},
	    {GOES_ON(PASS("'number': 2, 'by': 'ct', 'table': 9, 'ct_state': '+est+trk', 'nat': "
			  "true, 'source': 'swd'")),
	     "ct: goes on in table 9 as +est+trk, as swd told"},
	    {GOES_ON(PASS("'number': 2, 'by': 'mpls', 'source': 'default'")),
	     "mpls: goes on behind the label, where a trace knows nothing: zeros"},
	    {GOES_ON(PASS("'number': 2, 'by': 'mpls', 'source': 'swd'")),
	     "mpls: goes on behind the label, as swd told"},
	};
	char want[512];
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(want, sizeof(want), FIRST_TEXT "pass 2     %s\n" PASS_TEXT, rows[i].text);
		expect(print_trace_in, rows[i].json, want);
	}
}

#define LIVE(lookups, events, more)                                                             \
	"{'index': 0, 'port': 'vm1', 'bytes': 60, 'lookups': [" lookups "], 'events': [" events \
	"], 'trace': {'flow': 'ip', 'steps': [], 'end': "                                       \
	"'done', 'megaflow': 'm', 'actions': 'vm2'}" more "}"

static void a_packet_that_misses_goes_to_swctld(void **state)
{
	(void)state;
	expect(print_live_packet_in,
	       LIVE("{'hit': false}", "{'kind': 'upcall', 'port': 'vm1', 'packets': 1}", ""),
	       "packet 1   60 bytes at vm1\n"
	       "           ip\n"
	       "lookup     miss\n"
	       "end        done\n"
	       "megaflow   m\n"
	       "actions    vm2\n"
	       "went       to swctld, which decides\n"
	       "\n");
}

static void a_megaflow_that_is_as_the_tables_say_is_shown_once(void **state)
{
	(void)state;
	expect(print_live_packet_in,
	       LIVE("{'hit': true, 'megaflow': 'm', 'actions': 'vm2'}",
		    "{'kind': 'output', 'port': 'vm2', 'packets': 1}", ""),
	       "packet 1   60 bytes at vm1\n"
	       "           ip\n"
	       "lookup     hit m\n"
	       "           actions vm2\n"
	       "end        done\n"
	       "went       output to vm2\n"
	       "\n");
}

static void a_live_packet_goes_on_with_what_swd_told(void **state)
{
	(void)state;
	expect(print_live_packet_in,
	       "{'index': 0, 'port': 'vm1', 'bytes': 60, 'lookups': [{'hit': true, 'megaflow': 'm',"
	       " 'actions': 'ct,recirc(0x1)'}, {'hit': true, 'megaflow': 'n', 'actions': 'vm2'}],"
	       " 'events': [{'kind': 'output', 'port': 'vm2', 'packets': 1}], 'trace': " GOES_ON(
		   PASS("'number': 2, 'by': 'ct', 'table': 1, 'ct_state': '+est+trk', 'source': "
			"'swd'")) "}",
	       "packet 1   60 bytes at vm1\n"
	       "           ip\n"
	       "lookup     hit m\n"
	       "           actions ct,recirc(0x1)\n"
	       "again      hit n\n"
	       "           actions vm2\n"
	       "  note     goes on in pass 2\n"
	       "end        goes on\n"
	       "pass 2     ct: goes on in table 1 as +est+trk, as swd told\n"
	       "           ip\n"
	       "end        done\n"
	       "went       output to vm2\n"
	       "\n");
}

static void a_drop_has_its_reason_and_where(void **state)
{
	(void)state;
	expect(print_live_packet_in,
	       LIVE("{'hit': true, 'megaflow': 'old', 'actions': 'vm3,vm2'},"
		    "{'hit': false}",
		    "{'kind': 'drop', 'port': 'vm3', 'packets': 1, 'reason': "
		    "'port-down', 'text': 'no link'},"
		    "{'kind': 'output', 'port': 'vm2', 'packets': 3},"
		    "{'kind': 'drop', 'port': 'vm1', 'packets': 1, 'reason': 'new'}",
		    ", 'cut': true"),
	       "packet 1   60 bytes at vm1\n"
	       "           ip\n"
	       "lookup     hit old\n"
	       "           actions vm3,vm2\n"
	       "again      miss\n"
	       "end        done\n"
	       "megaflow   m\n"
	       "actions    vm2\n"
	       "went       dropped at vm3: port-down (no link)\n"
	       "           output to vm2, as 3 packets\n"
	       "           dropped at vm1: new\n"
	       "           and more than a trace keeps\n"
	       "\n");
}

static void a_malformed_frame_was_not_looked_up(void **state)
{
	(void)state;
	expect(print_live_packet_in,
	       "{'index': 4, 'port': 'vm1', 'bytes': 9, 'lookups': [], 'events': "
	       "[{'kind': 'drop', 'port': 'vm1', 'packets': 1, 'reason': 'malformed'}]}",
	       "packet 5   9 bytes at vm1\n"
	       "lookup     none: the frame is malformed\n"
	       "went       dropped at vm1: malformed\n"
	       "\n");
}

static void json_is_one_line(void **state)
{
	(void)state;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	json_t *json = json_pack("{s:[i, {s:s}]}", "a", 1, "b", "c\nd");
	print_trace_line(json, out);
	fclose(out);
	json_decref(json);
	assert_string_equal(text, "{\"a\": [1, {\"b\": \"c\\nd\"}]}\n");
	free(text);
}

static void what_is_missing_or_of_another_type_does_no_harm(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "{}",
	    "{'steps': 7, 'flow': [], 'end': null}",
	    "{'steps': [7, {}, {'table': 'x', 'rule': 3, 'near': []}]}",
	    "{'lookups': {}, 'events': [1, {}], 'trace': 5, 'index': 'x'}",
	    "{'passes': [7, {}, {'by': 'ct', 'number': [], 'table': 'x', 'source': 3, 'nat': 1}]}",
	    "{'trace': {'passes': {}}}",
	    "{'steps': [{'depth': -4000000000, 'action': 'x'}]}",
	};
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		free(print(print_trace_in, true, texts[i]));
		free(print(print_live_packet_in, true, texts[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_walk_lines_up_and_nests),
	    cmocka_unit_test(the_end_says_why_nothing_is_sent),
	    cmocka_unit_test(each_pass_says_what_was_assumed),
	    cmocka_unit_test(a_loop_does_not_run_off_the_screen),
	    cmocka_unit_test(without_a_terminal_there_are_no_colours),
	    cmocka_unit_test(a_packet_that_misses_goes_to_swctld),
	    cmocka_unit_test(a_megaflow_that_is_as_the_tables_say_is_shown_once),
	    cmocka_unit_test(a_live_packet_goes_on_with_what_swd_told),
	    cmocka_unit_test(a_drop_has_its_reason_and_where),
	    cmocka_unit_test(a_malformed_frame_was_not_looked_up),
	    cmocka_unit_test(json_is_one_line),
	    cmocka_unit_test(what_is_missing_or_of_another_type_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
