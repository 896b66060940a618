// The pipeline: tables, registers, the action set and the stack.
#include "tests/unit/ctl/translate_bench.h"

#define IP_FROM_1 "in_port(1),eth_type(0x0800),"

static void resubmit_runs_the_other_table_and_comes_back(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=2,resubmit(,1),4\n"
	       "table=1,actions=3",
	       tcp_key(1, 2), "2,3,4");
	assert_int_equal(b->result.n_rules, 2);
	assert_ptr_equal(b->result.rules[0], b->list[0]);
	assert_ptr_equal(b->result.rules[1], b->list[1]);
	// What it changes stays changed.
	EXPECT(b,
	       "actions=resubmit(,1),4\n"
	       "table=1,actions=mod_dl_src:00:00:00:00:00:07,3",
	       tcp_key(1, 2), "set(eth(src=00:00:00:00:00:07)),3,4");
	bench_destroy(b);
}

static void resubmit_to_a_port_changes_the_lookup_alone(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	// Port 3's rule, in this table; in_port and output to the port that it came from are 1's.
	EXPECT(b,
	       "in_port=1,actions=resubmit:3\n"
	       "in_port=3,actions=in_port,output:1,output:3",
	       tcp_key(1, 2), "1,3");
	EXPECT(b,
	       "in_port=1,actions=resubmit(3,1),resubmit(,1)\n"
	       "table=1,in_port=3,actions=4\n"
	       "table=1,in_port=1,actions=5",
	       tcp_key(1, 2), "4,5");
	// A table that is looked into from there has the packet's own again.
	EXPECT(b,
	       "in_port=1,actions=resubmit(3,1)\n"
	       "table=1,in_port=3,actions=resubmit(,2)\n"
	       "table=2,in_port=1,actions=5\n"
	       "table=2,in_port=3,actions=6",
	       tcp_key(1, 2), "5");
	EXPECT(b,
	       "in_port=1,actions=resubmit(3,1)\n"
	       "table=1,in_port=3,actions=goto_table:2\n"
	       "table=2,in_port=1,actions=5\n"
	       "table=2,in_port=3,actions=6",
	       tcp_key(1, 2), "5");
	bench_destroy(b);
}

static void goto_table_goes_on_there(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=2,goto_table:1\n"
	       "table=1,actions=3,goto_table:254\n"
	       "table=254,actions=4",
	       tcp_key(1, 2), "2,3,4");
	// Coming back from a resubmit is not hindered.
	EXPECT(b,
	       "actions=resubmit(,1),5\n"
	       "table=1,actions=2,goto_table:2\n"
	       "table=2,actions=3",
	       tcp_key(1, 2), "2,3,5");
	bench_destroy(b);
}

static void a_table_without_a_rule_ends_the_walk_there(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=2,resubmit(,7),3", tcp_key(1, 2), "2,3");
	EXPECT(b, "actions=2,goto_table:7", tcp_key(1, 2), "2");
	EXPECT(b,
	       "actions=resubmit(,7),3\n"
	       "table=7,udp,actions=4",
	       tcp_key(1, 2), "3");
	EXPECT(b,
	       "actions=resubmit(,7),3\n"
	       "table=7,udp,actions=4\n"
	       "table=7,priority=0,actions=5",
	       tcp_key(1, 2), "5,3");
	assert_int_equal(b->result.n_rules, 2);
	bench_destroy(b);
}

static void the_tables_looked_into_are_told(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=resubmit(,70),goto_table:130\n"
	       "table=130,actions=resubmit(,254)",
	       tcp_key(1, 2), "drop");
	static const uint64_t want[4] = {1, 1ull << 6, 1ull << 2, 1ull << 62};
	assert_memory_equal(b->result.on.tables, want, sizeof(want));
	bench_destroy(b);
}

static void a_rule_met_twice_counts_once(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=resubmit(,1),resubmit(,1)\n"
	       "table=1,actions=2",
	       tcp_key(1, 2), "2,2");
	assert_int_equal(b->result.n_rules, 2);
	bench_destroy(b);
}

static void registers_and_metadata_carry_values_between_tables(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=load:5->NXM_NX_REG3[4..7],set_field:0x1/0xff->reg15,resubmit(,1)\n"
	       "table=1,reg3=0x50,reg15=1,reg0=0,actions=2\n"
	       "table=1,priority=1,actions=3",
	       tcp_key(1, 2), "2");
	EXPECT(b,
	       "actions=write_metadata:0xab00/0xff00,goto_table:1\n"
	       "table=1,metadata=0xab00/0xffff,actions=2",
	       tcp_key(1, 2), "2");
	EXPECT(b,
	       "actions=set_field:0x1122334455667788->xreg1,resubmit(,1)\n"
	       "table=1,reg2=0x11223344,reg3=0x55667788,actions=2",
	       tcp_key(1, 2), "2");
	EXPECT(b,
	       "actions=move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG1[8..55],resubmit(,1)\n"
	       "table=1,reg6=0x525400,reg7=0x100,actions=2",
	       tcp_key(1, 2), "2");
	EXPECT(b,
	       "actions=move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG1[8..55],resubmit(,1)\n"
	       "table=1,xxreg1=0x52540000000100,actions=2",
	       tcp_key(1, 2), "2");
	// None is set when a packet comes in.
	EXPECT(b, "reg0=0,metadata=0,actions=2", tcp_key(1, 2), "2");
	EXPECT_MEGAFLOW(b, IP_FROM_1 "ipv4(frag=no)");
	bench_destroy(b);
}

static void the_action_set_runs_at_the_end_in_openflows_order(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=write_actions(output:2,set_field:00:00:00:00:00:07->eth_src,"
	       "push_vlan:0x8100),goto_table:1\n"
	       "table=1,actions=3",
	       tcp_key(1, 2), "3,push_vlan(vid=0,pcp=0),set(eth(src=00:00:00:00:00:07)),2");
	// The last of a kind counts; sets of fields all do.
	EXPECT(b,
	       "actions=write_actions(output:2,set_field:00:00:00:00:00:07->eth_src),goto_table:1\n"
	       "table=1,actions=write_actions(set_field:00:00:00:00:00:08->eth_dst,output:4)",
	       tcp_key(1, 2), "set(eth(src=00:00:00:00:00:07,dst=00:00:00:00:00:08)),4");
	// Without output or group nobody gets it.
	EXPECT(b, "actions=write_actions(set_field:00:00:00:00:00:07->eth_src)", tcp_key(1, 2),
	       "drop");
	bench_group(b, "group_id=1,type=indirect,bucket=output:5");
	EXPECT(b, "actions=write_actions(group:1,output:2)", tcp_key(1, 2), "5");
	bench_destroy(b);
}

static void clear_actions_empties_the_action_set(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=write_actions(output:2),goto_table:1\n"
	       "table=1,actions=clear_actions,goto_table:2\n"
	       "table=2,actions=3",
	       tcp_key(1, 2), "3");
	EXPECT(b,
	       "actions=write_actions(output:2),goto_table:1\n"
	       "table=1,actions=clear_actions,write_actions(output:4)",
	       tcp_key(1, 2), "4");
	bench_destroy(b);
}

static void exit_ends_all_but_the_action_set(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=2,resubmit(,1),4\n"
	       "table=1,actions=3,exit,5",
	       tcp_key(1, 2), "2,3");
	EXPECT(b,
	       "actions=resubmit(,1)\n"
	       "table=1,actions=write_actions(output:6),goto_table:2\n"
	       "table=2,actions=2,exit",
	       tcp_key(1, 2), "2,6");
	// Of a clone it ends that alone.
	EXPECT(b, "actions=clone(2,exit,3),4", tcp_key(1, 2), "2,4");
	bench_destroy(b);
}

static void a_clone_gives_back_fields_registers_and_stack(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=clone(set_field:00:00:00:00:00:07->eth_src,2),3", tcp_key(1, 2),
	       "set(eth(src=00:00:00:00:00:07)),2,"
	       // The bits that differ; to know them, all that were set must be known.
	       "set(eth(src=52:54:00:00:00:00/52:54:00:00:00:06)),3");
	EXPECT_MEGAFLOW(b, "in_port(1),eth(src=52:54:00:00:00:01),eth_type(0x0800),"
			   "ipv4(frag=no)");
	EXPECT(b,
	       "actions=load:1->NXM_NX_REG0[],clone(load:2->NXM_NX_REG0[],resubmit(,1)),"
	       "resubmit(,1)\n"
	       "table=1,reg0=1,actions=2\n"
	       "table=1,reg0=2,actions=3",
	       tcp_key(1, 2), "3,2");
	EXPECT(b,
	       "actions=load:4->NXM_NX_REG0[],push:NXM_NX_REG0[],clone(pop:NXM_NX_REG1[],"
	       "load:9->NXM_NX_REG0[],push:NXM_NX_REG0[],push:NXM_NX_REG0[]),"
	       "pop:NXM_NX_REG2[],output:NXM_NX_REG2[]",
	       tcp_key(1, 2), "4");
	EXPECT(b, "actions=clone(mod_vlan_vid:5,2),3", tcp_key(1, 2),
	       "push_vlan(vid=5,pcp=0),2,pop_vlan,3");
	bench_destroy(b);
}

static void the_stack_gives_back_the_last_value_first(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=load:2->NXM_NX_REG0[],push:NXM_NX_REG0[],load:3->NXM_NX_REG0[],"
	       "push:NXM_NX_REG0[],pop:NXM_NX_REG1[],output:NXM_NX_REG1[],"
	       "pop:NXM_NX_REG1[],output:NXM_NX_REG1[]",
	       tcp_key(1, 2), "3,2");
	// Also between fields of different sizes, and across tables.
	EXPECT(b,
	       "actions=push:NXM_OF_ETH_SRC[0..7],resubmit(,1)\n"
	       "table=1,actions=pop:NXM_NX_REG0[0..7],resubmit(,2)\n"
	       "table=2,reg0=1,actions=2",
	       tcp_key(1, 2), "2");
	bench_destroy(b);
}

// As in Open vSwitch.
static void an_empty_stack_leaves_the_field(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=load:3->NXM_NX_REG0[],pop:NXM_NX_REG0[],output:NXM_NX_REG0[]",
	       tcp_key(1, 2), "3");
	bench_destroy(b);
}

static void a_full_stack_drops(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	char line[4096] = "actions=2";
	for (unsigned i = 0; i < 64; i++)
		strcat(line, ",push:NXM_NX_REG0[]");
	EXPECT(b, line, tcp_key(1, 2), "2");
	strcat(line, ",push:NXM_NX_REG0[]");
	EXPECT_END(b, line, tcp_key(1, 2), XLATE_STACK);
	bench_destroy(b);
}

static void output_to_a_register_goes_where_it_says(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=load:3->NXM_NX_REG0[],output:NXM_NX_REG0[]", tcp_key(1, 2), "3");
	EXPECT(b, "actions=load:0x30000->NXM_NX_REG0[],output:NXM_NX_REG0[16..31]", tcp_key(1, 2),
	       "3");
	EXPECT(b, "actions=load:1->NXM_NX_REG0[],output:NXM_NX_REG0[],2", tcp_key(1, 2), "2");
	EXPECT(b, "actions=load:99->NXM_NX_REG0[],output:NXM_NX_REG0[],2", tcp_key(1, 2), "2");
	// OpenFlow's own numbers.
	EXPECT(b, "actions=load:0xfff8->NXM_NX_REG0[],output:NXM_NX_REG0[]", tcp_key(1, 2), "1");
	EXPECT(b, "actions=load:0xfffb->NXM_NX_REG0[],output:NXM_NX_REG0[]", tcp_key(4, 2),
	       "1,2,3,5,6");
	EXPECT(b, "actions=load:0xfffffffc->NXM_NX_REG0[],output:NXM_NX_REG0[]", tcp_key(4, 2),
	       "1,2,3,5,6");
	EXPECT(b, "actions=load:0xfffa->NXM_NX_REG0[],output:NXM_NX_REG0[]", tcp_key(4, 2),
	       "1,2,3,5,6");
	assert_true(b->result.used_normal);
	EXPECT(b, "actions=load:0xfff0->NXM_NX_REG0[],output:NXM_NX_REG0[],2", tcp_key(1, 2), "2");
	bench_destroy(b);
}

// The packet's field chooses the port: it is in the mask.
static void output_to_a_packets_field_asks_for_it(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=output:NXM_OF_ETH_DST[0..7]", tcp_key(1, 2), "2");
	EXPECT_MEGAFLOW(b, "in_port(1),eth(dst=00:00:00:00:00:02/00:00:00:00:00:ff),"
			   "eth_type(0x0800),ipv4(frag=no)");
	bench_destroy(b);
}

static void a_loop_of_resubmits_ends_and_drops(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT_END(b, "actions=2,resubmit(,0)", tcp_key(1, 2), XLATE_TOO_DEEP);
	EXPECT_END(b,
		   "actions=2,resubmit(,1)\n"
		   "table=1,actions=3,resubmit(,0)",
		   tcp_key(1, 2), XLATE_TOO_DEEP);
	// Many that are not deep: 16 tables, each goes into the next one three times.
	char lines[4096] = "actions=2";
	for (unsigned t = 0; t < 16; t++) {
		char line[128];
		snprintf(line, sizeof(line),
			 "%s\ntable=%u,actions=resubmit(,%u),resubmit(,%u),resubmit(,%u)",
			 t ? "" : ",resubmit(,1)", t + 1, t + 2, t + 2, t + 2);
		strcat(lines, line);
	}
	EXPECT_END(b, lines, tcp_key(1, 2), XLATE_TOO_MANY_RESUBMITS);
	assert_non_null(strstr(xlate_end_text(XLATE_TOO_MANY_RESUBMITS), "4096"));
	assert_non_null(strstr(xlate_end_text(XLATE_TOO_DEEP), "64"));
	bench_destroy(b);
}

// Forward is no loop, however far.
static void a_chain_of_all_tables_is_walked(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	for (unsigned t = 0; t < OF_TABLE_MAX; t++) {
		char line[64];
		snprintf(line, sizeof(line), "table=%u,actions=%s%u%s", t,
			 t % 2 ? "goto_table:" : "resubmit(,", t + 1, t % 2 ? "" : ")");
		bench_add(b, line);
	}
	bench_add(b, "table=254,actions=2");
	EXPECT_RUN(b, tcp_key(1, 2), "2");
	assert_int_equal(b->result.n_rules, 255);
	bench_destroy(b);
}

static void nesting_stops_at_64(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	// Each level goes back to table 0, with one less to go.
	static const char lines[] =
	    "priority=1,actions=2\n"
	    "reg0=0,reg1=0,actions=load:%u->NXM_NX_REG0[],load:1->NXM_NX_REG1[],resubmit(,0)\n";
	char text[16384];
	for (unsigned depth = 63; depth <= 65; depth++) {
		int used = snprintf(text, sizeof(text), lines, depth - 1);
		for (unsigned i = 1; i < depth; i++)
			used += snprintf(text + used, sizeof(text) - (size_t)used,
					 "reg0=%u,reg1=1,actions=load:%u->NXM_NX_REG0[],"
					 "resubmit(,0)\n",
					 i, i - 1);
		snprintf(text + used, sizeof(text) - (size_t)used, "reg0=0,reg1=1,actions=3");
		bench_rules(b, text);
		struct flow_key key = tcp_key(1, 2);
		assert_int_equal(bench_end(b, &key), depth < 64 ? XLATE_OK : XLATE_TOO_DEEP);
	}
	bench_destroy(b);
}

static void a_bit_that_translation_wrote_is_not_in_the_mask(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=set_field:00:00:00:00:00:07->eth_src,resubmit(,1)\n"
	       "table=1,eth_src=00:00:00:00:00:07,actions=2",
	       tcp_key(1, 2), "set(eth(src=00:00:00:00:00:07)),2");
	EXPECT_MEGAFLOW(b, IP_FROM_1 "ipv4(frag=no)");
	// Half of it was: the other half is the packet's.
	EXPECT(b,
	       "ip,actions=set_field:10.1.0.0/255.255.0.0->ip_dst,resubmit(,1)\n"
	       "table=1,ip,ip_dst=10.1.0.2,actions=2",
	       tcp_key(1, 2), "set(ipv4(dst=10.1.0.0/16)),2");
	EXPECT_MEGAFLOW(b, IP_FROM_1 "ipv4(dst=0.0.0.2/0.0.255.255,frag=no)");
	// A constant in a register.
	EXPECT(b,
	       "actions=load:1->NXM_NX_REG0[],resubmit(,1)\n"
	       "table=1,reg0=1,actions=2",
	       tcp_key(1, 2), "2");
	EXPECT_MEGAFLOW(b, IP_FROM_1 "ipv4(frag=no)");
	bench_destroy(b);
}

static void of_a_moved_bit_the_source_is_in_the_mask(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=move:NXM_OF_ETH_SRC[0..7]->NXM_OF_ETH_DST[0..7],2", tcp_key(3, 2),
	       "set(eth(dst=00:00:00:00:00:03/00:00:00:00:00:ff)),2");
	EXPECT_MEGAFLOW(b, "in_port(3),eth(src=00:00:00:00:00:03/00:00:00:00:00:ff),"
			   "eth_type(0x0800),ipv4(frag=no)");
	EXPECT(b,
	       "actions=move:NXM_OF_ETH_SRC[0..7]->NXM_NX_REG0[0..7],resubmit(,1)\n"
	       "table=1,reg0=3,actions=2",
	       tcp_key(3, 2), "2");
	EXPECT_MEGAFLOW(b, "in_port(3),eth(src=00:00:00:00:00:03/00:00:00:00:00:ff),"
			   "eth_type(0x0800),ipv4(frag=no)");
	// What translation wrote before asks for nothing.
	EXPECT(b,
	       "actions=set_field:00:00:00:00:00:07->eth_src,"
	       "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],2",
	       tcp_key(3, 2), "set(eth(src=00:00:00:00:00:07,dst=00:00:00:00:00:07)),2");
	EXPECT_MEGAFLOW(b, "in_port(3),eth_type(0x0800),ipv4(frag=no)");
	bench_destroy(b);
}

static void the_stack_asks_for_what_is_pushed(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=push:NXM_OF_ETH_SRC[0..3],pop:NXM_OF_ETH_DST[0..3],2", tcp_key(3, 2),
	       "set(eth(dst=00:00:00:00:00:03/00:00:00:00:00:0f)),2");
	EXPECT_MEGAFLOW(b, "in_port(3),eth(src=00:00:00:00:00:03/00:00:00:00:00:0f),"
			   "eth_type(0x0800),ipv4(frag=no)");
	bench_destroy(b);
}

// What a changed packet meets cannot be told from the megaflow's own bits.
static void edits_are_told_to_who_revalidates(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=load:1->NXM_NX_REG0[],resubmit(,1)", tcp_key(1, 2), "drop");
	assert_false(b->result.on.edited);
	EXPECT(b, "actions=mod_dl_src:00:00:00:00:00:07,resubmit(,1)", tcp_key(1, 2), "drop");
	assert_true(b->result.on.edited);
	EXPECT(b, "actions=resubmit(3,1)", tcp_key(1, 2), "drop");
	assert_true(b->result.on.edited);
	EXPECT(b, "actions=mod_vlan_vid:1,resubmit(,1)", tcp_key(1, 2), "drop");
	assert_true(b->result.on.edited);
	EXPECT(b, "ip,actions=dec_ttl,resubmit(,1)", tcp_key(1, 2), "drop");
	assert_true(b->result.on.edited);
	// Behind the last lookup nobody sees them.
	EXPECT(b,
	       "actions=resubmit(,1)\n"
	       "table=1,actions=mod_dl_src:00:00:00:00:00:07,mod_vlan_vid:7,push_mpls:0x8847,2",
	       tcp_key(1, 2),
	       "push_vlan(vid=7,pcp=0),set(eth(src=00:00:00:00:00:07)),"
	       "push_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847),2");
	assert_false(b->result.on.edited);
	bench_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(resubmit_runs_the_other_table_and_comes_back),
	    cmocka_unit_test(resubmit_to_a_port_changes_the_lookup_alone),
	    cmocka_unit_test(goto_table_goes_on_there),
	    cmocka_unit_test(a_table_without_a_rule_ends_the_walk_there),
	    cmocka_unit_test(the_tables_looked_into_are_told),
	    cmocka_unit_test(a_rule_met_twice_counts_once),
	    cmocka_unit_test(registers_and_metadata_carry_values_between_tables),
	    cmocka_unit_test(the_action_set_runs_at_the_end_in_openflows_order),
	    cmocka_unit_test(clear_actions_empties_the_action_set),
	    cmocka_unit_test(exit_ends_all_but_the_action_set),
	    cmocka_unit_test(a_clone_gives_back_fields_registers_and_stack),
	    cmocka_unit_test(the_stack_gives_back_the_last_value_first),
	    cmocka_unit_test(an_empty_stack_leaves_the_field),
	    cmocka_unit_test(a_full_stack_drops),
	    cmocka_unit_test(output_to_a_register_goes_where_it_says),
	    cmocka_unit_test(output_to_a_packets_field_asks_for_it),
	    cmocka_unit_test(a_loop_of_resubmits_ends_and_drops),
	    cmocka_unit_test(a_chain_of_all_tables_is_walked),
	    cmocka_unit_test(nesting_stops_at_64),
	    cmocka_unit_test(a_bit_that_translation_wrote_is_not_in_the_mask),
	    cmocka_unit_test(of_a_moved_bit_the_source_is_in_the_mask),
	    cmocka_unit_test(the_stack_asks_for_what_is_pushed),
	    cmocka_unit_test(edits_are_told_to_who_revalidates),
	};
	return cmocka_run_group_tests_name("xlate_tables", tests, NULL, NULL);
}
