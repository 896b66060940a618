// Guests that write anything anywhere into their rings, tables and headers, at any time between two
// calls. What is not theirs is behind guards; what comes out stays within bounds.
#include "tests/unit/vhost/vring_guest.h"

#define ROUNDS	  100000
#define RING_SIZE 32
#define TABLE_GPA (GUEST_BOUNDARY - 1024)

static uint64_t seed;

static uint64_t random_u64(void) // xorshift64*
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

static unsigned below(unsigned n)
{
	return (unsigned)(random_u64() >> 33) % n;
}

static uint64_t random_gpa(void)
{
	static const uint64_t near[] = {GUEST_GPA, GUEST_BOUNDARY, GUEST_END, TABLE_GPA,
					0,	   UINT64_MAX};

	switch (below(8)) {
	case 0:
		return random_u64();
	case 1:
	case 2:
		return near[below(RTE_DIM(near))] - below(200) + below(200);
	default:
		return GUEST_GPA + below(2 * GUEST_RAM - 4096);
	}
}

static uint32_t random_len(void)
{
	static const uint32_t lens[] = {0,  1,	 10,   12,   16,    26,
					72, 140, 1526, 9742, 65569, UINT32_MAX};

	switch (below(6)) {
	case 0:
		return (uint32_t)random_u64();
	case 1:
		return below(70000);
	case 2:
		return 16 * below(40);
	default:
		return lens[below(RTE_DIM(lens))];
	}
}

// Most are what a ring wants; with the bits of `availability` where a packed ring has them.
static uint16_t random_flags(uint16_t direction, uint16_t availability)
{
	uint16_t flags = below(20) ? direction : (uint16_t)(direction ^ VRING_DESC_F_WRITE);

	if (below(3) == 0)
		flags |= VRING_DESC_F_NEXT;
	if (below(6) == 0)
		flags |= VRING_DESC_F_INDIRECT;
	if (below(50) == 0)
		flags = (uint16_t)random_u64();
	return flags | availability;
}

static void garbage_table(struct guest *g, uint16_t direction)
{
	for (unsigned i = 0; i < 64; i++) {
		uint16_t flags = random_flags(direction, 0) &
				 (uint16_t)(below(20) ? ~VRING_DESC_F_INDIRECT : 0xffff);
		struct vring_desc d = {random_gpa(), random_len(), flags, (uint16_t)below(10)};
		struct vring_packed_desc p = {d.addr, d.len, d.next, flags};

		guest_write(g, TABLE_GPA + i * sizeof(d), g->packed ? (void *)&p : (void *)&d,
			    sizeof(d));
	}
}

static uint64_t desc_gpa(uint32_t *len)
{
	*len = random_len();
	if (below(4))
		return random_gpa();
	*len = 16 * below(64);
	return TABLE_GPA;
}

static void garbage_split(struct guest *g, uint16_t direction)
{
	for (unsigned i = below(4); i > 0; i--) {
		struct vring_desc *d = &g->ring.desc[below(RING_SIZE)];

		d->addr = desc_gpa(&d->len);
		d->flags = random_flags(direction, 0);
		d->next = (uint16_t)below(RING_SIZE + (below(50) == 0));
	}
	for (unsigned i = below(4); i > 0; i--)
		g->ring.avail->ring[below(RING_SIZE + 1)] =
		    (uint16_t)below(RING_SIZE + (below(100) == 0));
	g->ring.avail->flags = (uint16_t)below(2);
	g->ring.avail->idx =
	    (uint16_t)(g->vq.last_avail + below(below(100) ? RING_SIZE + 1 : UINT16_MAX));
	g->ring.used->idx = (uint16_t)random_u64();
	g->ring.used->flags = (uint16_t)random_u64();
}

static void garbage_packed(struct guest *g, uint16_t direction)
{
	for (unsigned i = below(12); i > 0; i--) {
		uint16_t wrap =
		    below(2) ? 1u << VRING_PACKED_DESC_F_AVAIL : 1u << VRING_PACKED_DESC_F_USED;
		struct vring_packed_desc *d = &g->ring.desc_packed[below(g->size)];

		d->addr = desc_gpa(&d->len);
		d->id = (uint16_t)random_u64();
		d->flags = random_flags(direction, wrap);
	}
	for (unsigned i = 0, all = below(100) == 0; all && i < g->size; i++) {
		g->ring.desc_packed[i].addr = GUEST_GPA;
		g->ring.desc_packed[i].flags =
		    (uint16_t)(direction | VRING_DESC_F_NEXT |
			       (g->vq.avail_wrap ? 1u << VRING_PACKED_DESC_F_AVAIL
						 : 1u << VRING_PACKED_DESC_F_USED));
	}
	g->ring.driver_event->off_wrap = (uint16_t)random_u64();
	g->ring.driver_event->flags = (uint16_t)below(4);
	g->ring.device_event->flags = (uint16_t)random_u64();
}

// Headers that are good enough to get further.
static void garbage_header(struct guest *g)
{
	uint8_t bytes[96];
	uint64_t gpa = GUEST_GPA + below(2 * GUEST_RAM - sizeof(bytes));

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = below(3) ? 0 : (uint8_t)random_u64();
	if (below(2)) {
		bytes[0] = 1;
		bytes[1] = below(2) ? 1 : 4;
		bytes[4] = 1;
		bytes[6] = 34;
		bytes[8] = 16;
		bytes[24] = 8;
		bytes[26] = 0x45;
		bytes[35] = 6;
	}
	guest_write(g, gpa, bytes, sizeof(bytes));
}

static void receive_garbage(struct guest *g)
{
	struct rte_mbuf *pkts[BURST_MAX];
	unsigned n;

	packet_arena_reset(g->arena);
	n = g->vq.ops->rx(&g->vq, g->arena, pkts, BURST_MAX);
	assert_true(n <= BURST_MAX);
	assert_true(g->arena->n_segs <= ARENA_SEGS);
	for (unsigned i = 0; i < n; i++)
		packet_expect_bounds(g, pkts[i]);
	if (n > 0)
		g->vq.ops->rx_done(&g->vq);
	assert_int_equal(g->vq.n_taken, 0);
}

static void send_garbage(struct guest *g)
{
	static const uint32_t lens[] = {14, 60, 128, 1500, 9000, 65557};
	static uint8_t bytes[65536];
	struct rte_mbuf *pkts[BURST_MAX];
	unsigned n = 1 + below(BURST_MAX);
	bool impossible;

	packet_arena_reset(g->arena);
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = lens[below(RTE_DIM(lens))];

		pkts[i] = packet_lend(g->arena, RTE_MIN(len, HEAD_COPY), len);
		memset(rte_pktmbuf_mtod(pkts[i], void *), 0, HEAD_COPY);
		if (len > HEAD_COPY)
			packet_lend_segment(g->arena, pkts[i], pkts[i], bytes, len - HEAD_COPY);
	}
	assert_true(g->vq.ops->tx(&g->vq, pkts, (uint16_t)n, &impossible) <= n);
}

static void reset(struct guest *g, uint64_t features)
{
	uint16_t at =
	    g->packed ? (uint16_t)(below(g->size) | below(2) << 15) : (uint16_t)random_u64();

	virtqueue_fini(&g->vq);
	guest_connect(g, features, at, at);
}

static void garbage(const struct variant *v, uint16_t direction)
{
	static const uint64_t optional[] = {FEATURE(VIRTIO_NET_F_MRG_RXBUF),
					    FEATURE(VIRTIO_F_IN_ORDER),
					    FEATURE(VIRTIO_RING_F_EVENT_IDX),
					    FEATURE(VIRTIO_F_VERSION_1)};
	struct guest *g = guest_create(v, v->packed ? 29 : RING_SIZE, GUEST_FEATURES);
	uint64_t features = GUEST_FEATURES;
	unsigned n_faults[VIRTQUEUE_SHORT + 1] = {0};

	for (unsigned round = 0; round < ROUNDS; round++) {
		garbage_header(g);
		if (round % 16 == 0)
			garbage_table(g, direction);
		if (v->packed)
			garbage_packed(g, direction);
		else
			garbage_split(g, direction);
		if (direction)
			send_garbage(g);
		else
			receive_garbage(g);
		n_faults[g->vq.fault]++;
		if (g->vq.fault != VIRTQUEUE_NONE) {
			reset(g, features);
			features ^= optional[below(RTE_DIM(optional))];
		}
	}
	for (unsigned fault = 0; fault <= VIRTQUEUE_SHORT; fault++)
		if (n_faults[fault] == 0 &&
		    !(v->packed && (fault == VIRTQUEUE_INDEX || fault == VIRTQUEUE_HEAD)))
			fail_msg("no guest with \"%s\" among them", virtqueue_fault_text(fault));
	guest_destroy(g);
}

static void garbage_from_the_guest_stays_there(void **state)
{
	seed = 88172645463325252ULL;
	garbage(*state, 0);
}

static void garbage_for_its_buffers_hurts_nobody(void **state)
{
	seed = 362436069362436069ULL;
	garbage(*state, VRING_DESC_F_WRITE);
}

static const struct vring_test tests[] = {
    VRING_TEST(garbage_from_the_guest_stays_there),
    VRING_TEST(garbage_for_its_buffers_hurts_nobody),
};

int main(void)
{
	return vring_tests_run("rings: garbage", tests, RTE_DIM(tests));
}
