// learn(): the rule that a packet makes, as text.
#include "tests/unit/ctl/translate_bench.h"

#define EXPECT_LEARNED(b, i, want) assert_string_equal(bench_learned(b, i), want)

// A MAC learning switch, as ovs-ofctl's manual has it.
static void the_manuals_mac_learning_switch_learns(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=learn(table=10,hard_timeout=300,priority=1,cookie=0x5,"
	       "NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],"
	       "load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]),resubmit(,10),resubmit(,11)\n"
	       "table=11,reg0=0,actions=flood",
	       tcp_key(3, 2), "1,2,4,5,6");
	assert_true(b->result.learns);
	assert_int_equal(b->result.n_learned, 1);
	EXPECT_LEARNED(b, 0,
		       "cookie=0x5, table=10, hard_timeout=300, priority=1,vlan_tci=0x0000/0x0fff,"
		       "dl_dst=52:54:00:00:00:03 actions=load:0x3->NXM_NX_REG0[0..15]");
	EXPECT_MEGAFLOW(b, "in_port(3),eth(src=52:54:00:00:00:03),vlan(none),eth_type(0x0800),"
			   "ipv4(frag=no)");
	EXPECT_RUN(b, tagged_key(3, 2, 0x6014), "1,2,4,5,6");
	EXPECT_LEARNED(b, 0,
		       "cookie=0x5, table=10, hard_timeout=300, priority=1,vlan_tci=0x0014/0x0fff,"
		       "dl_dst=52:54:00:00:00:03 actions=load:0x3->NXM_NX_REG0[0..15]");
	bench_destroy(b);
}

static void each_kind_of_part_is_in_the_rule(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "udp,actions=learn(table=7,idle_timeout=10,send_flow_rem,eth_type=0x800,nw_proto=17,"
	       "NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],NXM_OF_UDP_SRC[0..7]=NXM_OF_UDP_DST[0..7],"
	       "load:0x1234->NXM_OF_UDP_DST[],load:NXM_OF_IP_SRC[16..31]->NXM_NX_REG1[8..23],"
	       "output:NXM_OF_IN_PORT[]),2",
	       ip_key(4, 2, IPPROTO_UDP), "2");
	EXPECT_LEARNED(b, 0,
		       "table=7, idle_timeout=10, send_flow_rem "
		       "udp,nw_src=10.0.0.2,tp_src=0x50/0xff actions="
		       "load:0x1234->NXM_OF_UDP_DST[],load:0xa00->NXM_NX_REG1[8..23],output:vm4");
	bench_destroy(b);
}

static void a_match_on_a_vlan_says_that_there_is_a_tag(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "dl_vlan=20,actions=learn(table=7,dl_vlan=20,OXM_OF_VLAN_PCP[]),2",
	       tagged_key(1, 2, 0x6014), "2");
	EXPECT_LEARNED(b, 0, "table=7, dl_vlan=20,dl_vlan_pcp=3 actions=drop");
	bench_destroy(b);
}

static void a_rule_without_actions_drops(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=learn(table=7,NXM_OF_ETH_SRC[]),2", tcp_key(1, 2), "2");
	EXPECT_LEARNED(b, 0, "table=7, dl_src=52:54:00:00:00:01 actions=drop");
	bench_destroy(b);
}

// The values are those of the packet as rules have changed it, and ask for no more than it does.
static void it_learns_from_the_packet_as_it_is_then(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=mod_dl_src:00:00:00:00:00:07,load:9->NXM_NX_REG3[],"
	       "learn(table=7,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],NXM_NX_REG3[]),2",
	       tcp_key(1, 2), "set(eth(src=00:00:00:00:00:07)),2");
	EXPECT_LEARNED(b, 0, "table=7, reg3=0x9,dl_dst=00:00:00:00:00:07 actions=drop");
	EXPECT_MEGAFLOW(b, "in_port(1),eth_type(0x0800),ipv4(frag=no)");
	bench_destroy(b);
}

// Whoever only revalidates learns nothing, and comes to the same megaflow.
static void without_learning_the_megaflow_is_the_same(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	static const char rule[] =
	    "actions=learn(table=7,NXM_OF_ETH_SRC[],output:NXM_OF_ETH_DST[0..7],"
	    "result_dst=reg0[0]),resubmit(,1)\n"
	    "table=1,reg0=1,actions=2";
	EXPECT(b, rule, tcp_key(1, 2), "2");
	struct flow_match megaflow = b->result.match;
	assert_int_equal(b->result.n_learned, 1);
	b->ctx.learn = false;
	EXPECT_RUN(b, tcp_key(1, 2), "2");
	assert_int_equal(b->result.n_learned, 0);
	assert_true(b->result.learns);
	assert_memory_equal(&b->result.match, &megaflow, sizeof(megaflow));
	bench_destroy(b);
}

static void several_rules_are_learned_in_their_order(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=learn(table=7,limit=3,NXM_OF_ETH_SRC[]),resubmit(,1)\n"
	       "table=1,actions=learn(table=8,NXM_OF_ETH_DST[]),2",
	       tcp_key(1, 2), "2");
	assert_int_equal(b->result.n_learned, 2);
	EXPECT_LEARNED(b, 0, "table=7, dl_src=52:54:00:00:00:01 actions=drop");
	EXPECT_LEARNED(b, 1, "table=8, dl_dst=52:54:00:00:00:02 actions=drop");
	assert_int_equal(b->result.learned[0].limit, 3);
	assert_int_equal(b->result.learned[1].limit, 0);
	bench_destroy(b);
}

static void more_rules_than_there_is_room_for_drop(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	char lines[8192] = "actions=2";
	for (unsigned i = 0; i <= XLATE_LEARNED_MAX; i++)
		strcat(lines, ",learn(table=7,NXM_OF_ETH_SRC[])");
	EXPECT_END(b, lines, tcp_key(1, 2), XLATE_TOO_MANY_ACTIONS);
	bench_destroy(b);
}

// What it prints can be added by hand: the record is as well-formed as the parser's.
static void what_was_learned_is_a_rule_like_others(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "tcp,actions=learn(table=1,priority=9,eth_type=0x800,nw_proto=6,"
	       "NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],"
	       "load:0x5->NXM_NX_IP_TTL[],output:NXM_OF_IN_PORT[]),2",
	       tcp_key(4, 2), "2");
	char line[sizeof(b->learned)];
	snprintf(line, sizeof(line), "%s", bench_learned(b, 0));
	struct of_flow flow = b->result.learned[0].flow;
	bench_rules(b, "actions=resubmit(,1)");
	bench_add(b, line);
	assert_true(of_actions_equal(b->list[1]->actions, flow.actions));
	xlate_result_fini(&b->result);
	struct flow_key back = tcp_key(2, 4);
	back.tp_src_be = htons(80);
	assert_string_equal(bench_run(b, &back), "set(ipv4(ttl=5)),4");
	bench_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_manuals_mac_learning_switch_learns),
	    cmocka_unit_test(each_kind_of_part_is_in_the_rule),
	    cmocka_unit_test(a_match_on_a_vlan_says_that_there_is_a_tag),
	    cmocka_unit_test(a_rule_without_actions_drops),
	    cmocka_unit_test(it_learns_from_the_packet_as_it_is_then),
	    cmocka_unit_test(without_learning_the_megaflow_is_the_same),
	    cmocka_unit_test(several_rules_are_learned_in_their_order),
	    cmocka_unit_test(more_rules_than_there_is_room_for_drop),
	    cmocka_unit_test(what_was_learned_is_a_rule_like_others),
	};
	return cmocka_run_group_tests_name("xlate_learn", tests, NULL, NULL);
}
