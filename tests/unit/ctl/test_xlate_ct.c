// Connection tracking in translation: what the datapath is told, and packets that come round.
#include "tests/unit/ctl/translate_bench.h"

// "BEFOREct(...),recirc(0xNUMBER)AFTER", with the number that stands for the state.
static void expect_round(struct bench *b, const struct flow_key *key, const char *before,
			 const char *after)
{
	char want[1024];
	bench_run(b, key);
	assert_int_equal(b->result.n_frozen, 1);
	snprintf(want, sizeof(want), "%s,recirc(0x%x)%s", before, b->result.frozen[0], after);
	assert_string_equal(b->actions, want);
}

static void a_tracked_packet_goes_on_in_its_table(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2);
	bench_rules(b, "ip,actions=ct(table=1,zone=5)\n"
		       "table=1,ct_state=+trk+new,tcp,actions=ct(commit,zone=5),2\n"
		       "table=1,ct_state=+trk+est,tcp,actions=3");
	expect_round(b, &key, "ct(zone=5)", "");
	key = bench_round(b, &key);
	key.ct_state = CT_STATE_TRACKED | CT_STATE_NEW;
	bench_run(b, &key);
	assert_string_equal(b->actions, "ct(commit,zone=5),2");
	key.ct_state = CT_STATE_TRACKED | CT_STATE_ESTABLISHED;
	bench_run(b, &key);
	assert_string_equal(b->actions, "3");
	bench_destroy(b);
}

static void the_packet_itself_goes_on_untracked_behind_the_copy(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2);
	bench_rules(b, "ip,actions=ct(table=1),3");
	expect_round(b, &key, "ct", ",3");
	bench_destroy(b);
}

static void the_wire_is_changed_before_it_is_tracked(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "ip,actions=mod_nw_dst:1.2.3.4,ct(commit),2", tcp_key(1, 2),
	       "set(ipv4(dst=1.2.3.4)),ct(commit),2");
	bench_destroy(b);
}

static void registers_go_along_and_give_the_zone(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2);
	bench_rules(b, "ip,actions=load:9->NXM_NX_REG0[],ct(table=1,zone=NXM_NX_REG0[0..15])\n"
		       "table=1,reg0=9,actions=2");
	expect_round(b, &key, "ct(zone=9)", "");
	key = bench_round(b, &key);
	bench_run(b, &key);
	assert_string_equal(b->actions, "2");
	bench_destroy(b);
}

static void exec_sets_what_the_connection_keeps_and_not_the_packet(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "ip,actions=ct(commit,exec(set_field:0x10/0xf0->ct_mark,set_field:0x1->ct_label)),2",
	       tcp_key(1, 2), "ct(commit,mark=0x10/0xf0,label=0x1),2");
	EXPECT_MEGAFLOW(b, "in_port(1),eth_type(0x0800),ipv4(frag=no)");
	bench_destroy(b);
}

static void addresses_are_translated_as_asked(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "ip,actions=ct(commit,nat(src=10.0.0.1-10.0.0.9:1000-2000,random)),2",
	       tcp_key(1, 2), "ct(commit,nat(src=10.0.0.1-10.0.0.9:1000-2000,random)),2");
	EXPECT(b, "ip,actions=ct(nat),2", tcp_key(1, 2), "ct(nat),2");
	EXPECT(b, "tcp,actions=ct(commit,force,alg=ftp),2", tcp_key(1, 2),
	       "ct(force_commit,helper=ftp),2");
	bench_destroy(b);
}

static void a_cleared_packet_matches_as_one_that_was_never_tracked(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2);
	bench_rules(b, "ct_state=+trk,ip,actions=ct_clear,resubmit(,1)\n"
		       "table=1,ct_state=-trk,actions=2");
	key.ct_state = CT_STATE_TRACKED;
	bench_run(b, &key);
	assert_string_equal(b->actions, "ct_clear,2");
	bench_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_tracked_packet_goes_on_in_its_table),
	    cmocka_unit_test(the_packet_itself_goes_on_untracked_behind_the_copy),
	    cmocka_unit_test(the_wire_is_changed_before_it_is_tracked),
	    cmocka_unit_test(registers_go_along_and_give_the_zone),
	    cmocka_unit_test(exec_sets_what_the_connection_keeps_and_not_the_packet),
	    cmocka_unit_test(addresses_are_translated_as_asked),
	    cmocka_unit_test(a_cleared_packet_matches_as_one_that_was_never_tracked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
