// Frames as the kernel's senders left them: told from whole ones, and from what a ring has cut off.
#include "datapath/kernel_frame.h"

#include "datapath/gso.h"
#include "datapath/offload.h"
#include "fake_port.h"
#include "frames.h"

#include <linux/virtio_net.h>
#include <stdlib.h>

#define MTU 1500u

static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};

// Fills the checksum's field as a sender does that leaves the rest to hardware.
static void begin_csum(struct frame *f)
{
	put16(f->b + f->l4 + l4_csum_ofs(f->proto),
	      sum_bytes(pseudo_sum(f, f->len - f->l4), NULL, 0));
}

static struct rte_mbuf *packet_of(const struct frame *f, uint32_t cut)
{
	return packet_make_cut(f->b, f->len, cut);
}

// The frame is of this sort, and keeps its bytes.
static void is(const struct frame *f, uint32_t mtu, enum kernel_frame wanted)
{
	uint8_t room[sizeof f->b];
	struct rte_mbuf *m = packet_of(f, sizeof f->b);

	assert_int_equal(kernel_frame_look(m, mtu), wanted);
	assert_int_equal(!!(m->ol_flags & PACKET_OFFLOAD), wanted == KERNEL_FRAME_PARTIAL);
	assert_memory_equal(rte_pktmbuf_read(m, 0, f->len, room), f->b, f->len);
	rte_pktmbuf_free(m);
}

static void a_checksum_that_is_only_begun_is_left_to_do(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * 2 * 3 * 3 * 2; i++) {
		struct frame_spec spec = {.v6 = i & 1,
					  .proto = protos[i >> 1 & 1],
					  .n_tags = i / 4 % 3,
					  .payload = 101 * (i / 12 % 3)};
		struct packet_offload *left;
		struct frame whole, f;
		struct rte_mbuf *m;

		frame_make(&whole, &spec);
		f = whole;
		begin_csum(&f);
		m = packet_of(&f, i / 36 ? 90 : 2048);
		assert_int_equal(kernel_frame_look(m, MTU), KERNEL_FRAME_PARTIAL);
		assert_int_not_equal(m->ol_flags & PACKET_OFFLOAD, 0);
		left = &packet_meta(m)->offload;
		assert_int_equal(left->csum_start, f.l4);
		assert_int_equal(left->csum_offset, l4_csum_ofs(f.proto));
		assert_int_equal(left->gso_size, 0);
		assert_int_equal(offload_checksum(&m), 0);
		assert_int_equal(rte_pktmbuf_linearize(m), 0);
		assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), whole.b, whole.len);
		rte_pktmbuf_free(m);
	}
}

static void whole_frames_are_left_alone(void **state)
{
	static const uint8_t all[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP};

	(void)state;
	for (unsigned i = 0; i < 2 * 4 * 3; i++) {
		struct frame_spec spec = {.v6 = i & 1,
					  .proto = all[i / 2 % 4],
					  .n_tags = i / 8,
					  .no_csum = i % 3 == 0,
					  .payload = 64};
		struct frame f;

		frame_make(&f, &spec);
		is(&f, MTU, KERNEL_FRAME_WHOLE);
		if (f.proto == IPPROTO_TCP || f.proto == IPPROTO_UDP)
			continue;
		// Where UDP has its checksum, but this is not UDP.
		put16(f.b + f.l4 + 6, sum_bytes(pseudo_sum(&f, f.len - f.l4), NULL, 0));
		is(&f, MTU, KERNEL_FRAME_WHOLE);
	}
}

// The field of a whole frame may hold by chance what a begun sum holds: finishing it must change
// nothing.
static void a_whole_frame_that_looks_begun_is_finished_to_itself(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 60};
	uint32_t pseudo, others;
	struct rte_mbuf *m;
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	put16(f.b + f.len - 2, 0);
	frame_fix(&f);
	pseudo = sum_bytes(pseudo_sum(&f, f.len - f.l4), NULL, 0);
	others = ~get16(f.b + f.l4 + 16) & 0xffff; // of all but the last word, pseudo header too
	put16(f.b + f.len - 2, sum_bytes((~pseudo & 0xffff) + (~others & 0xffff), NULL, 0));
	frame_fix(&f);
	assert_int_equal(get16(f.b + f.l4 + 16), pseudo);

	m = packet_of(&f, sizeof f.b);
	assert_int_equal(kernel_frame_look(m, MTU), KERNEL_FRAME_PARTIAL);
	assert_int_equal(offload_checksum(&m), 0);
	assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), f.b, f.len);
	rte_pktmbuf_free(m);
}

// A begun sum goes to the end of the packet: of a part, or with more behind it, it cannot be.
static void what_cannot_be_summed_to_its_end_is_whole(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 200};
	struct frame f, other;

	(void)state;
	frame_make(&f, &spec);
	begin_csum(&f);
	other = f;
	put16(other.b + other.l3 + 6, 0x2000); // more fragments
	is(&other, MTU, KERNEL_FRAME_WHOLE);
	other = f;
	put16(other.b + other.l3 + 6, 0x0009); // a later one
	is(&other, MTU, KERNEL_FRAME_WHOLE);
	other = f;
	other.len += 4; // a trailer
	is(&other, MTU, KERNEL_FRAME_WHOLE);
	other = f;
	other.len -= 4;
	is(&other, MTU, KERNEL_FRAME_WHOLE);
}

static void a_tcp_frame_beyond_the_mtu_is_to_be_cut_to_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * 3 * 2; i++) {
		struct frame_spec spec = {.v6 = i & 1,
					  .proto = IPPROTO_TCP,
					  .n_tags = i / 2 % 3,
					  .payload = 1600};
		struct packet_offload *left;
		struct frame f;
		struct rte_mbuf *m;

		frame_make(&f, &spec);
		f.b[f.l4 + 12] = 0x80; // 32 bytes of header
		f.b[f.l4 + 13] |= i / 6 ? 0x80 : 0;
		begin_csum(&f);
		m = packet_of(&f, 1000);
		assert_int_equal(kernel_frame_look(m, 576), KERNEL_FRAME_PARTIAL);
		left = &packet_meta(m)->offload;
		assert_int_equal(left->gso_headers, f.l4 + 32);
		assert_int_equal(left->gso_headers + left->gso_size, f.l3 + 576);
		assert_int_equal(left->gso_type,
				 (f.v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4) |
				     (i / 6 ? VIRTIO_NET_HDR_GSO_ECN : 0));
		rte_pktmbuf_free(m);
	}
}

static void segments_fit_the_mtu_and_hold_all(void **state)
{
	(void)state;
	for (unsigned mtu = 68; mtu < 300; mtu++) {
		struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 1400, .n_tags = mtu % 3};
		struct rte_mbuf *m, *seg;
		uint32_t payload = 0;
		struct frame f;
		struct gso gso;

		frame_make(&f, &spec);
		begin_csum(&f);
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

static void only_tcp_with_a_right_header_is_to_be_cut(void **state)
{
	// Bytes 12 of the TCP header: too short, and longer than the frame's headers can be.
	static const uint8_t data_offs[] = {0x00, 0x40, 0xf0};
	struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 1600};
	struct frame f;
	struct rte_mbuf *m;

	(void)state;
	frame_make(&f, &spec);
	begin_csum(&f);
	m = packet_of(&f, sizeof f.b);
	assert_int_equal(kernel_frame_look(m, 576), KERNEL_FRAME_PARTIAL);
	assert_int_equal(packet_meta(m)->offload.gso_size, 0);
	rte_pktmbuf_free(m);
	spec.proto = IPPROTO_TCP;
	for (unsigned i = 0; i < RTE_DIM(data_offs); i++) {
		frame_make(&f, &spec);
		f.b[f.l4 + 12] = data_offs[i];
		begin_csum(&f);
		m = packet_of(&f, 64); // 14 + 20 + 30: no room for 60 bytes of TCP header
		assert_int_equal(kernel_frame_look(m, 576), KERNEL_FRAME_PARTIAL);
		assert_int_equal(packet_meta(m)->offload.gso_size, 0);
		rte_pktmbuf_free(m);
	}
	// Headers that leave a segment no room.
	frame_make(&f, &spec);
	begin_csum(&f);
	m = packet_of(&f, sizeof f.b);
	assert_int_equal(kernel_frame_look(m, 30), KERNEL_FRAME_PARTIAL);
	assert_int_equal(packet_meta(m)->offload.gso_size, 0);
	rte_pktmbuf_free(m);
}

// A ring that had no room for a super-frame shows its start only.
static struct frame cut_off(bool v6, uint32_t shown)
{
	struct frame_spec spec = {.v6 = v6, .proto = IPPROTO_TCP, .payload = 1900};
	struct frame f;

	frame_make(&f, &spec);
	begin_csum(&f);
	f.len = shown;
	return f;
}

static void a_super_frame_that_the_ring_has_cut_off_is_told(void **state)
{
	struct frame f;

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		f = cut_off(v6, 1700);
		is(&f, MTU, KERNEL_FRAME_CUT_OFF);
		is(&f, 9000, KERNEL_FRAME_CUT_OFF);
		// It fits the wire: a liar, whom others judge.
		f = cut_off(v6, 14 + MTU);
		is(&f, MTU, KERNEL_FRAME_WHOLE);
		f = cut_off(v6, 600);
		is(&f, MTU, KERNEL_FRAME_WHOLE);
		is(&f, 500, KERNEL_FRAME_CUT_OFF);
	}
}

static void what_is_cut_off_goes_and_the_rest_stays_in_order(void **state)
{
	struct frame bad = cut_off(false, 1700), good;
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 10};
	struct rte_mbuf *pkts[6];

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(pkts); i++) {
		spec.payload = 10 + i;
		frame_make(&good, &spec);
		pkts[i] = packet_of(i == 0 || i == 3 ? &bad : &good, sizeof good.b);
	}
	assert_int_equal(kernel_frames_take(pkts, RTE_DIM(pkts), MTU), 4);
	for (unsigned i = 0; i < 4; i++) {
		static const uint32_t payload[] = {11, 12, 14, 15};

		assert_int_equal(pkts[i]->pkt_len, 14 + 20 + 20 + payload[i]);
		rte_pktmbuf_free(pkts[i]);
	}
	packets_assert_all_back();
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

		begin_csum(&f);
		for (unsigned k = (unsigned)random() % 3; k > 0; k--)
			f.b[12 + random() % 60] = (uint8_t)random();
		assert_int_equal(look_at(f.b, len, cut, 0, &one),
				 look_at(f.b, len, cut, 0xff, &other));
		assert_int_equal(one.csum_start, other.csum_start);
		assert_int_equal(one.csum_offset, other.csum_offset);
		assert_int_equal(one.gso_size, other.gso_size);
		assert_int_equal(one.gso_headers, other.gso_headers);
		assert_int_equal(one.gso_type, other.gso_type);
	}
	packets_assert_all_back();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_checksum_that_is_only_begun_is_left_to_do),
	    cmocka_unit_test(whole_frames_are_left_alone),
	    cmocka_unit_test(a_whole_frame_that_looks_begun_is_finished_to_itself),
	    cmocka_unit_test(what_cannot_be_summed_to_its_end_is_whole),
	    cmocka_unit_test(a_tcp_frame_beyond_the_mtu_is_to_be_cut_to_it),
	    cmocka_unit_test(segments_fit_the_mtu_and_hold_all),
	    cmocka_unit_test(only_tcp_with_a_right_header_is_to_be_cut),
	    cmocka_unit_test(a_super_frame_that_the_ring_has_cut_off_is_told),
	    cmocka_unit_test(what_is_cut_off_goes_and_the_rest_stays_in_order),
	    cmocka_unit_test(nothing_behind_the_end_of_a_frame_is_looked_at),
	};
	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
