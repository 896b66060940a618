#include "tests/unit/vhost/vring_guest.h"

#include <fcntl.h>

#define FRAME_GPA    (GUEST_GPA + 0x1000)
#define EVENT_IDX    (GUEST_FEATURES | FEATURE(VIRTIO_RING_F_EVENT_IDX))
#define EVENT_WRAP   (1u << VRING_PACKED_EVENT_F_WRAP_CTR)
#define LOG_WRITES   64
#define UNIT_OF_DATA 72

// In place of librte_vhost's: what was logged last.
static struct {
	uint64_t gpa, len;
} logged[LOG_WRITES];
static unsigned n_logged;

void rte_vhost_log_write(int vid, uint64_t gpa, uint64_t len)
{
	assert_int_equal(vid, 0);
	assert_true(n_logged < LOG_WRITES);
	logged[n_logged].gpa = gpa;
	logged[n_logged++].len = len;
}

static bool was_logged(uint64_t gpa, uint64_t len)
{
	uint64_t end = gpa + len;

	for (unsigned i = 0; i < n_logged && gpa < end; i++)
		if (logged[i].gpa <= gpa && gpa < logged[i].gpa + logged[i].len) {
			gpa = logged[i].gpa + logged[i].len;
			i = UINT32_MAX; // from the first one on again
		}
	return gpa >= end;
}

static void offer(struct guest *g, unsigned n, uint16_t direction)
{
	struct guest_desc d = {FRAME_GPA, UNIT_OF_DATA, direction};

	for (unsigned i = 0; i < n; i++)
		guest_offer(g, &d, 1);
}

static void take_back(struct guest *g, unsigned n)
{
	uint32_t id, len;

	for (unsigned i = 0; i < n; i++)
		assert_true(guest_used(g, &id, &len));
	guest_expect_none_used(g);
}

// n frames from the guest, in one burst.
static void use(struct guest *g, uint16_t n)
{
	struct rte_mbuf *pkts[BURST_MAX];

	guest_calls(g);
	offer(g, n, 0);
	packet_arena_reset(g->arena);
	assert_int_equal(g->vq.ops->rx(&g->vq, g->arena, pkts, n), n);
	assert_int_equal(guest_calls(g), 0);
	g->vq.ops->rx_done(&g->vq);
	take_back(g, n);
}

static void use_by_tx(struct guest *g, uint16_t n)
{
	struct rte_mbuf *pkts[BURST_MAX];
	bool impossible;

	offer(g, n, VRING_DESC_F_WRITE);
	packet_arena_reset(g->arena);
	for (unsigned i = 0; i < n; i++) {
		pkts[i] = packet_lend(g->arena, 60, 60);
		memset(rte_pktmbuf_mtod(pkts[i], void *), 0, 60);
	}
	assert_int_equal(g->vq.ops->tx(&g->vq, pkts, n, &impossible), n);
	take_back(g, n);
}

static void flags_set(struct guest *g, bool wanted)
{
	if (g->packed)
		g->ring.driver_event->flags =
		    wanted ? VRING_PACKED_EVENT_FLAG_ENABLE : VRING_PACKED_EVENT_FLAG_DISABLE;
	else
		g->ring.avail->flags = wanted ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
}

static void flags_decide(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);

	for (unsigned round = 0; round < 100; round++) {
		bool wanted = round * 7 % 3 == 0;

		flags_set(g, wanted);
		use(g, 5);
		assert_int_equal(guest_calls(g), wanted); // one write for the burst
		use_by_tx(g, 5);
		assert_int_equal(guest_calls(g), wanted);
	}
	guest_destroy(g);
}

// The guest asks for a notification when the n-th buffer from now on is used, 0 the next one.
static void event_set(struct guest *g, unsigned n)
{
	unsigned slot = g->used_idx + n;
	bool wrap = g->used_wrap;

	if (!g->packed) {
		g->ring.avail->ring[g->size] = (uint16_t)slot;
		return;
	}
	if (slot >= g->size) {
		slot -= g->size;
		wrap = !wrap;
	}
	g->ring.driver_event->off_wrap = (uint16_t)(slot | (wrap ? EVENT_WRAP : 0));
	g->ring.driver_event->flags = VRING_PACKED_EVENT_FLAG_DESC;
}

static void the_event_index_decides(void **state)
{
	const struct variant *v = *state;
	struct guest *g = guest_create(v, v->packed ? 61 : 64, EVENT_IDX);

	event_set(g, 30);
	use(g, 1);
	assert_int_equal(guest_calls(g), 1); // the first time in any case
	for (unsigned round = 0; round < 20000; round++) {
		unsigned event = round % 10, n = 1 + round % 7;

		event_set(g, event);
		if (round & 1)
			use(g, (uint16_t)n);
		else
			use_by_tx(g, (uint16_t)n);
		if (guest_calls(g) != (event < n))
			fail_msg("round %u: %u used, the %u. one was waited for", round, n, event);
	}
	guest_destroy(g);
}

static void an_event_that_has_passed_does_not_come_again(void **state)
{
	const struct variant *v = *state;
	struct guest *g = guest_create(v, v->packed ? 61 : 64, EVENT_IDX);

	use(g, 1);
	event_set(g, 2);
	use(g, 3);
	assert_int_equal(guest_calls(g), 1);
	for (unsigned i = 0; i < 5; i++) {
		use(g, 3);
		assert_int_equal(guest_calls(g), 0);
	}
	guest_destroy(g);
}

static void a_packed_guest_with_event_index_may_use_flags_too(void **state)
{
	const struct variant *v = *state;
	struct guest *g = guest_create(v, 64, EVENT_IDX);

	if (v->packed)
		for (unsigned round = 0; round < 100; round++) {
			flags_set(g, round % 3 == 0);
			use(g, 2);
			assert_int_equal(guest_calls(g), round % 3 == 0);
		}
	guest_destroy(g);
}

static void nothing_used_nobody_called(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	struct rte_mbuf *pkts[BURST_MAX];

	flags_set(g, true);
	assert_int_equal(g->vq.ops->rx(&g->vq, g->arena, pkts, BURST_MAX), 0);
	g->vq.ops->rx_done(&g->vq);
	assert_int_equal(guest_calls(g), 0);
	guest_destroy(g);
}

static void a_guest_without_call_fd_is_not_called(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);

	virtqueue_fini(&g->vq);
	g->ring.callfd = -1;
	guest_connect(g, GUEST_FEATURES, g->packed ? 0x8000 : 0, g->packed ? 0x8000 : 0);
	flags_set(g, true);
	use(g, 3);
	assert_int_equal(guest_calls(g), 0);
	guest_destroy(g);
}

static void the_call_fd_is_our_own(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	int fd = g->vq.call_fd;

	assert_int_not_equal(fd, g->call_fd);
	virtqueue_fini(&g->vq);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_true(fcntl(g->call_fd, F_GETFD) >= 0);
	guest_destroy(g);
}

// A write() would hang here: the flags of the file are the guest's to change, too.
static void a_guest_that_takes_no_calls_holds_nobody(void **state)
{
	struct guest *g = guest_create(*state, GUEST_SIZE, GUEST_FEATURES);
	uint64_t full = UINT64_MAX - 1;

	assert_int_equal(write(g->call_fd, &full, sizeof(full)), sizeof(full));
	assert_int_equal(fcntl(g->call_fd, F_SETFL, 0), 0);
	flags_set(g, true);
	alarm(10);
	use_by_tx(g, 3);
	alarm(0);
	guest_destroy(g);
}

static void guests_are_asked_not_to_kick(void **state)
{
	for (unsigned event_idx = 0; event_idx < 2; event_idx++) {
		struct guest *g =
		    guest_create(*state, GUEST_SIZE, event_idx ? EVENT_IDX : GUEST_FEATURES);
		const uint16_t *avail_event = (void *)&g->ring.used->ring[GUEST_SIZE];

		if (g->packed) {
			assert_int_equal(g->ring.device_event->flags,
					 VRING_PACKED_EVENT_FLAG_DISABLE);
		} else if (event_idx) {
			assert_int_equal(g->ring.used->flags, 0); // section 2.7.10.2
			for (unsigned n = 1; n <= GUEST_SIZE; n++)
				assert_false(vring_need_event(*avail_event, (uint16_t)n, 0));
		} else {
			assert_int_equal(g->ring.used->flags, VRING_USED_F_NO_NOTIFY);
		}
		guest_destroy(g);
	}
}

// With its rings in memory that it can be told of.
static struct guest *guest_create_logged(const struct variant *v, bool resume)
{
	struct guest *g = guest_create(v, 64, GUEST_FEATURES | FEATURE(VIRTIO_NET_F_MRG_RXBUF));
	struct virtqueue_config config = {.ring = &g->ring,
					  .mem = &g->mem,
					  .features = g->vq.features,
					  .last_avail = v->packed ? 0x8000 : 0,
					  .last_used = v->packed ? 0x8000 : 0,
					  .log = true,
					  .resume = resume};

	g->mem.regions[2] = (struct vhost_region){0x1000, used_bytes(g), (void *)g->ring.used};
	g->mem.regions[3] = (struct vhost_region){0x4000, used_bytes(g), (void *)g->ring.used};
	if (v->packed)
		g->mem.regions[2] =
		    (struct vhost_region){0x1000, desc_bytes(g), (void *)g->ring.desc};
	g->mem.n = v->packed ? 4 : 3;
	virtqueue_fini(&g->vq);
	n_logged = 0;
	assert_int_equal(virtqueue_init(&g->vq, &config), 0);
	assert_true(was_logged(v->packed ? 0x4000 : 0x1000, 4)); // where kicks are refused
	return g;
}

static void what_is_written_is_logged(void **state)
{
	const struct variant *v = *state;
	struct guest *g = guest_create_logged(v, false);

	for (unsigned round = 0; round < 50; round++) {
		uint64_t used =
		    0x1000 + (v->packed ? g->used_idx * 16u : 4 + g->used_idx % 64u * 8u);
		uint64_t len = v->packed ? 16 : 8;

		n_logged = 0;
		use_by_tx(g, 1);
		assert_true(was_logged(FRAME_GPA, UNIT_OF_DATA));
		assert_true(was_logged(used, len));
		assert_true(v->packed || was_logged(0x1000, 4));
		assert_false(was_logged(FRAME_GPA, UNIT_OF_DATA + 1));
		used = 0x1000 + (v->packed ? g->used_idx * 16u : 4 + g->used_idx % 64u * 8u);
		n_logged = 0;
		use(g, 1);
		assert_false(was_logged(FRAME_GPA, 1));
		assert_true(was_logged(used, len));
	}
	guest_destroy(g);
}

static void frames_over_several_pieces_are_logged(void **state)
{
	struct guest *g = guest_create_logged(*state, false);
	struct guest_desc d[2] = {{FRAME_GPA, 20, VRING_DESC_F_WRITE},
				  {GUEST_BOUNDARY - 10, 30, VRING_DESC_F_WRITE}};
	struct guest_desc last = {FRAME_GPA + 4096, 500, VRING_DESC_F_WRITE};
	struct rte_mbuf *m = packet_lend(g->arena, 100, 100);
	bool impossible;

	guest_offer(g, d, 2);
	guest_offer(g, &last, 1);
	memset(rte_pktmbuf_mtod(m, void *), 0, 100);
	n_logged = 0;
	assert_int_equal(g->vq.ops->tx(&g->vq, &m, 1, &impossible), 1);
	assert_true(was_logged(FRAME_GPA, 20));
	assert_true(was_logged(GUEST_BOUNDARY - 10, 30));
	assert_true(was_logged(FRAME_GPA + 4096, 62));
	assert_false(was_logged(FRAME_GPA + 4096, 63));
	guest_destroy(g);
}

static void what_a_new_device_ends_is_logged(void **state)
{
	const struct variant *v = *state;
	struct guest *g = guest_create_logged(v, true);

	assert_true(!v->packed || was_logged(0x1000, desc_bytes(g)));
	guest_destroy(g);
}

static const struct vring_test tests[] = {
    VRING_TEST(flags_decide),
    VRING_TEST(the_event_index_decides),
    VRING_TEST(an_event_that_has_passed_does_not_come_again),
    VRING_TEST(a_packed_guest_with_event_index_may_use_flags_too),
    VRING_TEST(nothing_used_nobody_called),
    VRING_TEST(a_guest_without_call_fd_is_not_called),
    VRING_TEST(the_call_fd_is_our_own),
    VRING_TEST(a_guest_that_takes_no_calls_holds_nobody),
    VRING_TEST(guests_are_asked_not_to_kick),
    VRING_TEST(what_is_written_is_logged),
    VRING_TEST(what_a_new_device_ends_is_logged),
    VRING_TEST(frames_over_several_pieces_are_logged),
};

int main(void)
{
	return vring_tests_run("rings: notifications and the dirty log", tests, RTE_DIM(tests));
}
