#include "tests/unit/vhost/vring_guest.h"

#include <rte_byteorder.h>

#define BUFFER_GPA (GUEST_GPA + 0x1000)
#define TABLE_GPA  (GUEST_GPA + 0xe0000)
#define UNTOUCHED  0xa5

#define MERGEABLE (GUEST_FEATURES | FEATURE(VIRTIO_NET_F_MRG_RXBUF))

static const unsigned sizes[] = {14,  15,  16,	17,  31,  32,	33,   51,   52,	  53,  60,
				 63,  64,  65,	66,  95,  96,	97,   115,  116,  117, 127,
				 128, 129, 130, 159, 191, 192,	193,  255,  256,  257, 511,
				 512, 513, 640, 641, 999, 1000, 1500, 4096, 9000, 9728};

// What a frame comes from: a private head alone, or with segments of another guest's memory.
struct source {
	uint32_t head;
	uint32_t segment;
};

static const struct source sources[] = {{128, 65535}, {256, 4096}, {14, 100}, {9728, 65535}};

static uint8_t source_bytes[128 * 1024];

static struct rte_mbuf *make_frame(struct guest *g, const struct source *source, unsigned no,
				   unsigned len)
{
	uint32_t head_len = RTE_MIN(RTE_MIN(source->head, HEADERS_MAX), len);
	struct rte_mbuf *m = packet_lend(g->arena, head_len, len), *last = m;
	uint8_t *bytes = source_bytes + (no & 1) * 65536;

	assert_non_null(m);
	for (unsigned i = 0; i < len; i++)
		bytes[i] = frame_byte(no, i);
	memcpy(rte_pktmbuf_mtod(m, void *), bytes, head_len);
	for (uint32_t at = head_len, n; at < len; at += n) {
		n = RTE_MIN(len - at, source->segment);
		last = packet_lend_segment(g->arena, m, last, bytes + at, n);
	}
	return m;
}

static uint16_t offer_buffer(struct guest *g, uint64_t gpa, uint32_t first, uint32_t rest,
			     uint32_t len, bool indirect)
{
	struct guest_desc descs[GUEST_DESCS_MAX];
	unsigned n = 0;

	for (uint32_t step = RTE_MIN(first, len); len > 0; step = RTE_MIN(rest, len)) {
		descs[n++] = (struct guest_desc){gpa, step, VRING_DESC_F_WRITE};
		gpa += step;
		len -= step;
	}
	return indirect ? guest_offer_indirect(g, TABLE_GPA, descs, n) : guest_offer(g, descs, n);
}

static uint16_t send_one(struct guest *g, struct rte_mbuf *m, bool *impossible)
{
	return g->vq.ops->tx(&g->vq, &m, 1, impossible);
}

static void blank(struct guest *g, uint64_t gpa, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*guest_byte(g, gpa + i) = UNTOUCHED;
}

// A whole frame behind a plain header at gpa, in a buffer of buffer_len bytes, and nothing else.
static void expect_frame(struct guest *g, uint64_t gpa, unsigned no, unsigned len,
			 unsigned n_buffers, unsigned buffer_len)
{
	static uint8_t bytes[128 * 1024];
	struct virtio_net_hdr_v1 hdr = {.num_buffers = (uint16_t)n_buffers};

	guest_read(g, gpa, bytes, buffer_len);
	assert_memory_equal(bytes, &hdr, g->vq.hdr_len);
	for (unsigned i = 0; i < len; i++)
		if (bytes[g->vq.hdr_len + i] != frame_byte(no, i))
			fail_msg("frame %u of %u bytes differs at byte %u", no, len, i);
	for (unsigned i = g->vq.hdr_len + len; i < buffer_len; i++)
		if (bytes[i] != UNTOUCHED)
			fail_msg("a frame of %u bytes was followed by others at %u", len, i);
}

static void arrives_at(struct guest *g, uint64_t gpa, uint32_t first, uint32_t rest, bool indirect,
		       unsigned no, unsigned len, unsigned spare)
{
	unsigned whole = g->vq.hdr_len + len;
	uint16_t id = offer_buffer(g, gpa, first, rest, whole + spare, indirect);
	bool impossible;

	blank(g, gpa, whole + spare);
	packet_arena_reset(g->arena);
	assert_int_equal(send_one(g, make_frame(g, &sources[no % RTE_DIM(sources)], no, len),
				  &impossible),
			 1);
	guest_expect_used(g, id, whole);
	guest_expect_none_used(g);
	expect_frame(g, gpa, no, len, 1, whole + spare);
}

static void arrives_in_every_layout(struct guest *g, uint64_t gpa, unsigned len, unsigned spare)
{
	static const struct {
		uint32_t first, rest;
		bool indirect;
	} layouts[] = {{UINT32_MAX, 0, false}, {12, UINT32_MAX, false}, {10, UINT32_MAX, false},
		       {7, 100, false},	       {100, 77, false},	{UINT32_MAX, 0, true},
		       {12, 63, true}};

	for (unsigned l = 0; l < RTE_DIM(layouts); l++)
		for (unsigned no = 0; no < RTE_DIM(sources); no++)
			arrives_at(g, gpa, layouts[l].first, layouts[l].rest, layouts[l].indirect,
				   no, len, spare);
}

static void every_size_arrives_in_every_layout(void **state)
{
	static const uint64_t features[] = {GUEST_FEATURES, MERGEABLE,
					    GUEST_FEATURES & ~FEATURE(VIRTIO_F_VERSION_1)};

	for (unsigned f = 0; f < RTE_DIM(features); f++) {
		struct guest *g = guest_create(*state, GUEST_SIZE, features[f]);

		assert_int_equal(g->vq.hdr_len, f < 2 ? 12 : 10);
		for (unsigned s = 0; s < RTE_DIM(sizes); s++)
			arrives_in_every_layout(g, BUFFER_GPA + s, sizes[s], s * 7 % 150);
		guest_destroy(g);
	}
}

static void buffers_may_end_where_memory_ends_and_cross_regions(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);

	for (unsigned s = 0; s < RTE_DIM(sizes); s++) {
		unsigned whole = sizes[s] + g->vq.hdr_len;

		arrives_in_every_layout(g, GUEST_END - whole, sizes[s], 0);
		arrives_in_every_layout(g, GUEST_BOUNDARY - whole, sizes[s], 0);
		arrives_in_every_layout(g, GUEST_BOUNDARY - 5, sizes[s], 0);
		arrives_in_every_layout(g, GUEST_BOUNDARY - whole / 2, sizes[s], 0);
		arrives_in_every_layout(g, GUEST_BOUNDARY - whole + 1, sizes[s], 0);
	}
	guest_destroy(g);
}

static void nothing_is_read_beyond_a_segment(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	bool impossible;

	for (unsigned len = 1; len < 700; len++) {
		uint8_t *end = guarded_alloc(len);
		uint16_t id = offer_buffer(g, BUFFER_GPA, UINT32_MAX, 0, 1024, false);
		struct rte_mbuf *m;

		for (unsigned i = 0; i < len; i++)
			end[i] = frame_byte(1, 128 + i);
		packet_arena_reset(g->arena);
		m = make_frame(g, &sources[0], 1, 128);
		m->pkt_len += len;
		packet_lend_segment(g->arena, m, m, end, len);
		blank(g, BUFFER_GPA, 1024);
		assert_int_equal(send_one(g, m, &impossible), 1);
		guest_expect_used(g, id, 12 + 128 + len);
		expect_frame(g, BUFFER_GPA, 1, 128 + len, 1, 1024);
		guarded_free(end, len);
	}
	guest_destroy(g);
}

// Bursts of all lengths, until 16-bit indexes have gone round twice.
static void go_round(const struct variant *v, uint16_t size)
{
	struct guest *g = guest_create(v, size, GUEST_FEATURES);
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t ids[BURST_MAX];
	bool impossible;

	for (unsigned no = 0, n; no < 150000; no += n) {
		n = 1 + no % RTE_MIN(BURST_MAX, size);
		packet_arena_reset(g->arena);
		for (unsigned i = 0; i < n; i++) {
			unsigned stamp = no + i;

			ids[i] = offer_buffer(g, BUFFER_GPA + 128 * i, UINT32_MAX, 0, 128, false);
			pkts[i] = packet_lend(g->arena, 60, 60);
			memcpy(rte_pktmbuf_mtod(pkts[i], void *), &stamp, sizeof(stamp));
		}
		assert_int_equal(g->vq.ops->tx(&g->vq, pkts, (uint16_t)n, &impossible), n);
		for (unsigned i = 0; i < n; i++) {
			unsigned stamp;

			guest_expect_used(g, ids[i], 72);
			guest_read(g, BUFFER_GPA + 128 * i + 12, &stamp, sizeof(stamp));
			assert_int_equal(stamp, no + i);
		}
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

static void what_finds_no_buffer_stays(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct rte_mbuf *pkts[6];
	bool impossible = true;
	uint16_t ids[4];

	for (unsigned i = 0; i < 6; i++)
		pkts[i] = make_frame(g, &sources[0], i, 100);
	assert_int_equal(g->vq.ops->tx(&g->vq, pkts, 6, &impossible), 0);
	assert_false(impossible);
	for (unsigned i = 0; i < 4; i++)
		ids[i] = offer_buffer(g, BUFFER_GPA + 256 * i, UINT32_MAX, 0, 112, false);
	assert_int_equal(g->vq.ops->tx(&g->vq, pkts, 6, &impossible), 4);
	assert_false(impossible);
	for (unsigned i = 0; i < 4; i++) {
		guest_expect_used(g, ids[i], 112);
		expect_frame(g, BUFFER_GPA + 256 * i, i, 100, 1, 112);
	}
	guest_expect_none_used(g);
	guest_destroy(g);
}

static void a_frame_longer_than_the_guests_buffers_is_impossible(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct rte_mbuf *pkts[3];
	bool impossible = false;
	uint16_t id[3];

	for (unsigned i = 0; i < 3; i++) {
		pkts[i] = make_frame(g, &sources[0], i, i == 1 ? 1001 : 1000);
		id[i] = offer_buffer(g, BUFFER_GPA + 2048 * i, 12, UINT32_MAX, 1012, false);
	}
	assert_int_equal(g->vq.ops->tx(&g->vq, pkts, 3, &impossible), 1);
	assert_true(impossible);
	guest_expect_used(g, id[0], 1012);
	guest_expect_none_used(g);
	// The buffer is still there for the next one.
	assert_int_equal(g->vq.ops->tx(&g->vq, pkts + 2, 1, &impossible), 1);
	assert_false(impossible);
	guest_expect_used(g, id[1], 1012);
	guest_destroy(g);
}

static void mergeable_buffers_hold_a_frame_together(void **state)
{
	const struct variant *v = *state;
	struct guest *g = guest_create(v, v->packed ? 211 : 256, MERGEABLE);
	static const unsigned lens[] = {500, 501, 60, 9000, 513, 1012, 65557, 64, 1013, 4000};
	static uint8_t bytes[128 * 1024];
	unsigned n_frames = 0;
	bool impossible;

	for (unsigned round = 0; round < 300; round++) {
		unsigned len = lens[round % RTE_DIM(lens)];
		unsigned n = (len + 12 + 511) / 512;
		struct virtio_net_hdr_v1 hdr = {.num_buffers = (uint16_t)n};
		uint16_t ids[BURST_MAX * 5];

		packet_arena_reset(g->arena);
		for (unsigned i = 0; i < n; i++)
			ids[i] = offer_buffer(g, BUFFER_GPA + 512 * i, i % 2 ? 512 : 300, 512, 512,
					      false);
		assert_int_equal(send_one(g, make_frame(g, &sources[0], round, len), &impossible),
				 1);
		for (unsigned i = 0; i < n; i++)
			guest_expect_used(g, ids[i], i + 1 < n ? 512 : len + 12 - 512 * i);
		guest_expect_none_used(g);
		guest_read(g, BUFFER_GPA, bytes, len + 12);
		assert_memory_equal(bytes, &hdr, 12);
		for (unsigned i = 0; i < len; i++)
			assert_int_equal(bytes[12 + i], frame_byte(round, i));
		n_frames++;
	}
	assert_int_equal(n_frames, 300);
	guest_destroy(g);
}

static void long_and_short_frames_share_mergeable_buffers(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, MERGEABLE);
	static const unsigned lens[] = {60, 700, 60, 2000, 100, 60};
	static const unsigned used[] = {72, 512, 200, 72, 512, 512, 512, 476, 112, 72};
	struct rte_mbuf *pkts[RTE_DIM(lens)];
	uint16_t ids[12];
	bool impossible;

	for (unsigned i = 0; i < 12; i++)
		ids[i] = offer_buffer(g, BUFFER_GPA + 512 * i, UINT32_MAX, 0, 512, false);
	for (unsigned i = 0; i < RTE_DIM(lens); i++)
		pkts[i] = make_frame(g, &sources[1], i, lens[i]);
	assert_int_equal(g->vq.ops->tx(&g->vq, pkts, RTE_DIM(lens), &impossible), RTE_DIM(lens));
	for (unsigned i = 0; i < RTE_DIM(used); i++)
		guest_expect_used(g, ids[i], used[i]);
	guest_expect_none_used(g);
	guest_destroy(g);
}

static void a_frame_waits_until_there_are_buffers_enough(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, MERGEABLE);
	struct rte_mbuf *pkts[2] = {make_frame(g, &sources[0], 0, 60),
				    make_frame(g, &sources[0], 1, 3000)};
	bool impossible = true;

	for (unsigned i = 0; i < 3; i++)
		offer_buffer(g, BUFFER_GPA + 1024 * i, UINT32_MAX, 0, 1024, false);
	assert_int_equal(g->vq.ops->tx(&g->vq, pkts, 2, &impossible), 1);
	assert_false(impossible);
	offer_buffer(g, BUFFER_GPA + 3072, UINT32_MAX, 0, 1024, false);
	assert_int_equal(g->vq.ops->tx(&g->vq, pkts + 1, 1, &impossible), 1);
	guest_destroy(g);
}

static void a_frame_longer_than_the_whole_ring_is_impossible(void **state)
{
	struct guest *g = guest_create(*state, 4, MERGEABLE);
	bool impossible = false;

	for (unsigned i = 0; i < 4; i++)
		offer_buffer(g, BUFFER_GPA + 1024 * i, UINT32_MAX, 0, 1024, false);
	assert_int_equal(send_one(g, make_frame(g, &sources[0], 0, 4085), &impossible), 0);
	assert_true(impossible);
	assert_int_equal(send_one(g, make_frame(g, &sources[0], 0, 4084), &impossible), 1);
	assert_false(impossible);
	guest_destroy(g);
}

// Offload fields to the guest: what the packet has, what the guest has negotiated, what it gets.
static const struct {
	struct packet_offload offload;
	uint64_t without;
	struct virtio_net_hdr_v1 hdr; // flags 0: impossible
} offloads[] = {
    {{.csum_start = 34, .csum_offset = 16}, 0, {.flags = 1, .csum_start = 34, .csum_offset = 16}},
    {{.csum_start = 34, .csum_offset = 6},
     FEATURE(VIRTIO_NET_F_GUEST_TSO4),
     {.flags = 1, .csum_start = 34, .csum_offset = 6}},
    {{.csum_start = 34, .csum_offset = 6}, FEATURE(VIRTIO_NET_F_GUEST_CSUM), {.flags = 0}},
    {{34, 16, 1448, 66, VIRTIO_NET_HDR_GSO_TCPV4},
     0,
     {1, VIRTIO_NET_HDR_GSO_TCPV4, 66, 1448, {{34, 16}}, 0}},
    {{34, 16, 1448, 66, VIRTIO_NET_HDR_GSO_TCPV4}, FEATURE(VIRTIO_NET_F_GUEST_TSO4), {.flags = 0}},
    {{34, 16, 1448, 66, VIRTIO_NET_HDR_GSO_TCPV4},
     FEATURE(VIRTIO_NET_F_GUEST_TSO6),
     {1, VIRTIO_NET_HDR_GSO_TCPV4, 66, 1448, {{34, 16}}, 0}},
    {{54, 16, 1428, 86, VIRTIO_NET_HDR_GSO_TCPV6},
     0,
     {1, VIRTIO_NET_HDR_GSO_TCPV6, 86, 1428, {{54, 16}}, 0}},
    {{54, 16, 1428, 86, VIRTIO_NET_HDR_GSO_TCPV6}, FEATURE(VIRTIO_NET_F_GUEST_TSO6), {.flags = 0}},
    {{34, 16, 1448, 66, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN},
     0,
     {1, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, 66, 1448, {{34, 16}}, 0}},
    {{34, 16, 1448, 66, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN},
     FEATURE(VIRTIO_NET_F_GUEST_ECN),
     {.flags = 0}},
};

static void offload_row(const struct variant *v, unsigned i, unsigned len)
{
	uint64_t features = MERGEABLE | FEATURE(VIRTIO_NET_F_GUEST_ECN);
	struct guest *g = guest_create(v, GUEST_SIZE, features & ~offloads[i].without);
	struct rte_mbuf *m = make_frame(g, &sources[0], i, len);
	struct virtio_net_hdr_v1 expect = offloads[i].hdr, hdr;
	bool impossible = false, possible = expect.flags != 0;

	expect.num_buffers = (uint16_t)((len + 12 + 4095) / 4096);
	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload = offloads[i].offload;
	for (unsigned n = 0; n < 3; n++)
		offer_buffer(g, BUFFER_GPA + 4096 * n, UINT32_MAX, 0, 4096, false);
	assert_int_equal(send_one(g, m, &impossible), possible);
	assert_int_equal(impossible, !possible);
	guest_read(g, BUFFER_GPA, &hdr, sizeof(hdr));
	if (possible)
		assert_memory_equal(&hdr, &expect, sizeof(hdr));
	guest_destroy(g);
}

static void what_is_left_to_do_goes_to_guests_that_do_it(void **state)
{
	for (unsigned i = 0; i < RTE_DIM(offloads); i++) {
		offload_row(*state, i, 100);
		offload_row(*state, i, 9000);
	}
}

static const struct vring_test tests[] = {
    VRING_TEST(every_size_arrives_in_every_layout),
    VRING_TEST(buffers_may_end_where_memory_ends_and_cross_regions),
    VRING_TEST(nothing_is_read_beyond_a_segment),
    VRING_TEST(bursts_go_round_the_ring),
    VRING_TEST(what_finds_no_buffer_stays),
    VRING_TEST(a_frame_longer_than_the_guests_buffers_is_impossible),
    VRING_TEST(mergeable_buffers_hold_a_frame_together),
    VRING_TEST(long_and_short_frames_share_mergeable_buffers),
    VRING_TEST(a_frame_waits_until_there_are_buffers_enough),
    VRING_TEST(a_frame_longer_than_the_whole_ring_is_impossible),
    VRING_TEST(what_is_left_to_do_goes_to_guests_that_do_it),
};

int main(void)
{
	return vring_tests_run("rings: to the guest", tests, RTE_DIM(tests));
}
