// MPLS labels: pushed, popped, changed, and packets that come round again when the last one is off.
#include "tests/unit/ctl/translate_bench.h"

#define FROM_1 "in_port(1),eth_type(0x8847)"

// What stood behind the label of mpls_key().
static struct flow_key inner_key(const struct bench *b)
{
	struct flow_key key = tcp_key(1, 2);
	return bench_round(b, &key);
}

// "...,recirc(0xNUMBER)": the number is random.
static void expect_recirc(struct bench *b, const struct flow_key *key, const char *before)
{
	char want[1024];
	bench_run(b, key);
	assert_int_equal(b->result.n_frozen, 1);
	snprintf(want, sizeof(want), "%srecirc(0x%x)", before, b->result.frozen[0]);
	assert_string_equal(b->actions, want);
}

#define EXPECT_RECIRC(b, lines, packet, before)  \
	do {                                     \
		struct flow_key key_ = packet;   \
		bench_rules(b, lines);           \
		expect_recirc(b, &key_, before); \
	} while (0)

static void a_first_label_takes_over_what_the_ip_header_has(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2);
	key.nw_tos = 0x28; // DSCP 10
	EXPECT(b, "actions=push_mpls:0x8847,2", key,
	       "push_mpls(label=0,tc=2,ttl=64,bos=1,eth_type=0x8847),2");
	EXPECT_MEGAFLOW(b, "in_port(1),eth_type(0x0800),ipv4(tos=0x28/0xfc,ttl=64,frag=no)");
	EXPECT(b, "actions=push_mpls:0x8848,2", ip6_key(1, 2, IPPROTO_TCP),
	       "push_mpls(label=2,tc=0,ttl=64,bos=1,eth_type=0x8848),2");
	EXPECT(b, "actions=push_mpls:0x8847,2", arp_key(1, 2),
	       "push_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847),2");
	bench_destroy(b);
}

static void a_label_above_another_one_takes_its_values(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = mpls_key(1, 2, 16, 0);
	key.mpls_lse_be[0] = lse_be(16, 5, true, 9);
	EXPECT(b, "mpls,actions=push_mpls:0x8847,2", key,
	       "push_mpls(label=16,tc=5,ttl=9,bos=0,eth_type=0x8847),2");
	EXPECT_MEGAFLOW(b, FROM_1 ",mpls(label=16,tc=5,ttl=9)");
	bench_destroy(b);
}

static void labels_that_are_pushed_together_are_changed_before_they_are_pushed(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "actions=push_mpls:0x8847,set_mpls_label:100,set_mpls_ttl:9,push_mpls:0x8847,"
	       "set_mpls_label:200,set_mpls_tc:3,2",
	       tcp_key(1, 2),
	       "push_mpls(label=100,tc=0,ttl=9,bos=1,eth_type=0x8847),"
	       "push_mpls(label=200,tc=3,ttl=9,bos=0,eth_type=0x8847),2");
	EXPECT(b, "actions=push_mpls:0x8847,set_mpls_ttl:9,dec_mpls_ttl,2", tcp_key(1, 2),
	       "push_mpls(label=0,tc=0,ttl=8,bos=1,eth_type=0x8847),2");
	// A label that is off again before an output was never there.
	EXPECT(b, "ip,actions=push_mpls:0x8847,pop_mpls:0x0800,2", tcp_key(1, 2), "2");
	bench_destroy(b);
}

static void fields_below_a_pushed_label_are_set_before_it_is_pushed(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "ip,actions=mod_nw_dst:1.2.3.4,push_mpls:0x8847,2", tcp_key(1, 2),
	       "set(ipv4(dst=1.2.3.4)),push_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847),2");
	// Between two outputs it is taken off for that.
	EXPECT(b, "ip,actions=clone(push_mpls:0x8847,2),mod_nw_dst:1.2.3.4,3,push_mpls:0x8847,4",
	       tcp_key(1, 2),
	       "push_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847),2,"
	       "pop_mpls(eth_type=0x0800),set(ipv4(dst=1.2.3.4)),3,"
	       "push_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847),4");
	bench_destroy(b);
}

static void a_label_stands_behind_the_vlan_tag(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=push_mpls:0x8847,push_vlan:0x8100,2", tcp_key(1, 2),
	       "push_vlan(vid=0,pcp=0),push_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847),2");
	bench_destroy(b);
}

static void a_copy_gives_its_labels_back(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(
	    b, "actions=clone(push_mpls:0x8847,2),3", tcp_key(1, 2),
	    "push_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847),2,pop_mpls(eth_type=0x0800),3");
	EXPECT(b, "actions=push_mpls:0x8847,clone(set_mpls_label:5,2),clone(push_mpls:0x8847,3),4",
	       tcp_key(1, 2),
	       "push_mpls(label=5,tc=0,ttl=64,bos=1,eth_type=0x8847),2,"
	       "pop_mpls(eth_type=0x0800),"
	       "push_mpls(label=0,tc=0,ttl=64,bos=1,eth_type=0x8847),"
	       "push_mpls(label=0,tc=0,ttl=64,bos=0,eth_type=0x8847),3,"
	       "pop_mpls(eth_type=0x8847),4");
	bench_destroy(b);
}

static void an_own_label_is_changed_by_a_masked_set(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "mpls,actions=set_mpls_label:7,2", mpls_key(1, 2, 16, 0), "set(mpls(label=7)),2");
	EXPECT_MEGAFLOW(b, FROM_1);
	EXPECT(b, "mpls,actions=clone(set_mpls_label:17,2),3", mpls_key(1, 2, 16, 0),
	       "set(mpls(label=17)),2,set(mpls(label=0/0x1)),3");
	EXPECT_MEGAFLOW(b, FROM_1 ",mpls(label=16)");
	bench_destroy(b);
}

static void behind_an_own_label_stands_the_next_one(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "mpls,actions=pop_mpls:0x8847,2", mpls_key(1, 2, 16, 17),
	       "pop_mpls(eth_type=0x8847),2");
	EXPECT_MEGAFLOW(b, FROM_1);
	EXPECT(b,
	       "mpls,actions=pop_mpls:0x8847,resubmit(,1)\n"
	       "table=1,mpls,mpls_label=17,actions=set_mpls_ttl:9,2",
	       mpls_key(1, 2, 16, 17), "pop_mpls(eth_type=0x8847),set(mpls(ttl=9)),2");
	assert_int_equal(b->result.match.mask.mpls_lse_be[1], htonl(0xfffffu << MPLS_LABEL_SHIFT));
	assert_int_equal(b->result.match.mask.mpls_lse_be[0] & ~htonl(MPLS_BOS), 0);
	// Counted down there, too.
	EXPECT(b, "mpls,actions=dec_mpls_ttl,pop_mpls:0x8847,dec_mpls_ttl,2",
	       mpls_key(1, 2, 16, 17), "dec_mpls_ttl,pop_mpls(eth_type=0x8847),dec_mpls_ttl,2");
	bench_destroy(b);
}

// Whoever pops the last label as if another one followed.
static void what_stands_below_the_last_label_is_not_taken_for_a_label(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	static const char rules[] = "mpls,actions=pop_mpls:0x8847,resubmit(,1)\n"
				    "table=1,mpls,mpls_label=17,actions=2\n"
				    "table=1,priority=1,actions=3";
	EXPECT(b, rules, mpls_key(1, 2, 16, 0), "pop_mpls(eth_type=0x8847),3");
	struct flow_match megaflow = b->result.match;
	struct flow_key other = mpls_key(1, 2, 16, 17);
	assert_string_equal(bench_run(b, &other), "pop_mpls(eth_type=0x8847),2");
	assert_false(flow_key_equal_masked(&other, &megaflow.key, &megaflow.mask));
	bench_destroy(b);
}

static void an_own_label_that_a_copy_popped_is_pushed_again(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "mpls,actions=clone(pop_mpls:0x8847,2),3", mpls_key(1, 2, 16, 17),
	       "pop_mpls(eth_type=0x8847),2,"
	       "push_mpls(label=16,tc=0,ttl=64,bos=0,eth_type=0x8847),3");
	EXPECT_MEGAFLOW(b, FROM_1 ",mpls(label=16,tc=0,ttl=64,bos=0)");
	EXPECT(b, "mpls,actions=clone(pop_mpls:0x0800,2),3", mpls_key(1, 2, 16, 0),
	       "pop_mpls(eth_type=0x0800),2,"
	       "push_mpls(label=16,tc=0,ttl=64,bos=1,eth_type=0x8847),3");
	EXPECT(b, "mpls,actions=clone(pop_mpls:0x8847,pop_mpls:0x0800,2),3", mpls_key(1, 2, 16, 17),
	       "pop_mpls(eth_type=0x8847),pop_mpls(eth_type=0x0800),2,"
	       "push_mpls(label=17,tc=0,ttl=64,bos=1,eth_type=0x8847),"
	       "push_mpls(label=16,tc=0,ttl=64,bos=0,eth_type=0x8847),3");
	assert_int_equal(b->result.match.mask.mpls_lse_be[0], UINT32_MAX);
	assert_int_equal(b->result.match.mask.mpls_lse_be[1], UINT32_MAX);
	// With what the copy wrote in the one below it taken back first.
	EXPECT(b, "mpls,actions=clone(pop_mpls:0x8847,set_mpls_label:19,2),3",
	       mpls_key(1, 2, 16, 17),
	       "pop_mpls(eth_type=0x8847),set(mpls(label=19)),2,"
	       "set(mpls(label=0/0x2)),push_mpls(label=16,tc=0,ttl=64,bos=0,eth_type=0x8847),3");
	assert_int_equal(b->result.match.mask.mpls_lse_be[1], htonl(0xfffffu << MPLS_LABEL_SHIFT));
	// As the rule has changed it before.
	EXPECT(b, "mpls,actions=set_mpls_label:9,clone(pop_mpls:0x8847,2),3",
	       mpls_key(1, 2, 16, 17),
	       "pop_mpls(eth_type=0x8847),2,"
	       "push_mpls(label=16,tc=0,ttl=64,bos=0,eth_type=0x8847),"
	       "set(mpls(label=9/0x19)),3");
	bench_destroy(b);
}

static void what_was_set_in_a_popped_label_is_not_in_the_next_one(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "mpls,actions=clone(set_mpls_label:9,2),pop_mpls:0x8847,3",
	       mpls_key(1, 2, 16, 17), "set(mpls(label=9)),2,pop_mpls(eth_type=0x8847),3");
	EXPECT_MEGAFLOW(b, FROM_1);
	bench_destroy(b);
}

static void a_packet_goes_out_without_its_last_label_at_once(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "mpls,actions=pop_mpls:0x0800,2", mpls_key(1, 2, 16, 0),
	       "pop_mpls(eth_type=0x0800),2");
	assert_int_equal(b->result.n_frozen, 0);
	// Ethernet and VLAN fields are known.
	EXPECT(b, "mpls,actions=pop_mpls:0x0800,mod_dl_dst:00:00:00:00:00:07,mod_vlan_vid:5,2",
	       mpls_key(1, 2, 16, 0),
	       "push_vlan(vid=5,pcp=0),pop_mpls(eth_type=0x0800),"
	       "set(eth(dst=00:00:00:00:00:07)),2");
	bench_destroy(b);
}

static void what_asks_for_headers_behind_the_last_label_goes_round(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	static const char rules[] = "mpls,actions=3,pop_mpls:0x0800,resubmit(,1),5\n"
				    "table=1,ip,nw_dst=10.0.0.2,actions=dec_ttl,2\n"
				    "table=1,priority=1,actions=4";
	EXPECT_RECIRC(b, rules, mpls_key(1, 2, 16, 0), "3,pop_mpls(eth_type=0x0800),");
	struct flow_key key = inner_key(b);
	char want[128];
	assert_string_equal(bench_run(b, &key), "dec_ttl,2,5");
	assert_int_equal(b->result.n_rules, 1);
	assert_int_equal(b->result.n_frozen, 0);
	snprintf(want, sizeof(want),
		 "recirc_id(0x%x),in_port(1),eth_type(0x0800),ipv4(dst=10.0.0.2,frag=no)",
		 key.recirc_id);
	EXPECT_MEGAFLOW(b, want);
	key.ip_dst_be = htonl(0x0a000009);
	assert_string_equal(bench_run(b, &key), "4,5");
	bench_destroy(b);
}

static void a_write_below_the_last_label_goes_round(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT_RECIRC(b, "mpls,actions=pop_mpls:0x0800,mod_nw_dst:1.2.3.4,2", mpls_key(1, 2, 16, 0),
		      "pop_mpls(eth_type=0x0800),");
	struct flow_key key = inner_key(b);
	assert_string_equal(bench_run(b, &key), "set(ipv4(dst=1.2.3.4)),2");
	EXPECT_RECIRC(b, "mpls,actions=pop_mpls:0x0800,dec_ttl,2", mpls_key(1, 2, 16, 0),
		      "pop_mpls(eth_type=0x0800),");
	key = inner_key(b);
	assert_string_equal(bench_run(b, &key), "dec_ttl,2");
	bench_destroy(b);
}

static void the_second_translation_knows_all_that_the_first_knew(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	static const char rules[] =
	    "mpls,actions=load:7->NXM_NX_REG0[],push:NXM_NX_REG0[],"
	    "load:3->NXM_OF_IN_PORT[],write_actions(output:5),write_metadata:0x99,goto_table:1\n"
	    "table=1,mpls,actions=pop_mpls:0x0800,resubmit(,2),resubmit(,4)\n"
	    "table=2,actions=resubmit(,3)\n"
	    "table=3,ip,metadata=0x99,reg0=7,in_port=3,actions=pop:NXM_NX_REG1[],output:1\n"
	    "table=4,reg1=7,actions=6";
	EXPECT_RECIRC(b, rules, mpls_key(1, 2, 16, 0), "pop_mpls(eth_type=0x0800),");
	struct flow_key key = inner_key(b);
	// In the order of the walk, the action set at the end.
	assert_string_equal(bench_run(b, &key), "1,6,5");
	bench_destroy(b);
}

static void what_follows_in_outer_tables_follows_in_the_second_translation(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	static const char rules[] = "mpls,actions=resubmit(,1),3\n"
				    "table=1,actions=resubmit(,2),4\n"
				    "table=2,mpls,actions=pop_mpls:0x0800,resubmit(,7),5\n"
				    "table=7,tcp,actions=6";
	EXPECT_RECIRC(b, rules, mpls_key(1, 2, 16, 0), "pop_mpls(eth_type=0x0800),");
	struct flow_key key = inner_key(b);
	assert_string_equal(bench_run(b, &key), "6,5,4,3");
	bench_destroy(b);
}

static void a_copy_goes_round_by_itself(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	static const char rules[] = "mpls,actions=clone(pop_mpls:0x0800,dec_ttl,2),3";
	struct flow_key key = mpls_key(1, 2, 16, 0);
	char want[256];
	bench_rules(b, rules);
	bench_run(b, &key);
	snprintf(want, sizeof(want),
		 "pop_mpls(eth_type=0x0800),recirc(0x%x),"
		 "push_mpls(label=16,tc=0,ttl=64,bos=1,eth_type=0x8847),3",
		 b->result.frozen[0]);
	assert_string_equal(b->actions, want);
	key = inner_key(b);
	assert_string_equal(bench_run(b, &key), "dec_ttl,2");
	bench_destroy(b);
}

// It could not be given back.
static void a_copy_does_not_pop_a_label_that_is_not_known(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = mpls_key(1, 2, 16, 17), third = mpls_key(1, 2, 18, 0);
	key.mpls_lse_be[1] = lse_be(17, 0, false, 64);
	char want[256];
	bench_rules(b, "mpls,actions=pop_mpls:0x8847,pop_mpls:0x8847,clone(pop_mpls:0x0800,2),3");
	bench_run(b, &key);
	assert_int_equal(b->result.n_frozen, 1);
	snprintf(want, sizeof(want),
		 "pop_mpls(eth_type=0x8847),pop_mpls(eth_type=0x8847),recirc(0x%x),3",
		 b->result.frozen[0]);
	assert_string_equal(b->actions, want);
	key = bench_round(b, &third);
	assert_string_equal(bench_run(b, &key), "pop_mpls(eth_type=0x0800),2");
	bench_destroy(b);
}

static void a_packet_goes_round_as_often_as_it_must(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	// Three labels, of which a key holds two.
	static const char rules[] =
	    "mpls,actions=resubmit(,2),5\n"
	    "table=2,mpls,actions=pop_mpls:0x8847,pop_mpls:0x8847,resubmit(,1),4\n"
	    "table=1,mpls,mpls_label=18,actions=pop_mpls:0x0800,dec_ttl,2";
	struct flow_key key = mpls_key(1, 2, 16, 17);
	key.mpls_lse_be[1] = lse_be(17, 0, false, 64);
	EXPECT_RECIRC(b, rules, key, "pop_mpls(eth_type=0x8847),pop_mpls(eth_type=0x8847),");
	struct flow_key third = mpls_key(1, 2, 18, 0);
	key = bench_round(b, &third);
	expect_recirc(b, &key, "pop_mpls(eth_type=0x0800),");
	key = inner_key(b);
	assert_string_equal(bench_run(b, &key), "dec_ttl,2,4,5");
	bench_destroy(b);
}

static void equal_states_share_a_number(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	static const char rules[] = "mpls,mpls_label=16,actions=pop_mpls:0x0800,dec_ttl,2\n"
				    "mpls,mpls_label=17,actions=pop_mpls:0x0800,dec_ttl,2\n"
				    "mpls,mpls_label=18,actions=pop_mpls:0x0800,dec_ttl,3";
	uint32_t numbers[3];
	bench_rules(b, rules);
	for (unsigned i = 0; i < 3; i++) {
		struct flow_key key = mpls_key(1, 2, 16 + i, 0);
		bench_run(b, &key);
		numbers[i] = b->result.frozen[0];
		bench_run(b, &key); // again, as revalidation does
		assert_int_equal(b->result.frozen[0], numbers[i]);
	}
	assert_int_equal(numbers[0], numbers[1]);
	assert_int_not_equal(numbers[0], numbers[2]);
	assert_int_equal(frozen_count(b->frozen), 2);
	bench_destroy(b);
}

static void a_number_that_nobody_knows_drops(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2);
	key.recirc_id = 12345;
	EXPECT(b, "actions=2", key, "drop");
	assert_int_equal(b->result.match.mask.recirc_id, UINT32_MAX);
	bench_destroy(b);
}

static void more_than_four_pushed_labels_drop(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT_END(b,
		   "actions=push_mpls:0x8847,push_mpls:0x8847,push_mpls:0x8847,push_mpls:0x8847,"
		   "push_mpls:0x8847,2",
		   tcp_key(1, 2), XLATE_TOO_MANY_ACTIONS);
	bench_destroy(b);
}

static void a_packet_without_labels_is_not_popped(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_group(b, "group_id=1,type=indirect,bucket=pop_mpls:0x0800,output:2");
	EXPECT(b, "actions=group:1", tcp_key(1, 2), "2");
	bench_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_first_label_takes_over_what_the_ip_header_has),
	    cmocka_unit_test(a_label_above_another_one_takes_its_values),
	    cmocka_unit_test(labels_that_are_pushed_together_are_changed_before_they_are_pushed),
	    cmocka_unit_test(fields_below_a_pushed_label_are_set_before_it_is_pushed),
	    cmocka_unit_test(a_label_stands_behind_the_vlan_tag),
	    cmocka_unit_test(a_copy_gives_its_labels_back),
	    cmocka_unit_test(an_own_label_is_changed_by_a_masked_set),
	    cmocka_unit_test(behind_an_own_label_stands_the_next_one),
	    cmocka_unit_test(what_stands_below_the_last_label_is_not_taken_for_a_label),
	    cmocka_unit_test(an_own_label_that_a_copy_popped_is_pushed_again),
	    cmocka_unit_test(what_was_set_in_a_popped_label_is_not_in_the_next_one),
	    cmocka_unit_test(a_packet_goes_out_without_its_last_label_at_once),
	    cmocka_unit_test(what_asks_for_headers_behind_the_last_label_goes_round),
	    cmocka_unit_test(a_write_below_the_last_label_goes_round),
	    cmocka_unit_test(the_second_translation_knows_all_that_the_first_knew),
	    cmocka_unit_test(what_follows_in_outer_tables_follows_in_the_second_translation),
	    cmocka_unit_test(a_copy_goes_round_by_itself),
	    cmocka_unit_test(a_copy_does_not_pop_a_label_that_is_not_known),
	    cmocka_unit_test(a_packet_goes_round_as_often_as_it_must),
	    cmocka_unit_test(equal_states_share_a_number),
	    cmocka_unit_test(a_number_that_nobody_knows_drops),
	    cmocka_unit_test(more_than_four_pushed_labels_drop),
	    cmocka_unit_test(a_packet_without_labels_is_not_popped),
	};
	return cmocka_run_group_tests_name("xlate_mpls", tests, NULL, NULL);
}
