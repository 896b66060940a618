#include "ctl/of_actions.h"

#include "tests/unit/ctl/flow_ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect(const char *text, const char *printed)
{
	struct of_action list[OF_ACTIONS_MAX];
	struct of_error error = {0};
	int n = of_actions_parse(list, OF_ACTIONS_MAX, text, text, NULL, &ports, &error);
	if (n < 0)
		fail_msg("%s: %s", text, error.text);
	char *out = of_actions_format(list, (unsigned)n, &ports);
	assert_string_equal(out, printed);
	free(out);
}

static void expect_error(const char *match_text, const char *text, unsigned column,
			 const char *message)
{
	struct of_action list[4];
	struct of_error error = {0};
	struct flow_match match;
	assert_int_equal(of_match_parse(&match, match_text, &ports, &error), 0);
	assert_int_equal(of_actions_parse(list, 4, text, text, &match, &ports, &error), -EINVAL);
	assert_string_equal(error.text, message);
	assert_int_equal(error.column, column);
}

static void every_action_is_read_and_printed_as_ovs_ofctl_does(void **state)
{
	(void)state;
	static const struct {
		const char *text, *printed;
	} rows[] = {
	    {"", "drop"},
	    {"drop", "drop"},
	    {"output:1", "output:vm1"},
	    {"output:vm2,output=3", "output:vm2,output:vm3"},
	    {"vm1 2 vm3", "output:vm1,output:vm2,output:vm3"},
	    {"normal", "NORMAL"},
	    {"NORMAL", "NORMAL"},
	    {"flood", "FLOOD"},
	    {"ALL", "FLOOD"},
	    {"in_port", "IN_PORT"},
	    {"IN_PORT,output:vm1", "IN_PORT,output:vm1"},
	    {"output:in_port,output:NORMAL", "IN_PORT,NORMAL"},
	    {"mod_vlan_vid:10", "mod_vlan_vid:10"},
	    {"set_vlan_vid:10", "mod_vlan_vid:10"},
	    {"strip_vlan", "strip_vlan"},
	    {"pop_vlan", "strip_vlan"},
	    {"push_vlan:0x8100,push_vlan:0x88a8", "push_vlan:0x8100,push_vlan:0x88a8"},
	    {"mod_dl_src:52:54:00:00:00:01,mod_dl_dst:1:2:3:4:5:6",
	     "mod_dl_src:52:54:00:00:00:01,mod_dl_dst:01:02:03:04:05:06"},
	    {"mod_nw_src:10.0.0.1,mod_nw_dst:10.0.0.2", "mod_nw_src:10.0.0.1,mod_nw_dst:10.0.0.2"},
	    {"mod_tp_src:80,mod_tp_dst:65535", "mod_tp_src:80,mod_tp_dst:65535"},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].text, rows[i].printed);
}

static void drop_is_no_action_at_all(void **state)
{
	(void)state;
	struct of_action list[1];
	struct of_error error;
	assert_int_equal(of_actions_parse(list, 1, "drop", "drop", NULL, &ports, &error), 0);
	expect_error("", "drop,1", 6, "column 6: \"1\": drop must stand alone");
	expect_error("", "1,drop", 3, "column 3: \"drop\": drop must stand alone");
	expect_error("", "drop,drop", 6, "column 6: \"drop\": drop must stand alone");
}

static void mistakes_name_word_column_and_mend(void **state)
{
	(void)state;
	expect_error("", "outptu:1", 1,
		     "column 1: \"outptu\": unknown action, and no port has this name; did you "
		     "mean output?");
	expect_error("", "1,xyzzyplugh", 3,
		     "column 3: \"xyzzyplugh\": unknown action, and no port has this name");
	expect_error("", "output:nosuch", 8,
		     "column 8: \"nosuch\": no such port; add it first with swctl add-port");
	expect_error("", "output:7", 8,
		     "column 8: \"7\": no such port; add it first with swctl add-port");
	expect_error("", "99", 1,
		     "column 1: \"99\": no such port; add it first with swctl add-port");
	expect_error("", "0", 1, "column 1: \"0\": port numbers are 1 to 65279");
	expect_error("", "output", 1, "column 1: \"output\": needs a value: output:VALUE");
	expect_error("", "normal:1", 1, "column 1: \"normal:1\": NORMAL takes no value");
	expect_error("", "mod_vlan_vid:4096", 14,
		     "column 14: \"4096\": mod_vlan_vid wants a VLAN from 0 to 4095");
	expect_error("", "push_vlan:0x800", 11,
		     "column 11: \"0x800\": push_vlan wants 0x8100 or 0x88a8");
	expect_error(
	    "", "mod_dl_src:1:2:3", 12,
	    "column 12: \"1:2:3\": mod_dl_src wants a MAC address, like 52:54:00:00:00:01");
	expect_error("ip", "mod_nw_src:10.0.0", 12,
		     "column 12: \"10.0.0\": mod_nw_src wants an IPv4 address, like 10.0.0.1");
	expect_error("tcp", "mod_tp_src:65536", 12,
		     "column 12: \"65536\": mod_tp_src wants a port from 0 to 65535");
	expect_error("", "1,2,3,4,5", 9, "column 9: \"5\": too many actions: a flow has at most 4");
	expect_error("", "resubmit(,1)", 1, "column 1: \"resubmit\": not built yet");
	expect_error("", "set_field:1->metadata", 1, "column 1: \"set_field\": not built yet");
	expect_error("", "controller:1", 1, "column 1: \"controller\": not built yet");
	expect_error("", "controller", 1, "column 1: \"controller\": not built yet");
}

static void an_action_needs_the_header_that_it_changes(void **state)
{
	(void)state;
	expect_error("", "mod_nw_dst:10.0.0.1", 1,
		     "column 1: \"mod_nw_dst\": needs ip in the match");
	expect_error("arp", "mod_nw_dst:10.0.0.1", 1,
		     "column 1: \"mod_nw_dst\": needs ip in the match");
	expect_error("ip", "mod_tp_dst:80", 1,
		     "column 1: \"mod_tp_dst\": needs tcp, udp or sctp in the match");
	expect_error("icmp", "1,mod_tp_src:80", 3,
		     "column 3: \"mod_tp_src\": needs tcp, udp or sctp in the match");
	expect_error("", "set_vlan_vid:1", 1,
		     "column 1: \"set_vlan_vid\": needs a tag: match dl_vlan, or push_vlan first");
	static const char *const fine[][2] = {
	    {"udp6", "mod_tp_dst:80"},
	    {"tcp", "mod_nw_dst:1.2.3.4,mod_tp_src:1"},
	    {"dl_vlan=10", "set_vlan_vid:1"},
	    {"", "push_vlan:0x8100,set_vlan_vid:1"},
	};
	for (unsigned i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		struct flow_match match;
		struct of_action list[4];
		struct of_error error;
		assert_int_equal(of_match_parse(&match, fine[i][0], &ports, &error), 0);
		assert_true(
		    of_actions_parse(list, 4, fine[i][1], fine[i][1], &match, &ports, &error) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_action_is_read_and_printed_as_ovs_ofctl_does),
	    cmocka_unit_test(drop_is_no_action_at_all),
	    cmocka_unit_test(mistakes_name_word_column_and_mend),
	    cmocka_unit_test(an_action_needs_the_header_that_it_changes),
	};
	return cmocka_run_group_tests_name("of_actions", tests, NULL, NULL);
}
