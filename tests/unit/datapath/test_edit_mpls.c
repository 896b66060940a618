#include "datapath/gso.h"
#include "datapath/offload.h"
#include "edit_check.h"

#include <arpa/inet.h>
#include <linux/virtio_net.h>

#define OUTER 0x00064a40u // label 100, tc 5, more below, ttl 64
#define INNER 0x00010107u // label 16, tc 0, bottom of stack, ttl 7

// The reference: four bytes behind Ethernet header and tags, and the type before them.
static void frame_put_label(struct frame *f, uint32_t lse, uint16_t type)
{
	uint32_t at = 12;

	while (get16(f->b + at) == 0x8100 || get16(f->b + at) == 0x88a8)
		at += 4;
	put16(f->b + at, type);
	memmove(f->b + at + 6, f->b + at + 2, f->len - at - 2);
	put16(f->b + at + 2, lse >> 16);
	put16(f->b + at + 4, lse);
	f->len += 4;
	f->l3 += 4;
	f->l4 += 4;
}

static struct action push_of(uint32_t lse, uint16_t type)
{
	return (struct action){.type = ACTION_PUSH_MPLS,
			       .u.push_mpls = {.lse_be = htonl(lse), .eth_type_be = htons(type)}};
}

static struct action pop_to(uint16_t type)
{
	return (struct action){.type = ACTION_POP_MPLS, .u.eth_type_be = htons(type)};
}

// Frames with up to two tags, of both IP versions.
static void for_frames(void (*fn)(const struct frame *f))
{
	for (unsigned i = 0; i < 3 * 2 * 2; i++) {
		struct frame_spec spec = {.v6 = i / 3 % 2,
					  .proto = IPPROTO_TCP,
					  .n_tags = i % 3,
					  .payload = i / 6 ? 0 : 300};
		struct frame f;

		frame_make(&f, &spec);
		fn(&f);
	}
}

static void check_push_and_pop(const struct frame *f)
{
	struct action push_inner = push_of(INNER, 0x8847), push_outer = push_of(OUTER, 0x8848);
	struct action pop = pop_to(0x8847), last = pop_to(f->v6 ? 0x86dd : 0x0800);
	struct frame one = *f, two;

	frame_put_label(&one, INNER, 0x8847);
	two = one;
	frame_put_label(&two, OUTER, 0x8848);
	check_edit(edit_push_mpls, &push_inner, f, &one);
	check_edit(edit_push_mpls, &push_outer, &one, &two);
	check_edit(edit_pop_mpls, &pop, &two, &one);
	check_edit(edit_pop_mpls, &last, &one, f);
}

static void pushes_and_pops_labels_behind_the_tags(void **state)
{
	(void)state;
	for_frames(check_push_and_pop);
}

static void check_set(const struct frame *f)
{
	const struct action set = {.type = ACTION_SET_MPLS,
				   .u.mpls = {.lse_be = htonl(0x12345000 | 3 << 9),
					      .mask_be = htonl(0xfffff000 | 0xe00)}};
	const struct action ttl = {.type = ACTION_SET_MPLS,
				   .u.mpls = {.lse_be = htonl(255), .mask_be = htonl(255)}};
	struct frame before = *f, after = *f, ttl_after = *f;

	frame_put_label(&before, OUTER, 0x8847);
	frame_put_label(&after, 0x12345640, 0x8847);
	frame_put_label(&ttl_after, OUTER | 255, 0x8847);
	check_edit(edit_set_mpls, &set, &before, &after);
	check_edit(edit_set_mpls, &ttl, &before, &ttl_after);
}

static void sets_the_outermost_label_under_mask(void **state)
{
	(void)state;
	for_frames(check_set);
}

static void counts_the_outermost_ttl_down_to_one(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_UDP, .n_tags = 1, .payload = 30};
	struct frame plain;

	(void)state;
	frame_make(&plain, &spec);
	for (uint32_t ttl = 0; ttl < 256; ttl++) {
		struct frame before = plain, after = plain;

		frame_put_label(&before, INNER, 0x8847);
		after = before;
		frame_put_label(&before, (OUTER & ~255u) | ttl, 0x8847);
		frame_put_label(&after, (OUTER & ~255u) | (ttl - 1), 0x8847);
		if (ttl > 1)
			check_edit(edit_dec_mpls_ttl, NULL, &before, &after);
		else
			check_refused(edit_dec_mpls_ttl, NULL, &before, -ETIME);
	}
}

// A packet that says 0x8847 and ends.
static void wants_a_whole_label(void **state)
{
	const struct action set = {.u.mpls = {.mask_be = UINT32_MAX}}, pop = pop_to(0x0800);
	const struct action push = push_of(INNER, 0x8847);
	struct frame_spec spec = {.proto = IPPROTO_TCP, .n_tags = 2};
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	check_truncated(edit_push_mpls, &push, &f); // fits where extraction sees no tag
	frame_put_label(&f, INNER, 0x8847);
	assert_int_equal(check_truncated(edit_set_mpls, &set, &f), 26);
	assert_int_equal(check_truncated(edit_pop_mpls, &pop, &f), 26);
	assert_int_equal(check_truncated(edit_dec_mpls_ttl, NULL, &f), 26);
}

static void leaves_packets_without_labels_alone(void **state)
{
	const struct action set = {.u.mpls = {.mask_be = UINT32_MAX}}, pop = pop_to(0x0800);
	struct frame_spec spec = {.proto = IPPROTO_TCP, .n_tags = 1};
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	check_refused(edit_set_mpls, &set, &f, -EINVAL);
	check_refused(edit_pop_mpls, &pop, &f, -EINVAL);
	check_refused(edit_dec_mpls_ttl, NULL, &f, -EINVAL);
}

static void pushes_no_label_onto_a_length(void **state)
{
	const struct action push = push_of(INNER, 0x8847);
	struct frame_spec spec = {.proto = IPPROTO_TCP};
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	put16(f.b + 12, f.len - 14);
	check_refused(edit_push_mpls, &push, &f, -EINVAL);
}

// More labels than there is headroom for, and down again.
static void stacks_any_number_of_labels(void **state)
{
	struct action push = push_of(OUTER, 0x8847), pop = pop_to(0x8847), last = pop_to(0x0800);
	struct frame_spec spec = {.proto = IPPROTO_UDP, .n_tags = 1, .payload = 200};
	struct frame plain, stacked;
	uint8_t memory[2048];
	struct rte_mbuf *m;

	(void)state;
	frame_make(&plain, &spec);
	for (unsigned lent = 0; lent < 2; lent++) {
		m = lent ? lent_of(&plain, HEAD_COPY, memory) : packet_of(&plain, 100);
		stacked = plain;
		for (unsigned i = 0; i < 100; i++) {
			assert_int_equal(edit_push_mpls(&m, &push), 0);
			frame_put_label(&stacked, OUTER, 0x8847);
			assert_bytes(m, stacked.b, stacked.len);
		}
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(edit_pop_mpls(&m, i < 99 ? &pop : &last), 0);
		assert_bytes(m, plain.b, plain.len);
		packet_free(m);
	}
}

static void never_changes_bytes_that_others_refer_to(void **state)
{
	const struct action set = {.u.mpls = {.mask_be = UINT32_MAX}}, pop = pop_to(0x0800);
	const struct action push = push_of(INNER, 0x8847);
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 40};
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	frame_put_label(&f, OUTER, 0x8847);
	check_shared(edit_push_mpls, &push, &f);
	check_shared(edit_pop_mpls, &pop, &f);
	check_shared(edit_set_mpls, &set, &f);
	check_shared(edit_dec_mpls_ttl, NULL, &f);
}

// What is left to be summed moves with the headers, and the sum is that of the frame without label.
static void a_partial_checksum_moves_with_its_header(void **state)
{
	const struct action push = push_of(INNER, 0x8847), pop = pop_to(0x0800);
	struct frame_spec spec = {.proto = IPPROTO_TCP, .n_tags = 1, .payload = 301};
	struct frame f, want;
	struct rte_mbuf *m;

	(void)state;
	for (unsigned popped = 0; popped < 2; popped++) {
		frame_make(&f, &spec);
		want = f;
		if (!popped)
			frame_put_label(&want, INNER, 0x8847);
		put16(f.b + f.l4 + 16, sum_bytes(pseudo_sum(&f, f.len - f.l4), NULL, 0));
		if (popped)
			frame_put_label(&f, INNER, 0x8847);
		m = packet_of(&f, 512);
		m->ol_flags |= PACKET_OFFLOAD;
		packet_meta(m)->offload =
		    (struct packet_offload){.csum_start = (uint16_t)f.l4, .csum_offset = 16};
		assert_int_equal(popped ? edit_pop_mpls(&m, &pop) : edit_push_mpls(&m, &push), 0);
		assert_int_equal(offload_checksum(&m), 0);
		assert_bytes(m, want.b, want.len);
		rte_pktmbuf_free(m);
	}
}

// A sender may name a place inside a label, which must not end up before the frame.
static void a_label_that_is_to_be_summed_stays(void **state)
{
	const struct action pop = pop_to(0x0800);
	struct frame_spec spec = {.proto = IPPROTO_TCP};
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	frame_put_label(&f, INNER, 0x8847);
	for (uint16_t start = 14; start < 20; start++) {
		struct rte_mbuf *m = packet_of(&f, 512);

		m->ol_flags |= PACKET_OFFLOAD;
		packet_meta(m)->offload = (struct packet_offload){.csum_start = start};
		assert_int_equal(edit_pop_mpls(&m, &pop), start < 18 ? -EINVAL : 0);
		rte_pktmbuf_free(m);
	}
}

static struct rte_mbuf *gso_packet_of(const struct frame *f)
{
	struct rte_mbuf *m = packet_of(f, 512);

	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload = (struct packet_offload){
	    .csum_start = (uint16_t)f->l4,
	    .csum_offset = 16,
	    .gso_size = 100,
	    .gso_headers = (uint16_t)(f->l4 + 20),
	    .gso_type = f->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
	};
	return m;
}

// A frame that is still to be cut gives the segments that it gives without labels, each with them.
static void check_segments(const struct frame *f)
{
	const struct action inner = push_of(INNER, 0x8847), outer = push_of(OUTER, 0x8847);
	struct rte_mbuf *plain = gso_packet_of(f), *labelled = gso_packet_of(f);
	struct gso a, b;
	unsigned n = 0;

	assert_int_equal(edit_push_mpls(&labelled, &inner), 0);
	assert_int_equal(edit_push_mpls(&labelled, &outer), 0);
	assert_int_equal(gso_start(&a, plain), 0);
	assert_int_equal(gso_start(&b, labelled), 0);
	for (;; n++) {
		struct rte_mbuf *want = gso_next(&a), *got = gso_next(&b);
		struct frame seg = {0};

		assert_int_equal(!want, !got);
		if (!want)
			break;
		frame_put(&seg, rte_pktmbuf_mtod(want, const void *), want->data_len);
		frame_put_label(&seg, INNER, 0x8847);
		frame_put_label(&seg, OUTER, 0x8847);
		assert_bytes(got, seg.b, seg.len);
		rte_pktmbuf_free(want);
		rte_pktmbuf_free(got);
	}
	assert_int_equal(n, (f->len - f->l4 - 20 + 99) / 100 + (f->len == f->l4 + 20));
	rte_pktmbuf_free(plain);
	rte_pktmbuf_free(labelled);
}

static void frames_to_be_cut_are_cut_under_their_labels(void **state)
{
	(void)state;
	for_frames(check_segments);
}

// What the labels carry is not what the sender said, or they have no end.
static void frames_whose_labels_hide_no_ip_are_not_cut(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 300};
	struct rte_mbuf *m;
	struct frame f, bad;
	struct gso gso;

	(void)state;
	frame_make(&f, &spec);
	frame_put_label(&f, INNER, 0x8847);
	for (unsigned i = 0; i < 3; i++) {
		bad = f;
		if (i == 0)
			bad.b[bad.l3] = 0x65;
		else if (i == 1)
			bad.b[bad.l3] = 0x46;
		else // not one byte has the bit of the bottom
			memset(bad.b + 14, 0x40, bad.len - 14);
		m = gso_packet_of(&bad);
		assert_int_equal(gso_start(&gso, m), -EINVAL);
		rte_pktmbuf_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(pushes_and_pops_labels_behind_the_tags),
	    T(sets_the_outermost_label_under_mask),
	    T(counts_the_outermost_ttl_down_to_one),
	    T(wants_a_whole_label),
	    T(leaves_packets_without_labels_alone),
	    T(pushes_no_label_onto_a_length),
	    T(stacks_any_number_of_labels),
	    T(never_changes_bytes_that_others_refer_to),
	    T(a_partial_checksum_moves_with_its_header),
	    T(a_label_that_is_to_be_summed_stays),
	    T(frames_to_be_cut_are_cut_under_their_labels),
	    T(frames_whose_labels_hide_no_ip_are_not_cut),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
