#include "ctl/dp_actions.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *name_of(uint32_t no, void *arg)
{
	(void)arg;
	return no == 1 ? "vm1" : no == 2 ? "vm2" : NULL;
}

static void match_is(const struct flow_match *match, const char *text)
{
	char *got = dp_match_format(match, name_of, NULL);
	assert_string_equal(got, text);
	free(got);
}

static void actions_are(const struct action *list, unsigned n, const char *text)
{
	char *got = dp_actions_format(list, n, name_of, NULL);
	assert_string_equal(got, text);
	free(got);
}

static void a_match_of_everything_is_empty(void **state)
{
	(void)state;
	struct flow_match match = {.key.in_port = 0};
	match_is(&match, "");
}

static void only_what_the_mask_covers_is_shown(void **state)
{
	(void)state;
	struct flow_match match = {
	    .key = {.in_port = 1, .eth_type_be = htons(0x0800), .ip_dst_be = htonl(0x0a000000)},
	    .mask = {.in_port = UINT32_MAX,
		     .recirc_id = UINT32_MAX,
		     .eth_type_be = UINT16_MAX,
		     .ip_dst_be = htonl(0xff000000)},
	};
	match_is(&match, "recirc_id(0),in_port(vm1),eth_type(0x0800),ipv4(dst=10.0.0.0/8)");
	match.key.in_port = 9;
	match.key.recirc_id = 0x1f;
	match.mask.ip_dst_be = htonl(0xff00ff00);
	match_is(&match,
		 "recirc_id(0x1f),in_port(9),eth_type(0x0800),ipv4(dst=10.0.0.0/255.0.255.0)");
}

static void tunnels_connections_and_marks_stand_before_the_port(void **state)
{
	(void)state;
	struct flow_match match = {
	    .key = {.tun = {.id_be = htobe64(0x7b),
			    .dst_be = htonl(0x0a000001),
			    .flags = TUN_F_KEY,
			    .opts_len = 8},
		    .tun_opts = {0x01, 0x02, 0x80, 0x01, 0, 1, 0, 2},
		    .pkt_mark = 5,
		    .ct_state = CT_STATE_TRACKED,
		    .ct_zone = 9,
		    .ct_mark = 0x10,
		    .ct = {.label = {1, 2}},
		    .in_port = 1},
	    .mask = {.tun = {.id_be = UINT64_MAX,
			     .dst_be = UINT32_MAX,
			     .flags = TUN_F_KEY | TUN_F_DF,
			     .opts_len = 0xff},
		     .tun_opts = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		     .pkt_mark = UINT32_MAX,
		     .ct_state = CT_STATE_TRACKED | CT_STATE_NEW,
		     .ct_zone = UINT16_MAX,
		     .ct_mark = 0xf0,
		     .ct = {.label = {0xff, 0xff}},
		     .in_port = UINT32_MAX},
	};
	match_is(&match, "tunnel(tun_id=0x7b,dst=10.0.0.1,"
			 "geneve({class=0x102,type=0x80,len=4,0x00010002}),flags(-df+key)),"
			 "skb_mark(0x5),ct_state(-new+trk),ct_zone(9),ct_mark(0x10/0xf0),"
			 "ct_label(0x201/0xffff),in_port(vm1)");
}

static void headers_follow_the_protocol(void **state)
{
	(void)state;
	struct flow_match match = {
	    .key = {.eth_dst = {{2, 0, 0, 0, 0, 1}},
		    .eth_type_be = htons(0x0800),
		    .nw_proto = IPPROTO_TCP,
		    .tp_dst_be = htons(80),
		    .tcp_flags_be = htons(0x002)},
	    .mask = {.eth_dst = {{255, 255, 255, 255, 255, 255}},
		     .eth_type_be = UINT16_MAX,
		     .nw_proto = UINT8_MAX,
		     .nw_frag = NW_FRAG_ANY | NW_FRAG_LATER,
		     .tp_dst_be = UINT16_MAX,
		     .tcp_flags_be = htons(0x012)},
	};
	match_is(&match, "eth(dst=02:00:00:00:00:01),eth_type(0x0800),ipv4(proto=6,frag=no),"
			 "tcp(dst=80),tcp_flags(0x002/0x012)");
	match.key.nw_proto = IPPROTO_UDP;
	match.mask.tp_dst_be = htons(0xfff0);
	match_is(&match, "eth(dst=02:00:00:00:00:01),eth_type(0x0800),ipv4(proto=17,frag=no),"
			 "udp(dst=80/0xfff0)");
}

static void ipv6_and_neighbour_discovery_are_shown(void **state)
{
	(void)state;
	struct flow_match match = {
	    .key = {.eth_type_be = htons(0x86dd),
		    .nw_proto = IPPROTO_ICMPV6,
		    .tp_src_be = htons(135),
		    .ipv6_src = {{0xfe, 0x80}},
		    .nd_target = {{0xfe, 0x80, [15] = 1}}},
	    .mask = {.eth_type_be = UINT16_MAX,
		     .nw_proto = UINT8_MAX,
		     .tp_src_be = UINT16_MAX,
		     .ipv6_src = {{0xff, 0xc0}}},
	};
	memset(&match.mask.nd_target, 0xff, sizeof(match.mask.nd_target));
	match_is(&match, "eth_type(0x86dd),ipv6(src=fe80::/10,proto=58),icmpv6(type=135),"
			 "nd(target=fe80::1)");
}

static void tags_enclose_what_they_carry(void **state)
{
	(void)state;
	struct flow_match match = {
	    .key = {.vlan = {{htons(0x8100), htons(0x1005)}}, .eth_type_be = htons(0x0806)},
	    .mask = {.vlan = {{0, htons(0x1fff)}}, .eth_type_be = UINT16_MAX},
	};
	match_is(&match, "vlan(vid=5),encap(eth_type(0x0806))");
	match.mask.vlan[0] = (struct vlan_tag){UINT16_MAX, UINT16_MAX};
	match_is(&match, "eth_type(0x8100),vlan(vid=5,pcp=0),encap(eth_type(0x0806))");
	match.key.vlan[0] = (struct vlan_tag){0, 0};
	match_is(&match, "vlan(none),eth_type(0x0806)");
}

static void labels_are_shown_in_their_parts(void **state)
{
	(void)state;
	struct flow_match match = {
	    .key = {.eth_type_be = htons(0x8847), .mpls_lse_be = {htonl(0x00064540)}},
	    .mask = {.eth_type_be = UINT16_MAX, .mpls_lse_be = {UINT32_MAX}},
	};
	match_is(&match, "eth_type(0x8847),mpls(label=100,tc=2,ttl=64,bos=1)");
	match.mask.mpls_lse_be[0] = htonl(0xff000200);
	match.key.mpls_lse_be[0] = 0;
	match_is(&match, "eth_type(0x8847),mpls(label=0/0xff000,tc=0/0x1)");
	match.mask.mpls_lse_be[0] = htonl(0x00000100);
	match.mask.mpls_lse_be[1] = htonl(0xfffff000);
	match.key.mpls_lse_be[1] = htonl(0x00007000);
	match_is(&match, "eth_type(0x8847),mpls(label=0/0x0,bos=0,label=7)");
	match.mask.mpls_lse_be[0] = match.mask.mpls_lse_be[1] = 0;
	match_is(&match, "eth_type(0x8847)");
}

static void no_action_is_drop(void **state)
{
	(void)state;
	actions_are(NULL, 0, "drop");
}

static void outputs_are_named(void **state)
{
	(void)state;
	const struct action list[] = {{.type = ACTION_OUTPUT, .u.port = 1},
				      {.type = ACTION_TRUNC, .u.max_len = 64},
				      {.type = ACTION_OUTPUT, .u.port = 7}};
	actions_are(list, 3, "vm1,trunc(64),7");
}

static void every_action_has_its_text(void **state)
{
	(void)state;
	struct action list[] = {
	    {.type = ACTION_PUSH_VLAN, .u.vlan = {htons(0x8100), htons(0x1005)}},
	    {.type = ACTION_PUSH_VLAN, .u.vlan = {htons(0x88a8), htons(0x7005)}},
	    {.type = ACTION_POP_VLAN},
	    {.type = ACTION_SET_IPV4,
	     .u.ipv4 = {.src_be = htonl(0x0a000001), .src_mask_be = UINT32_MAX, .ttl_mask = 0xff}},
	    {.type = ACTION_SET_PORTS,
	     .u.ports = {.dst_be = htons(80), .dst_mask_be = UINT16_MAX, .proto = IPPROTO_UDP}},
	    {.type = ACTION_RECIRC, .u.recirc_id = 18},
	    {.type = ACTION_USERSPACE,
	     .u.userspace = {.pid = 7, .cookie_len = 2, .cookie = {1, 0xab}}},
	    {.type = ACTION_METER, .u.meter_id = 4096},
	};
	actions_are(list, 8,
		    "push_vlan(vid=5,pcp=0),push_vlan(tpid=0x88a8,vid=5,pcp=3),pop_vlan,"
		    "set(ipv4(src=10.0.0.1,ttl=0)),set(udp(dst=80)),recirc(0x12),"
		    "userspace(pid=7,userdata(01ab)),meter(4096)");
	struct action eth = {.type = ACTION_SET_ETH,
			     .u.eth = {.dst = {{2}}, .dst_mask = {{0xff, 0xff}}}};
	actions_are(&eth, 1, "set(eth(dst=02:00:00:00:00:00/ff:ff:00:00:00:00))");
	struct action ipv6 = {.type = ACTION_SET_IPV6,
			      .u.ipv6 = {.label_be = htonl(5), .label_mask_be = htonl(0xfffff)}};
	actions_are(&ipv6, 1, "set(ipv6(label=0x5))");
}

static void mpls_and_responders_actions_have_their_text(void **state)
{
	(void)state;
	static const struct eth_addr all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct action list[] = {
	    {.type = ACTION_PUSH_MPLS, .u.push_mpls = {htonl(0x00064540), htons(0x8847)}},
	    {.type = ACTION_SET_MPLS, .u.mpls = {htonl(0x000000ff), htonl(0x000000ff)}},
	    {.type = ACTION_DEC_MPLS_TTL},
	    {.type = ACTION_POP_MPLS, .u.eth_type_be = htons(0x0800)},
	    {.type = ACTION_DEC_TTL},
	    {.type = ACTION_SET_ARP,
	     .u.arp = {.op_be = htons(2), .op_mask_be = UINT16_MAX, .tha = {{2}}, .tha_mask = all}},
	    {.type = ACTION_SET_ICMP, .u.icmp = {.type_mask = 0xff, .code_mask = 0x0f}},
	    {.type = ACTION_SET_ICMP, .u.icmp = {.type = 136, .type_mask = 0xff, .is_v6 = true}},
	    {.type = ACTION_SET_ND, .u.nd = {.tll = {{2}}, .tll_mask = all}},
	    {.type = ACTION_SET_ND_EXT,
	     .u.nd_ext = {htonl(0x60000000), UINT32_MAX, .option_type = 2,
			  .option_type_mask = 255}},
	};
	actions_are(list, 5,
		    "push_mpls(label=100,tc=2,ttl=64,bos=1,eth_type=0x8847),set(mpls(ttl=255)),"
		    "dec_mpls_ttl,pop_mpls(eth_type=0x0800),dec_ttl");
	actions_are(list + 5, 5,
		    "set(arp(op=2,tha=02:00:00:00:00:00)),set(icmp(type=0,code=0/0xf)),"
		    "set(icmpv6(type=136)),set(nd(tll=02:00:00:00:00:00)),"
		    "set(nd_ext(nd_reserved=0x60000000,nd_options_type=2))");
}

static void a_connections_label_is_a_number_with_a_mask_where_that_is_not_exact(void **state)
{
	(void)state;
	struct action ct = {.type = ACTION_CT, .u.ct = {.flags = ACTION_CT_COMMIT}};
	struct action_ct *to = &ct.u.ct;
	to->label_mask[0] = 0xff;
	actions_are(&ct, 1, "ct(commit,label=0x0/0xff)");
	memset(to->label_mask, 0xff, sizeof(to->label_mask));
	to->label[0] = 1;
	to->label[8] = 0x0a;
	actions_are(&ct, 1, "ct(commit,label=0xa0000000000000001)");
	memset(to->label, 0xff, sizeof(to->label));
	actions_are(&ct, 1, "ct(commit,label=0xffffffffffffffffffffffffffffffff)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_match_of_everything_is_empty),
	    cmocka_unit_test(only_what_the_mask_covers_is_shown),
	    cmocka_unit_test(tunnels_connections_and_marks_stand_before_the_port),
	    cmocka_unit_test(headers_follow_the_protocol),
	    cmocka_unit_test(ipv6_and_neighbour_discovery_are_shown),
	    cmocka_unit_test(tags_enclose_what_they_carry),
	    cmocka_unit_test(labels_are_shown_in_their_parts),
	    cmocka_unit_test(no_action_is_drop),
	    cmocka_unit_test(outputs_are_named),
	    cmocka_unit_test(every_action_has_its_text),
	    cmocka_unit_test(mpls_and_responders_actions_have_their_text),
	    cmocka_unit_test(a_connections_label_is_a_number_with_a_mask_where_that_is_not_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
