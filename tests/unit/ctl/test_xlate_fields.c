// Writing fields: what rules set, load, move and count down becomes masked sets on the wire.
#include "tests/unit/ctl/translate_bench.h"

#define ETH_IP_FROM_1 "in_port(1),eth_type(0x0800),"

static struct flow_key udp_key(unsigned from, unsigned to)
{
	return ip_key(from, to, IPPROTO_UDP);
}

static struct flow_key icmp_key(unsigned from, unsigned to)
{
	return ip_key(from, to, IPPROTO_ICMP);
}

static struct flow_key tcp6_key(unsigned from, unsigned to)
{
	return ip6_key(from, to, IPPROTO_TCP);
}

// A neighbour solicitation (135) or advertisement (136) with both addresses in the key.
static struct flow_key nd_key(unsigned from, unsigned to, uint8_t type)
{
	struct flow_key key = ip6_key(from, to, IPPROTO_ICMPV6);
	key.tp_src_be = htons(type);
	key.nd_target = station_in6(to);
	key.arp_sha = station(from);
	return key;
}

static void each_field_is_set_by_its_datapath_action(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "ip,actions=set_field:1.2.3.4->ip_src,2", udp_key(1, 2),
	       "set(ipv4(src=1.2.3.4)),2");
	EXPECT(b, "ip,actions=set_field:1.2.3.4->ip_dst,2", udp_key(1, 2),
	       "set(ipv4(dst=1.2.3.4)),2");
	EXPECT(b, "ip,actions=mod_nw_tos:16,2", udp_key(1, 2), "set(ipv4(tos=0x10/0xfc)),2");
	EXPECT(b, "ip,actions=set_field:4->ip_dscp,2", udp_key(1, 2), "set(ipv4(tos=0x10/0xfc)),2");
	EXPECT(b, "ip,actions=mod_nw_ecn:3,2", udp_key(1, 2), "set(ipv4(tos=0x3/0x3)),2");
	EXPECT(b, "ip,actions=mod_nw_tos:16,mod_nw_ecn:1,2", udp_key(1, 2),
	       "set(ipv4(tos=0x11)),2");
	EXPECT(b, "ip,actions=mod_nw_ttl:9,2", udp_key(1, 2), "set(ipv4(ttl=9)),2");
	EXPECT(b, "udp,actions=set_field:7->udp_src,2", udp_key(1, 2), "set(udp(src=7)),2");
	EXPECT(b, "udp,actions=set_field:7->udp_dst,2", udp_key(1, 2), "set(udp(dst=7)),2");
	EXPECT(b, "sctp,actions=set_field:7->sctp_dst,2", ip_key(1, 2, IPPROTO_SCTP),
	       "set(sctp(dst=7)),2");
	EXPECT(b, "tcp6,actions=set_field:7->tcp_src,2", tcp6_key(1, 2), "set(tcp(src=7)),2");
	EXPECT(b, "icmp,actions=set_field:3->icmp_type,set_field:1->icmp_code,2", icmp_key(1, 2),
	       "set(icmp(type=3,code=1)),2");
	EXPECT(b, "icmp6,actions=set_field:129->icmpv6_type,2", ip6_key(1, 2, IPPROTO_ICMPV6),
	       "set(icmpv6(type=129)),2");
	EXPECT(b, "ipv6,actions=set_field:fd00::9->ipv6_src,set_field:fd00::8->ipv6_dst,2",
	       tcp6_key(1, 2), "set(ipv6(src=fd00::9,dst=fd00::8)),2");
	EXPECT(b, "ipv6,actions=set_field:0x12345->ipv6_label,mod_nw_tos:16,mod_nw_ttl:9,2",
	       tcp6_key(1, 2), "set(ipv6(label=0x12345,tclass=0x10/0xfc,hlimit=9)),2");
	EXPECT(b, "mpls,actions=set_field:7->mpls_label,2", mpls_key(1, 2, 16, 0),
	       "set(mpls(label=7)),2");
	EXPECT(b, "mpls,actions=set_mpls_tc:3,set_mpls_ttl:9,2", mpls_key(1, 2, 16, 0),
	       "set(mpls(tc=3,ttl=9)),2");
	bench_destroy(b);
}

static void arp_fields_are_set_in_one_action(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "arp,actions=set_field:2->arp_op,set_field:10.0.0.9->arp_spa,"
	       "set_field:10.0.0.8->arp_tpa,set_field:00:00:00:00:00:07->arp_sha,"
	       "set_field:00:00:00:00:00:08->arp_tha,2",
	       arp_key(1, 2),
	       "set(arp(sip=10.0.0.9,tip=10.0.0.8,op=2,sha=00:00:00:00:00:07,"
	       "tha=00:00:00:00:00:08)),2");
	EXPECT_MEGAFLOW(b, "in_port(1),eth_type(0x0806)");
	bench_destroy(b);
}

// What a megaflow sets is the same for all its packets.
static void a_part_of_arps_opcode_leaves_the_rest(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = arp_key(1, 2);
	key.nw_proto = 0x11;
	EXPECT(b, "arp,actions=load:2->NXM_OF_ARP_OP[0..3],2", key, "set(arp(op=2/0xf)),2");
	EXPECT_MEGAFLOW(b, "in_port(1),eth_type(0x0806)");
	bench_destroy(b);
}

// The responder that ovs-ofctl's users write.
static void a_rule_answers_arp_requests(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "arp,arp_op=1,arp_tpa=10.0.0.2,actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],"
	       "mod_dl_src:52:54:00:00:00:02,load:0x2->NXM_OF_ARP_OP[],"
	       "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],"
	       "move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],"
	       "load:0x525400000002->NXM_NX_ARP_SHA[],load:0x0a000002->NXM_OF_ARP_SPA[],in_port",
	       arp_key(1, 2),
	       "set(eth(src=52:54:00:00:00:02,dst=52:54:00:00:00:01)),"
	       "set(arp(sip=10.0.0.2,tip=10.0.0.1,op=2,sha=52:54:00:00:00:02,"
	       "tha=52:54:00:00:00:01)),1");
	EXPECT_MEGAFLOW(b, "in_port(1),eth(src=52:54:00:00:00:01),eth_type(0x0806),"
			   "arp(sip=10.0.0.1,tip=10.0.0.2,op=1,sha=52:54:00:00:00:01)");
	bench_destroy(b);
}

static void neighbour_discovery_fields_are_set(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "icmp6,icmp_type=135,icmp_code=0,actions=set_field:fd00::9->nd_target,"
	       "set_field:00:00:00:00:00:07->nd_sll,2",
	       nd_key(1, 2, 135), "set(nd(target=fd00::9,sll=00:00:00:00:00:07)),2");
	EXPECT(b, "icmp6,icmp_type=136,icmp_code=0,actions=set_field:00:00:00:00:00:07->nd_tll,2",
	       nd_key(1, 2, 136), "set(nd(tll=00:00:00:00:00:07)),2");
	// Other ICMPv6 has none of it.
	bench_group(b, "group_id=1,type=indirect,bucket=set_field:fd00::9->nd_target,output:2");
	EXPECT(b, "icmp6,actions=group:1", ip6_key(1, 2, IPPROTO_ICMPV6), "2");
	bench_destroy(b);
}

static void masked_sets_keep_the_other_bits(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "ip,actions=set_field:10.9.0.0/255.255.0.0->ip_dst,2", udp_key(1, 2),
	       "set(ipv4(dst=10.9.0.0/16)),2");
	EXPECT(b, "udp,actions=load:0xa->NXM_OF_UDP_DST[4..7],2", udp_key(1, 2),
	       "set(udp(dst=160/0xf0)),2");
	EXPECT(b, "actions=set_field:02:00:00:00:00:00/02:00:00:00:00:00->eth_src,2", udp_key(1, 2),
	       "set(eth(src=02:00:00:00:00:00/02:00:00:00:00:00)),2");
	EXPECT(b, "ipv6,actions=set_field:fd01::/ffff::->ipv6_dst,2", tcp6_key(1, 2),
	       "set(ipv6(dst=fd01::/16)),2");
	EXPECT_MEGAFLOW(b, "in_port(1),eth_type(0x86dd),ipv6(frag=no)");
	// Two parts of a field are one set.
	EXPECT(b,
	       "ip,actions=set_field:10.9.0.0/255.255.0.0->ip_dst,"
	       "set_field:0.0.0.5/0.0.0.255->ip_dst,2",
	       udp_key(1, 2), "set(ipv4(dst=10.9.0.5/255.255.0.255)),2");
	bench_destroy(b);
}

static void a_set_is_written_once_and_only_for_an_output(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "udp,actions=mod_tp_dst:7", udp_key(1, 2), "drop");
	EXPECT(b, "udp,actions=mod_tp_dst:7,2,3", udp_key(1, 2), "set(udp(dst=7)),2,3");
	EXPECT(b, "udp,actions=mod_tp_dst:7,2,mod_tp_dst:7,3", udp_key(1, 2),
	       "set(udp(dst=7)),2,3");
	EXPECT(b, "udp,actions=mod_tp_dst:7,mod_tp_dst:8,2", udp_key(1, 2), "set(udp(dst=8)),2");
	EXPECT(b, "udp,actions=2,mod_tp_dst:7", udp_key(1, 2), "2");
	EXPECT(b, "udp,actions=mod_tp_dst:7,output:1,clone(mod_nw_ttl:3)", udp_key(1, 2), "drop");
	// Only the bits that differ are written again.
	EXPECT(b, "udp,actions=mod_tp_dst:6,2,mod_tp_dst:7,3", udp_key(1, 2),
	       "set(udp(dst=6)),2,set(udp(dst=1/0x1)),3");
	bench_destroy(b);
}

// The packet's own value may be the same, but another packet of the megaflow may have another one.
static void a_set_to_the_packets_own_value_is_written(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "udp,actions=mod_tp_dst:80,2", udp_key(1, 2), "set(udp(dst=80)),2");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(proto=17,frag=no)");
	bench_destroy(b);
}

// Buckets are not checked against a match: their fields meet any packet.
static void fields_that_a_packet_does_not_have_are_left_alone(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key fragment = udp_key(1, 2);
	fragment.nw_frag = NW_FRAG_ANY | NW_FRAG_LATER;
	fragment.tp_src_be = fragment.tp_dst_be = 0;
	bench_group(b, "group_id=1,type=indirect,bucket=set_field:7->udp_dst,"
		       "set_field:1.2.3.4->ip_dst,set_field:fd00::1->ipv6_dst,"
		       "set_field:4101->vlan_vid,set_field:1->mpls_label,set_field:2->arp_op,"
		       "set_field:3->icmp_type,output:2");
	EXPECT(b, "actions=group:1", udp_key(1, 2), "set(ipv4(dst=1.2.3.4)),set(udp(dst=7)),2");
	EXPECT(b, "actions=group:1", fragment, "set(ipv4(dst=1.2.3.4)),2");
	EXPECT(b, "actions=group:1", tcp_key(1, 2), "set(ipv4(dst=1.2.3.4)),2");
	EXPECT(b, "actions=group:1", tcp6_key(1, 2), "set(ipv6(dst=fd00::1)),2");
	EXPECT(b, "actions=group:1", icmp_key(1, 2), "set(ipv4(dst=1.2.3.4)),set(icmp(type=3)),2");
	EXPECT(b, "actions=group:1", arp_key(1, 2), "set(arp(op=2)),2");
	EXPECT(b, "actions=group:1", mpls_key(1, 2, 16, 0), "set(mpls(label=1)),2");
	EXPECT(b, "actions=group:1", eth_key(1, 2, 0x88cc), "2");
	EXPECT_MEGAFLOW(b, "in_port(1),vlan(none),eth_type(0x88cc)");
	bench_destroy(b);
}

static void vlan_fields_change_the_tag(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "vlan_vid=0x1000/0x1000,actions=set_field:4103->vlan_vid,2",
	       tagged_key(1, 2, 0x6014), "pop_vlan,push_vlan(vid=7,pcp=3),2");
	EXPECT(b, "vlan_vid=0x1000/0x1000,actions=set_field:5->vlan_pcp,2",
	       tagged_key(1, 2, 0x6014), "pop_vlan,push_vlan(vid=20,pcp=5),2");
	EXPECT(b, "actions=load:0->NXM_OF_VLAN_TCI[],2", tagged_key(1, 2, 0x6014), "pop_vlan,2");
	EXPECT(b, "actions=load:0x3005->NXM_OF_VLAN_TCI[],2", tcp_key(1, 2),
	       "push_vlan(vid=5,pcp=1),2");
	// The move reads the packet's VLAN.
	EXPECT(b,
	       "actions=move:NXM_OF_VLAN_TCI[0..11]->NXM_NX_REG0[0..11],resubmit(,1)\n"
	       "table=1,reg0=20,actions=2",
	       tagged_key(1, 2, 0x6014), "2");
	assert_int_equal(b->result.match.mask.vlan[0].tci_be, htons(VLAN_CFI | VLAN_VID_MASK));
	bench_destroy(b);
}

static void what_a_copy_changed_is_given_back(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "udp,actions=clone(mod_tp_dst:81,2),3", udp_key(1, 2),
	       "set(udp(dst=81)),2,set(udp(dst=0/0x1)),3");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(proto=17,frag=no),udp(dst=80)");
	EXPECT(b, "ip,actions=clone(mod_nw_dst:10.0.0.3,2),3", udp_key(1, 2),
	       "set(ipv4(dst=10.0.0.3)),2,set(ipv4(dst=0.0.0.0/0.0.0.1)),3");
	EXPECT(b, "arp,actions=clone(set_field:2->arp_op,2),3", arp_key(1, 2),
	       "set(arp(op=2)),2,set(arp(op=1/0x3)),3");
	// No output follows: nothing to give back, and nothing to know.
	EXPECT(b, "udp,actions=3,clone(mod_tp_dst:81,2)", udp_key(1, 2), "3,set(udp(dst=81)),2");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(proto=17,frag=no)");
	// The copy changed back what translation had set before: that is known.
	EXPECT(b, "udp,actions=mod_tp_dst:7,clone(mod_tp_dst:6,2),3", udp_key(1, 2),
	       "set(udp(dst=6)),2,set(udp(dst=1/0x1)),3");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(proto=17,frag=no)");
	bench_group(b, "group_id=1,type=all,bucket=mod_dl_src:52:54:00:00:00:03,output:2,"
		       "bucket=output:3");
	EXPECT(b, "actions=group:1,4", udp_key(1, 2),
	       "set(eth(src=52:54:00:00:00:03)),2,"
	       "set(eth(src=00:00:00:00:00:00/00:00:00:00:00:02)),3,4");
	EXPECT_MEGAFLOW(b, "in_port(1),eth(src=52:54:00:00:00:01),eth_type(0x0800),"
			   "ipv4(frag=no)");
	bench_destroy(b);
}

static void the_datapath_counts_ttls_down(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "ip,actions=dec_ttl,2", udp_key(1, 2), "dec_ttl,2");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(frag=no)");
	EXPECT(b, "ipv6,actions=dec_ttl,dec_ttl,2", tcp6_key(1, 2), "dec_ttl,dec_ttl,2");
	EXPECT(b, "ip,actions=2,dec_ttl", udp_key(1, 2), "2");
	bench_group(b, "group_id=1,type=indirect,bucket=dec_ttl,output:2");
	EXPECT(b, "actions=group:1", arp_key(1, 2), "2");
	EXPECT(b, "mpls,actions=dec_mpls_ttl,2", mpls_key(1, 2, 16, 0), "dec_mpls_ttl,2");
	EXPECT_MEGAFLOW(b, "in_port(1),eth_type(0x8847)");
	bench_destroy(b);
}

static void a_match_on_a_counted_ttl_asks_for_all_of_it(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "ip,actions=dec_ttl,resubmit(,1)\n"
	       "table=1,ip,nw_ttl=63,actions=2",
	       udp_key(1, 2), "dec_ttl,2");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(ttl=64,frag=no)");
	EXPECT(b,
	       "ip,actions=dec_ttl,move:NXM_NX_IP_TTL[0]->NXM_NX_REG0[0],resubmit(,1)\n"
	       "table=1,reg0=1,actions=2",
	       udp_key(1, 2), "dec_ttl,2");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(ttl=64,frag=no)");
	bench_destroy(b);
}

static void a_constant_ttl_is_counted_by_translation(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "ip,actions=mod_nw_ttl:9,dec_ttl,2", udp_key(1, 2), "set(ipv4(ttl=8)),2");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(frag=no)");
	EXPECT(b, "ip,actions=mod_nw_ttl:1,dec_ttl,2", udp_key(1, 2), "drop");
	EXPECT(b, "mpls,actions=set_mpls_ttl:9,dec_mpls_ttl,2", mpls_key(1, 2, 16, 0),
	       "set(mpls(ttl=8)),2");
	EXPECT(b, "mpls,actions=2,set_mpls_ttl:1,dec_mpls_ttl,3", mpls_key(1, 2, 16, 0), "2");
	// First the datapath's, then a constant.
	EXPECT(b, "ip,actions=dec_ttl,mod_nw_ttl:9,dec_ttl,2", udp_key(1, 2),
	       "dec_ttl,set(ipv4(ttl=8)),2");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(frag=no)");
	bench_destroy(b);
}

static void a_ttl_that_is_used_up_in_a_copy_ends_that_copy_alone(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	struct flow_key key = udp_key(1, 2), labelled = mpls_key(1, 2, 16, 0);
	EXPECT(b, "ip,actions=clone(dec_ttl,2),3", key,
	       "set(ipv4(ttl=63)),2,set(ipv4(ttl=64/0x7f)),3");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(ttl=64,frag=no)");
	key.nw_ttl = 1;
	EXPECT(b, "ip,actions=clone(dec_ttl,2),3", key, "3");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(ttl=1,frag=no)");
	labelled.mpls_lse_be[0] = lse_be(16, 0, true, 1);
	EXPECT(b, "mpls,actions=clone(dec_mpls_ttl,2),3", labelled, "3");
	// In the datapath it ends all.
	EXPECT(b, "ip,actions=dec_ttl,3", key, "dec_ttl,3");
	bench_destroy(b);
}

static void the_datapath_does_not_count_what_a_copy_left(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "ip,actions=clone(mod_nw_ttl:9,2),dec_ttl,3", udp_key(1, 2),
	       "set(ipv4(ttl=9)),2,set(ipv4(ttl=54/0x36)),3");
	assert_int_equal(b->result.match.mask.nw_ttl, UINT8_MAX);
	bench_destroy(b);
}

static void in_port_can_be_written(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b, "actions=load:0->NXM_OF_IN_PORT[],1", tcp_key(1, 2), "1");
	EXPECT(b,
	       "actions=load:3->NXM_OF_IN_PORT[],resubmit(,1)\n"
	       "table=1,in_port=3,actions=in_port,output:1,output:3",
	       tcp_key(1, 2), "3,1");
	EXPECT_MEGAFLOW(b, ETH_IP_FROM_1 "ipv4(frag=no)");
	bench_destroy(b);
}

static void tables_see_the_changed_packet(void **state)
{
	(void)state;
	struct bench *b = bench_create();
	EXPECT(b,
	       "icmp,actions=set_field:3->icmp_type,resubmit(,1)\n"
	       "table=1,icmp,icmp_type=3,actions=2",
	       icmp_key(1, 2), "set(icmp(type=3)),2");
	EXPECT(b,
	       "actions=mod_vlan_vid:7,resubmit(,1)\n"
	       "table=1,dl_vlan=7,actions=2\n"
	       "table=1,priority=1,actions=3",
	       tcp_key(1, 2), "push_vlan(vid=7,pcp=0),2");
	EXPECT(b,
	       "actions=strip_vlan,resubmit(,1)\n"
	       "table=1,vlan_tci=0,actions=2",
	       tagged_key(1, 2, 7), "pop_vlan,2");
	bench_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_field_is_set_by_its_datapath_action),
	    cmocka_unit_test(arp_fields_are_set_in_one_action),
	    cmocka_unit_test(a_part_of_arps_opcode_leaves_the_rest),
	    cmocka_unit_test(a_rule_answers_arp_requests),
	    cmocka_unit_test(neighbour_discovery_fields_are_set),
	    cmocka_unit_test(masked_sets_keep_the_other_bits),
	    cmocka_unit_test(a_set_is_written_once_and_only_for_an_output),
	    cmocka_unit_test(a_set_to_the_packets_own_value_is_written),
	    cmocka_unit_test(fields_that_a_packet_does_not_have_are_left_alone),
	    cmocka_unit_test(vlan_fields_change_the_tag),
	    cmocka_unit_test(what_a_copy_changed_is_given_back),
	    cmocka_unit_test(the_datapath_counts_ttls_down),
	    cmocka_unit_test(a_match_on_a_counted_ttl_asks_for_all_of_it),
	    cmocka_unit_test(a_constant_ttl_is_counted_by_translation),
	    cmocka_unit_test(a_ttl_that_is_used_up_in_a_copy_ends_that_copy_alone),
	    cmocka_unit_test(the_datapath_does_not_count_what_a_copy_left),
	    cmocka_unit_test(in_port_can_be_written),
	    cmocka_unit_test(tables_see_the_changed_packet),
	};
	return cmocka_run_group_tests_name("xlate_fields", tests, NULL, NULL);
}
