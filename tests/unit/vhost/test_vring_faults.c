#include "tests/unit/vhost/vring_guest.h"

#define FRAME_GPA (GUEST_GPA + 0x1000)
#define TABLE_GPA (GUEST_GPA + 0x40000)
#define W	  VRING_DESC_F_WRITE
#define INDIRECT  VRING_DESC_F_INDIRECT
#define DESC_SIZE ((uint32_t)sizeof(struct vring_desc))

static struct rte_mbuf *pkts[BURST_MAX];

static uint16_t receive(struct guest *g)
{
	packet_arena_reset(g->arena);
	return g->vq.ops->rx(&g->vq, g->arena, pkts, BURST_MAX);
}

static uint16_t send_frames(struct guest *g, uint16_t n)
{
	bool impossible = true;
	uint16_t sent;

	packet_arena_reset(g->arena);
	for (unsigned i = 0; i < n; i++) {
		pkts[i] = packet_lend(g->arena, 60, 60);
		memset(rte_pktmbuf_mtod(pkts[i], void *), (int)i, 60);
	}
	sent = g->vq.ops->tx(&g->vq, pkts, n, &impossible);
	assert_false(impossible);
	return sent;
}

static void offer_good(struct guest *g, uint16_t direction)
{
	struct guest_desc d = {FRAME_GPA, 72, direction};

	guest_offer(g, &d, 1);
}

// The good frame before the bad chain passes, what comes after does not, for ever.
static void stops(struct guest *g, uint16_t direction, enum virtqueue_fault fault, uint16_t desc)
{
	uint32_t id, len;

	assert_int_equal(g->vq.fault, VIRTQUEUE_NONE);
	if (direction) {
		assert_int_equal(send_frames(g, 3), 1);
	} else {
		assert_int_equal(receive(g), 1);
		assert_int_equal(pkts[0]->pkt_len, 60);
		g->vq.ops->rx_done(&g->vq);
	}
	assert_true(guest_used(g, &id, &len));
	guest_expect_none_used(g);
	assert_int_equal(g->vq.fault, fault);
	assert_int_equal(g->vq.fault_desc, desc);
	assert_int_equal(direction ? send_frames(g, 3) : receive(g), 0);
	guest_expect_none_used(g);
}

// Bad chains, as descriptors of the ring and as an indirect table; for the receive queue each
// descriptor's direction is the other one.
static const struct bad {
	enum virtqueue_fault fault;
	unsigned n;
	struct guest_desc descs[3];
} bads[] = {
    {VIRTQUEUE_ADDRESS, 1, {{0, 72, 0}}},
    {VIRTQUEUE_ADDRESS, 1, {{GUEST_GPA - 1, 72, 0}}},
    {VIRTQUEUE_ADDRESS, 1, {{GUEST_END, 72, 0}}},
    {VIRTQUEUE_ADDRESS, 1, {{GUEST_END - 71, 72, 0}}},
    {VIRTQUEUE_ADDRESS, 1, {{UINT64_MAX - 10, 72, 0}}},
    {VIRTQUEUE_ADDRESS, 1, {{GUEST_GPA, UINT32_MAX, 0}}},
    {VIRTQUEUE_ADDRESS, 2, {{FRAME_GPA, 12, 0}, {GUEST_END, 60, 0}}},
    {VIRTQUEUE_ADDRESS, 2, {{FRAME_GPA, 12, 0}, {GUEST_BOUNDARY, GUEST_RAM + 1, 0}}},
    {VIRTQUEUE_ADDRESS, 2, {{FRAME_GPA, 0, 0}, {UINT64_MAX, UINT32_MAX, 0}}},
    {VIRTQUEUE_DIRECTION, 1, {{FRAME_GPA, 72, W}}},
    {VIRTQUEUE_DIRECTION, 2, {{FRAME_GPA, 12, 0}, {FRAME_GPA, 60, W}}},
    {VIRTQUEUE_SHORT, 1, {{FRAME_GPA, 11, 0}}},
    {VIRTQUEUE_SHORT, 1, {{FRAME_GPA, 0, 0}}},
    {VIRTQUEUE_SHORT, 3, {{FRAME_GPA, 5, 0}, {FRAME_GPA, 0, 0}, {FRAME_GPA, 6, 0}}},
};

static void bad_chain(const struct variant *v, const struct bad *bad, uint16_t direction,
		      bool indirect)
{
	struct guest *g = guest_create(v, GUEST_SIZE, GUEST_FEATURES);
	struct guest_desc descs[3];

	for (unsigned i = 0; i < bad->n; i++) {
		descs[i] = bad->descs[i];
		descs[i].flags ^= direction;
	}
	offer_good(g, direction);
	if (indirect)
		guest_offer_indirect(g, TABLE_GPA, descs, bad->n);
	else
		guest_offer(g, descs, bad->n);
	offer_good(g, direction);
	stops(g, direction, bad->fault, 1);
	guest_destroy(g);
}

static void a_bad_chain_stops_the_queue(void **state)
{
	for (unsigned i = 0; i < RTE_DIM(bads); i++)
		for (unsigned how = 0; how < 4; how++)
			bad_chain(*state, &bads[i], how & 1 ? W : 0, how & 2);
}

// Indirect descriptors that are none: address, length, flags beside it; features taken away.
static const struct {
	enum virtqueue_fault fault;
	struct guest_desc desc;
	uint64_t without;
} tables[] = {
    {VIRTQUEUE_INDIRECT, {TABLE_GPA, 16, INDIRECT}, FEATURE(VIRTIO_RING_F_INDIRECT_DESC)},
    {VIRTQUEUE_INDIRECT, {TABLE_GPA, 0, INDIRECT}, 0},
    {VIRTQUEUE_INDIRECT, {TABLE_GPA, 15, INDIRECT}, 0},
    {VIRTQUEUE_INDIRECT, {TABLE_GPA, 17, INDIRECT}, 0},
    {VIRTQUEUE_INDIRECT, {TABLE_GPA, 16 * 1025, INDIRECT}, 0},
    {VIRTQUEUE_INDIRECT, {TABLE_GPA, UINT32_MAX - 15, INDIRECT}, 0},
    {VIRTQUEUE_INDIRECT, {TABLE_GPA, 16, INDIRECT | VRING_DESC_F_NEXT}, 0},
    {VIRTQUEUE_ADDRESS, {GUEST_END, 16, INDIRECT}, 0},
    {VIRTQUEUE_ADDRESS, {GUEST_END - 8, 16, INDIRECT}, 0},
    {VIRTQUEUE_ADDRESS, {UINT64_MAX - 7, 16, INDIRECT}, 0},
};

static void a_bad_table_stops_the_queue(void **state)
{
	for (unsigned i = 0; i < RTE_DIM(tables); i++) {
		for (unsigned direction = 0; direction <= W; direction += W) {
			struct guest *g =
			    guest_create(*state, GUEST_SIZE, GUEST_FEATURES & ~tables[i].without);
			struct guest_desc good = {FRAME_GPA, 72, (uint16_t)direction};

			guest_table(g, TABLE_GPA, &good, 1);
			offer_good(g, (uint16_t)direction);
			guest_offer(g, &tables[i].desc, 1);
			stops(g, (uint16_t)direction, tables[i].fault, 1);
			guest_destroy(g);
		}
	}
}

static void a_table_in_a_table_stops_the_queue(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct guest_desc inner = {TABLE_GPA + 64, 16, INDIRECT};

	offer_good(g, 0);
	guest_offer_indirect(g, TABLE_GPA, &inner, 1);
	stops(g, 0, VIRTQUEUE_INDIRECT, 1);
	guest_destroy(g);
}

static void a_chain_without_end_stops_the_queue(void **state)
{
	const struct variant *v = *state;
	for (unsigned direction = 0; direction <= W; direction += W) {
		struct guest *g = guest_create(v, GUEST_SIZE, GUEST_FEATURES);
		struct guest_desc d[2] = {{FRAME_GPA, 1, (uint16_t)direction},
					  {FRAME_GPA, 1, (uint16_t)direction}};

		offer_good(g, (uint16_t)direction);
		guest_offer(g, d, 2);
		if (v->packed) {
			for (unsigned i = 0; i < GUEST_SIZE; i++)
				g->ring.desc_packed[i].flags |= VRING_DESC_F_NEXT;
			g->ring.desc_packed[0].flags &= (uint16_t)~VRING_DESC_F_NEXT;
			for (unsigned i = 2; i < GUEST_SIZE; i++)
				g->ring.desc_packed[i] = (struct vring_packed_desc){
				    FRAME_GPA, 1, 0, (uint16_t)(direction | VRING_DESC_F_NEXT)};
		} else {
			g->ring.desc[2].flags |= VRING_DESC_F_NEXT;
			g->ring.desc[2].next = 1;
		}
		stops(g, (uint16_t)direction, VIRTQUEUE_LOOP, 1);
		guest_destroy(g);
	}
}

static void a_table_that_loops_stops_a_split_queue(void **state)
{
	const struct variant *v = *state;
	static const uint16_t next[] = {0, 1, 2, 255};

	if (v->packed) // its tables are not linked
		return;
	for (unsigned i = 0; i < RTE_DIM(next); i++) {
		struct guest *g = guest_create(v, GUEST_SIZE, GUEST_FEATURES);
		struct guest_desc d[2] = {{FRAME_GPA, 10, 0}, {FRAME_GPA, 10, 0}};
		struct vring_desc last = {FRAME_GPA, 10, VRING_DESC_F_NEXT, next[i]};

		offer_good(g, 0);
		guest_offer_indirect(g, TABLE_GPA, d, 2);
		guest_write(g, TABLE_GPA + DESC_SIZE, &last, sizeof(last));
		stops(g, 0, VIRTQUEUE_LOOP, 1);
		guest_destroy(g);
	}
}

static void a_descriptor_beyond_a_split_ring_stops_it(void **state)
{
	const struct variant *v = *state;
	static const uint16_t heads[] = {GUEST_SIZE, GUEST_SIZE + 1, 0x8000, UINT16_MAX};

	for (unsigned i = 0; i < 2 * RTE_DIM(heads) && !v->packed; i++) {
		struct guest *g = guest_create(v, GUEST_SIZE, GUEST_FEATURES);
		struct guest_desc d[2] = {{FRAME_GPA, 12, 0}, {FRAME_GPA, 60, 0}};
		uint16_t bad = heads[i / 2];

		offer_good(g, 0);
		guest_offer(g, d, 2);
		offer_good(g, 0);
		if (i % 2)
			g->ring.desc[1].next = bad;
		else
			g->ring.avail->ring[1] = bad;
		stops(g, 0, VIRTQUEUE_HEAD, i % 2 ? 1 : bad);
		guest_destroy(g);
	}
}

static void an_index_too_far_ahead_stops_a_split_ring(void **state)
{
	const struct variant *v = *state;
	static const uint16_t idx[] = {GUEST_SIZE + 1, 0x8000, UINT16_MAX};

	for (unsigned i = 0; i < RTE_DIM(idx) && !v->packed; i++) {
		struct guest *g = guest_create(v, GUEST_SIZE, GUEST_FEATURES);

		g->ring.avail->idx = idx[i];
		assert_int_equal(i % 2 ? receive(g) : send_frames(g, 3), 0);
		assert_int_equal(g->vq.fault, VIRTQUEUE_INDEX);
		guest_expect_none_used(g);
		guest_destroy(g);
	}
}

static void a_full_ring_is_no_fault(void **state)
{
	struct guest *g = guest_create(*state, 64, GUEST_FEATURES);

	for (unsigned i = 0; i < 64; i++)
		offer_good(g, 0);
	assert_int_equal(receive(g), BURST_MAX);
	g->vq.ops->rx_done(&g->vq);
	assert_int_equal(receive(g), BURST_MAX);
	assert_int_equal(g->vq.fault, VIRTQUEUE_NONE);
	guest_destroy(g);
}

static void a_long_chain_in_a_full_ring_is_no_fault(void **state)
{
	const struct variant *v = *state;
	struct guest *g = guest_create(v, v->packed ? 61 : 64, GUEST_FEATURES);
	struct guest_desc d[64];
	uint32_t id, len;

	for (unsigned round = 0; round < 300; round++) {
		unsigned n = g->size - round % 3;

		for (unsigned i = 0; i < n; i++)
			d[i] = (struct guest_desc){FRAME_GPA, 2, 0};
		guest_offer(g, d, n);
		assert_int_equal(receive(g), 1);
		assert_int_equal(pkts[0]->pkt_len, 2 * n - 12);
		g->vq.ops->rx_done(&g->vq);
		assert_true(guest_used(g, &id, &len));
	}
	assert_int_equal(g->vq.fault, VIRTQUEUE_NONE);
	guest_destroy(g);
}

// A frame of 3100 bytes for a guest with mergeable buffers. How many were sent.
static uint16_t send_long(struct guest *g, bool *impossible)
{
	static uint8_t rest[3000];

	packet_arena_reset(g->arena);
	pkts[0] = packet_lend(g->arena, 100, 100 + sizeof(rest));
	memset(rte_pktmbuf_mtod(pkts[0], void *), 0, 100);
	packet_lend_segment(g->arena, pkts[0], pkts[0], rest, sizeof(rest));
	return g->vq.ops->tx(&g->vq, pkts, 1, impossible);
}

// Tables of a thousand descriptors that hold next to nothing: the switch does not go on to the
// twentieth one, which would stop the queue.
static void a_frame_is_not_sought_room_for_without_end(void **state)
{
	struct guest *g =
	    guest_create(*state, GUEST_SIZE, GUEST_FEATURES | FEATURE(VIRTIO_NET_F_MRG_RXBUF));
	struct guest_desc d[1024], bad = {GUEST_END, 16, W};
	bool impossible = true;

	for (unsigned i = 0; i < RTE_DIM(d); i++)
		d[i] = (struct guest_desc){FRAME_GPA, i + 1 < RTE_DIM(d) ? 0 : 12, W};
	for (unsigned i = 0; i < 20; i++)
		guest_offer_indirect(g, TABLE_GPA, d, RTE_DIM(d));
	guest_offer(g, &bad, 1);
	assert_int_equal(send_long(g, &impossible), 0);
	assert_false(impossible);
	assert_int_equal(g->vq.fault, VIRTQUEUE_NONE);
	guest_expect_none_used(g);
	guest_destroy(g);
}

// Nor is that found out again for each frame of a burst.
static void a_ring_of_crumbs_counts_as_full(void **state)
{
	struct guest *g =
	    guest_create(*state, GUEST_SIZE, GUEST_FEATURES | FEATURE(VIRTIO_NET_F_MRG_RXBUF));
	struct guest_desc crumb = {FRAME_GPA, 12, W};
	bool impossible = true;

	for (unsigned i = 0; i < GUEST_SIZE; i++)
		guest_offer(g, &crumb, 1);
	assert_int_equal(send_long(g, &impossible), 0);
	assert_false(impossible);
	assert_int_equal(g->vq.fault, VIRTQUEUE_NONE);
	guest_destroy(g);
}

static void rings_that_cannot_be_are_refused(void **state)
{
	const struct variant *v = *state;
	struct guest *g = guest_create(v, GUEST_SIZE, GUEST_FEATURES);
	static const struct {
		uint16_t size, desc, avail, used;
		bool split_only;
	} wrong[] = {{.size = 0},
		     {.size = VRING_SIZE_MAX + 1},
		     {.size = 100, .split_only = true},
		     {.size = 256, .desc = 8},
		     {.size = 256, .avail = 1},
		     {.size = 256, .used = 2}};

	for (unsigned i = 0; i < RTE_DIM(wrong); i++) {
		struct rte_vhost_vring ring = g->ring;
		struct virtqueue vq;
		struct virtqueue_config config = {.ring = &ring,
						  .mem = &g->mem,
						  .features = v->packed
								  ? FEATURE(VIRTIO_F_RING_PACKED)
								  : 0};

		if (v->packed && wrong[i].split_only)
			continue;
		ring.size = wrong[i].size;
		ring.desc = (void *)((uint8_t *)ring.desc + wrong[i].desc);
		ring.avail = (void *)((uint8_t *)ring.avail + wrong[i].avail);
		ring.used = (void *)((uint8_t *)ring.used + wrong[i].used);
		assert_int_equal(virtqueue_init(&vq, &config), -EINVAL);
		assert_int_equal(vq.call_fd, -1);
	}
	guest_destroy(g);
}

static void every_fault_has_a_text(void **state)
{
	(void)state;
	for (int fault = VIRTQUEUE_NONE; fault <= VIRTQUEUE_SHORT; fault++)
		assert_true(strlen(virtqueue_fault_text(fault)) > 0);
}

static const struct vring_test tests[] = {
    VRING_TEST(a_bad_chain_stops_the_queue),
    VRING_TEST(a_bad_table_stops_the_queue),
    VRING_TEST(a_table_in_a_table_stops_the_queue),
    VRING_TEST(a_chain_without_end_stops_the_queue),
    VRING_TEST(a_table_that_loops_stops_a_split_queue),
    VRING_TEST(a_descriptor_beyond_a_split_ring_stops_it),
    VRING_TEST(an_index_too_far_ahead_stops_a_split_ring),
    VRING_TEST(a_full_ring_is_no_fault),
    VRING_TEST(a_long_chain_in_a_full_ring_is_no_fault),
    VRING_TEST(a_frame_is_not_sought_room_for_without_end),
    VRING_TEST(a_ring_of_crumbs_counts_as_full),
    VRING_TEST(rings_that_cannot_be_are_refused),
    VRING_TEST(every_fault_has_a_text),
};

int main(void)
{
	return vring_tests_run("rings: guests that break them", tests, RTE_DIM(tests));
}
