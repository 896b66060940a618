// What the action ct says of packets: states, marks, labels, tuples; limits and damage.
#include "ct_fixture.h"

#include "datapath/ct_expect.h"
#include "tuples.h"

static void a_connection_is_new_until_it_is_answered(void **state)
{
	(void)state;
	assert_state(track(&ct_look, udp(FROM_A)), NEW);
	assert_state(track(&ct_look, udp(FROM_B)), NEW); // nothing was committed
	assert_state(track(&ct_commit, udp(FROM_A)), NEW);
	assert_state(track(&ct_look, udp(FROM_A)), NEW);
	assert_state(track(&ct_look, udp(FROM_B)), EST | RPL);
	assert_state(track(&ct_look, udp(FROM_A)), EST);
	assert_int_equal(ct_table_count(0), 1);
}

static void all_protocols_are_tracked(void **state)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_GRE};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(protos); i++) {
		for (int v6 = 0; v6 <= 1; v6++) {
			uint8_t proto = protos[i];

			assert_state(track(&ct_commit, frame_of(proto, v6, FROM_A, 30)), NEW);
			assert_state(track(&ct_look, frame_of(proto, v6, FROM_B, 30)), EST | RPL);
		}
	}
}

static void a_query_opens_and_an_answer_does_not(void **state)
{
	(void)state;
	for (int v6 = 0; v6 <= 1; v6++) {
		assert_state(track(&ct_commit, echo(v6, FROM_B)), INV);
		assert_state(track(&ct_commit, echo(v6, FROM_A)), NEW);
		assert_state(track(&ct_look, echo(v6, FROM_A)), NEW);
		assert_state(track(&ct_look, echo(v6, FROM_B)), EST | RPL);
		assert_state(track(&ct_look, echo(v6, FROM_A)), EST);
	}
}

static void the_original_tuple_is_told(void **state)
{
	(void)state;
	track(&ct_commit, udp(FROM_A));
	track(&ct_look, udp(FROM_B));
	assert_true(said.cold & FLOW_COLD_CT);
	assert_int_equal(said.ct_zone, CT_ZONE);
	assert_int_equal(said.ct_nw_proto, IPPROTO_UDP);
	assert_int_equal(ntohl(said.ct.nw_src_be), 0x0a010203);
	assert_int_equal(ntohl(said.ct.nw_dst_be), 0x0a040506);
	assert_int_equal(ntohs(said.ct.tp_src_be), 12345);
	assert_int_equal(ntohs(said.ct.tp_dst_be), 53);
	track(&ct_commit, echo(false, FROM_A));
	assert_int_equal(ntohs(said.ct.tp_src_be), 8);
	assert_int_equal(ntohs(said.ct.tp_dst_be), 0);
}

static void marks_and_labels_change_under_their_masks(void **state)
{
	struct action_ct ct = ct_commit;

	(void)state;
	ct.mark = 0x12;
	ct.mark_mask = 0xff;
	ct.label[0] = 0xaa;
	ct.label_mask[0] = 0xff;
	ct.label[15] = 1;
	ct.label_mask[15] = 1;
	track(&ct, udp(FROM_A));
	track(&ct_look, udp(FROM_B));
	assert_int_equal(said.ct_mark, 0x12);
	assert_int_equal(said.ct.label[0], 0xaa);
	assert_int_equal(said.ct.label[15], 1);
	ct.mark = 0x3400;
	ct.mark_mask = 0xff00;
	ct.label[0] = 0;
	track(&ct, udp(FROM_A));
	assert_int_equal(said.ct_mark, 0x3412);
	assert_int_equal(said.ct.label[0], 0);
	assert_int_equal(said.ct.label[15], 1);
}

static void a_zone_knows_nothing_of_another(void **state)
{
	struct action_ct other = {.zone = CT_ZONE + 1, .flags = ACTION_CT_COMMIT};
	struct frame f = udp(FROM_B);
	struct rte_mbuf *m = mbuf_of(&f);

	(void)state;
	track(&ct_commit, udp(FROM_A));
	track(&other, udp(FROM_B));
	assert_int_equal(ct_execute(fx.pmd, &ct_look, &m, 1), 1);
	assert_state(packet_meta(m)->flow.ct_state, EST | RPL);
	assert_state(track_mbuf(&other, m), NEW); // what the first zone said is forgotten
}

// What a packet is marked with stands in the line of its connection.
static void the_packets_own_mark_stays(void **state)
{
	struct frame f = udp(FROM_A);
	struct rte_mbuf *m = mbuf_of(&f);

	(void)state;
	flow_meta_use(&packet_meta(m)->flow, FLOW_COLD_CT);
	packet_meta(m)->flow.pkt_mark = 77;
	ct_execute(fx.pmd, &ct_commit, &m, 1);
	assert_int_equal(packet_meta(m)->flow.pkt_mark, 77);
	rte_pktmbuf_mtod(m, uint8_t *)[f.l3 + 8]--; // damaged
	ct_execute(fx.pmd, &ct_commit, &m, 1);
	assert_int_equal(packet_meta(m)->flow.pkt_mark, 77);
	assert_int_equal(packet_meta(m)->flow.ct_nw_proto, 0);
	assert_int_equal(packet_meta(m)->flow.ct.nw_src_be, 0);
	packet_free(m);
}

static void force_turns_a_connection_round(void **state)
{
	struct action_ct force = ct_commit;

	(void)state;
	force.flags |= ACTION_CT_FORCE;
	track(&ct_commit, udp(FROM_A));
	assert_state(track(&force, udp(FROM_A)), NEW); // the same direction: it stays
	assert_state(track(&force, udp(FROM_B)), NEW);
	assert_state(track(&ct_look, udp(FROM_A)), EST | RPL);
	assert_int_equal(ct_expire_sweep(ct_time(START_MS), UINT32_MAX, 10), 1);
}

static void a_connection_expires_by_its_policy(void **state)
{
	struct ct_policy policy = {.id = 3, .present = 1 << CT_TIMEOUT_UDP_FIRST};
	struct action_ct ct = ct_commit;

	(void)state;
	track(&ct_commit, udp(FROM_A)); // the default: 60 s
	wait_ms(59500);
	assert_state(track(&ct_look, udp(FROM_B)), EST | RPL);
	wait_ms(30500); // 30 s when answered
	assert_state(track(&ct_look, udp(FROM_A)), NEW);
	policy.seconds[CT_TIMEOUT_UDP_FIRST] = 2;
	assert_int_equal(ct_timeout_set(0, &policy), 0);
	ct.timeout[0] = '3';
	track(&ct, udp(FROM_A));
	wait_ms(1900);
	assert_state(track(&ct_look, udp(FROM_A)), NEW);
	assert_non_null(ct_table_slot(0));
	wait_ms(2300);
	track(&ct, udp(FROM_A)); // 60 s again, from the second packet on
	wait_ms(1000);
	ct_turn(fx.pmd->now_ms);
	assert_state(track(&ct_look, udp(FROM_B)), EST | RPL);
}

static void a_full_table_drops_what_would_be_new(void **state)
{
	struct frame f = udp(FROM_A);

	(void)state;
	for (uint32_t i = 0; i < CT_MAX; i++) {
		put16(f.b + f.l4, 1000 + i);
		frame_fix(&f);
		assert_state(track(&ct_commit, f), NEW);
	}
	assert_int_equal(track(&ct_commit, udp(FROM_A)), UINT32_MAX);
	assert_int_equal(drops_of(1, DROP_CT_FULL), 1);
	assert_state(track(&ct_look, udp(FROM_A)), NEW); // who only looks needs no room
	frame_reverse(&f);
	assert_state(track(&ct_look, f), EST | RPL);
	wait_ms(120000);
	ct_turn(fx.pmd->now_ms);
	rcu_quiescent(fx.rcu, fx.pmd->rcu_id);
	rcu_reclaim(fx.rcu);
	assert_state(track(&ct_commit, udp(FROM_A)), NEW);
}

static void a_full_zone_drops_what_would_be_new(void **state)
{
	(void)state;
	assert_int_equal(ct_limit_set(0, CT_ZONE, 1), 0);
	assert_state(track(&ct_commit, udp(FROM_A)), NEW);
	assert_int_equal(track(&ct_commit, echo(false, FROM_A)), UINT32_MAX);
	assert_int_equal(drops_of(1, DROP_CT_LIMIT), 1);
	assert_state(track(&ct_commit, udp(FROM_A)), NEW);
}

static void a_damaged_packet_is_invalid(void **state)
{
	struct frame f = udp(FROM_A);

	(void)state;
	f.b[f.len - 1] ^= 1;
	assert_state(track(&ct_commit, f), INV);
	f = udp(FROM_A);
	f.b[f.l3 + 8]--; // the TTL, which IPv4's checksum covers
	assert_state(track(&ct_commit, f), INV);
	f = echo(false, FROM_A);
	f.b[f.len - 1] ^= 1;
	assert_state(track(&ct_commit, f), INV);
	f = echo(true, FROM_A);
	f.b[f.l3 + 10] ^= 1; // the source, which ICMPv6's checksum covers
	assert_state(track(&ct_commit, f), INV);
	f = udp(FROM_A);
	put16(f.b + f.l4 + 6, 0); // IPv4: none
	assert_state(track(&ct_look, f), NEW);
	f = frame_of(IPPROTO_UDP, true, FROM_A, 10);
	put16(f.b + f.l4 + 6, 0); // IPv6: it must have one
	assert_state(track(&ct_look, f), INV);
	assert_int_equal(ct_table_count(0), 0);
}

static void a_checksum_that_is_left_to_do_is_not_checked(void **state)
{
	struct frame f = udp(FROM_A);
	struct rte_mbuf *m;

	(void)state;
	put16(f.b + f.l4 + 6, 0x1234);
	m = mbuf_of(&f);
	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload =
	    (struct packet_offload){.csum_start = (uint16_t)f.l4, .csum_offset = 6};
	assert_state(track_mbuf(&ct_look, m), NEW);
}

static void what_a_device_says_of_a_checksum_counts(void **state)
{
	struct frame f = udp(FROM_A);
	struct rte_mbuf *m = mbuf_of(&f);

	(void)state;
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
	assert_state(track_mbuf(&ct_look, m), INV);
	put16(f.b + f.l4 + 6, 0x1234);
	m = mbuf_of(&f);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	assert_state(track_mbuf(&ct_look, m), NEW);
}

// The payload of a lent packet, in segments of odd lengths, is summed where it is.
static void checksums_go_over_segments(void **state)
{
	struct frame f = frame_of(IPPROTO_UDP, false, FROM_A, 901);
	uint8_t rest[1000];

	(void)state;
	for (int damaged = 0; damaged <= 1; damaged++) {
		struct rte_mbuf *m = packet_lend(fx.pmd->arena, HEAD_COPY, f.len), *last = m;
		struct flow_key key;

		f.b[f.len - 1] ^= (uint8_t)damaged;
		memset(packet_meta(m), 0, sizeof(struct packet_meta));
		memcpy(rte_pktmbuf_mtod(m, void *), f.b, HEAD_COPY);
		memcpy(rest, f.b + HEAD_COPY, f.len - HEAD_COPY);
		last = packet_lend_segment(fx.pmd->arena, m, last, rest, 333);
		last = packet_lend_segment(fx.pmd->arena, m, last, rest + 333, 1);
		packet_lend_segment(fx.pmd->arena, m, last, rest + 334, f.len - HEAD_COPY - 334);
		flow_extract(f.b, HEAD_COPY, &key, &packet_meta(m)->layout);
		assert_state(track_mbuf(&ct_look, m), damaged ? INV : NEW);
	}
	packet_arena_reset(fx.pmd->arena);
}

static void what_is_no_ip_packet_is_invalid(void **state)
{
	struct frame f = udp(FROM_A);

	(void)state;
	put16(f.b + 12, 0x0806);
	assert_state(track(&ct_commit, f), INV);
	f = udp(FROM_A);
	put16(f.b + f.l3 + 6, 0x2000); // a first fragment
	frame_fix_ipv4(&f);
	assert_state(track(&ct_commit, f), INV);
	f = udp(FROM_A);
	put16(f.b + f.l4, 0); // port 0
	frame_fix(&f);
	assert_state(track(&ct_commit, f), INV);
	assert_false(said.cold & FLOW_COLD_CT);
	assert_int_equal(said.ct_mark, 0);
}

static void an_error_is_related_to_what_it_quotes(void **state)
{
	struct frame quoted = udp(FROM_A), f = frame_of(IPPROTO_ICMP, false, FROM_B, 28);

	(void)state;
	f.b[f.l4] = 3; // unreachable
	f.b[f.l4 + 1] = 3;
	memcpy(f.b + f.l4 + 8, quoted.b + quoted.l3, 28);
	frame_fix(&f);
	assert_state(track(&ct_commit, f), INV);
	track(&ct_commit, udp(FROM_A));
	assert_state(track(&ct_look, f), REL | RPL);
	assert_int_equal(ct_table_count(0), 1);
}

// A whole burst at once: the same as one by one.
static void a_burst_is_tracked_together(void **state)
{
	struct rte_mbuf *pkts[BURST_MAX];

	(void)state;
	for (unsigned turn = 0; turn < 2; turn++) {
		for (unsigned i = 0; i < BURST_MAX; i++) {
			struct frame f = udp(FROM_A);

			put16(f.b + f.l4, 1000 + i);
			frame_fix(&f);
			if (turn == 1)
				frame_reverse(&f);
			pkts[i] = mbuf_of(&f);
		}
		assert_int_equal(ct_execute(fx.pmd, &ct_commit, pkts, BURST_MAX), BURST_MAX);
		for (unsigned i = 0; i < BURST_MAX; i++) {
			assert_state(packet_meta(pkts[i])->flow.ct_state, turn ? EST | RPL : NEW);
			packet_free(pkts[i]);
		}
	}
	assert_int_equal(ct_table_count(0), BURST_MAX);
}

static void send_if(uint32_t ct_state, uint32_t port_no)
{
	struct flow_actions *actions = ACTIONS(OUTPUT(port_no));
	struct megaflow *flow;
	const struct flow_match match = {
	    .key = {.in_port = 1, .recirc_id = 1, .ct_state = ct_state},
	    .mask = {.in_port = UINT32_MAX, .recirc_id = UINT32_MAX, .ct_state = NEW | EST | INV}};

	assert_int_equal(flow_table_add(fx.flows, &match, actions, &flow), 0);
}

// ct(commit), recirculate, and on by the state, through lookups and all.
static void flows_choose_by_the_state(void **state)
{
	struct action ct = {.type = ACTION_CT, .u.ct = ct_commit};
	struct frame sent[] = {udp(FROM_A), udp(FROM_B), echo(false, FROM_B)};

	(void)state;
	install(0, 0, ACTIONS(ct, RECIRC(1)));
	send_if(NEW, 2);
	send_if(EST, 3);
	send_if(INV, 4);
	for (unsigned i = 0; i < RTE_DIM(sent); i++) {
		receive(mbuf_of(&sent[i]));
		forward_rx(fx.pmd, &fx.poll);
		for (uint32_t port_no = 2; port_no <= 4; port_no++)
			assert_sent(port_no, port_no == i + 2);
	}
}

// Headers cut off anywhere, and random bytes: never a read past the packet (ASan), never a crash.
static void garbage_is_survived(void **state)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_ICMPV6};
	unsigned seed = 7;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		struct frame f = frame_of(protos[i % 4], i % 8 >= 4, i % 2, i % 60);
		unsigned n_flips = (unsigned)rand_r(&seed) % 4;

		for (unsigned j = 0; j < n_flips; j++)
			f.b[14 + (unsigned)rand_r(&seed) % (f.len - 14)] = (uint8_t)rand_r(&seed);
		if (i % 3 == 0)
			f.len = 14 + (unsigned)rand_r(&seed) % (f.len - 14);
		struct rte_mbuf *m = mbuf_of(&f);

		if (i % 5 == 0) // whatever it says, it is not summed
			m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		track_mbuf(i % 2 ? &ct_commit : &ct_look, m);
	}
	wait_ms(200000000);
	ct_turn(fx.pmd->now_ms);
	rcu_quiescent(fx.rcu, fx.pmd->rcu_id);
	rcu_reclaim(fx.rcu);
	assert_int_equal(ct_table_count(0), 0);
}

#define NAT_MIN	  1000u
#define NAT_PORTS 20u

// A packet of another sender than the last, from this port.
static uint32_t snat(uint8_t sender, uint16_t port)
{
	struct action_ct ct = {.zone = CT_ZONE,
			       .flags = ACTION_CT_COMMIT | ACTION_CT_NAT,
			       .nat = {.addr_min = {{10, 9, 9, 9}},
				       .addr_max = {{10, 9, 9, 9}},
				       .port_min = NAT_MIN,
				       .port_max = NAT_MIN + NAT_PORTS - 1,
				       .flags =
					   ACTION_NAT_SRC | ACTION_NAT_IPV4 | ACTION_NAT_PORTS}};
	struct frame f = udp(FROM_A);
	struct ct_key key = key_of_frame(&f);

	key.src.b[3] = sender;
	key.src_port_be = htons(port);
	return track(&ct, frame_with_key(&f, &key));
}

// Whoever has filled a range could have each further packet look through all of it.
static void a_range_that_is_full_is_searched_once_a_moment(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < NAT_PORTS; i++)
		assert_state(snat(77, NAT_MIN + i) & ~CT_STATE_SRC_NAT, NEW);
	assert_int_equal(snat(78, NAT_MIN), UINT32_MAX);
	ct_table_remove(ct_table_slot(NAT_PORTS - 2), ct_time(fx.pmd->now_ms)); // a late candidate
	assert_int_equal(snat(78, NAT_MIN), UINT32_MAX);
	assert_state(snat(78, NAT_MIN + NAT_PORTS - 4) & ~CT_STATE_SRC_NAT, NEW); // an early one
	ct_table_remove(ct_table_slot(NAT_PORTS - 3), ct_time(fx.pmd->now_ms));
	wait_ms(1u << CT_GRANULE_SHIFT);
	assert_state(snat(78, NAT_MIN) & ~CT_STATE_SRC_NAT, NEW);
}

// Who knows no more than the addresses of a control connection can put nothing into it.
static void only_what_is_of_a_control_connection_announces_another(void **state)
{
	static const struct action_ct ftp = {.zone = CT_ZONE,
					     .flags = ACTION_CT_COMMIT,
					     .helper = ACTION_CT_HELPER_FTP};
	const struct tcp_spec open[] = {
	    {.flags = F_SYN, .seq = 100},
	    {.from_b = true, .flags = F_SYN | F_ACK, .seq = 9000, .ack = 101},
	    {.flags = F_ACK, .seq = 101, .ack = 9001},
	};
	struct tcp_spec port = {.flags = F_ACK | F_PSH, .ack = 9001};
	unsigned waiting = ct_expect_count();

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(open); i++)
		track(&ftp, tcp(&open[i]));
	for (unsigned in_window = 0; in_window < 2; in_window++) {
		char text[64];
		struct frame f;
		const uint8_t *src;

		port.seq = in_window ? 101 : 1000000;
		f = tcp(&port);
		src = f.b + f.l3 + 12;
		port.payload = (uint32_t)snprintf(text, sizeof text, "PORT %u,%u,%u,%u,9,9\r\n",
						  src[0], src[1], src[2], src[3]);
		f = tcp(&port);
		memcpy(f.b + f.l4 + 20, text, port.payload);
		frame_fix(&f);
		assert_state(track(&ftp, f), in_window ? EST : INV);
		assert_int_equal(ct_expect_count(), waiting + in_window);
	}
	ct_expect_forget(0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ct_up, ct_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_connection_is_new_until_it_is_answered),
	    TEST(all_protocols_are_tracked),
	    TEST(a_query_opens_and_an_answer_does_not),
	    TEST(the_original_tuple_is_told),
	    TEST(marks_and_labels_change_under_their_masks),
	    TEST(a_zone_knows_nothing_of_another),
	    TEST(the_packets_own_mark_stays),
	    TEST(force_turns_a_connection_round),
	    TEST(a_connection_expires_by_its_policy),
	    TEST(a_full_table_drops_what_would_be_new),
	    TEST(a_full_zone_drops_what_would_be_new),
	    TEST(a_damaged_packet_is_invalid),
	    TEST(a_checksum_that_is_left_to_do_is_not_checked),
	    TEST(what_a_device_says_of_a_checksum_counts),
	    TEST(checksums_go_over_segments),
	    TEST(what_is_no_ip_packet_is_invalid),
	    TEST(an_error_is_related_to_what_it_quotes),
	    TEST(a_burst_is_tracked_together),
	    TEST(a_range_that_is_full_is_searched_once_a_moment),
	    TEST(only_what_is_of_a_control_connection_announces_another),
	    TEST(flows_choose_by_the_state),
	    TEST(garbage_is_survived),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
