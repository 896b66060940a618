#include "tests/unit/ctl/random_flow.h"
#include "tests/unit/ctl/translate_bench.h"

#include "ctl/dp_key.h"
#include "ctl/dp_proto.h"

#include <errno.h>

#define EXPECT(line, key, actions)                                      \
	do {                                                            \
		struct flow_key key_ = key;                             \
		assert_string_equal(bench_do(b, line, &key_), actions); \
	} while (0)

static void each_action_becomes_its_datapath_actions(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT("actions=drop", tcp_key(1, 2), "drop");
	EXPECT("actions=output:2", tcp_key(1, 2), "2");
	EXPECT("actions=2,3,4", tcp_key(1, 2), "2 3 4");
	EXPECT("actions=flood", tcp_key(3, 2), "1 2 4 5 6");
	EXPECT("actions=in_port", tcp_key(3, 2), "3");
	EXPECT("actions=mod_vlan_vid:10,2", tcp_key(1, 2), "push(8100,a) 2");
	EXPECT("actions=mod_vlan_vid:10,2", tagged_key(1, 2, 0x6014), "pop push(8100,600a) 2");
	EXPECT("actions=strip_vlan,2", tagged_key(1, 2, 20), "pop 2");
	EXPECT("actions=strip_vlan,2", tcp_key(1, 2), "2");
	EXPECT("actions=push_vlan:0x88a8,2", tagged_key(1, 2, 20), "push(88a8,0) 2");
	EXPECT("actions=push_vlan:0x88a8,mod_vlan_vid:7,2", tcp_key(1, 2), "push(88a8,7) 2");
	EXPECT("actions=mod_dl_src:00:00:00:00:00:07,2", tcp_key(1, 2),
	       "eth(src=00:00:00:00:00:07) 2");
	EXPECT("actions=mod_dl_dst:00:00:00:00:00:07,2", tcp_key(1, 2),
	       "eth(dst=00:00:00:00:00:07) 2");
	EXPECT("ip,actions=mod_nw_src:1.2.3.4,2", tcp_key(1, 2), "ip(1.2.3.4-) 2");
	EXPECT("ip,actions=mod_nw_dst:1.2.3.4,2", tcp_key(1, 2), "ip(-1.2.3.4) 2");
	EXPECT("tcp,actions=mod_tp_src:7,2", tcp_key(1, 2), "tp6(7,-1) 2");
	EXPECT("tcp,actions=mod_tp_dst:8,2", tcp_key(1, 2), "tp6(-1,8) 2");
	bench_destroy(b);
}

static void changes_apply_to_the_outputs_behind_them_only(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT("tcp,actions=2,mod_tp_dst:8,3,mod_nw_src:1.2.3.4,mod_tp_src:9,4,mod_dl_dst:00:00:00:"
	       "00:00:07",
	       tcp_key(1, 2), "2 tp6(-1,8) 3 ip(1.2.3.4-) tp6(9,-1) 4");
	EXPECT("actions=2,mod_vlan_vid:10,3,mod_vlan_vid:20,4,strip_vlan,5", tcp_key(1, 2),
	       "2 push(8100,a) 3 pop push(8100,14) 4 pop 5");
	EXPECT("actions=mod_vlan_vid:10,strip_vlan,2", tcp_key(1, 2), "2");
	EXPECT("actions=mod_dl_src:00:00:00:00:00:07,mod_dl_src:00:00:00:00:00:08,2,3",
	       tcp_key(1, 2), "eth(src=00:00:00:00:00:08) 2 3");
	EXPECT("actions=strip_vlan,push_vlan:0x8100,2", tagged_key(1, 2, 5), "pop push(8100,0) 2");
	EXPECT("actions=push_vlan:0x8100,push_vlan:0x88a8,2,strip_vlan,3", tcp_key(1, 2),
	       "push(8100,0) push(88a8,0) 2 pop 3");
	bench_destroy(b);
}

static void both_own_tags_can_be_taken_off(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tagged_key(1, 2, 100);
	key.vlan[1] = (struct vlan_tag){htons(0x8100), htons(VLAN_CFI | 7)};
	EXPECT("actions=strip_vlan,2,strip_vlan,3,strip_vlan,4", key, "pop 2 pop 3 4");
	EXPECT("actions=strip_vlan,mod_vlan_vid:9,3", key, "pop pop push(8100,9) 3");
	bench_destroy(b);
}

static void a_packet_goes_back_where_it_came_from_only_by_in_port(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT("actions=output:1,output:2", tcp_key(1, 2), "2");
	EXPECT("actions=in_port,output:2", tcp_key(1, 2), "1 2");
	EXPECT("actions=output:1", tcp_key(1, 2), "drop");
	bench_destroy(b);
}

static void a_port_that_is_gone_is_skipped(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	b->ctx.n_ports = 3;
	EXPECT("actions=output:5,output:2", tcp_key(1, 2), "2");
	EXPECT("actions=flood", tcp_key(1, 2), "2 3");
	b->ctx.n_ports = 0;
	EXPECT("actions=output:2,in_port,NORMAL,flood", tcp_key(1, 2), "drop");
	bench_destroy(b);
}

static void no_rule_drops(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2);
	assert_string_equal(bench_run(b, &key), "drop");
	assert_null(b->result.rule);
	bench_add(b, "in_port=2,actions=3");
	assert_string_equal(bench_run(b, &key), "drop");
	assert_int_equal(b->result.match.mask.in_port, UINT32_MAX);
	bench_destroy(b);
}

static void the_highest_priority_decides(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2);
	bench_add(b, "priority=0,actions=NORMAL");
	bench_add(b, "priority=10,tcp,actions=2");
	bench_add(b, "priority=20,tcp,tp_dst=80,actions=3");
	bench_add(b, "priority=30,tcp,tp_dst=81,actions=4");
	assert_string_equal(bench_run(b, &key), "3");
	assert_ptr_equal(b->result.rule, b->list[2]);
	bench_destroy(b);
}

static void later_fragments_keep_their_payload(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2);
	key.nw_frag = NW_FRAG_ANY | NW_FRAG_LATER;
	key.tp_src_be = key.tp_dst_be = 0;
	EXPECT("tcp,actions=mod_tp_dst:8,mod_nw_dst:1.2.3.4,2", key, "ip(-1.2.3.4) 2");
	bench_destroy(b);
}

static void what_does_not_fit_drops_and_says_so(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2);
	char line[1200];
	int used = snprintf(line, sizeof(line), "actions=2");
	for (unsigned i = 0; i < 63; i++)
		used += snprintf(line + used, sizeof(line) - (size_t)used, ",all");
	bench_add(b, line);
	assert_int_equal(translate(&b->ctx, &key, &b->result), -E2BIG);
	assert_int_equal(b->result.n_actions, 0);
	bench_clear(b);
	bench_add(b, "actions=push_vlan:0x8100,push_vlan:0x8100,push_vlan:0x8100,push_vlan:0x8100,"
		     "push_vlan:0x8100,2");
	assert_int_equal(translate(&b->ctx, &key, &b->result), -E2BIG);
	bench_destroy(b);
}

// Only what was looked at.
static void the_mask_is_as_wide_as_the_walk_allows(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(1, 2), want = {0}, zero = {0};
	want.in_port = want.recirc_id = UINT32_MAX;
	want.eth_type_be = UINT16_MAX;
	want.nw_frag = NW_FRAG_ANY | NW_FRAG_LATER;
	bench_do(b, "in_port=1,actions=mod_dl_src:00:00:00:00:00:01,2", &key);
	assert_memory_equal(&b->result.match.mask, &want, sizeof(want));
	// Not IP: no fragments.
	key.eth_type_be = htons(0x88cc);
	key_settle(&key);
	bench_run(b, &key);
	assert_int_equal(b->result.match.mask.nw_frag, 0);
	// Tags are not looked at by output alone, their presence is by a strip, the rest by a
	// change of the VLAN.
	key = tagged_key(1, 2, 0x2005);
	bench_do(b, "in_port=1,actions=2", &key);
	assert_memory_equal(b->result.match.mask.vlan, zero.vlan, sizeof(zero.vlan));
	bench_do(b, "in_port=1,actions=strip_vlan,2", &key);
	assert_int_equal(b->result.match.mask.vlan[0].tci_be, htons(VLAN_CFI));
	bench_do(b, "in_port=1,actions=mod_vlan_vid:7,2", &key);
	assert_int_equal(b->result.match.mask.vlan[0].tci_be, htons(0xf000));
	// Other protocols' fields that a table asks for do not narrow it.
	key = tcp_key(1, 2);
	bench_do(b, "priority=5,actions=2", &key);
	bench_add(b, "ipv6,ipv6_src=fd00::1,actions=3");
	bench_add(b, "arp,arp_sha=00:00:00:00:00:01,actions=3");
	bench_run(b, &key);
	assert_memory_equal(&b->result.match.mask, &want, sizeof(want));
	bench_destroy(b);
}

// Rules that a packet's protocol or port rules out at once do not narrow its megaflow.
static void the_mask_holds_only_what_decided(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = tcp_key(2, 3), want;
	bench_add(b, "priority=0,actions=3");
	bench_run(b, &key);
	want = b->result.match.mask;
	bench_add(b, "priority=60,in_port=1,tcp,tp_src=5001,actions=drop");
	bench_run(b, &key);
	assert_memory_equal(&b->result.match.mask, &want, sizeof(want));
	bench_add(b, "priority=50,tcp,tp_dst=23,actions=drop");
	want.nw_proto = UINT8_MAX;
	static const uint8_t others[] = {IPPROTO_ICMP, IPPROTO_UDP, IPPROTO_SCTP};
	for (unsigned i = 0; i < sizeof(others); i++) {
		key.nw_proto = others[i];
		key_settle(&key);
		bench_run(b, &key);
		assert_memory_equal(&b->result.match.mask, &want, sizeof(want));
	}
	key = tcp_key(2, 3);
	want.tp_dst_be = UINT16_MAX;
	bench_run(b, &key);
	assert_memory_equal(&b->result.match.mask, &want, sizeof(want));
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

static void random_rules(struct bench *b)
{
	b->ctx.learn = false;
	random_ports(b);
	for (unsigned i = 1 + random_below(20); i > 0; i--) {
		char line[2048];
		struct of_error error;
		random_flow_line(line, sizeof(line));
		bench_try_add(b, line, &error);
	}
}

static unsigned check_megaflow(struct bench *b, const struct flow_key *key)
{
	char actions[sizeof(b->text)];
	snprintf(actions, sizeof(actions), "%s", bench_run(b, key));
	const struct rule *rule = b->result.rule;
	struct flow_match megaflow = b->result.match;
	masked_key_and_bits_agree(b, key);
	unsigned n_inside = 0;
	for (unsigned i = 0; i < 30; i++) {
		struct flow_key other = *key;
		random_change(&other);
		if (!flow_key_equal_masked(&other, &megaflow.key, &megaflow.mask))
			continue;
		n_inside += !flow_key_equal(&other, key);
		if (strcmp(bench_run(b, &other), actions) != 0 || b->result.rule != rule)
			fail_msg("\"%s\" but for another packet of the megaflow \"%s\"", actions,
				 b->text);
	}
	return n_inside;
}

static void every_packet_of_a_megaflow_gets_its_actions(void **state)
{
	(void)state;
	unsigned n_inside = 0;
	for (unsigned round = 0; round < 400; round++) {
		struct bench *b = bench_create();
		random_rules(b);
		for (unsigned i = 0; i < 50; i++) {
			struct flow_key key;
			random_key(&key);
			n_inside += check_megaflow(b, &key);
		}
		bench_destroy(b);
	}
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
