#include "tests/unit/ctl/random_flow.h"
#include "tests/unit/ctl/translate_bench.h"

#include "ctl/dp_key.h"
#include "ctl/dp_proto.h"

static void each_action_becomes_its_datapath_actions(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=drop", tcp_key(1, 2), "drop");
	EXPECT(b, "actions=output:2", tcp_key(1, 2), "2");
	EXPECT(b, "actions=2,3,4", tcp_key(1, 2), "2,3,4");
	EXPECT(b, "actions=flood", tcp_key(3, 2), "1,2,4,5,6");
	EXPECT(b, "actions=in_port", tcp_key(3, 2), "3");
	EXPECT(b, "actions=output(port=2,max_len=100),3", tcp_key(1, 2), "trunc(100),2,3");
	EXPECT(b, "actions=mod_vlan_vid:10,2", tcp_key(1, 2), "push_vlan(vid=10,pcp=0),2");
	EXPECT(b, "actions=mod_vlan_vid:10,2", tagged_key(1, 2, 0x6014),
	       "pop_vlan,push_vlan(vid=10,pcp=3),2");
	EXPECT(b, "actions=mod_vlan_pcp:5,2", tagged_key(1, 2, 0x6014),
	       "pop_vlan,push_vlan(vid=20,pcp=5),2");
	EXPECT(b, "actions=strip_vlan,2", tagged_key(1, 2, 20), "pop_vlan,2");
	EXPECT(b, "actions=strip_vlan,2", tcp_key(1, 2), "2");
	EXPECT(b, "actions=push_vlan:0x88a8,mod_vlan_vid:7,2", tcp_key(1, 2),
	       "push_vlan(tpid=0x88a8,vid=7,pcp=0),2");
	EXPECT(b, "actions=mod_dl_src:00:00:00:00:00:07,2", tcp_key(1, 2),
	       "set(eth(src=00:00:00:00:00:07)),2");
	EXPECT(b, "actions=mod_dl_dst:00:00:00:00:00:07,2", tcp_key(1, 2),
	       "set(eth(dst=00:00:00:00:00:07)),2");
	EXPECT(b, "ip,actions=mod_nw_src:1.2.3.4,2", tcp_key(1, 2), "set(ipv4(src=1.2.3.4)),2");
	EXPECT(b, "ip,actions=mod_nw_dst:1.2.3.4,2", tcp_key(1, 2), "set(ipv4(dst=1.2.3.4)),2");
	EXPECT(b, "tcp,actions=mod_tp_src:7,2", tcp_key(1, 2), "set(tcp(src=7)),2");
	EXPECT(b, "tcp,actions=mod_tp_dst:8,2", tcp_key(1, 2), "set(tcp(dst=8)),2");
	EXPECT(b, "actions=meter:3,2", tcp_key(1, 2), "meter(3),2");
	EXPECT(b, "actions=note:00.01,2", tcp_key(1, 2), "2");
	bench_destroy(b);
}

// As Open vSwitch does, whose packets then have priority 0 where OpenFlow 1.3.5 copies it.
static void a_pushed_tag_is_empty_whatever_tag_is_there(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=push_vlan:0x8100,2", tcp_key(1, 2), "push_vlan(vid=0,pcp=0),2");
	EXPECT(b, "actions=push_vlan:0x88a8,2", tagged_key(1, 2, 0x6014),
	       "push_vlan(tpid=0x88a8,vid=0,pcp=0),2");
	EXPECT_MEGAFLOW(b, "in_port(1),eth_type(0x0800),ipv4(frag=no)");
	bench_destroy(b);
}

static void changes_apply_to_the_outputs_behind_them_only(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "tcp,actions=2,mod_tp_dst:8,3,mod_nw_src:1.2.3.4,mod_tp_src:9,4,mod_dl_dst:00:00:00:"
	       "00:00:07",
	       tcp_key(1, 2), "2,set(tcp(dst=8)),3,set(ipv4(src=1.2.3.4)),set(tcp(src=9)),4");
	EXPECT(b, "actions=2,mod_vlan_vid:10,3,mod_vlan_vid:20,4,strip_vlan,5", tcp_key(1, 2),
	       "2,push_vlan(vid=10,pcp=0),3,pop_vlan,push_vlan(vid=20,pcp=0),4,pop_vlan,5");
	EXPECT(b, "actions=mod_vlan_vid:10,strip_vlan,2", tcp_key(1, 2), "2");
	EXPECT(b, "actions=mod_dl_src:00:00:00:00:00:07,mod_dl_src:00:00:00:00:00:08,2,3",
	       tcp_key(1, 2), "set(eth(src=00:00:00:00:00:08)),2,3");
	EXPECT(b, "actions=strip_vlan,push_vlan:0x8100,2", tagged_key(1, 2, 5),
	       "pop_vlan,push_vlan(vid=0,pcp=0),2");
	EXPECT(b, "actions=push_vlan:0x8100,push_vlan:0x88a8,2,strip_vlan,3", tcp_key(1, 2),
	       "push_vlan(vid=0,pcp=0),push_vlan(tpid=0x88a8,vid=0,pcp=0),2,pop_vlan,3");
	bench_destroy(b);
}

static void both_own_tags_can_be_taken_off(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tagged_key(1, 2, 100);
	key.vlan[1] = (struct vlan_tag){htons(0x8100), htons(VLAN_CFI | 7)};
	EXPECT(b, "actions=strip_vlan,2,strip_vlan,3,strip_vlan,4", key, "pop_vlan,2,pop_vlan,3,4");
	EXPECT(b, "actions=strip_vlan,mod_vlan_vid:9,3", key,
	       "pop_vlan,pop_vlan,push_vlan(vid=9,pcp=0),3");
	bench_destroy(b);
}

static void a_packet_goes_back_where_it_came_from_only_by_in_port(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=output:1,output:2", tcp_key(1, 2), "2");
	EXPECT(b, "actions=in_port,output:2", tcp_key(1, 2), "1,2");
	EXPECT(b, "actions=output:1", tcp_key(1, 2), "drop");
	bench_destroy(b);
}

static void a_port_that_is_gone_is_skipped(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	b->ctx.n_ports = 3;
	EXPECT(b, "actions=output:5,output:2", tcp_key(1, 2), "2");
	EXPECT(b, "actions=flood", tcp_key(1, 2), "2,3");
	b->ctx.n_ports = 0;
	EXPECT(b, "actions=output:2,in_port,NORMAL,flood", tcp_key(1, 2), "drop");
	bench_destroy(b);
}

static void no_rule_drops(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT_RUN(b, tcp_key(1, 2), "drop");
	assert_int_equal(b->result.n_rules, 0);
	EXPECT(b, "in_port=2,actions=3", tcp_key(1, 2), "drop");
	assert_int_equal(b->result.n_rules, 0);
	assert_int_equal(b->result.match.mask.in_port, UINT32_MAX);
	bench_destroy(b);
}

static void the_highest_priority_decides(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "priority=0,actions=NORMAL\n"
	       "priority=10,tcp,actions=2\n"
	       "priority=20,tcp,tp_dst=80,actions=3\n"
	       "priority=30,tcp,tp_dst=81,actions=4",
	       tcp_key(1, 2), "3");
	assert_int_equal(b->result.n_rules, 1);
	assert_ptr_equal(b->result.rules[0], b->list[2]);
	bench_destroy(b);
}

static void later_fragments_keep_their_payload(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2);
	key.nw_frag = NW_FRAG_ANY | NW_FRAG_LATER;
	key.tp_src_be = key.tp_dst_be = 0;
	EXPECT(b, "tcp,actions=mod_tp_dst:8,mod_nw_dst:1.2.3.4,2", key, "set(ipv4(dst=1.2.3.4)),2");
	bench_destroy(b);
}

static void what_does_not_fit_drops_and_says_so(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	char line[1200];
	int used = snprintf(line, sizeof(line), "actions=2");
	for (unsigned i = 0; i < 63; i++)
		used += snprintf(line + used, sizeof(line) - (size_t)used, ",all");
	EXPECT_END(b, line, tcp_key(1, 2), XLATE_TOO_MANY_ACTIONS);
	EXPECT_END(b,
		   "actions=push_vlan:0x8100,push_vlan:0x8100,resubmit(,1)\n"
		   "table=1,actions=push_vlan:0x8100,push_vlan:0x8100,2,resubmit(,2)\n"
		   "table=2,actions=push_vlan:0x8100,2",
		   tcp_key(1, 2), XLATE_TOO_MANY_ACTIONS);
	bench_destroy(b);
}

// Only what was looked at.
static void the_mask_is_as_wide_as_the_walk_allows(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	static const char wide[] = "in_port(1),eth_type(0x0800),ipv4(frag=no)";
	bench_rules(b, "in_port=1,actions=mod_dl_src:00:00:00:00:00:01,2");
	struct flow_key key = tcp_key(1, 2);
	bench_run(b, &key);
	EXPECT_MEGAFLOW(b, wide);
	// Not IP: no fragments.
	key = eth_key(1, 2, 0x88cc);
	bench_run(b, &key);
	EXPECT_MEGAFLOW(b, "in_port(1),eth_type(0x88cc)");
	// Tags are not looked at by output alone, their presence is by a strip, the rest by a
	// change of the VLAN.
	EXPECT(b, "in_port=1,actions=2", tagged_key(1, 2, 0x2005), "2");
	EXPECT_MEGAFLOW(b, wide);
	EXPECT(b, "in_port=1,actions=strip_vlan,2", tagged_key(1, 2, 0x2005), "pop_vlan,2");
	assert_int_equal(b->result.match.mask.vlan[0].tci_be, htons(VLAN_CFI));
	assert_int_equal(b->result.match.mask.vlan[0].tpid_be, 0);
	EXPECT(b, "in_port=1,actions=mod_vlan_vid:7,2", tagged_key(1, 2, 0x2005),
	       "pop_vlan,push_vlan(vid=7,pcp=1),2");
	assert_int_equal(b->result.match.mask.vlan[0].tci_be, htons(0xf000));
	assert_int_equal(b->result.match.mask.vlan[0].tpid_be, UINT16_MAX);
	// Other protocols' fields that a table asks for do not narrow it.
	EXPECT(b,
	       "priority=5,actions=2\n"
	       "ipv6,ipv6_src=fd00::1,actions=3\n"
	       "arp,arp_sha=00:00:00:00:00:01,actions=3",
	       tcp_key(1, 2), "2");
	EXPECT_MEGAFLOW(b, wide);
	bench_destroy(b);
}

// Rules that a packet's protocol or port rules out at once do not narrow its megaflow.
static void the_mask_holds_only_what_decided(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "priority=0,actions=3", tcp_key(2, 3), "3");
	EXPECT_MEGAFLOW(b, "in_port(2),eth_type(0x0800),ipv4(frag=no)");
	bench_add(b, "priority=60,in_port=1,tcp,tp_src=5001,actions=drop");
	EXPECT_RUN(b, tcp_key(2, 3), "3");
	EXPECT_MEGAFLOW(b, "in_port(2),eth_type(0x0800),ipv4(frag=no)");
	bench_add(b, "priority=50,tcp,tp_dst=23,actions=drop");
	static const uint8_t others[] = {IPPROTO_ICMP, IPPROTO_UDP, IPPROTO_SCTP};
	for (unsigned i = 0; i < sizeof(others); i++) {
		char want[128];
		EXPECT_RUN(b, ip_key(2, 3, others[i]), "3");
		snprintf(want, sizeof(want), "in_port(2),eth_type(0x0800),ipv4(proto=%u,frag=no)",
			 others[i]);
		EXPECT_MEGAFLOW(b, want);
	}
	EXPECT_RUN(b, tcp_key(2, 3), "3");
	// Of the port as many bits as it differs in from 23.
	struct flow_key mask = b->result.match.mask;
	assert_int_equal(mask.nw_proto, UINT8_MAX);
	assert_true(mask.tp_dst_be != 0);
	assert_int_equal(mask.tp_src_be, 0);
	bench_destroy(b);
}

static void masked_key_and_bits_agree(struct bench *b, const struct flow_key *key)
{
	struct flow_key masked;
	flow_key_mask(&masked, key, &b->result.match.mask);
	assert_memory_equal(&masked, &b->result.match.key, sizeof(masked));
}

static void random_ports(struct bench *b)
{
	for (unsigned i = 0; i < 6; i++) {
		struct xlate_port *p = &b->ports[i];
		p->tag = random_one_in(3) ? (uint16_t)(10 * (1 + random_below(2))) : 0;
		p->trunks_set = random_one_in(3);
		memset(p->trunks, 0, sizeof(p->trunks));
		p->trunks[0] = random_one_in(2) ? 1 | 1 << 10 : 1 << 20;
	}
	for (unsigned i = 0; i < 12; i++)
		fdb_learn(b->fdb, random_mac(), (uint16_t)(10 * random_below(3)),
			  1 + random_below(7), 1000);
	b->ctx.n_ports = 4 + random_below(3);
}

// Returns how many were taken.
static unsigned random_rules(struct bench *b)
{
	unsigned n_added = 0;
	b->ctx.learn = false;
	random_ports(b);
	for (unsigned i = 1 + random_below(20); i > 0; i--) {
		char line[2048];
		struct of_error error;
		random_flow_line(line, sizeof(line));
		n_added += bench_try_add(b, line, &error);
	}
	return n_added;
}

static unsigned check_megaflow(struct bench *b, const struct flow_key *key)
{
	char actions[sizeof(b->actions)];
	snprintf(actions, sizeof(actions), "%s", bench_run(b, key));
	const struct rule *rule = b->result.n_rules ? b->result.rules[0] : NULL;
	struct flow_match megaflow = b->result.match;
	masked_key_and_bits_agree(b, key);
	unsigned n_inside = 0;
	for (unsigned i = 0; i < 30; i++) {
		struct flow_key other = *key;
		random_change(&other);
		if (!flow_key_equal_masked(&other, &megaflow.key, &megaflow.mask))
			continue;
		n_inside += !flow_key_equal(&other, key);
		const char *others = bench_run(b, &other);
		if (strcmp(others, actions) != 0 ||
		    (b->result.n_rules ? b->result.rules[0] : NULL) != rule)
			fail_msg("\"%s\" but for another packet of the megaflow \"%s\"", actions,
				 others);
	}
	return n_inside;
}

static void every_packet_of_a_megaflow_gets_its_actions(void **state)
{
	(void)state;
	unsigned n_inside = 0, n_rules = 0;
	for (unsigned round = 0; round < 400; round++) {
		struct bench *b = bench_create();
		n_rules += random_rules(b);
		for (unsigned i = 0; i < 50; i++) {
			struct flow_key key;
			random_key(&key);
			n_inside += check_megaflow(b, &key);
		}
		bench_destroy(b);
	}
	assert_true(n_rules > 3000);
	assert_true(n_inside > 50000);
}

// A rule set that asks for one field each, so that the mask of a miss is made of it alone.
static void a_field_alone_is_in_the_mask(void **state)
{
	(void)state;
	static const char *const matches[] = {
	    "icmp6,icmp_type=135,nd_target=fd00::1",
	    "icmp6,icmp_type=135,nd_sll=52:54:00:00:00:01",
	    "icmp6,icmp_type=136",
	    "tcp,tp_dst=1",
	    "tcp,tcp_flags=+syn",
	    "udp6,tp_src=1",
	    "arp,arp_sha=52:54:00:00:00:01",
	    "arp,arp_op=1",
	    "ip,nw_proto=6",
	    "icmp,icmp_code=1",
	    "vlan_tci=0x2000/0x2000",
	    "dl_vlan=10",
	    "ip,nw_ecn=1",
	    "ipv6,ipv6_label=1",
	};
	for (unsigned m = 0; m < sizeof(matches) / sizeof(matches[0]); m++) {
		struct bench *b = bench_create();
		char line[256];
		snprintf(line, sizeof(line), "%s,actions=2", matches[m]);
		bench_add(b, line);
		for (unsigned i = 0; i < 2000; i++) {
			struct flow_key key;
			random_key(&key);
			check_megaflow(b, &key);
		}
		bench_destroy(b);
	}
}

static void expect_same_behind_wire(const struct flow_match *match)
{
	union {
		char bytes[4096];
		struct nlmsghdr align;
	} buf;
	struct dp_error error = {0};
	struct flow_match back;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf.bytes);
	assert_true(dp_key_put(nlh, sizeof(buf), OVS_FLOW_ATTR_KEY, &match->key, NULL));
	assert_true(dp_key_put(nlh, sizeof(buf), OVS_FLOW_ATTR_MASK, &match->key, &match->mask));
	const struct nlattr *key = mnl_nlmsg_get_payload(nlh), *mask = mnl_attr_next(key);
	if (dp_match_parse(key, mask, &back, &error) != 0)
		fail_msg("swd would refuse it: %s", error.text);
	assert_memory_equal(&back.mask, &match->mask, sizeof(back.mask));
	assert_memory_equal(&back.key, &match->key, sizeof(back.key));
}

static void swd_reads_each_megaflow_as_it_was_meant(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct bench *b = bench_create();
		random_rules(b);
		for (unsigned i = 0; i < 50; i++) {
			struct flow_key key;
			random_key(&key);
			bench_run(b, &key);
			expect_same_behind_wire(&b->result.match);
		}
		bench_destroy(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_action_becomes_its_datapath_actions),
	    cmocka_unit_test(a_pushed_tag_is_empty_whatever_tag_is_there),
	    cmocka_unit_test(changes_apply_to_the_outputs_behind_them_only),
	    cmocka_unit_test(both_own_tags_can_be_taken_off),
	    cmocka_unit_test(a_packet_goes_back_where_it_came_from_only_by_in_port),
	    cmocka_unit_test(a_port_that_is_gone_is_skipped),
	    cmocka_unit_test(no_rule_drops),
	    cmocka_unit_test(the_highest_priority_decides),
	    cmocka_unit_test(later_fragments_keep_their_payload),
	    cmocka_unit_test(what_does_not_fit_drops_and_says_so),
	    cmocka_unit_test(the_mask_is_as_wide_as_the_walk_allows),
	    cmocka_unit_test(the_mask_holds_only_what_decided),
	    cmocka_unit_test(every_packet_of_a_megaflow_gets_its_actions),
	    cmocka_unit_test(a_field_alone_is_in_the_mask),
	    cmocka_unit_test(swd_reads_each_megaflow_as_it_was_meant),
	};
	return cmocka_run_group_tests_name("translate", tests, NULL, NULL);
}
