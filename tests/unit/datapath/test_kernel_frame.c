// Frames that the kernel's senders have not finished, told from whole ones, whatever stands in
// them.
#include "datapath/kernel_frame.h"

#include "datapath/gso.h"
#include "datapath/offload.h"
#include "fake_port.h"
#include "frames.h"

#include <linux/virtio_net.h>
#include <stdlib.h>

#define MTU 1500u

static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};

static void leave_sum(struct frame *f)
{
	put16(f->b + f->l4 + l4_csum_ofs(f->proto),
	      sum_bytes(pseudo_sum(f, f->len - f->l4), NULL, 0));
}

static struct frame frame_nth(unsigned i)
{
	struct frame_spec spec = {.v6 = i & 1,
				  .proto = protos[i >> 1 & 1],
				  .n_tags = i / 4 % 3,
				  .payload = 33 + i};
	struct frame f;

	frame_make(&f, &spec);
	return f;
}

static void checksums_that_are_begun_are_found_and_no_others(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		struct frame f = frame_nth(i), left = f;
		struct rte_mbuf *m = packet_make(f.b, f.len);

		assert_int_equal(kernel_frame_look(m, MTU), KERNEL_FRAME_WHOLE);
		assert_int_equal(m->ol_flags & PACKET_OFFLOAD, 0);
		rte_pktmbuf_free(m);

		leave_sum(&left);
		m = packet_make_cut(left.b, left.len, i % 2 ? 2000 : 100);
		assert_int_equal(kernel_frame_look(m, MTU), KERNEL_FRAME_PARTIAL);
		assert_true(m->ol_flags & PACKET_OFFLOAD);
		assert_int_equal(packet_meta(m)->offload.gso_size, 0);
		assert_int_equal(offload_checksum(&m), 0);
		assert_int_equal(rte_pktmbuf_linearize(m), 0);
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), f.b, f.len);
		rte_pktmbuf_free(m);
	}
	packets_assert_all_back();
}

static void a_tcp_frame_beyond_the_mtu_is_cut_to_it(void **state)
{
	(void)state;
	for (unsigned mtu = 68; mtu < 300; mtu++) {
		struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 1400, .n_tags = mtu % 3};
		struct rte_mbuf *m, *seg;
		uint32_t payload = 0;
		struct frame f;
		struct gso gso;

		frame_make(&f, &spec);
		leave_sum(&f);
		m = packet_make_cut(f.b, f.len, 700);
		assert_int_equal(kernel_frame_look(m, mtu), KERNEL_FRAME_PARTIAL);
		assert_int_equal(packet_meta(m)->offload.gso_size, mtu - 40);
		assert_int_equal(gso_start(&gso, m), 0);
		while ((seg = gso_next(&gso))) {
			assert_true(seg->pkt_len <= f.l3 + mtu);
			payload += seg->pkt_len - f.l3 - 40;
			rte_pktmbuf_free(seg);
		}
		assert_int_equal(payload, 1400);
		rte_pktmbuf_free(m);
	}
	packets_assert_all_back();
}

// The ring had room for less than the headers say. A short frame that lies is passed on.
static void what_the_ring_has_cut_off_is_known(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 1800};
	struct rte_mbuf *m;
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	leave_sum(&f);
	put16(f.b + f.l3 + 2, 40000);
	m = packet_make(f.b, f.len);
	assert_int_equal(kernel_frames_take(&m, 1, MTU), 0);
	m = packet_make(f.b, 1000);
	assert_int_equal(kernel_frames_take(&m, 1, MTU), 1);
	rte_pktmbuf_free(m);
	packets_assert_all_back();
}

// What a frame is taken for, and what is done to it then.
static enum kernel_frame look_at(const uint8_t *bytes, uint32_t len, uint32_t cut, uint8_t behind,
				 struct packet_offload *offload)
{
	struct rte_mbuf *m = packet_make_cut(bytes, len, cut);
	struct gso gso;

	for (struct rte_mbuf *seg = m; seg; seg = seg->next)
		memset(rte_pktmbuf_mtod_offset(seg, uint8_t *, seg->data_len), behind,
		       rte_pktmbuf_tailroom(seg));
	*offload = (struct packet_offload){0};

	enum kernel_frame is = kernel_frame_look(m, MTU);

	if (is == KERNEL_FRAME_PARTIAL) {
		*offload = packet_meta(m)->offload;
		if (packet_is_gso(m) && gso_start(&gso, m) == 0) {
			for (struct rte_mbuf *seg; (seg = gso_next(&gso));)
				rte_pktmbuf_free(seg);
		} else {
			assert_int_equal(offload_checksum(&m), 0);
		}
	}
	rte_pktmbuf_free(m);
	return is;
}

// Cut anywhere, with bytes changed at random: what lies behind its end never counts.
static void nothing_behind_the_end_of_a_frame_is_looked_at(void **state)
{
	(void)state;
	srandom(1);
	for (unsigned i = 0; i < 60000; i++) {
		struct frame f = frame_nth((unsigned)random() % 60);
		struct packet_offload one, other;
		uint32_t len = i % 2 ? f.len : (uint32_t)random() % (f.len + 1);
		uint32_t cut = random() % 2 ? 2000 : 1 + (uint32_t)random() % 120;

		leave_sum(&f);
		for (unsigned k = (unsigned)random() % 3; k > 0; k--)
			f.b[12 + random() % 60] = (uint8_t)random();
		assert_int_equal(look_at(f.b, len, cut, 0, &one),
				 look_at(f.b, len, cut, 0xff, &other));
		assert_memory_equal(&one, &other, sizeof(one));
	}
	packets_assert_all_back();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(checksums_that_are_begun_are_found_and_no_others),
	    cmocka_unit_test(a_tcp_frame_beyond_the_mtu_is_cut_to_it),
	    cmocka_unit_test(what_the_ring_has_cut_off_is_known),
	    cmocka_unit_test(nothing_behind_the_end_of_a_frame_is_looked_at),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
