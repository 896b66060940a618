#include "edit_check.h"

#include <arpa/inet.h>

#define SOLICIT 135
#define ADVERT	136
#define ALL_MASK                                           \
	{                                                  \
		{                                          \
			0xff, 0xff, 0xff, 0xff, 0xff, 0xff \
		}                                          \
	}

static struct action icmp_to(uint8_t type, uint8_t code, bool v6)
{
	return (struct action){.type = ACTION_SET_ICMP,
			       .u.icmp = {.type = type,
					  .code = code,
					  .type_mask = 0xff,
					  .code_mask = 0xff,
					  .is_v6 = v6}};
}

static struct frame icmp_frame(bool v6, unsigned i)
{
	struct frame_spec spec = {.v6 = v6,
				  .proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
				  .n_tags = i % 3,
				  .extensions = v6 && i / 3 % 2,
				  .payload = i / 6 ? 300 : 33};
	struct frame f;

	frame_make(&f, &spec);
	return f;
}

static void sets_type_and_code_with_the_checksum_right(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 24; i++) {
		bool v6 = i % 2;
		struct frame f = icmp_frame(v6, i / 2), after = f;
		struct action set = icmp_to(3, 0xaa, v6);
		struct action part = {
		    .u.icmp = {.type = 0x80, .type_mask = 0xc0, .code_mask = 0, .is_v6 = v6}};

		after.b[after.l4] = 3;
		after.b[after.l4 + 1] = 0xaa;
		frame_fix(&after);
		check_edit(edit_set_icmp, &set, &f, &after);
		after = f;
		after.b[after.l4] = (uint8_t)(0x80 | (f.b[f.l4] & 0x3f));
		frame_fix(&after);
		check_edit(edit_set_icmp, &part, &f, &after);
	}
}

// Tries all types: sums of all kinds come out, with every carry.
static void the_sum_is_right_for_every_type(void **state)
{
	struct frame f = icmp_frame(false, 0), after;

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		struct action set = icmp_to((uint8_t)type, 0, false);

		after = f;
		after.b[after.l4] = (uint8_t)type;
		frame_fix(&after);
		check_edit(edit_set_icmp, &set, &f, &after);
	}
}

static void does_nothing_to_other_packets(void **state)
{
	struct action set = icmp_to(3, 1, false), set6 = icmp_to(3, 1, true);
	struct action nd = {.u.nd = {.target_mask = {{0xff}}}};
	struct action ext = {.u.nd_ext = {.reserved_mask_be = UINT32_MAX}};
	struct frame_spec udp = {.proto = IPPROTO_UDP, .payload = 40};
	struct frame f = icmp_frame(false, 0), f6 = icmp_frame(true, 0);

	(void)state;
	check_edit(edit_set_icmp, &set6, &f, &f);
	check_edit(edit_set_icmp, &set, &f6, &f6);
	check_edit(edit_set_nd, &nd, &f6, &f6); // an echo
	check_edit(edit_set_nd_ext, &ext, &f6, &f6);
	frame_make(&f, &udp);
	check_edit(edit_set_icmp, &set, &f, &f);
	check_edit(edit_set_nd, &nd, &f, &f);
	put16(f.b + 12, 0x0806);
	check_edit(edit_set_icmp, &set, &f, &f);
	f = icmp_frame(false, 0);
	put16(f.b + f.l3 + 6, 5); // a later fragment
	frame_fix_ipv4(&f);
	check_edit(edit_set_icmp, &set, &f, &f);
}

// A neighbour message: type, flags, target, then options.
static struct frame nd_frame(uint8_t type, const uint8_t *options, uint32_t len)
{
	static const uint8_t target[16] = {0xfe, 0x80, [15] = 9};
	struct frame f = icmp_frame(true, 1);

	f.b[f.l4] = type;
	f.b[f.l4 + 1] = 0;
	memset(f.b + f.l4 + 4, 0, 4);
	memcpy(f.b + f.l4 + 8, target, sizeof target);
	f.len = f.l4 + 24;
	frame_put(&f, options, len);
	put16(f.b + f.l3 + 4, f.len - f.l3 - 40);
	frame_fix(&f);
	return f;
}

static const struct action set_nd = {
    .type = ACTION_SET_ND,
    .u.nd = {.target = {{0x20, 1, 0x0d, 0xb8, [14] = 0xab, 0xcd}},
	     .target_mask = {{[0 ... 7] = 0xff, [14 ... 15] = 0xff}},
	     .sll = {{2, 0, 0, 0, 0, 0x51}},
	     .sll_mask = ALL_MASK,
	     .tll = {{2, 0, 0, 0, 0, 0x71}},
	     .tll_mask = {{0, 0, 0, 0, 0, 0xff}}},
};

static void ref_target(struct frame *f)
{
	static const uint8_t start[8] = {0x20, 1, 0x0d, 0xb8};

	memcpy(f->b + f->l4 + 8, start, sizeof start);
	put16(f->b + f->l4 + 22, 0xabcd);
}

static void sets_target_and_the_addresses_that_are_there(void **state)
{
	static const uint8_t options[] = {1, 1, 2, 0, 0, 0, 0, 1, // source
					  5, 1, 0, 0, 0, 0, 5, 0, // MTU
					  2, 1, 6, 5, 4, 3, 2, 1, // target
					  1, 2, 9, 9, 9, 9, 9, 9, // source of another length
					  9, 9, 9, 9, 9, 9, 9, 9};

	(void)state;
	for (uint32_t len = 0; len <= sizeof options; len += 8) {
		struct frame f = nd_frame(len % 16 ? SOLICIT : ADVERT, options, len), after = f;

		ref_target(&after);
		if (len >= 8)
			memcpy(after.b + after.l4 + 26, set_nd.u.nd.sll.b, 6);
		if (len >= 24)
			after.b[after.l4 + 47] = 0x71;
		frame_fix(&after);
		check_edit(edit_set_nd, &set_nd, &f, &after);
	}
}

// Options are walked no further than they make sense.
static void stops_at_options_that_are_malformed(void **state)
{
	static const uint8_t bad[][16] = {
	    {1, 0, 2, 0, 0, 0, 0, 1, 1, 1, 2, 0, 0, 0, 0, 1}, // no length
	    {9, 3, 2, 0, 0, 0, 0, 1, 1, 1, 2, 0, 0, 0, 0, 1}, // past the end
	    {9, 255, 2, 0, 0, 0, 0, 1, 1, 1, 2, 0, 0, 0, 0, 1},
	};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		struct frame f = nd_frame(SOLICIT, bad[i], sizeof bad[i]), after = f;

		ref_target(&after);
		frame_fix(&after);
		check_edit(edit_set_nd, &set_nd, &f, &after);
	}
}

// What a responder does: a solicitation with its source's address becomes an advertisement.
static void turns_a_solicitation_into_an_advertisement(void **state)
{
	static const uint8_t source[] = {1, 1, 2, 0, 0, 0, 0, 1};
	const struct action type = icmp_to(ADVERT, 0, true);
	const struct action ext = {.u.nd_ext = {.reserved_be = htonl(0x60000000),
						.reserved_mask_be = UINT32_MAX,
						.option_type = 2,
						.option_type_mask = 0xff}};
	const struct action tll = {.u.nd = {.tll = {{2, 0, 0, 0, 0, 0xee}}, .tll_mask = ALL_MASK}};
	struct frame f = nd_frame(SOLICIT, source, sizeof source), steps[3];

	(void)state;
	steps[0] = f;
	steps[0].b[f.l4] = ADVERT;
	frame_fix(&steps[0]);
	check_edit(edit_set_icmp, &type, &f, &steps[0]);
	steps[1] = steps[0];
	steps[1].b[f.l4 + 4] = 0x60;
	steps[1].b[f.l4 + 24] = 2;
	frame_fix(&steps[1]);
	check_edit(edit_set_nd_ext, &ext, &steps[0], &steps[1]);
	steps[2] = steps[1];
	steps[2].b[f.l4 + 31] = 0xee;
	frame_fix(&steps[2]);
	check_edit(edit_set_nd, &tll, &steps[1], &steps[2]);
}

static void an_option_s_type_is_set_where_it_is_an_address(void **state)
{
	static const uint8_t longer[] = {1, 2, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
	const struct action ext = {.u.nd_ext = {.option_type = 2, .option_type_mask = 0xff}};
	struct frame none = nd_frame(ADVERT, longer, 0);
	struct frame f = nd_frame(ADVERT, longer, sizeof longer);

	(void)state;
	check_edit(edit_set_nd_ext, &ext, &none, &none);
	check_edit(edit_set_nd_ext, &ext, &f, &f);
}

static void wants_whole_headers(void **state)
{
	static const uint8_t source[] = {1, 1, 2, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0};
	const struct action set = icmp_to(3, 1, false), set6 = icmp_to(3, 1, true);
	const struct action ext = {.u.nd_ext = {.option_type = 2, .option_type_mask = 0xff}};
	struct frame f = icmp_frame(false, 0), nd = nd_frame(SOLICIT, source, sizeof source);

	(void)state;
	assert_int_equal(check_truncated(edit_set_icmp, &set, &f), f.l4 + 8);
	check_truncated(edit_set_icmp, &set6, &nd);
	check_truncated(edit_set_nd, &set_nd, &nd);
	check_truncated(edit_set_nd_ext, &ext, &nd);
	// The IP header says that less is the packet's own: what follows is padding.
	put16(nd.b + nd.l3 + 4, 23);
	check_refused(edit_set_nd, &set_nd, &nd, -EINVAL);
	put16(nd.b + nd.l3 + 4, 7);
	check_refused(edit_set_icmp, &set6, &nd, -EINVAL);
}

// Who takes the packet sums the changed bytes up himself.
static void leaves_a_partial_checksum_as_it_is(void **state)
{
	struct action set = icmp_to(3, 1, true);
	struct frame f = icmp_frame(true, 0), after;
	struct rte_mbuf *m;

	(void)state;
	put16(f.b + f.l4 + 2, sum_bytes(pseudo_sum(&f, f.len - f.l4), NULL, 0));
	after = f;
	after.b[f.l4] = 3;
	after.b[f.l4 + 1] = 1;
	m = packet_of(&f, 512);
	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload =
	    (struct packet_offload){.csum_start = (uint16_t)f.l4, .csum_offset = 2};
	assert_int_equal(edit_set_icmp(&m, &set), 0);
	assert_bytes(m, after.b, after.len);
	rte_pktmbuf_free(m);
}

static void never_changes_bytes_that_others_refer_to(void **state)
{
	static const uint8_t source[] = {1, 1, 2, 0, 0, 0, 0, 1};
	const struct action set = icmp_to(3, 1, true);
	const struct action ext = {.u.nd_ext = {.option_type = 2, .option_type_mask = 0xff}};
	struct frame nd = nd_frame(SOLICIT, source, sizeof source);

	(void)state;
	check_shared(edit_set_icmp, &set, &nd);
	check_shared(edit_set_nd, &set_nd, &nd);
	check_shared(edit_set_nd_ext, &ext, &nd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(sets_type_and_code_with_the_checksum_right),
	    T(the_sum_is_right_for_every_type),
	    T(does_nothing_to_other_packets),
	    T(sets_target_and_the_addresses_that_are_there),
	    T(stops_at_options_that_are_malformed),
	    T(turns_a_solicitation_into_an_advertisement),
	    T(an_option_s_type_is_set_where_it_is_an_address),
	    T(wants_whole_headers),
	    T(leaves_a_partial_checksum_as_it_is),
	    T(never_changes_bytes_that_others_refer_to),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
