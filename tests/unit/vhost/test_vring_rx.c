#include "tests/unit/vhost/vring_guest.h"

#define FRAME_GPA (GUEST_GPA + 0x1000)
#define TABLE_GPA (GUEST_GPA + 0x40000)
#define DESC_SIZE ((uint32_t)sizeof(struct vring_desc))

static const unsigned sizes[] = {14,  15,  16,	17,  28,  29,  31,   32,   33,	 46,   60,   63,
				 64,  65,  95,	96,  97,  116, 127,  128,  129,	 130,  143,  144,
				 191, 192, 193, 255, 256, 257, 1000, 1499, 1500, 4096, 9000, 9728};

// How a frame with its header lies in a chain: the first descriptor's length, that of the others.
struct layout {
	uint32_t first;
	uint32_t rest;
	bool indirect;
};

static const struct layout layouts[] = {
    {UINT32_MAX, 0, false},  // all in one
    {12, UINT32_MAX, false}, // header alone
    {5, UINT32_MAX, false},  // header in two
    {40, 100, false},	     // header with part of the frame
    {3, 97, false},	     {UINT32_MAX, 0, true}, {12, UINT32_MAX, true},
    {12, 64, true},	     {1, 111, true},
};

static unsigned lay_out(const struct layout *layout, uint64_t gpa, uint32_t len,
			struct guest_desc *descs)
{
	unsigned n = 0;
	uint32_t step = RTE_MIN(layout->first, len);

	while (len > 0) {
		descs[n++] = (struct guest_desc){gpa, step, 0};
		gpa += step;
		len -= step;
		step = RTE_MIN(layout->rest, len);
	}
	return n;
}

// Writes a frame behind a header at gpa.
static void write_frame(struct guest *g, uint64_t gpa, const void *hdr, unsigned no, unsigned len)
{
	static uint8_t bytes[128 * 1024];
	struct virtio_net_hdr_v1 none = {.num_buffers = 0};

	memcpy(bytes, hdr ? hdr : &none, g->vq.hdr_len);
	for (unsigned i = 0; i < len; i++)
		bytes[g->vq.hdr_len + i] = frame_byte(no, i);
	guest_write(g, gpa, bytes, g->vq.hdr_len + len);
}

static uint16_t send_frame(struct guest *g, uint64_t gpa, const struct layout *layout, unsigned no,
			   unsigned len)
{
	struct guest_desc descs[GUEST_DESCS_MAX];
	unsigned n = lay_out(layout, gpa, g->vq.hdr_len + len, descs);

	write_frame(g, gpa, NULL, no, len);
	return layout->indirect ? guest_offer_indirect(g, TABLE_GPA, descs, n)
				: guest_offer(g, descs, n);
}

static uint16_t receive(struct guest *g, struct rte_mbuf **pkts, uint16_t n)
{
	packet_arena_reset(g->arena);
	return g->vq.ops->rx(&g->vq, g->arena, pkts, n);
}

static void arrives_at(struct guest *g, uint64_t gpa, const struct layout *layout, unsigned no,
		       unsigned len)
{
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t id = send_frame(g, gpa, layout, no, len);

	assert_int_equal(receive(g, pkts, BURST_MAX), 1);
	assert_int_equal(pkts[0]->data_len, RTE_MIN(len, HEAD_COPY));
	assert_true(packet_is_lent(pkts[0]));
	assert_int_equal(pkts[0]->ol_flags, 0);
	packet_expect(pkts[0], no, len);
	guest_expect_none_used(g);
	g->vq.ops->rx_done(&g->vq);
	guest_expect_used(g, id, 0);
	guest_expect_none_used(g);
	assert_int_equal(g->vq.n_malformed, 0);
}

static void every_size_arrives_in_every_layout(void **state)
{
	static const uint64_t features[] = {GUEST_FEATURES,
					    GUEST_FEATURES & ~FEATURE(VIRTIO_F_VERSION_1)};

	for (unsigned f = 0; f < RTE_DIM(features); f++) {
		struct guest *g = guest_create(*state, GUEST_SIZE, features[f]);

		assert_int_equal(g->vq.hdr_len, f == 0 ? 12 : 10);
		for (unsigned l = 0; l < RTE_DIM(layouts); l++)
			for (unsigned s = 0; s < RTE_DIM(sizes); s++)
				arrives_at(g, FRAME_GPA + s % 64, &layouts[l], s, sizes[s]);
		guest_destroy(g);
	}
}

static void frames_may_end_where_memory_ends_and_cross_regions(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);

	for (unsigned l = 0; l < RTE_DIM(layouts); l++) {
		for (unsigned s = 0; s < RTE_DIM(sizes); s++) {
			unsigned whole = sizes[s] + g->vq.hdr_len;

			arrives_at(g, GUEST_END - whole, &layouts[l], s, sizes[s]);
			arrives_at(g, GUEST_BOUNDARY - whole, &layouts[l], s, sizes[s]);
			arrives_at(g, GUEST_BOUNDARY - 1, &layouts[l], s, sizes[s]);
			arrives_at(g, GUEST_BOUNDARY - 6, &layouts[l], s, sizes[s]);
			arrives_at(g, GUEST_BOUNDARY - 12, &layouts[l], s, sizes[s]);
			arrives_at(g, GUEST_BOUNDARY - whole / 2, &layouts[l], s, sizes[s]);
			arrives_at(g, GUEST_BOUNDARY - whole + 1, &layouts[l], s, sizes[s]);
		}
	}
	guest_destroy(g);
}

static void an_indirect_table_may_cross_regions(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct guest_desc descs[8];
	struct rte_mbuf *pkts[BURST_MAX];
	unsigned n = lay_out(&(struct layout){12, 20, true}, FRAME_GPA, 12 + 100, descs);

	write_frame(g, FRAME_GPA, NULL, 1, 100);
	guest_offer_indirect(g, GUEST_BOUNDARY - 3 * DESC_SIZE, descs, n);
	assert_int_equal(receive(g, pkts, BURST_MAX), 1);
	packet_expect(pkts[0], 1, 100);
	guest_destroy(g);
}

static void descriptors_may_stand_before_an_indirect_one(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct rte_mbuf *pkts[BURST_MAX];
	struct guest_desc descs[] = {{FRAME_GPA, 12, 0},
				     {TABLE_GPA, 2 * DESC_SIZE, VRING_DESC_F_INDIRECT}};
	struct guest_desc table[] = {{FRAME_GPA + 12, 50, 0}, {FRAME_GPA + 62, 50, 0}};

	write_frame(g, FRAME_GPA, NULL, 1, 100);
	guest_table(g, TABLE_GPA, table, 2);
	guest_offer(g, descs, 2);
	assert_int_equal(receive(g, pkts, BURST_MAX), 1);
	packet_expect(pkts[0], 1, 100);
	guest_destroy(g);
}

// Bursts of all lengths around the ring, until 16-bit indexes have gone round twice.
static void go_round(const struct variant *v, uint16_t size)
{
	struct guest *g = guest_create(v, size, GUEST_FEATURES);
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t ids[BURST_MAX];
	unsigned no = 0, received = 0;

	while (no < 150000) {
		unsigned n = 1 + no % RTE_MIN(BURST_MAX, size);
		unsigned first = no;

		for (unsigned i = 0; i < n; i++, no++) {
			uint64_t gpa = FRAME_GPA + 256 * i;
			struct guest_desc d = {gpa, 12 + 60, 0};

			guest_write(g, gpa + 12, &no, sizeof(no));
			ids[i] = guest_offer(g, &d, 1);
		}
		assert_int_equal(receive(g, pkts, BURST_MAX), n);
		for (unsigned i = 0; i < n; i++, received++)
			assert_memory_equal(rte_pktmbuf_mtod(pkts[i], void *), &received,
					    sizeof(received));
		assert_int_equal(received, first + n);
		g->vq.ops->rx_done(&g->vq);
		for (unsigned i = 0; i < n; i++)
			guest_expect_used(g, ids[i], 0);
		guest_expect_none_used(g);
	}
	guest_destroy(g);
}

static void bursts_go_round_the_ring(void **state)
{
	const struct variant *v = *state;
	static const uint16_t split[] = {1, 2, 32, 64, 256};
	static const uint16_t packed[] = {1, 7, 33, 100, 256};

	for (unsigned i = 0; i < RTE_DIM(split); i++)
		go_round(v, v->packed ? packed[i] : split[i]);
}

static void chains_go_round_the_ring(void **state)
{
	const struct variant *v = *state;
	struct guest *g = guest_create(v, v->packed ? 37 : 32, GUEST_FEATURES);
	struct rte_mbuf *pkts[BURST_MAX];

	for (unsigned no = 0; no < 10000; no++) {
		unsigned n_frames = 1 + no % 3;
		uint16_t ids[3];

		for (unsigned i = 0; i < n_frames; i++) {
			static const struct layout of[] = {{UINT32_MAX, 0, false},
							   {12, 150, false},
							   {12, 30, false}};

			ids[i] =
			    send_frame(g, FRAME_GPA + 4096 * i, &of[(no + i) % 3], no + i, 200);
		}
		assert_int_equal(receive(g, pkts, BURST_MAX), n_frames);
		for (unsigned i = 0; i < n_frames; i++)
			packet_expect(pkts[i], no + i, 200);
		g->vq.ops->rx_done(&g->vq);
		for (unsigned i = 0; i < n_frames; i++)
			guest_expect_used(g, ids[i], 0);
	}
	guest_destroy(g);
}

static void a_burst_takes_no_more_than_it_is_asked_for(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct rte_mbuf *pkts[BURST_MAX];

	for (unsigned i = 0; i < 7; i++)
		send_frame(g, FRAME_GPA + 256 * i, &layouts[0], i, 60);
	assert_int_equal(receive(g, pkts, 5), 5);
	packet_expect(pkts[4], 4, 60);
	g->vq.ops->rx_done(&g->vq);
	assert_int_equal(receive(g, pkts, 5), 2);
	packet_expect(pkts[0], 5, 60);
	g->vq.ops->rx_done(&g->vq);
	assert_int_equal(receive(g, pkts, 5), 0);
	guest_destroy(g);
}

static void frames_of_a_wrong_length_are_given_back_in_order(void **state)
{
	static const unsigned lens[] = {60, 13, 61, 0, FRAME_MAX + 1, 62, 1, FRAME_MAX};
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t ids[RTE_DIM(lens)];

	for (unsigned i = 0; i < RTE_DIM(lens); i++)
		ids[i] = send_frame(g, FRAME_GPA + 12288 * i, &layouts[i % 2], i, lens[i]);
	assert_int_equal(receive(g, pkts, BURST_MAX), 4);
	packet_expect(pkts[0], 0, 60);
	packet_expect(pkts[1], 2, 61);
	packet_expect(pkts[2], 5, 62);
	packet_expect(pkts[3], 7, FRAME_MAX);
	assert_int_equal(g->vq.n_malformed, 4);
	assert_int_equal(g->vq.fault, VIRTQUEUE_NONE);
	g->vq.ops->rx_done(&g->vq);
	for (unsigned i = 0; i < RTE_DIM(lens); i++)
		guest_expect_used(g, ids[i], 0);
	guest_destroy(g);
}

static void a_burst_with_nothing_good_in_it_is_given_back_at_once(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t id = send_frame(g, FRAME_GPA, &layouts[0], 1, 3);

	assert_int_equal(receive(g, pkts, BURST_MAX), 0);
	guest_expect_used(g, id, 0);
	assert_int_equal(g->vq.n_malformed, 1);
	guest_destroy(g);
}

static void a_burst_ends_where_the_arena_is_full(void **state)
{
	struct guest *g = guest_create(*state, 4096, GUEST_FEATURES);
	struct rte_mbuf *pkts[BURST_MAX];
	unsigned received = 0, polls = 0;

	for (unsigned i = 0; i < 32; i++)
		send_frame(g, FRAME_GPA + 4096 * i, &(struct layout){140, 20, false}, i, 2000);
	while (received < 32 && polls++ < 4) {
		unsigned n = receive(g, pkts, BURST_MAX);

		assert_in_range(n, 1, ARENA_SEGS / 94);
		for (unsigned i = 0; i < n; i++, received++)
			packet_expect(pkts[i], received, 2000);
		g->vq.ops->rx_done(&g->vq);
	}
	assert_int_equal(received, 32);
	assert_int_equal(g->vq.n_malformed, 0);
	guest_destroy(g);
}

static void a_frame_in_too_many_pieces_is_malformed(void **state)
{
	struct guest *g = guest_create(*state, 2048, GUEST_FEATURES);
	struct rte_mbuf *pkts[BURST_MAX];

	send_frame(g, FRAME_GPA, &(struct layout){200, 1, false}, 1, 1500);
	send_frame(g, FRAME_GPA + 4096, &layouts[0], 2, 60);
	assert_int_equal(receive(g, pkts, BURST_MAX), 1);
	packet_expect(pkts[0], 2, 60);
	assert_int_equal(g->vq.n_malformed, 1);
	guest_destroy(g);
}

static void in_order_one_descriptor_gives_a_packed_burst_back(void **state)
{
	const struct variant *v = *state;
	struct guest *g = guest_create(v, GUEST_SIZE, GUEST_FEATURES | FEATURE(VIRTIO_F_IN_ORDER));
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t ids[5];

	for (unsigned round = 0; round < 1000; round++) {
		for (unsigned i = 0; i < 5; i++)
			ids[i] = send_frame(g, FRAME_GPA + 256 * i, &layouts[i % 3], i, 60);
		assert_int_equal(receive(g, pkts, BURST_MAX), 5);
		g->vq.ops->rx_done(&g->vq);
		if (v->packed) { // 1 + 2 + 2 + 1 + 2 descriptors are skipped
			g->n_slots[ids[4]] = 8;
			guest_expect_used(g, ids[4], 0);
		} else {
			for (unsigned i = 0; i < 5; i++)
				guest_expect_used(g, ids[i], 0);
		}
		guest_expect_none_used(g);
	}
	guest_destroy(g);
}

static void a_queue_goes_on_where_another_one_stopped(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct rte_mbuf *pkts[BURST_MAX];

	for (unsigned round = 0; round < 3000; round++) {
		uint16_t avail, used, id = send_frame(g, FRAME_GPA, &layouts[round % 2], round, 60);

		virtqueue_base(&g->vq, &avail, &used);
		assert_int_equal(avail, used);
		virtqueue_fini(&g->vq);
		guest_connect(g, GUEST_FEATURES, avail, used);
		assert_int_equal(receive(g, pkts, BURST_MAX), 1);
		packet_expect(pkts[0], round, 60);
		g->vq.ops->rx_done(&g->vq);
		guest_expect_used(g, id, 0);
	}
	guest_destroy(g);
}

static const struct vring_test tests[] = {
    VRING_TEST(every_size_arrives_in_every_layout),
    VRING_TEST(frames_may_end_where_memory_ends_and_cross_regions),
    VRING_TEST(an_indirect_table_may_cross_regions),
    VRING_TEST(descriptors_may_stand_before_an_indirect_one),
    VRING_TEST(bursts_go_round_the_ring),
    VRING_TEST(chains_go_round_the_ring),
    VRING_TEST(a_burst_takes_no_more_than_it_is_asked_for),
    VRING_TEST(frames_of_a_wrong_length_are_given_back_in_order),
    VRING_TEST(a_burst_with_nothing_good_in_it_is_given_back_at_once),
    VRING_TEST(a_burst_ends_where_the_arena_is_full),
    VRING_TEST(a_frame_in_too_many_pieces_is_malformed),
    VRING_TEST(in_order_one_descriptor_gives_a_packed_burst_back),
    VRING_TEST(a_queue_goes_on_where_another_one_stopped),
};

int main(void)
{
	return vring_tests_run("rings: from the guest", tests, RTE_DIM(tests));
}
