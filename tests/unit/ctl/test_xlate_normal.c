// NORMAL: ports vm1 to vm6; station n's MAC is 52:54:00:00:00:0n.
#include "tests/unit/ctl/translate_bench.h"

static struct bench *normal_bench(void)
{
	struct bench *b = bench_create();
	bench_add(b, "priority=0,actions=NORMAL");
	return b;
}

static void port_trunks(struct xlate_port *port, uint16_t vlan)
{
	port->trunks_set = true;
	port->trunks[vlan / 64] |= 1ull << vlan % 64;
}

static void an_unknown_station_is_flooded_for_and_a_known_one_is_not(void **state)
{
	(void)state;
	struct bench *b = normal_bench();
	EXPECT_RUN(b, tcp_key(1, 2), "2,3,4,5,6");
	assert_true(b->result.fdb_changed);
	assert_true(b->result.used_normal);
	assert_int_equal(b->result.normal_vlan, 0);
	assert_memory_equal(b->result.normal_mac.b, station(1).b, 6);
	EXPECT_RUN(b, tcp_key(2, 1), "1");
	EXPECT_RUN(b, tcp_key(1, 2), "2");
	assert_false(b->result.fdb_changed);
	bench_destroy(b);
}

static void a_station_that_moves_is_followed(void **state)
{
	(void)state;
	struct bench *b = normal_bench();
	EXPECT_RUN(b, tcp_key(1, 2), "2,3,4,5,6");
	struct flow_key moved = tcp_key(1, 2);
	moved.in_port = 4;
	EXPECT_RUN(b, moved, "1,2,3,5,6");
	assert_true(b->result.fdb_changed);
	EXPECT_RUN(b, tcp_key(2, 1), "4");
	bench_destroy(b);
}

static void nothing_is_learned_when_the_caller_says_so(void **state)
{
	(void)state;
	struct bench *b = normal_bench();
	b->ctx.learn = false;
	EXPECT_RUN(b, tcp_key(1, 2), "2,3,4,5,6");
	assert_false(b->result.fdb_changed);
	assert_int_equal(fdb_lookup(b->fdb, station(1), 0), 0);
	bench_destroy(b);
}

static void a_station_on_the_port_that_the_frame_came_from_gets_nothing_twice(void **state)
{
	(void)state;
	struct bench *b = normal_bench();
	fdb_learn(b->fdb, station(2), 0, 1, 1000);
	EXPECT_RUN(b, tcp_key(1, 2), "drop");
	bench_destroy(b);
}

static void broadcast_and_multicast_are_flooded_but_bridges_own_are_dropped(void **state)
{
	(void)state;
	struct bench *b = normal_bench();
	struct flow_key key = tcp_key(1, 2);
	memset(&key.eth_dst, 0xff, 6);
	EXPECT_RUN(b, key, "2,3,4,5,6");
	key.eth_dst = (struct eth_addr){{0x33, 0x33, 0, 0, 0, 1}};
	EXPECT_RUN(b, key, "2,3,4,5,6");
	key.eth_dst = (struct eth_addr){{0x01, 0x80, 0xc2, 0, 0, 0x10}};
	EXPECT_RUN(b, key, "2,3,4,5,6");
	key.in_port = 2; // must not move station 1
	for (uint8_t i = 0; i < 16; i++) {
		key.eth_dst = (struct eth_addr){{0x01, 0x80, 0xc2, 0, 0, i}};
		EXPECT_RUN(b, key, "drop");
		assert_false(b->result.used_normal);
	}
	assert_int_equal(fdb_lookup(b->fdb, station(1), 0), 1);
	bench_destroy(b);
}

static void a_port_that_is_gone_is_flooded_for(void **state)
{
	(void)state;
	struct bench *b = normal_bench();
	fdb_learn(b->fdb, station(2), 0, 6, 1000);
	b->ctx.n_ports = 3;
	EXPECT_RUN(b, tcp_key(1, 2), "2,3");
	struct flow_key key = tcp_key(5, 2);
	EXPECT_RUN(b, key, "drop");
	assert_int_equal(fdb_lookup(b->fdb, station(5), 0), 0);
	bench_destroy(b);
}

static void access_ports_are_in_one_vlan_untagged(void **state)
{
	(void)state;
	struct bench *b = normal_bench();
	b->ports[0].tag = b->ports[1].tag = 10;
	b->ports[2].tag = 20;
	// 4, 5 and 6 are trunks of all VLANs.
	EXPECT_RUN(b, tcp_key(1, 9), "2,push_vlan(vid=10,pcp=0),4,5,6");
	assert_int_equal(b->result.normal_vlan, 10);
	assert_int_equal(fdb_lookup(b->fdb, station(1), 10), 1);
	EXPECT_RUN(b, tcp_key(3, 9), "push_vlan(vid=20,pcp=0),4,5,6");
	// A tagged frame has no business on an access port, be it the port's own VLAN.
	EXPECT_RUN(b, tagged_key(1, 9, 20), "drop");
	EXPECT_RUN(b, tagged_key(1, 9, 10), "drop");
	assert_false(b->result.used_normal);
	// Station 1 is known in VLAN 10, not elsewhere.
	EXPECT_RUN(b, tagged_key(4, 1, 10), "pop_vlan,1");
	EXPECT_RUN(b, tagged_key(4, 1, 20), "5,6,pop_vlan,3");
	bench_destroy(b);
}

static void trunks_carry_their_vlans_tagged(void **state)
{
	(void)state;
	struct bench *b = normal_bench();
	b->ports[0].tag = 10;
	b->ports[1].tag = 20;
	port_trunks(&b->ports[2], 10);
	port_trunks(&b->ports[3], 20);
	port_trunks(&b->ports[4], 0);
	// 6 is a trunk of all VLANs.
	EXPECT_RUN(b, tagged_key(6, 9, 10), "3,pop_vlan,1");
	EXPECT_RUN(b, tagged_key(6, 9, 20), "4,pop_vlan,2");
	EXPECT_RUN(b, tagged_key(6, 9, 30), "drop");
	EXPECT_RUN(b, tcp_key(6, 9), "5");
	// What a trunk does not carry it does not take either.
	EXPECT_RUN(b, tagged_key(3, 9, 20), "drop");
	EXPECT_RUN(b, tcp_key(3, 9), "drop");
	EXPECT_RUN(b, tcp_key(5, 9), "6");
	bench_destroy(b);
}

static void priority_tagged_frames_count_as_untagged_and_keep_their_priority(void **state)
{
	(void)state;
	struct bench *b = normal_bench();
	b->ports[0].tag = b->ports[1].tag = 10;
	b->ctx.n_ports = 4;
	EXPECT_RUN(b, tagged_key(1, 9, 0xa000), "pop_vlan,2,push_vlan(vid=10,pcp=5),3,4");
	assert_int_equal(b->result.normal_vlan, 10);
	EXPECT_RUN(b, tagged_key(3, 9, 0xa000), "pop_vlan,4");
	assert_int_equal(b->result.normal_vlan, 0);
	bench_destroy(b);
}

static void rules_before_normal_change_what_it_sees(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	b->ports[1].tag = 10;
	b->ctx.n_ports = 3;
	bench_add(b, "actions=mod_vlan_vid:10,mod_dl_src:00:00:00:00:00:77,NORMAL");
	EXPECT_RUN(b, tcp_key(1, 9),
		   "push_vlan(vid=10,pcp=0),set(eth(src=00:00:00:00:00:77)),3,pop_vlan,2");
	struct eth_addr changed = {{0, 0, 0, 0, 0, 0x77}};
	assert_int_equal(fdb_lookup(b->fdb, changed, 10), 1);
	assert_memory_equal(b->result.normal_mac.b, changed.b, 6);
	assert_int_equal(fdb_lookup(b->fdb, station(1), 10), 0);
	bench_destroy(b);
}

static void actions_behind_normal_see_the_frame_as_it_was(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	b->ports[1].tag = 10;
	b->ctx.n_ports = 4;
	bench_add(b, "actions=NORMAL,output:4");
	EXPECT_RUN(b, tagged_key(3, 9, 0x200a), "1,4,pop_vlan,2,push_vlan(vid=10,pcp=1),4");
	assert_int_equal(b->result.match.mask.vlan[0].tci_be, UINT16_MAX);
	bench_destroy(b);
}

static void the_mask_has_what_normal_reads(void **state)
{
	(void)state;
	struct bench *b = normal_bench();
	struct flow_key key = tagged_key(1, 2, 0x200a);
	bench_run(b, &key);
	const struct flow_key *mask = &b->result.match.mask;
	struct eth_addr full;
	memset(&full, 0xff, sizeof(full));
	assert_memory_equal(mask->eth_src.b, full.b, 6);
	assert_memory_equal(mask->eth_dst.b, full.b, 6);
	assert_int_equal(mask->vlan[0].tci_be, htons(VLAN_CFI | VLAN_VID_MASK));
	assert_int_equal(mask->vlan[0].tpid_be, 0);
	assert_int_equal(mask->ip_src_be, 0);
	assert_int_equal(mask->nw_proto, 0);
	key = tcp_key(1, 2);
	bench_run(b, &key);
	assert_int_equal(mask->vlan[0].tci_be, htons(VLAN_CFI));
	bench_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_unknown_station_is_flooded_for_and_a_known_one_is_not),
	    cmocka_unit_test(a_station_that_moves_is_followed),
	    cmocka_unit_test(nothing_is_learned_when_the_caller_says_so),
	    cmocka_unit_test(a_station_on_the_port_that_the_frame_came_from_gets_nothing_twice),
	    cmocka_unit_test(broadcast_and_multicast_are_flooded_but_bridges_own_are_dropped),
	    cmocka_unit_test(a_port_that_is_gone_is_flooded_for),
	    cmocka_unit_test(access_ports_are_in_one_vlan_untagged),
	    cmocka_unit_test(trunks_carry_their_vlans_tagged),
	    cmocka_unit_test(priority_tagged_frames_count_as_untagged_and_keep_their_priority),
	    cmocka_unit_test(rules_before_normal_change_what_it_sees),
	    cmocka_unit_test(actions_behind_normal_see_the_frame_as_it_was),
	    cmocka_unit_test(the_mask_has_what_normal_reads),
	};
	return cmocka_run_group_tests_name("xlate_normal", tests, NULL, NULL);
}
