// What guests leave to us: the virtio_net_hdr's fields against the frame.
#include "tests/unit/vhost/vring_guest.h"

#include <rte_byteorder.h>

#define FRAME_GPA (GUEST_GPA + 0x1000)
#define TABLE_GPA (GUEST_GPA + 0x40000)
#define TCPV4	  VIRTIO_NET_HDR_GSO_TCPV4
#define TCPV6	  VIRTIO_NET_HDR_GSO_TCPV6
#define ECN	  VIRTIO_NET_HDR_GSO_ECN
#define CSUM	  VIRTIO_NET_HDR_F_NEEDS_CSUM

enum frame { V4, V6, V4_TAG, V6_TAGS, V4_UDP, V4_OPTIONS, V6_EXT, V6_UDP, N_FRAMES };

// Where the TCP header starts, its length.
static const struct {
	uint16_t l4, tcp_len;
} shapes[N_FRAMES] = {
    [V4] = {34, 32},	 [V6] = {54, 20},	  [V4_TAG] = {38, 60}, [V6_TAGS] = {62, 60},
    [V4_UDP] = {34, 32}, [V4_OPTIONS] = {74, 60}, [V6_EXT] = {94, 60}, [V6_UDP] = {54, 20},
};

// Bytes of a frame; its payload is frame_byte()s.
static void write_headers(enum frame kind, uint8_t *frame)
{
	unsigned l4 = shapes[kind].l4, at = 12;
	bool v6 = kind == V6 || kind == V6_TAGS || kind == V6_EXT || kind == V6_UDP;
	unsigned n_tags = kind == V4_TAG ? 1 : kind == V6_TAGS ? 2 : 0;

	memset(frame, 0, l4 + shapes[kind].tcp_len);
	for (unsigned i = 0; i < n_tags; i++, at += 4) {
		frame[at] = i + 1 < n_tags ? 0x88 : 0x81;
		frame[at + 1] = i + 1 < n_tags ? 0xa8 : 0x00;
	}
	frame[at] = v6 ? 0x86 : 0x08;
	frame[at + 1] = v6 ? 0xdd : 0x00;
	at += 2;
	if (v6) {
		frame[at] = 0x60;
		frame[at + 6] = kind == V6_EXT ? 0 : kind == V6_UDP ? 17 : 6; // 0: hop-by-hop
		if (kind == V6_EXT) { // 8 bytes, then destination options: 32
			frame[at + 40] = 60;
			frame[at + 48] = 6;
			frame[at + 49] = 3;
		}
	} else {
		frame[at] = (uint8_t)(0x40 | (l4 - at) / 4);
		frame[at + 9] = kind == V4_UDP ? 17 : 6;
	}
	if (kind == V4_OPTIONS)
		frame[34 + 12] = 0x50; // a TCP header to whoever looks behind 20 bytes
	frame[l4 + 12] = (uint8_t)(shapes[kind].tcp_len / 4 << 4);
}

static struct rte_mbuf *pkts[BURST_MAX];

// Sends a frame of len bytes with its header, in pieces of `piece` bytes. Whether it arrived.
static bool arrives(struct guest *g, const struct virtio_net_hdr_v1 *hdr, const uint8_t *headers,
		    unsigned headers_len, unsigned len, uint32_t piece)
{
	static uint8_t bytes[128 * 1024], got[128 * 1024];
	struct guest_desc descs[1024];
	unsigned n = 0, n_pkts;
	uint64_t malformed = g->vq.n_malformed;
	uint16_t id;

	memcpy(bytes, hdr, sizeof(*hdr));
	for (unsigned i = 0; i < len; i++)
		bytes[sizeof(*hdr) + i] = i < headers_len ? headers[i] : frame_byte(1, i);
	guest_write(g, FRAME_GPA, bytes, sizeof(*hdr) + len);
	for (uint32_t at = 0; at < sizeof(*hdr) + len; at += descs[n++].len)
		descs[n] =
		    (struct guest_desc){FRAME_GPA + at,
					RTE_MIN(piece, (uint32_t)sizeof(*hdr) + len - at), 0};
	id = n == 1 ? guest_offer(g, descs, n) : guest_offer_indirect(g, TABLE_GPA, descs, n);
	packet_arena_reset(g->arena);
	n_pkts = g->vq.ops->rx(&g->vq, g->arena, pkts, BURST_MAX);
	g->vq.ops->rx_done(&g->vq);
	guest_expect_used(g, id, 0);
	assert_int_equal(g->vq.n_malformed, malformed + (n_pkts == 0));
	assert_int_equal(g->vq.fault, VIRTQUEUE_NONE);
	if (n_pkts == 0)
		return false;
	assert_int_equal(pkts[0]->pkt_len, len);
	packet_bytes(pkts[0], got);
	assert_memory_equal(got, bytes + sizeof(*hdr), len);
	return true;
}

static struct virtio_net_hdr_v1 gso_header(enum frame kind, uint8_t type)
{
	return (struct virtio_net_hdr_v1){
	    .flags = CSUM,
	    .gso_type = type,
	    .hdr_len = 0xffff, // nobody trusts it
	    .gso_size = 1400,
	    .csum_start = shapes[kind].l4,
	    .csum_offset = 16,
	};
}

static bool gso_arrives(struct guest *g, enum frame kind, const struct virtio_net_hdr_v1 *hdr,
			unsigned len, uint32_t piece)
{
	uint8_t headers[HEADERS_MAX];

	write_headers(kind, headers);
	return arrives(g, hdr, headers, shapes[kind].l4 + shapes[kind].tcp_len, len, piece);
}

static void super_frames_arrive_with_what_is_left_to_do(void **state)
{
	static const struct {
		enum frame kind;
		uint8_t type;
	} good[] = {{V4, TCPV4},	 {V6, TCPV6},	  {V4_TAG, TCPV4},  {V6_TAGS, TCPV6},
		    {V4_OPTIONS, TCPV4}, {V6_EXT, TCPV6}, {V4, TCPV4 | ECN}};
	static const unsigned lens[] = {200, 1500, 9000, 32768, 65535, 65549, GSO_FRAME_MAX};
	static const uint32_t pieces[] = {UINT32_MAX, 16384, 100, 12};
	struct guest *g =
	    guest_create(*state, GUEST_SIZE, GUEST_FEATURES | FEATURE(VIRTIO_NET_F_HOST_ECN));

	for (unsigned i = 0; i < RTE_DIM(good); i++) {
		for (unsigned l = 0; l < RTE_DIM(lens) * RTE_DIM(pieces); l++) {
			struct virtio_net_hdr_v1 hdr = gso_header(good[i].kind, good[i].type);
			unsigned len = lens[l / RTE_DIM(pieces)];
			uint32_t piece = pieces[l % RTE_DIM(pieces)];
			const struct packet_offload *offload;

			if (len / piece >= 1000)
				continue;
			assert_true(gso_arrives(g, good[i].kind, &hdr, len, piece));
			assert_true(pkts[0]->ol_flags & PACKET_OFFLOAD);
			offload = &packet_meta(pkts[0])->offload;
			assert_int_equal(offload->gso_type, good[i].type);
			assert_int_equal(offload->gso_size, 1400);
			assert_int_equal(offload->csum_start, shapes[good[i].kind].l4);
			assert_int_equal(offload->csum_offset, 16);
			assert_int_equal(offload->gso_headers,
					 shapes[good[i].kind].l4 + shapes[good[i].kind].tcp_len);
			assert_true(pkts[0]->data_len >= offload->gso_headers);
		}
	}
	guest_destroy(g);
}

static void a_super_frame_too_long_is_malformed(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct virtio_net_hdr_v1 hdr = gso_header(V4, TCPV4);

	assert_true(gso_arrives(g, V4, &hdr, GSO_FRAME_MAX, UINT32_MAX));
	assert_false(gso_arrives(g, V4, &hdr, GSO_FRAME_MAX + 1, UINT32_MAX));
	hdr.gso_type = 0;
	assert_true(gso_arrives(g, V4, &hdr, FRAME_MAX, UINT32_MAX));
	assert_false(gso_arrives(g, V4, &hdr, FRAME_MAX + 1, UINT32_MAX));
	guest_destroy(g);
}

// Each does not agree with the frame in one thing.
static const struct {
	enum frame kind;
	uint8_t flags, type;
	uint16_t gso_size, csum_start, csum_offset;
	uint64_t without;
} wrong[] = {
    {V4, 0, TCPV4, 1400, 34, 16, 0},
    {V4, CSUM, TCPV6, 1400, 34, 16, 0},
    {V6, CSUM, TCPV4, 1400, 54, 16, 0},
    {V4_UDP, CSUM, TCPV4, 1400, 34, 16, 0},
    {V4, CSUM, VIRTIO_NET_HDR_GSO_UDP, 1400, 34, 16, 0},
    {V4, CSUM, VIRTIO_NET_HDR_GSO_UDP, 1400, 34, 6, 0},
    {V4, CSUM, ECN, 1400, 34, 16, 0},
    {V4, CSUM, 2, 1400, 34, 16, 0},
    {V4, CSUM, 5, 1400, 34, 16, 0},
    {V4, CSUM, 0x41, 1400, 34, 16, 0},
    {V4, CSUM, TCPV4, 0, 34, 16, 0},
    {V4, CSUM, TCPV4, 1400, 34, 6, 0},
    {V4, CSUM, TCPV4, 1400, 33, 16, 0},
    {V4, CSUM, TCPV4, 1400, 38, 16, 0},
    {V4, CSUM, TCPV4, 1400, 13, 16, 0},
    {V4, CSUM, TCPV4, 1400, 0, 16, 0},
    {V4, CSUM, TCPV4, 1400, 300, 16, 0},
    {V4, CSUM, TCPV4, 1400, 0xffff, 16, 0},
    {V4, CSUM, TCPV4, 1400, 34, 0xffff, 0},
    {V4_OPTIONS, CSUM, TCPV4, 1400, 34, 16, 0},
    {V6_UDP, CSUM, TCPV6, 1400, 54, 16, 0},
    {V6, CSUM, TCPV6, 1400, 14, 16, 0},
    {V6_EXT, CSUM, TCPV6, 1400, 54, 16, 0},
    {V6_EXT, CSUM, TCPV6, 1400, 62, 16, 0},
    {V4, CSUM, TCPV4, 1400, 34, 16, FEATURE(VIRTIO_NET_F_HOST_TSO4)},
    {V6, CSUM, TCPV6, 1400, 54, 16, FEATURE(VIRTIO_NET_F_HOST_TSO6)},
    {V4, CSUM, TCPV4 | ECN, 1400, 34, 16, FEATURE(VIRTIO_NET_F_HOST_ECN)},
    {V4, CSUM, TCPV4, 1400, 34, 16, FEATURE(VIRTIO_NET_F_CSUM)},
    {V4, CSUM, 0, 0, 34, 16, FEATURE(VIRTIO_NET_F_CSUM)},
    {V4, CSUM, 0, 0, 13, 16, 0},
    {V4, CSUM, 0, 0, 0, 0, 0},
    {V4, CSUM, 0, 0, 255, 0, 0},
    {V4, CSUM, 0, 0, 254, 1, 0},
    {V4, CSUM, 0, 0, 34, 0xffff, 0},
    {V4, CSUM, 0, 0, 0xffff, 0xffff, 0},
    {V4, CSUM, 0, 0, 0xffff, 1, 0},
};

static void what_does_not_agree_is_malformed(void **state)
{
	for (unsigned i = 0; i < RTE_DIM(wrong); i++) {
		struct guest *g = guest_create(*state, GUEST_SIZE,
					       (GUEST_FEATURES | FEATURE(VIRTIO_NET_F_HOST_ECN)) &
						   ~wrong[i].without);
		struct virtio_net_hdr_v1 hdr = {.flags = wrong[i].flags,
						.gso_type = wrong[i].type,
						.gso_size = wrong[i].gso_size,
						.csum_start = wrong[i].csum_start,
						.csum_offset = wrong[i].csum_offset};

		if (gso_arrives(g, wrong[i].kind, &hdr, 1500, UINT32_MAX) ||
		    gso_arrives(g, wrong[i].kind, &hdr, 1500, 30))
			fail_msg("row %u was taken", i);
		guest_destroy(g);
	}
}

static void tcp_headers_must_be_whole(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct virtio_net_hdr_v1 hdr = gso_header(V4, TCPV4);
	uint8_t headers[HEADERS_MAX];

	write_headers(V4, headers);
	for (unsigned words = 0; words < 16; words++) {
		headers[46] = (uint8_t)(words << 4);
		for (unsigned len = 20; len < 120; len++) {
			bool whole = words >= 5 && 34 + words * 4 <= len;

			assert_int_equal(arrives(g, &hdr, headers, RTE_MIN(len, 66u), len,
						 UINT32_MAX),
					 whole);
		}
	}
	guest_destroy(g);
}

static void a_checksum_may_be_anywhere_in_the_headers(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	uint8_t headers[HEADERS_MAX];

	write_headers(V4, headers);
	for (unsigned len = 40; len < 300; len++) {
		for (unsigned start = 14; start < 300; start += 1 + len % 3) {
			struct virtio_net_hdr_v1 hdr = {.flags = CSUM,
							.csum_start = (uint16_t)start,
							.csum_offset = 6};
			bool in = start + 8 <= RTE_MIN(len, HEADERS_MAX);

			assert_int_equal(arrives(g, &hdr, headers, RTE_MIN(len, 66u), len, 50), in);
			if (!in)
				continue;
			assert_true(pkts[0]->ol_flags & PACKET_OFFLOAD);
			assert_true(pkts[0]->data_len >= start + 8);
			assert_int_equal(packet_meta(pkts[0])->offload.csum_start, start);
			assert_int_equal(packet_meta(pkts[0])->offload.gso_size, 0);
		}
	}
	guest_destroy(g);
}

static void flags_that_ask_for_nothing_are_ignored(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	uint8_t headers[HEADERS_MAX];

	write_headers(V4, headers);
	for (unsigned flags = 0; flags < 256; flags += 2) {
		struct virtio_net_hdr_v1 hdr = {(uint8_t)flags, 0, 0xffff, 0xffff,
						{{0xffff, 0}},	7};

		assert_true(arrives(g, &hdr, headers, 66, 100, flags % 4 ? 30 : UINT32_MAX));
		assert_false(pkts[0]->ol_flags & PACKET_OFFLOAD);
	}
	guest_destroy(g);
}

static const struct vring_test tests[] = {
    VRING_TEST(super_frames_arrive_with_what_is_left_to_do),
    VRING_TEST(a_super_frame_too_long_is_malformed),
    VRING_TEST(what_does_not_agree_is_malformed),
    VRING_TEST(tcp_headers_must_be_whole),
    VRING_TEST(a_checksum_may_be_anywhere_in_the_headers),
    VRING_TEST(flags_that_ask_for_nothing_are_ignored),
};

int main(void)
{
	return vring_tests_run("rings: what guests leave to us", tests, RTE_DIM(tests));
}
