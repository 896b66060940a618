#include "ctl/of_actions.h"

#include "ctl/of_group.h"
#include "ctl/of_meter.h"
#include "tests/unit/ctl/flow_ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct of_actions *parse(const char *match_text, const char *text)
{
	struct of_actions *list;
	struct of_error error = {0};
	struct of_match match;
	if (of_match_parse(&match, match_text, &ports, &error) != 0)
		fail_msg("%s: %s", match_text, error.text);
	if (of_actions_parse(&list, text, text, &match, 0, &ports, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	return list;
}

static void expect(const char *match, const char *text, const char *printed)
{
	struct of_actions *list = parse(match, text);
	char *out = of_actions_format(list, &ports);
	assert_string_equal(out, printed);
	struct of_actions *again = parse(match, out);
	assert_true(of_actions_equal(list, again));
	free(again);
	free(out);
	free(list);
}

static void expect_error(const char *match_text, const char *text, unsigned column,
			 const char *message)
{
	struct of_actions *list = NULL;
	struct of_error error = {0};
	struct of_match match;
	assert_int_equal(of_match_parse(&match, match_text, &ports, &error), 0);
	if (of_actions_parse(&list, text, text, &match, 0, &ports, &error) != -EINVAL)
		fail_msg("%s is taken", text);
	assert_string_equal(error.text, message);
	assert_int_equal(error.column, column);
}

static void actions_are_read_and_printed_as_ovs_ofctl_does(void **state)
{
	(void)state;
	static const struct {
		const char *match, *text, *printed;
	} rows[] = {
	    {"", "", "drop"},
	    {"", "drop", "drop"},
	    {"", "output:1", "output:vm1"},
	    {"", "output:vm2,output=3", "output:vm2,output:vm3"},
	    {"", "output(4)", "output:vm4"},
	    {"", "output:\"vm2\"", "output:vm2"},
	    {"", "vm1 2 vm3", "output:vm1,output:vm2,output:vm3"},
	    {"", "normal", "NORMAL"},
	    {"", "flood", "FLOOD"},
	    {"", "ALL", "ALL"},
	    {"", "IN_PORT,output:vm1", "IN_PORT,output:vm1"},
	    {"", "output:in_port,output:NORMAL", "IN_PORT,NORMAL"},
	    {"", "MOD_VLAN_VID:10", "mod_vlan_vid:10"},
	    {"dl_vlan=5", "set_vlan_vid:10,set_vlan_pcp:3", "set_vlan_vid:10,set_vlan_pcp:3"},
	    {"", "strip_vlan", "strip_vlan"},
	    {"", "pop_vlan", "pop_vlan"},
	    {"", "push_vlan:0x8100,push_vlan:0x88a8", "push_vlan:0x8100,push_vlan:0x88a8"},
	    {"", "set_field:vm3->in_port", "set_field:vm3->in_port"},
	    {"", "resubmit(vm2,5)", "resubmit(vm2,5)"},
	    {"", "bundle(eth_src,0,hrw,ofport,members:vm1,2)",
	     "bundle(eth_src,0,hrw,ofport,members:vm1,vm2)"},
	    {"", "learn(in_port=vm3)", "learn(table=1,in_port=vm3)"},
	    {"", "output(port=vm1,max_len=64)", "output(port=vm1,max_len=64)"},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].match, rows[i].text, rows[i].printed);
}

static void drop_is_no_action_at_all(void **state)
{
	(void)state;
	assert_null(parse("", "drop"));
	assert_null(parse("", ""));
	expect_error("", "drop,1", 6, "column 6: \"1\": drop must stand alone");
	expect_error("", "1,drop", 3, "column 3: \"drop\": drop must stand alone");
	expect_error("", "drop,drop", 6, "column 6: \"drop\": drop must stand alone");
}

static const void *first(const struct of_actions *list, enum of_action_type type)
{
	const struct of_action *a = of_actions_first(list);
	assert_int_equal(a->type, type);
	assert_int_equal(a->len % 8, 0);
	return a;
}

static void records_say_what_to_do(void **state)
{
	(void)state;
	struct of_actions *list = parse("tcp", "mod_tp_dst:80,set_field:0x50/0xf0->reg1");
	const struct of_act_set *set = first(list, OF_SET_FIELD);
	assert_int_equal(set->field, OF_F_TP_DST);
	assert_int_equal(set->value[1], 80);
	assert_int_equal(set->mask[1], 0xffff);
	set = (const void *)of_actions_next(list, &set->a);
	assert_int_equal(set->field, OF_F_REG0 + 1);
	assert_int_equal(set->value[1], 0x50);
	assert_int_equal(set->mask[1], 0xf0);
	assert_null(of_actions_next(list, &set->a));
	free(list);

	list = parse("", "clone(output:1,output(port=2,max_len=99)),resubmit(,7)");
	const struct of_act_nested *nested = first(list, OF_CLONE);
	assert_int_equal(nested->n_bytes, 2 * sizeof(struct of_act_output));
	assert_int_equal(nested->a.len, sizeof(*nested) + nested->n_bytes);
	const struct of_act_output *output = (const void *)(nested + 1);
	assert_int_equal(output[0].port, 1);
	assert_int_equal(output[0].max_len, 0);
	assert_int_equal(output[1].max_len, 99);
	const struct of_act_resubmit *resubmit = (const void *)of_actions_next(list, &nested->a);
	assert_int_equal(resubmit->table, 7);
	assert_int_equal(resubmit->port, 0);
	assert_false(resubmit->is_goto);
	free(list);

	list = parse("dl_vlan=1", "load:5->NXM_NX_XXREG0[60..127],set_vlan_vid:7");
	set = first(list, OF_SET_FIELD); // OpenFlow's load has 64 bits
	assert_true(set->mask[0] == (1ull << 60) - 1 && set->mask[1] == 0xfull << 60);
	set = (const void *)of_actions_next(list, &set->a);
	assert_true(set->mask[0] == 0xfull << 60 && set->mask[1] == 0);
	set = (const void *)of_actions_next(list, &set->a);
	assert_int_equal(set->field, OF_F_VLAN_VID);
	assert_int_equal(set->mask[1], VLAN_VID_MASK);
	free(list);
}

static void learn_has_a_record_for_each_part(void **state)
{
	(void)state;
	struct of_actions *list =
	    parse("tcp",
		  "learn(table=9,priority=5,cookie=7,limit=3,result_dst=reg0[8],"
		  "eth_type=0x800,nw_proto=6,NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],NXM_OF_TCP_DST[],"
		  "load:0x12->NXM_NX_REG1[0..7],load:NXM_OF_IN_PORT[]->reg2[0..15],"
		  "output:NXM_OF_IN_PORT[])");
	static const uint8_t kinds[] = {OF_LEARN_MATCH_VALUE, OF_LEARN_MATCH_VALUE,
					OF_LEARN_MATCH_FIELD, OF_LEARN_MATCH_FIELD,
					OF_LEARN_LOAD_VALUE,  OF_LEARN_LOAD_FIELD,
					OF_LEARN_OUTPUT};
	const struct of_act_learn *learn = first(list, OF_LEARN);
	assert_int_equal(learn->table, 9);
	assert_int_equal(learn->priority, 5);
	assert_int_equal(learn->cookie, 7);
	assert_int_equal(learn->limit, 3);
	assert_int_equal(learn->result_dst.ofs, 8);
	assert_int_equal(learn->n_specs, sizeof(kinds));
	for (unsigned i = 0; i < sizeof(kinds); i++)
		assert_int_equal(learn->specs[i].kind, kinds[i]);
	assert_int_equal(learn->specs[0].value[1], 0x800);
	assert_int_equal(learn->specs[2].dst.field, OF_F_NW_SRC);
	assert_int_equal(learn->specs[2].src.field, OF_F_NW_DST);
	assert_int_equal(learn->specs[4].dst.n_bits, 8);
	assert_int_equal(learn->specs[6].src.field, OF_F_IN_PORT);
	free(list);
}

static void a_record_without_text_is_printed_so_that_it_reads_again(void **state)
{
	(void)state;
	struct of_actions *list = calloc(1, sizeof(*list) + 2 * sizeof(struct of_act_set));
	struct of_act_set *set = (void *)list->records;
	set[0] =
	    (struct of_act_set){{OF_SET_FIELD, 0, sizeof(*set)}, OF_F_NW_TTL, {0}, {0, 3}, {0, 15}};
	set[1] =
	    (struct of_act_set){{OF_SET_FIELD, 0, sizeof(*set)}, OF_F_REG0, {0}, {0, 3}, {0, 15}};
	list->n_bytes = 2 * sizeof(*set);
	char *text = of_actions_format(list, NULL);
	assert_string_equal(text, "load:0x3->NXM_NX_IP_TTL[0..3],set_field:0x3/0xf->reg0");
	free(text);
	free(list);
}

static void ports_and_groups_are_found_in_nested_lists(void **state)
{
	(void)state;
	struct of_actions *list =
	    parse("", "clone(clone(output:2)),bundle(eth_src,0,hrw,ofport,members:3,4),"
		      "bundle_load(eth_src,0,hrw,ofport,reg0,members:5),write_actions(group:9)");
	for (uint32_t port = 1; port <= 6; port++)
		assert_int_equal(of_actions_output_to(list, port), port >= 2 && port <= 4);
	assert_true(of_actions_use(list, OF_GROUP, 9));
	assert_false(of_actions_use(list, OF_GROUP, 8));
	assert_false(of_actions_output_to(NULL, 1));
	assert_false(of_actions_use(NULL, OF_GROUP, 1));
	free(list);
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
	expect_error("", "99", 1,
		     "column 1: \"99\": no such port; add it first with swctl add-port");
	expect_error("", "0", 1, "column 1: \"0\": port numbers are 1 to 65279");
	expect_error("", "output", 1, "column 1: \"output\": needs a value: output:VALUE");
	expect_error("", "normal:1", 1, "column 1: \"normal:1\": NORMAL takes no value");
	expect_error("tcp", "mod_tp_src:65536", 12,
		     "column 12: \"65536\": mod_tp_src wants a number up to 65535");
	expect_error("", "clone(output:1", 1, "column 1: \"clone\": its parenthesis is not closed");
	expect_error("", "clone(1,clone(output:nosuch))", 22,
		     "column 22: \"nosuch\": no such port; add it first with swctl add-port");
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
	expect_error("", "set_vlan_vid:1", 1,
		     "column 1: \"set_vlan_vid\": needs a tag: match dl_vlan, or push_vlan first");
	expect_error("tcp,ip_frag=later", "mod_tp_dst:80", 1,
		     "column 1: \"mod_tp_dst\": a later fragment has no ports");
	static const char *const fine[][2] = {
	    {"tcp,ip_frag=not_later", "mod_tp_dst:80"},
	    {"udp6", "mod_tp_dst:80"},
	    {"tcp", "mod_nw_dst:1.2.3.4,mod_tp_src:1"},
	    {"dl_vlan=10", "set_vlan_vid:1"},
	    {"", "push_vlan:0x8100,set_vlan_vid:1"},
	    {"", "push_mpls:0x8847,set_mpls_ttl:5,pop_mpls:0x0800,dec_ttl"},
	};
	for (unsigned i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		free(parse(fine[i][0], fine[i][1]));
}

static void what_an_action_makes_of_a_packet_counts_for_the_next(void **state)
{
	(void)state;
	expect_error("tcp", "push_mpls:0x8847,mod_tp_dst:80", 18,
		     "column 18: \"mod_tp_dst\": needs tcp, udp or sctp in the match");
	expect_error("mpls", "pop_mpls:0x86dd,mod_nw_src:1.2.3.4", 17,
		     "column 17: \"mod_nw_src\": needs ip in the match");
	expect_error("dl_vlan=1", "strip_vlan,set_vlan_vid:5", 12,
		     "column 12: \"set_vlan_vid\": needs a tag: match dl_vlan, or push_vlan first");
	expect_error("dl_vlan=1", "set_field:0->vlan_tci,set_vlan_vid:5", 23,
		     "column 23: \"set_vlan_vid\": needs a tag: match dl_vlan, or push_vlan first");
	expect_error("", "push_vlan:0x8100,push_vlan:0x8100,push_vlan:0x8100", 35,
		     "column 35: \"push_vlan\": a packet has at most two tags");
	// A clone's packet is its own.
	expect_error("", "clone(push_vlan:0x8100),set_vlan_vid:5", 25,
		     "column 25: \"set_vlan_vid\": needs a tag: match dl_vlan, or push_vlan first");
}

static void instructions_stand_in_openflows_order(void **state)
{
	(void)state;
	expect_error("", "goto_table:1,output:1", 14,
		     "column 14: \"output\": must stand before goto_table");
	expect_error("", "output:1,meter:1", 10,
		     "column 10: \"meter\": must stand before all other actions");
	expect_error("", "write_metadata:1,clear_actions", 18,
		     "column 18: \"clear_actions\": must stand before write_metadata");
	expect_error("", "goto_table:1,goto_table:2", 14, "column 14: \"goto_table\": given twice");
	expect_error("", "clone(goto_table:1)", 7,
		     "column 7: \"goto_table\": can stand only in a flow's own list of actions");
	expect_error("", "write_actions(note:00)", 15,
		     "column 15: \"note\": cannot stand in write_actions");
	expect_error("", "goto_table:0", 12,
		     "column 12: \"0\": goto_table must go to a table above the flow's own, 0");
}

static void lists_within_lists_have_a_limit(void **state)
{
	(void)state;
	char text[1000] = "";
	for (unsigned i = 0; i < 60; i++)
		strcat(text, "clone(");
	struct of_actions *list;
	struct of_error error;
	strcat(text, "1");
	for (unsigned i = 0; i < 60; i++)
		strcat(text, ")");
	assert_int_equal(of_actions_parse(&list, text, text, NULL, 0, &ports, &error), -EINVAL);
	assert_string_equal(error.text, "column 55: \"clone\": too many lists within lists");
}

static void more_than_a_list_holds_is_refused(void **state)
{
	(void)state;
	size_t n = 5000;
	char *text = malloc(n * 2 + 1);
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * 2, "1,", 2);
	text[n * 2] = '\0';
	struct of_actions *list;
	struct of_error error;
	assert_int_equal(of_actions_parse(&list, text, text, NULL, 0, &ports, &error), -EINVAL);
	assert_string_equal(
	    error.text, "column 8191: \"1\": too many actions: a flow's take at most 65528 bytes");
	text[4095 * 2] = '\0';
	assert_int_equal(of_actions_parse(&list, text, text, NULL, 0, &ports, &error), 0);
	assert_int_equal(list->n_bytes, 4095 * sizeof(struct of_act_output));
	free(list);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(actions_are_read_and_printed_as_ovs_ofctl_does),
	    cmocka_unit_test(drop_is_no_action_at_all),
	    cmocka_unit_test(records_say_what_to_do),
	    cmocka_unit_test(learn_has_a_record_for_each_part),
	    cmocka_unit_test(a_record_without_text_is_printed_so_that_it_reads_again),
	    cmocka_unit_test(ports_and_groups_are_found_in_nested_lists),
	    cmocka_unit_test(mistakes_name_word_column_and_mend),
	    cmocka_unit_test(an_action_needs_the_header_that_it_changes),
	    cmocka_unit_test(what_an_action_makes_of_a_packet_counts_for_the_next),
	    cmocka_unit_test(instructions_stand_in_openflows_order),
	    cmocka_unit_test(lists_within_lists_have_a_limit),
	    cmocka_unit_test(more_than_a_list_holds_is_refused),
	};
	return cmocka_run_group_tests_name("of_actions", tests, NULL, NULL);
}
