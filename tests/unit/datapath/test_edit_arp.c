#include "edit_check.h"

#include <arpa/inet.h>

#define ARP_LEN 28

static const struct action set_all = {
    .type = ACTION_SET_ARP,
    .u.arp = {.op_mask_be = UINT16_MAX,
	      .op_be = 0x0200, // a reply, big-endian
	      .sip_mask_be = UINT32_MAX,
	      .sip_be = 0x0102000a,
	      .tip_mask_be = UINT32_MAX,
	      .tip_be = 0x6363000a,
	      .sha = {{2, 0, 0, 0, 0, 0xaa}},
	      .sha_mask = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
	      .tha = {{2, 0, 0, 0, 0, 0xbb}},
	      .tha_mask = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}},
};

static const uint8_t request[ARP_LEN] = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 1,
					 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2};
static const uint8_t reply[ARP_LEN] = {0,  1, 8, 0, 6, 4, 0, 2, 2, 0,	 0,  0, 0,  0xaa,
				       10, 0, 2, 1, 2, 0, 0, 0, 0, 0xbb, 10, 0, 99, 99};

static void frame_of(struct frame *f, unsigned n_tags, uint16_t type, const uint8_t *arp)
{
	struct frame_spec spec = {.proto = IPPROTO_UDP, .n_tags = n_tags};

	frame_make(f, &spec);
	put16(f->b + f->l3 - 2, type);
	memcpy(f->b + f->l3, arp, ARP_LEN);
	memset(f->b + f->l3 + ARP_LEN, 0, 18);
	f->len = f->l3 + ARP_LEN + 18;
}

static void turns_a_request_into_a_reply(void **state)
{
	struct frame before, after;

	(void)state;
	for (unsigned n_tags = 0; n_tags < 3; n_tags++) {
		frame_of(&before, n_tags, 0x0806, request);
		frame_of(&after, n_tags, 0x0806, reply);
		check_edit(edit_set_arp, &set_all, &before, &after);
		frame_of(&before, n_tags, 0x8035, request);
		frame_of(&after, n_tags, 0x8035, reply);
		check_edit(edit_set_arp, &set_all, &before, &after);
	}
}

static void sets_single_bits_and_leaves_the_rest(void **state)
{
	struct action one = {.u.arp = {.sip_mask_be = htonl(0x000000ff),
				       .sip_be = htonl(0x00000077),
				       .tha_mask = {{0, 0x0f}},
				       .tha = {{0, 0x05}}}};
	struct action none = {.type = ACTION_SET_ARP};
	struct frame before, after;

	(void)state;
	frame_of(&before, 1, 0x0806, request);
	after = before;
	after.b[after.l3 + 17] = 0x77;
	after.b[after.l3 + 19] = 0x05;
	check_edit(edit_set_arp, &one, &before, &after);
	check_edit(edit_set_arp, &none, &before, &before);
}

static void finds_arp_behind_snap(void **state)
{
	static const uint8_t snap[] = {0xaa, 0xaa, 3, 0, 0, 0, 8, 6};
	struct frame before, after;

	(void)state;
	frame_of(&before, 0, 0x0806, request);
	memmove(before.b + 22, before.b + 14, ARP_LEN + 18);
	memcpy(before.b + 14, snap, sizeof snap);
	put16(before.b + 12, sizeof snap + ARP_LEN);
	before.len += sizeof snap;
	after = before;
	memcpy(after.b + 22, reply, ARP_LEN);
	check_edit(edit_set_arp, &set_all, &before, &after);
}

static void leaves_other_packets_alone(void **state)
{
	struct frame f;

	(void)state;
	frame_of(&f, 0, 0x0800, request);
	check_refused(edit_set_arp, &set_all, &f, -EINVAL);
	for (unsigned at = 0; at < 6; at++) { // of another hardware, protocol or length
		frame_of(&f, 1, 0x0806, request);
		f.b[f.l3 + at] ^= 0x40;
		check_refused(edit_set_arp, &set_all, &f, -EINVAL);
	}
}

static void wants_a_whole_header(void **state)
{
	struct frame f;

	(void)state;
	frame_of(&f, 2, 0x0806, request);
	assert_int_equal(check_truncated(edit_set_arp, &set_all, &f), 22 + ARP_LEN);
}

static void never_changes_bytes_that_others_refer_to(void **state)
{
	struct frame f;

	(void)state;
	frame_of(&f, 1, 0x0806, request);
	check_shared(edit_set_arp, &set_all, &f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(turns_a_request_into_a_reply), T(sets_single_bits_and_leaves_the_rest),
	    T(finds_arp_behind_snap),	     T(leaves_other_packets_alone),
	    T(wants_a_whole_header),	     T(never_changes_bytes_that_others_refer_to),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
