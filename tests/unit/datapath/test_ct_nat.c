// Reply tuples of translated connections: who gets which, in which order, and that a full range
// ends the search.
#include "datapath/ct_steps.h"

#include "edit_check.h"
#include "tuples.h"

#include <linux/openvswitch.h>

static struct ct_conn conn;
static struct ct_ext ext;

static void conn_make(uint8_t proto, bool v6, uint16_t src_port, uint16_t dst_port)
{
	memset(&ext, 0, sizeof ext);
	conn = (struct ct_conn){.ext = &ext,
				.key = {.proto = proto,
					.is_v6 = v6,
					.zone = 5,
					.src_port_be = htons(src_port),
					.dst_port_be = htons(dst_port)}};
	if (v6) {
		conn.key.src = (struct in6){{0xfc, [15] = 1}};
		conn.key.dst = (struct in6){{0xfc, [15] = 2}};
	} else {
		conn.key.src_v4_be = htonl(0x0a010101);
		conn.key.dst_v4_be = htonl(0x0a010102);
	}
}

static struct action_ct nat_of(uint8_t flags, uint32_t addr_min, uint32_t addr_max,
			       uint16_t port_min, uint16_t port_max)
{
	struct action_ct ct = {.flags = ACTION_CT_COMMIT | ACTION_CT_NAT,
			       .nat = {.flags = flags, .port_min = port_min, .port_max = port_max}};

	addr_min = htonl(addr_min);
	addr_max = htonl(addr_max);
	memcpy(ct.nat.addr_min.b, &addr_min, sizeof addr_min);
	memcpy(ct.nat.addr_max.b, &addr_max, sizeof addr_max);
	if (addr_max)
		ct.nat.flags |= ACTION_NAT_IPV4;
	if (port_max)
		ct.nat.flags |= ACTION_NAT_PORTS;
	return ct;
}

static uint16_t reply_dst_port(void)
{
	return ntohs(ext.reply.dst_port_be);
}

static uint16_t reply_src_port(void)
{
	return ntohs(ext.reply.src_port_be);
}

// Runs all attempts; returns how many there are. seen[port] counts what `port` gave.
static unsigned attempts_count(const struct action_ct *ct, uint16_t (*port)(void), uint8_t *seen)
{
	uint32_t attempt = 0;
	unsigned n = 0;

	memset(seen, 0, UINT16_MAX + 1);
	for (; ct_nat_choose(&conn, ct, &attempt) == 0; n++) {
		assert_true(n < 1000);
		seen[port()]++;
	}
	return n;
}

static uint8_t seen[UINT16_MAX + 1];

static unsigned n_seen(uint32_t from, uint32_t to)
{
	unsigned n = 0;

	for (uint32_t port = from; port <= to; port++)
		n += seen[port] != 0;
	return n;
}

static void a_sender_keeps_its_port_while_that_is_free(void **state)
{
	struct action_ct ct = nat_of(ACTION_NAT_SRC, 0x0a0101f0, 0x0a0101f0, 0, 0);
	static const uint16_t ports[] = {0, 1, 511, 512, 599, 600, 1023, 1024, 40000, 65535};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(ports); i++) {
		uint32_t attempt = 0;

		conn_make(IPPROTO_TCP, false, ports[i], 80);
		assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), 0);
		assert_int_equal(ext.nat, CT_NAT_SRC);
		assert_int_equal(ext.reply.dst_v4_be, htonl(0x0a0101f0));
		assert_int_equal(ext.reply.src_v4_be, conn.key.dst_v4_be);
		assert_int_equal(reply_dst_port(), ports[i]);
		assert_int_equal(reply_src_port(), 80);
		assert_int_equal(ext.reply.zone, 5);
	}
}

static void then_it_gets_one_of_its_class_in_a_bounded_search(void **state)
{
	static const struct {
		uint16_t port, min, max;
		unsigned attempts;
	} rows[] = {{100, 1, 511, 240}, {1000, 600, 1023, 240}, {5000, 1024, 65535, 240}};
	struct action_ct ct = nat_of(ACTION_NAT_SRC, 0x0a0101f0, 0x0a0101f0, 0, 0);

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		conn_make(IPPROTO_UDP, false, rows[i].port, 80);
		assert_int_equal(attempts_count(&ct, reply_dst_port, seen), rows[i].attempts);
		assert_true(seen[rows[i].port] > 0);
		assert_int_equal(n_seen(0, UINT16_MAX), n_seen(rows[i].min, rows[i].max));
		assert_true(n_seen(rows[i].min, rows[i].max) > 120);
	}
}

static void a_given_range_is_tried_whole_and_never_left(void **state)
{
	struct action_ct ct = nat_of(ACTION_NAT_SRC, 0x0a0101f0, 0x0a0101f0, 34567, 34568);
	uint32_t attempt = 0;

	(void)state;
	conn_make(IPPROTO_TCP, false, 5000, 80);
	assert_int_equal(attempts_count(&ct, reply_dst_port, seen), 2);
	assert_int_equal(seen[34567] & seen[34568], 1);
	ct = nat_of(ACTION_NAT_SRC, 0x0a0101f0, 0x0a0101f0, 1000, 1127);
	assert_int_equal(attempts_count(&ct, reply_dst_port, seen), 128);
	assert_int_equal(n_seen(1000, 1127), 128);
	ct = nat_of(ACTION_NAT_SRC, 0x0a0101f0, 0x0a0101f0, 1000, 65535);
	assert_int_equal(attempts_count(&ct, reply_dst_port, seen), 240);
	assert_int_equal(n_seen(1000, 65535), n_seen(0, 65535));
	// Its own port, where that is in it.
	assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), 0);
	assert_int_equal(reply_dst_port(), 5000);
	ct = nat_of(ACTION_NAT_SRC | ACTION_NAT_RANDOM, 0x0a0101f0, 0x0a0101f0, 34568, 34568);
	assert_int_equal(attempts_count(&ct, reply_dst_port, seen), 1);
}

// Before the last way out is taken, another port of the sender's.
static void a_destination_range_is_tried_before_other_source_ports(void **state)
{
	struct action_ct ct = nat_of(ACTION_NAT_DST, 0x0a0101f0, 0x0a0101f0, 8000, 8003);
	uint16_t first[4] = {0};
	uint32_t attempt = 0;

	(void)state;
	conn_make(IPPROTO_TCP, false, 5000, 80);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), 0);
		assert_int_equal(ext.nat, CT_NAT_DST);
		assert_int_equal(ext.reply.src_v4_be, htonl(0x0a0101f0));
		assert_int_equal(ext.reply.dst_v4_be, conn.key.src_v4_be);
		assert_int_equal(reply_dst_port(), 5000);
		first[i] = reply_src_port();
		assert_in_range(first[i], 8000, 8003);
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(first[i], first[k]);
	}
	assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), 0);
	assert_int_equal(reply_dst_port(), 5001);
	assert_int_equal(reply_src_port(), first[0]);
	assert_int_equal(attempts_count(&ct, reply_dst_port, seen), 4 + 239);
	ct = nat_of(ACTION_NAT_DST, 0x0a0101f0, 0x0a0101f0, 0, 0);
	attempts_count(&ct, reply_src_port, seen);
	assert_int_equal(n_seen(0, 65535), 1);
	assert_true(seen[80] > 0);
}

static uint32_t addr_of(uint16_t client_port, const struct action_ct *ct)
{
	uint32_t attempt = 0;

	conn_make(IPPROTO_TCP, false, client_port, 80);
	assert_int_equal(ct_nat_choose(&conn, ct, &attempt), 0);
	return ntohl(ext.reply.dst_v4_be);
}

static void addresses_are_chosen_within_their_range(void **state)
{
	struct action_ct ct = nat_of(ACTION_NAT_SRC, 0x0a0101f0, 0x0a0101f3, 0, 0);
	struct action_ct sticky =
	    nat_of(ACTION_NAT_SRC | ACTION_NAT_PERSISTENT, 0x0a0101f0, 0x0a0101f3, 0, 0);
	struct action_ct all = nat_of(ACTION_NAT_SRC, 1, UINT32_MAX, 0, 0);
	unsigned n[4] = {0};

	(void)state;
	for (uint16_t port = 1024; port < 1224; port++) {
		uint32_t addr = addr_of(port, &ct);

		assert_in_range(addr, 0x0a0101f0, 0x0a0101f3);
		assert_int_equal(addr, addr_of(port, &ct)); // the same for each attempt
		n[addr - 0x0a0101f0]++;
		assert_int_equal(addr_of(port, &sticky), addr_of(1024, &sticky));
		assert_int_not_equal(addr_of(port, &all), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_true(n[i] > 20);
}

static void ipv6_ranges_cross_their_middle(void **state)
{
	static const struct {
		struct in6 min, max;
	} rows[] = {
	    {{{0xfc, [15] = 0xf0}}, {{0xfc, [15] = 0xf3}}},
	    {{{0xfc, [8] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}},
	     {{0xfc, [7] = 1, [15] = 3}}},
	    {{{0xfc, [15] = 9}}, {{0xfd}}}, // longer than is used
	};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		unsigned n_same = 0;

		for (uint16_t port = 1; port < 200; port++) {
			struct action_ct ct = {.nat = {.flags = ACTION_NAT_SRC | ACTION_NAT_IPV6,
						       .addr_min = rows[i].min,
						       .addr_max = rows[i].max}};
			uint32_t attempt = 0;

			conn_make(IPPROTO_UDP, true, port, 53);
			assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), 0);
			assert_true(memcmp(&ext.reply.dst, &rows[i].min, 16) >= 0);
			assert_true(memcmp(&ext.reply.dst, &rows[i].max, 16) <= 0);
			n_same += memcmp(&ext.reply.dst, &rows[i].min, 16) == 0;
		}
		assert_true(n_same < 100);
	}
}

static void all_zeros_keep_the_address(void **state)
{
	struct action_ct ct = nat_of(ACTION_NAT_SRC | ACTION_NAT_IPV4, 0, 0, 0, 0);
	struct action_ct null = {.flags = ACTION_CT_NAT};
	uint32_t attempt = 0;

	(void)state;
	conn_make(IPPROTO_TCP, false, 30001, 80);
	assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), 0);
	assert_int_equal(ext.reply.dst_v4_be, conn.key.src_v4_be);
	assert_int_equal(reply_dst_port(), 30001);
	assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), 0); // in use: "when needed"
	assert_int_equal(ext.reply.dst_v4_be, conn.key.src_v4_be);
	assert_int_equal(reply_dst_port(), 30002);
	attempt = 0;
	assert_int_equal(ct_nat_choose(&conn, &null, &attempt), 0);
	assert_int_equal(ext.nat, CT_NAT_NONE);
	assert_int_equal(ct_nat_choose(&conn, &null, &attempt), 0);
	assert_int_equal(ext.nat, CT_NAT_SRC);
}

// A ping's identifier is changed only when another one has it; its range of ports is none of its.
static void queries_keep_their_identifier_while_it_is_free(void **state)
{
	struct action_ct ct = nat_of(ACTION_NAT_SRC, 0x0a0101f0, 0x0a0101f0, 20000, 20000);
	uint32_t attempt = 0;

	(void)state;
	conn_make(IPPROTO_ICMP, false, 77, CT_ICMP(8, 0));
	assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), 0);
	assert_int_equal(reply_src_port(), 77);
	assert_int_equal(reply_dst_port(), CT_ICMP(0, 0));
	assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), 0);
	assert_int_equal(reply_src_port(), 78);
	attempt = 0;
	conn_make(47, false, 0, 0); // GRE
	assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), 0);
	assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), -ENOSPC);
}

static void addresses_of_the_other_version_are_refused(void **state)
{
	struct action_ct ct = nat_of(ACTION_NAT_SRC, 0x0a0101f0, 0x0a0101f0, 0, 0);
	uint32_t attempt = 0;

	(void)state;
	conn_make(IPPROTO_TCP, true, 1, 2);
	assert_int_equal(ct_nat_choose(&conn, &ct, &attempt), -EAFNOSUPPORT);
}

// Both directions of a connection, and errors about either.
static void packets_of_both_directions_are_translated(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		struct frame_spec spec = {.v6 = i & 1,
					  .proto = i & 2 ? IPPROTO_TCP : IPPROTO_UDP,
					  .payload = 20};
		bool is_src = i & 4, is_error = i & 8;
		struct frame f, back, f_after, back_after;
		struct ct_packet p = {.conn = &conn, .is_related = is_error};
		struct ct_key reverse;

		frame_make(&f, &spec);
		memset(&ext, 0, sizeof ext);
		conn = (struct ct_conn){.key = key_of_frame(&f), .ext = &ext};
		ct_key_reverse(&ext.reply, &conn.key);
		(is_src ? &ext.reply.dst : &ext.reply.src)->b[2] ^= 0x77;
		*(is_src ? &ext.reply.dst_port_be : &ext.reply.src_port_be) ^= 0x1234;
		ext.nat = is_src ? CT_NAT_SRC : CT_NAT_DST;
		ct_key_reverse(&reverse, &ext.reply);
		f_after = frame_with_key(&f, &reverse);
		back = frame_with_key(&f, &ext.reply);
		ct_key_reverse(&reverse, &conn.key);
		back_after = frame_with_key(&f, &reverse);
		if (is_error) { // about a packet that went the other way
			struct frame of_back = icmp_error_about(&f_after, 48, 0, spec.v6 ? 1 : 3);
			struct frame of_back_after = icmp_error_about(&f, 48, 0, spec.v6 ? 1 : 3);

			f = icmp_error_about(&back_after, 48, 0, spec.v6 ? 1 : 3);
			f_after = icmp_error_about(&back, 48, 0, spec.v6 ? 1 : 3);
			back = of_back;
			back_after = of_back_after;
		}
		p.m = packet_of(&f, 512);
		p.dir = CT_ORIG;
		assert_int_equal(ct_nat_apply(&p), 0);
		assert_bytes(p.m, f_after.b, f_after.len);
		assert_int_equal(p.state, is_src ? OVS_CS_F_SRC_NAT : OVS_CS_F_DST_NAT);
		rte_pktmbuf_free(p.m);
		p.m = packet_of(&back, 512);
		p.dir = CT_REPLY;
		p.state = 0;
		assert_int_equal(ct_nat_apply(&p), 0);
		assert_bytes(p.m, back_after.b, back_after.len);
		assert_int_equal(p.state, is_src ? OVS_CS_F_DST_NAT : OVS_CS_F_SRC_NAT);
		rte_pktmbuf_free(p.m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_sender_keeps_its_port_while_that_is_free),
	    T(then_it_gets_one_of_its_class_in_a_bounded_search),
	    T(a_given_range_is_tried_whole_and_never_left),
	    T(a_destination_range_is_tried_before_other_source_ports),
	    T(addresses_are_chosen_within_their_range),
	    T(ipv6_ranges_cross_their_middle),
	    T(all_zeros_keep_the_address),
	    T(queries_keep_their_identifier_while_it_is_free),
	    T(addresses_of_the_other_version_are_refused),
	    T(packets_of_both_directions_are_translated),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
