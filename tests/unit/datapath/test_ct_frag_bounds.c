// How much fragments may take of memory and time, whoever sends them, and what operators see of it.
#include "frag_fixture.h"

static void fragments_that_nobody_makes_are_invalid(void **state)
{
	struct frame f = udp_frame(0), f6 = udp_frame(1), wrong;
	struct ct_frag_result result;
	struct rte_mbuf *m;

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		wrong = fragment_of(v6 ? &f6 : &f, 1, 0, 344, true); // too small
		assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
		assert_int_equal(counters(v6).too_small, 1);
		wrong = fragment_of(v6 ? &f6 : &f, 1, 0, 500, true); // not in units of 8
		assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
		wrong = fragment_of(v6 ? &f6 : &f, 1, 0, 8, false);
		if (v6) // to 65536
			put16(wrong.b + wrong.l4 - 6, 65528);
		else
			put16(wrong.b + wrong.l3 + 6, 65528 / 8);
		if (!v6)
			frame_fix_ipv4(&wrong);
		assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
		wrong = fragment_of(v6 ? &f6 : &f, 1, 8, 0, false);
		assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
	}
	wrong = fragment_of(&f, 1, 0, SIZE, true);
	wrong.b[wrong.l3 + 10] ^= 1; // its header's checksum
	assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
	wrong = fragment_of(&f, 1, 0, SIZE, true);
	wrong.len--; // cut off
	assert_int_equal(add(&wrong, &result), CT_FRAG_INVALID);
	wrong = fragment_of(&f, 1, 0, SIZE, true);
	m = packet_of(&wrong, 512);
	m->ol_flags |= PACKET_OFFLOAD; // a checksum to complete over a part
	assert_int_equal(ct_frag_add(frags, &m, ZONE, NOW, &result), CT_FRAG_INVALID);
	rte_pktmbuf_free(m);
	assert_int_equal(held(), 0);
}

// A header in front makes it longer than its length field can say.
static void a_datagram_is_never_longer_than_its_length_can_say(void **state)
{
	struct frame f = udp_frame(0), part;
	struct ct_frag_result result;
	uint32_t at = 0;

	(void)state;
	for (; at + 1024 < 65520; at += 1024) {
		part = fragment_of(&f, 1, 0, 1024, true);
		put16(part.b + part.l3 + 6, at / 8 | 0x2000);
		frame_fix_ipv4(&part);
		assert_int_equal(add(&part, &result), CT_FRAG_HELD);
	}
	part = fragment_of(&f, 1, 0, 65520 - at, false);
	put16(part.b + part.l3 + 6, at / 8);
	frame_fix_ipv4(&part);
	assert_int_equal(add(&part, &result), CT_FRAG_DROP);
	assert_int_equal(result.n, 64);
	result_free(&result);
}

// IPv6, with so many options that a part has little room.
static void a_datagram_has_so_many_parts_and_no_more(void **state)
{
	struct ct_frag_result result;
	uint8_t options[192] = {IPPROTO_FRAGMENT, 23, 1, 186};

	(void)state;
	for (unsigned i = 0; i <= CT_FRAG_PARTS_MAX; i++) {
		struct frame f = udp_frame(1), part = f;

		part.len = f.l4;
		part.b[f.l3 + 6] = 0;
		frame_put(&part, options, sizeof options);
		frame_put(&part, (uint8_t[]){IPPROTO_UDP, 0, 0, 0, 0, 0, 0, 1}, 8);
		put16(part.b + part.len - 6, i * 160 | 1);
		frame_put(&part, f.b + f.l4, 160);
		put16(part.b + part.l3 + 4, part.len - part.l3 - 40);
		assert_int_equal(add(&part, &result),
				 i < CT_FRAG_PARTS_MAX ? CT_FRAG_HELD : CT_FRAG_DROP);
	}
	assert_int_equal(result.n, CT_FRAG_PARTS_MAX + 1);
	result_free(&result);
}

static void a_port_holds_as_many_as_it_leaves_for_all_others(void **state)
{
	struct frame f = udp_frame(0), part;
	struct ct_frag_result result;
	unsigned n[4] = {0};

	(void)state;
	assert_int_equal(ct_frags_set_held_max(frags, 16), 0);
	for (uint32_t port = 1; port < 4; port++) {
		for (uint32_t id = 0; id < 20; id++) {
			part = fragment_of(&f, id | port << 8, 0, SIZE, true);
			n[port] += add_at(&part, port, NOW, &result) == CT_FRAG_HELD;
		}
	}
	assert_int_equal(n[1], 8);
	assert_int_equal(n[2], 4);
	assert_int_equal(n[3], 2);
	assert_int_equal(ct_frags_set_held_max(frags, CT_FRAG_HELD_MAX + 1), -ERANGE);
}

static unsigned expire_all(uint64_t now)
{
	struct rte_mbuf *pkts[7];
	unsigned n, sum = 0;

	while ((n = ct_frags_expire(frags, now, pkts, RTE_DIM(pkts))) > 0) {
		packet_free_bulk(pkts, n);
		sum += n;
	}
	return sum;
}

static void what_waits_too_long_is_given_up(void **state)
{
	struct frame f = udp_frame(0), parts[PARTS];
	struct ct_frag_result result;

	(void)state;
	for (unsigned id = 0; id < 10; id++) {
		fragments_of(&f, id, SIZE, parts);
		add_at(&parts[0], 1, NOW + id, &result);
		add_at(&parts[1], 1, NOW + 9000, &result);
	}
	assert_int_equal(expire_all(NOW + CT_FRAG_TIMEOUT_MS - 1), 0);
	assert_int_equal(expire_all(NOW + CT_FRAG_TIMEOUT_MS), 2); // since the first came
	assert_int_equal(expire_all(NOW + CT_FRAG_TIMEOUT_MS + 9), 18);
	assert_int_equal(counters(false).expired, 20);
	assert_int_equal(held(), 0);
	// A datagram that had failed is forgotten, too.
	add(&parts[0], &result);
	parts[1] = fragment_of(&f, 9, SIZE - 8, SIZE, true);
	assert_int_equal(add(&parts[1], &result), CT_FRAG_DROP);
	result_free(&result);
	add_at(&parts[2], 1, NOW, &result);
	parts[1] = fragment_of(&f, 8, 0, SIZE, true);
	add_at(&parts[1], 1, NOW, &result);
	assert_int_equal(expire_all(NOW + CT_FRAG_TIMEOUT_MS), 1);
	assert_int_equal(add_at(&parts[0], 1, NOW + CT_FRAG_TIMEOUT_MS, &result), CT_FRAG_HELD);
}

// Its identification may be used again, whether or not others keep the table busy.
static void a_failed_datagram_is_forgotten_though_nothing_waits(void **state)
{
	struct frame f = udp_frame(0), first = fragment_of(&f, 1, 0, SIZE, true);
	struct frame wrong = fragment_of(&f, 1, SIZE - 8, SIZE, true);
	struct ct_frag_result result;

	(void)state;
	assert_int_equal(add(&first, &result), CT_FRAG_HELD);
	assert_int_equal(add(&wrong, &result), CT_FRAG_DROP);
	result_free(&result);
	assert_int_equal(held(), 0);
	assert_int_equal(expire_all(NOW + CT_FRAG_TIMEOUT_MS - 1), 0);
	assert_int_equal(add(&first, &result), CT_FRAG_INVALID);
	assert_int_equal(expire_all(NOW + CT_FRAG_TIMEOUT_MS), 0);
	assert_int_equal(add_at(&first, 1, NOW + CT_FRAG_TIMEOUT_MS, &result), CT_FRAG_HELD);
}

static void operators_see_what_waits(void **state)
{
	struct frame f = udp_frame(0), f6 = udp_frame(1);
	struct frame parts[] = {fragment_of(&f, 0x1234, 0, SIZE, true),
				fragment_of(&f6, 7, SIZE, 264, false)};
	struct ct_frag_result result;
	struct ct_frag_entry e;
	uint32_t cursor = 0;
	unsigned n = 0;

	(void)state;
	add(&parts[0], &result);
	add(&parts[1], &result);
	for (; ct_frags_next(frags, &cursor, &e); n++) {
		assert_int_equal(e.n, 1);
		assert_int_equal(e.zone, ZONE);
		assert_string_equal(e.state, e.is_v6 ? "last frag" : "first frag");
		assert_int_equal(rte_be_to_cpu_32(e.id_be), e.is_v6 ? 7 : 0x1234);
		assert_int_equal(e.proto, e.is_v6 ? 0 : IPPROTO_UDP);
	}
	assert_int_equal(n, 2);
	assert_int_equal(counters(false).accepted, 1);
	assert_int_equal(counters(true).accepted, 1);
	ct_frags_set_enabled(frags, false, false);
	assert_int_equal(add(&parts[0], &result), CT_FRAG_INVALID);
	assert_int_equal(ct_frags_set_min_size(frags, false, CT_FRAG_MIN_BOUND - 1), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    F(fragments_that_nobody_makes_are_invalid),
	    F(a_datagram_is_never_longer_than_its_length_can_say),
	    F(a_datagram_has_so_many_parts_and_no_more),
	    F(a_port_holds_as_many_as_it_leaves_for_all_others),
	    F(what_waits_too_long_is_given_up),
	    F(a_failed_datagram_is_forgotten_though_nothing_waits),
	    F(operators_see_what_waits),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
