// Groups, multipath and bundle: which of several ways a packet takes.
#include "tests/unit/ctl/translate_bench.h"

#include "ctl/swctld/xlate.h"

#include <time.h>

#define FLOWS 20000

// Flow i of many.
static struct flow_key flow_key_of(unsigned i)
{
	struct flow_key key = tcp_key(1, 2);
	key.ip_src_be = htonl(0x0a000000 + i / 100);
	key.tp_src_be = htons((uint16_t)(1024 + i % 100));
	return key;
}

// How many of the flows come out of each port.
static void count_ports(struct bench *b, unsigned n_flows, unsigned counts[BENCH_PORTS + 1])
{
	memset(counts, 0, (BENCH_PORTS + 1) * sizeof(counts[0]));
	for (unsigned i = 0; i < n_flows; i++) {
		struct flow_key key = flow_key_of(i);
		assert_int_equal(bench_end(b, &key), XLATE_OK);
		assert_true(b->result.n_actions <= 1);
		counts[b->result.n_actions ? b->result.actions[0].u.port : 0]++;
	}
}

static void expect_share(unsigned n, unsigned of, double share)
{
	double got = (double)n / of;
	if (got < share - 0.02 || got > share + 0.02)
		fail_msg("a share of %.3f, not %.3f", got, share);
}

static void a_group_that_is_not_there_does_nothing(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=2,group:9,3", tcp_key(1, 2), "2,3");
	assert_true(b->result.on.groups);
	bench_destroy(b);
}

static void all_runs_each_bucket_on_a_copy(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_group(b, "group_id=1,type=all,bucket=mod_vlan_vid:7,output:2,bucket=output:3,"
		       "bucket=output:1,bucket=in_port");
	EXPECT(b, "actions=group:1,4", tcp_key(1, 2), "push_vlan(vid=7,pcp=0),2,pop_vlan,3,1,4");
	bench_destroy(b);
}

static void indirect_runs_its_bucket(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_group(b, "group_id=1,type=indirect,bucket=output:3");
	EXPECT(b, "actions=group:1", tcp_key(1, 2), "3");
	EXPECT_MEGAFLOW(b, "in_port(1),eth_type(0x0800),ipv4(frag=no)");
	bench_destroy(b);
}

// OpenFlow 1.3.5, 5.6 and 5.10.
static void a_bucket_is_an_action_set(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_group(b, "group_id=1,type=indirect,bucket=output:3,mod_dl_src:00:00:00:00:00:07,"
		       "push_vlan:0x8100");
	EXPECT(b, "actions=group:1", tcp_key(1, 2),
	       "push_vlan(vid=0,pcp=0),set(eth(src=00:00:00:00:00:07)),3");
	bench_group(b, "group_id=1,type=indirect,bucket=mod_dl_src:00:00:00:00:00:07");
	EXPECT(b, "actions=group:1,2", tcp_key(1, 2), "2");
	bench_destroy(b);
}

static void a_bucket_may_go_on_in_a_table(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_group(b, "group_id=1,type=all,bucket=load:1->NXM_NX_REG0[],resubmit(,1),"
		       "bucket=load:2->NXM_NX_REG0[],resubmit(,1)");
	EXPECT(b,
	       "actions=group:1\n"
	       "table=1,reg0=1,actions=exit\n"
	       "table=1,reg0=2,actions=3,exit",
	       tcp_key(1, 2), "3");
	bench_destroy(b);
}

static void select_divides_flows_by_weight(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	unsigned counts[BENCH_PORTS + 1];
	bench_group(b, "group_id=1,type=select,bucket=weight:1,output:2,bucket=weight:2,output:3,"
		       "bucket=weight:0,output:4,bucket=weight:5,output:5");
	bench_rules(b, "actions=group:1");
	count_ports(b, FLOWS, counts);
	expect_share(counts[2], FLOWS, 1.0 / 8);
	expect_share(counts[3], FLOWS, 2.0 / 8);
	expect_share(counts[5], FLOWS, 5.0 / 8);
	assert_int_equal(counts[0] + counts[4], 0);
	bench_destroy(b);
}

// Addresses and ports are not known before: all flows would have the same hash.
static void select_behind_the_last_label_is_chosen_when_the_packet_has_come_round(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key labelled = mpls_key(1, 2, 16, 0);
	bool seen[BENCH_PORTS + 1] = {false};
	labelled.mpls_lse_be[0] = lse_be(16, 0, true, 64);
	bench_group(b, "group_id=1,type=select,bucket=output:3,bucket=output:4");
	bench_rules(b, "mpls,actions=pop_mpls:0x0800,group:1");
	for (unsigned i = 0; i < 64; i++) {
		struct flow_key inner = flow_key_of(i);
		bench_run(b, &labelled);
		assert_int_equal(b->result.n_frozen, 1);
		inner.in_port = 1;
		inner = bench_round(b, &inner);
		bench_run(b, &inner);
		assert_int_equal(b->result.n_actions, 1);
		seen[b->result.actions[0].u.port] = true;
	}
	assert_true(seen[3] && seen[4]);
	bench_destroy(b);
}

static void select_keeps_a_flow_and_its_answers_on_one_way(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_group(b, "group_id=1,type=select,bucket=output:3,bucket=output:4,bucket=output:5");
	bench_rules(b, "actions=group:1");
	for (unsigned i = 0; i < 500; i++) {
		struct flow_key key = flow_key_of(i), back = key;
		bench_run(b, &key);
		uint32_t port = b->result.actions[0].u.port;
		back.in_port = 2;
		back.eth_src = key.eth_dst;
		back.eth_dst = key.eth_src;
		back.ip_src_be = key.ip_dst_be;
		back.ip_dst_be = key.ip_src_be;
		back.tp_src_be = key.tp_dst_be;
		back.tp_dst_be = key.tp_src_be;
		key.nw_ttl--; // not hashed
		bench_run(b, &key);
		assert_int_equal(b->result.actions[0].u.port, port);
		bench_run(b, &back);
		assert_int_equal(b->result.actions[0].u.port, port);
	}
	bench_destroy(b);
}

// A bucket that goes gives its flows to the others, which keep their own.
static void select_moves_only_the_flows_of_a_bucket_that_went(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	static uint32_t before[2000];
	bench_group(b, "group_id=1,type=select,bucket=bucket_id:0,watch_port:3,output:3,"
		       "bucket=bucket_id:1,watch_port:4,output:4,"
		       "bucket=bucket_id:2,watch_port:5,output:5");
	bench_rules(b, "actions=group:1");
	for (unsigned pass = 0; pass < 2; pass++) {
		unsigned n_moved = 0;
		for (unsigned i = 0; i < 2000; i++) {
			struct flow_key key = flow_key_of(i);
			bench_run(b, &key);
			uint32_t port = b->result.actions[0].u.port;
			if (pass == 0) {
				before[i] = port;
				continue;
			}
			assert_true(port != 4 && (before[i] == 4 || before[i] == port));
			n_moved += before[i] == 4;
		}
		if (pass == 1)
			expect_share(n_moved, 2000, 1.0 / 3);
		b->ports[3].up = false;
	}
	bench_destroy(b);
}

static void select_hashes_the_fields_that_it_names(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_group(b, "group_id=1,type=select,selection_method=hash,"
		       "fields(ip_dst=255.255.255.0,tcp_dst),bucket=output:3,bucket=output:4");
	struct flow_key key = tcp_key(1, 2), same = tcp_key(3, 9);
	bench_rules(b, "tcp,actions=group:1");
	bench_run(b, &key);
	uint32_t port = b->result.actions[0].u.port;
	EXPECT_MEGAFLOW(b, "in_port(1),eth_type(0x0800),ipv4(dst=10.0.0.0/24,proto=6,frag=no),"
			   "tcp(dst=80)");
	bench_run(b, &same);
	assert_int_equal(b->result.actions[0].u.port, port);
	// What a packet does not have does not count.
	struct flow_key arp = arp_key(1, 2), other = arp_key(1, 9);
	bench_rules(b, "actions=group:1");
	bench_run(b, &arp);
	port = b->result.actions[0].u.port;
	bench_run(b, &other);
	assert_int_equal(b->result.actions[0].u.port, port);
	bench_destroy(b);
}

static void without_a_live_bucket_select_and_fast_failover_drop(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	b->ports[2].up = b->ports[3].up = false;
	bench_group(b, "group_id=1,type=select,bucket=watch_port:3,output:3");
	bench_group(b, "group_id=2,type=ff,bucket=watch_port:3,output:3,"
		       "bucket=watch_port:4,output:4");
	bench_group(b, "group_id=3,type=select,bucket=weight:0,output:3");
	EXPECT(b, "actions=group:1,group:2,group:3,2", tcp_key(1, 2), "2");
	assert_true(b->result.on.groups);
	bench_destroy(b);
}

static void fast_failover_takes_the_first_live_bucket(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_group(b, "group_id=1,type=ff,bucket=watch_port:3,output:3,"
		       "bucket=watch_port:4,output:4");
	EXPECT(b, "actions=group:1", tcp_key(1, 2), "3");
	b->ports[2].up = false;
	EXPECT_RUN(b, tcp_key(1, 2), "4");
	b->ports[2].up = true;
	EXPECT_RUN(b, tcp_key(1, 2), "3");
	b->ctx.n_ports = 2; // 3 and 4 are gone
	EXPECT_RUN(b, tcp_key(1, 2), "drop");
	bench_destroy(b);
}

static void a_watched_group_is_live_while_one_of_its_buckets_is(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_group(b, "group_id=1,type=ff,bucket=watch_group:2,group:2,"
		       "bucket=watch_port:6,output:6");
	bench_group(b, "group_id=2,type=ff,bucket=watch_port:3,output:3,"
		       "bucket=watch_port:4,output:4");
	EXPECT(b, "actions=group:1", tcp_key(1, 2), "3");
	b->ports[2].up = false;
	EXPECT_RUN(b, tcp_key(1, 2), "4");
	b->ports[3].up = false;
	EXPECT_RUN(b, tcp_key(1, 2), "6");
	bench_destroy(b);
}

static void groups_in_groups_end(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_group(b, "group_id=1,type=all,bucket=group:2,bucket=output:2");
	bench_group(b, "group_id=2,type=all,bucket=output:3,bucket=group:3");
	bench_group(b, "group_id=3,type=indirect,bucket=output:4");
	EXPECT(b, "actions=group:1", tcp_key(1, 2), "3,4,2");
	// Not to be had through commands, which look for loops.
	bench_group(b, "group_id=3,type=indirect,bucket=group:1");
	EXPECT_END(b, "actions=group:1", tcp_key(1, 2), XLATE_TOO_DEEP);
	bench_group(b, "group_id=4,type=ff,bucket=watch_group:4,output:2");
	EXPECT(b, "actions=group:4", tcp_key(1, 2), "drop");
	bench_destroy(b);
}

// Sixteen groups, each with many buckets that watch the next one: more ways than can be walked.
static void watching_ends_however_many_ways_there_are(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	char line[8192];
	b->ports[2].up = false;
	for (unsigned id = 1; id <= 16; id++) {
		int used = snprintf(line, sizeof(line), "group_id=%u,type=ff", id);
		for (unsigned i = 0; i < 200; i++)
			used += snprintf(line + used, sizeof(line) - (size_t)used,
					 ",bucket=watch_group:%u,output:2", id + 1);
		bench_group(b, line);
	}
	bench_group(b, "group_id=17,type=ff,bucket=watch_port:3,output:2");
	clock_t started = clock();
	EXPECT(b, "actions=group:1", tcp_key(1, 2), "drop");
	assert_true(clock() - started < CLOCKS_PER_SEC);
	bench_destroy(b);
}

// A way must not change when swctld is started anew, or is another version.
static void hashes_are_the_same_in_every_process(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	assert_int_equal(xlate_hash_u32(1, 2), 0x92aeed5d);
	bench_group(b, "group_id=1,type=select,bucket=output:3,bucket=output:4,bucket=output:5,"
		       "bucket=output:6");
	bench_rules(b, "actions=group:1");
	char ways[17] = "";
	for (unsigned i = 0; i < 16; i++) {
		struct flow_key key = flow_key_of(i);
		strcat(ways, bench_run(b, &key));
	}
	assert_string_equal(ways, "5354633333553344");
	bench_destroy(b);
}

static void multipath_gives_each_link_its_share(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	static const char *const algorithms[] = {"modulo_n", "hash_threshold", "hrw", "iter_hash"};
	for (unsigned a = 0; a < 4; a++) {
		char line[256];
		unsigned counts[BENCH_PORTS + 1];
		snprintf(line, sizeof(line),
			 "actions=multipath(symmetric_l4,7,%s,5,0,NXM_NX_REG0[0..7]),resubmit(,1)",
			 algorithms[a]);
		bench_rules(b, line);
		bench_add(b, "table=1,reg0=0,actions=2");
		bench_add(b, "table=1,reg0=1,actions=3");
		bench_add(b, "table=1,reg0=2,actions=4");
		bench_add(b, "table=1,reg0=3,actions=5");
		bench_add(b, "table=1,reg0=4,actions=6");
		count_ports(b, FLOWS, counts);
		assert_int_equal(counts[0], 0);
		for (unsigned port = 2; port <= 6; port++)
			expect_share(counts[port], FLOWS, 1.0 / 5);
	}
	bench_destroy(b);
}

static uint32_t link_of(struct bench *b, const struct flow_key *key,
			const struct of_act_multipath *mp)
{
	struct xlate x = {.ctx = &b->ctx,
			  .orig = key,
			  .mask = &b->result.match.mask,
			  .result = &b->result};
	x.now.key.pkt = *key;
	xlate_multipath(&x, mp);
	return ntohl(x.now.key.reg_be[0]);
}

static void multipath_stays_in_range_whatever_its_links(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	static const unsigned n_links[] = {1, 2, 3, 63, 64, 65, 1000, 65536};
	for (unsigned i = 0; i < 4 * 8 * 50; i++) {
		struct of_act_multipath mp = {
		    .fields = OF_HASH_SYMMETRIC_L4,
		    .algorithm = (uint8_t)(i % 4),
		    .n_links = n_links[i / 4 % 8],
		    .arg = i % 3 * 1000,
		    .dst = {OF_F_REG0, 0, 32},
		};
		struct flow_key key = flow_key_of(i);
		assert_true(link_of(b, &key, &mp) < mp.n_links);
	}
	bench_destroy(b);
}

static void a_hash_asks_for_its_fields_alone(void **state)
{
	(void)state;
	static const struct {
		const char *fields, *megaflow;
	} cases[] = {
	    {"eth_src", "in_port(1),eth(src=52:54:00:00:00:01),eth_type(0x0800),ipv4(frag=no)"},
	    {"symmetric_l4",
	     "in_port(1),eth(src=52:54:00:00:00:01,dst=52:54:00:00:00:02),vlan(none),"
	     "eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=6,frag=no),"
	     "tcp(src=1000,dst=80)"},
	    {"symmetric_l3l4", "in_port(1),eth_type(0x0800),"
			       "ipv4(src=10.0.0.1,dst=10.0.0.2,proto=6,frag=no),"
			       "tcp(src=1000,dst=80)"},
	    {"symmetric_l3", "in_port(1),eth_type(0x0800),"
			     "ipv4(src=10.0.0.1,dst=10.0.0.2,frag=no)"},
	    {"nw_src", "in_port(1),eth_type(0x0800),ipv4(src=10.0.0.1,frag=no)"},
	    {"nw_dst", "in_port(1),eth_type(0x0800),ipv4(dst=10.0.0.2,frag=no)"},
	};
	struct bench *b = bench_create();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[256];
		snprintf(line, sizeof(line), "actions=multipath(%s,0,modulo_n,1,0,NXM_NX_REG0[]),2",
			 cases[i].fields);
		EXPECT(b, line, tcp_key(1, 2), "2");
		EXPECT_MEGAFLOW(b, cases[i].megaflow);
	}
	bench_destroy(b);
}

static void a_bundle_takes_the_first_member_that_is_up(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_rules(b, "actions=bundle(eth_src,0,active_backup,ofport,members:3,4,5)");
	EXPECT_RUN(b, tcp_key(1, 2), "3");
	assert_true(b->result.on.groups); // port states
	b->ports[2].up = false;
	EXPECT_RUN(b, tcp_key(1, 2), "4");
	b->ports[3].up = b->ports[4].up = false;
	EXPECT_RUN(b, tcp_key(1, 2), "drop");
	// Not back where it came from.
	EXPECT(b, "actions=bundle(eth_src,0,active_backup,ofport,members:1)", tcp_key(1, 2),
	       "drop");
	bench_destroy(b);
}

static void a_hashed_bundle_divides_flows_among_members_that_are_up(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	unsigned counts[BENCH_PORTS + 1];
	bench_rules(b, "actions=bundle(symmetric_l4,0,hrw,ofport,members:3,4,5,6)");
	b->ports[4].up = false;
	count_ports(b, FLOWS, counts);
	expect_share(counts[3], FLOWS, 1.0 / 3);
	expect_share(counts[4], FLOWS, 1.0 / 3);
	expect_share(counts[6], FLOWS, 1.0 / 3);
	assert_int_equal(counts[0] + counts[5], 0);
	bench_destroy(b);
}

static void bundle_load_gives_the_member_or_none(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	bench_rules(b, "actions=bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG0[0..15],"
		       "members:3),resubmit(,1)");
	bench_add(b, "table=1,reg0=3,actions=2");
	bench_add(b, "table=1,reg0=0xffff,actions=4");
	EXPECT_RUN(b, tcp_key(1, 2), "2");
	b->ports[2].up = false;
	EXPECT_RUN(b, tcp_key(1, 2), "4");
	bench_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_group_that_is_not_there_does_nothing),
	    cmocka_unit_test(all_runs_each_bucket_on_a_copy),
	    cmocka_unit_test(indirect_runs_its_bucket),
	    cmocka_unit_test(a_bucket_is_an_action_set),
	    cmocka_unit_test(a_bucket_may_go_on_in_a_table),
	    cmocka_unit_test(select_divides_flows_by_weight),
	    cmocka_unit_test(select_behind_the_last_label_is_chosen_when_the_packet_has_come_round),
	    cmocka_unit_test(select_keeps_a_flow_and_its_answers_on_one_way),
	    cmocka_unit_test(select_moves_only_the_flows_of_a_bucket_that_went),
	    cmocka_unit_test(select_hashes_the_fields_that_it_names),
	    cmocka_unit_test(without_a_live_bucket_select_and_fast_failover_drop),
	    cmocka_unit_test(fast_failover_takes_the_first_live_bucket),
	    cmocka_unit_test(a_watched_group_is_live_while_one_of_its_buckets_is),
	    cmocka_unit_test(groups_in_groups_end),
	    cmocka_unit_test(watching_ends_however_many_ways_there_are),
	    cmocka_unit_test(hashes_are_the_same_in_every_process),
	    cmocka_unit_test(multipath_gives_each_link_its_share),
	    cmocka_unit_test(multipath_stays_in_range_whatever_its_links),
	    cmocka_unit_test(a_hash_asks_for_its_fields_alone),
	    cmocka_unit_test(a_bundle_takes_the_first_member_that_is_up),
	    cmocka_unit_test(a_hashed_bundle_divides_flows_among_members_that_are_up),
	    cmocka_unit_test(bundle_load_gives_the_member_or_none),
	};
	return cmocka_run_group_tests_name("xlate_group", tests, NULL, NULL);
}
