// Counting TTLs down, and sets of a part of TOS, TTL and flow label.
#include "edit_check.h"

#include <arpa/inet.h>

static uint8_t *ttl_of(struct frame *f)
{
	return f->b + f->l3 + (f->v6 ? 7 : 8);
}

static struct frame frame_of(bool v6, unsigned i)
{
	struct frame_spec spec = {.v6 = v6,
				  .proto = i % 2 ? IPPROTO_UDP : IPPROTO_TCP,
				  .n_tags = i % 3,
				  .extensions = v6 && i % 2,
				  .payload = 200};
	struct frame f;

	frame_make(&f, &spec);
	return f;
}

static void counts_down_to_one_and_no_further(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * 256; i++) {
		struct frame f = frame_of(i % 2, i / 2), after;

		*ttl_of(&f) = (uint8_t)(i / 2);
		frame_fix(&f);
		after = f;
		--*ttl_of(&after);
		frame_fix(&after);
		if (i / 2 > 1)
			check_edit(edit_dec_ttl, NULL, &f, &after);
		else
			check_refused(edit_dec_ttl, NULL, &f, -ETIME);
	}
}

// The header's sum of every identification: every carry that there can be.
static void the_header_s_sum_is_right_whatever_it_was(void **state)
{
	struct frame f = frame_of(false, 0), after;

	(void)state;
	for (uint32_t id = 0; id < 65536; id++) {
		struct rte_mbuf *m;

		put16(f.b + f.l3 + 4, id);
		frame_fix_ipv4(&f);
		after = f;
		--*ttl_of(&after);
		frame_fix_ipv4(&after);
		m = packet_of(&f, 512);
		assert_int_equal(edit_dec_ttl(&m, NULL), 0);
		// 0 and 0xffff are the same sum (RFC 1624).
		if (get16(after.b + f.l3 + 10) == 0 &&
		    get16(rte_pktmbuf_mtod_offset(m, uint8_t *, f.l3 + 10)) == 0xffff)
			put16(after.b + f.l3 + 10, 0xffff);
		assert_bytes(m, after.b, after.len);
		rte_pktmbuf_free(m);
	}
}

static void does_nothing_to_other_packets(void **state)
{
	struct frame f = frame_of(false, 0);

	(void)state;
	put16(f.b + f.l3 - 2, 0x0806);
	check_edit(edit_dec_ttl, NULL, &f, &f);
	put16(f.b + f.l3 - 2, 0x8847);
	check_edit(edit_dec_ttl, NULL, &f, &f);
}

static void wants_a_whole_header(void **state)
{
	struct frame f = frame_of(false, 0), f6 = frame_of(true, 0);

	(void)state;
	assert_int_equal(check_truncated(edit_dec_ttl, NULL, &f), f.l3 + 20);
	assert_int_equal(check_truncated(edit_dec_ttl, NULL, &f6), f6.l3 + 40);
	f.b[f.l3] = 0x55;
	check_refused(edit_dec_ttl, NULL, &f, -EINVAL);
}

static void never_changes_bytes_that_others_refer_to(void **state)
{
	struct frame f = frame_of(false, 1), f6 = frame_of(true, 1);

	(void)state;
	check_shared(edit_dec_ttl, NULL, &f);
	check_shared(edit_dec_ttl, NULL, &f6);
}

static void tos_set(struct frame *f, uint8_t tos)
{
	if (f->v6)
		put16(f->b + f->l3, (get16(f->b + f->l3) & 0xf00f) | (uint32_t)tos << 4);
	else
		f->b[f->l3 + 1] = tos;
	frame_fix(f);
}

// DSCP is the upper six bits, ECN the lower two: each may be set without the other.
static void sets_dscp_and_ecn_apart(void **state)
{
	static const uint8_t masks[] = {0xfc, 0x03, 0xff, 0x80, 0x00};

	(void)state;
	for (unsigned i = 0; i < 2 * RTE_DIM(masks) * 4; i++) {
		bool v6 = i % 2;
		uint8_t mask = masks[i / 2 % RTE_DIM(masks)], old = (uint8_t)(0x55 * (i / 10));
		uint8_t value = 0xa6 & mask;
		struct action set = {0};
		struct frame f = frame_of(v6, i), after;

		if (v6)
			set.u.ipv6 = (struct action_set_ipv6){.tclass = value, .tclass_mask = mask};
		else
			set.u.ipv4 = (struct action_set_ipv4){.tos = value, .tos_mask = mask};
		tos_set(&f, old);
		after = f;
		tos_set(&after, (uint8_t)((old & ~mask) | value));
		check_edit(v6 ? edit_set_ipv6 : edit_set_ipv4, &set, &f, &after);
	}
}

static void sets_the_ttl_alone(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * 6; i++) {
		bool v6 = i % 2;
		struct action set = {0};
		struct frame f = frame_of(v6, i), after = f;

		if (v6)
			set.u.ipv6 = (struct action_set_ipv6){.hlimit = 3, .hlimit_mask = 0x0f};
		else
			set.u.ipv4 = (struct action_set_ipv4){.ttl = 3, .ttl_mask = 0x0f};
		*ttl_of(&after) = (uint8_t)((*ttl_of(&f) & 0xf0) | 3);
		frame_fix(&after);
		check_edit(v6 ? edit_set_ipv6 : edit_set_ipv4, &set, &f, &after);
	}
}

static void sets_a_part_of_the_flow_label_alone(void **state)
{
	static const uint32_t masks[] = {0xfffff, 0xf0000, 0x0ffff, 0x00001};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(masks); i++) {
		uint32_t value = 0x53a97 & masks[i];
		struct action set = {
		    .u.ipv6 = {.label_be = htonl(value), .label_mask_be = htonl(masks[i])}};
		struct frame f = frame_of(true, i), after = f;
		uint32_t word = get16(f.b + f.l3) << 16 | get16(f.b + f.l3 + 2);

		word = (word & ~masks[i]) | value;
		put16(after.b + f.l3, word >> 16);
		put16(after.b + f.l3 + 2, word);
		check_edit(edit_set_ipv6, &set, &f, &after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(counts_down_to_one_and_no_further),
	    T(the_header_s_sum_is_right_whatever_it_was),
	    T(does_nothing_to_other_packets),
	    T(wants_a_whole_header),
	    T(never_changes_bytes_that_others_refer_to),
	    T(sets_dscp_and_ecn_apart),
	    T(sets_the_ttl_alone),
	    T(sets_a_part_of_the_flow_label_alone),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
