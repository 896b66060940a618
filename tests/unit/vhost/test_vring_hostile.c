// A hostile guest of one table of deeds (tests/hostile/deeds.h) against the rings, in process: each
// deed stops its queue for its reason; and millions of them in a row, with a second thread that
// changes descriptors while they are read, and with memory that is cut off under both, leave all
// that is not the guest's untouched. SWD_MUTATIONS: how many in all, 200000 otherwise.
#define _GNU_SOURCE // memfd_create
#include "tests/hostile/deeds.h"
#include "tests/unit/vhost/vring_guest.h"

#include "datapath/memory_guard.h"

#include <pthread.h>

#define RING_SIZE 32
#define FRAME_GPA (GUEST_GPA + 65536)
#define TABLE_GPA (GUEST_GPA + 131072)
#define RESET_AT  64   // deeds after which positions are told again
#define CUT_AT	  5000 // deeds between two cuts of the memory's file

struct scene {
	struct guest *g;
	struct hostile h;
	int files[2]; // of its regions
	int guards[2];
	uint64_t n_deeds, n_stops, n_cuts;
};

// The regions are files that may be cut off, between the pages that nobody may touch. They stay
// guarded when they are made whole again: a second thread may have met the end of one, and get its
// signal only now.
static void memory_map(struct scene *s)
{
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *hva = s->g->mem.regions[i].hva;

		assert_int_equal(ftruncate(s->files[i], GUEST_RAM), 0);
		assert_ptr_equal(mmap(hva, GUEST_RAM, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_FIXED, s->files[i], 0),
				 hva);
		if (s->guards[i] < 0)
			s->guards[i] = memory_guard_add(hva, GUEST_RAM, NULL);
		assert_true(s->guards[i] >= 0);
	}
}

static void reset(struct scene *s, uint64_t features)
{
	struct guest *g = s->g;
	uint16_t at =
	    s->g->packed ? (uint16_t)(hostile_below(&s->h, g->size) | hostile_below(&s->h, 2) << 15)
			 : (uint16_t)hostile_random(&s->h);

	memset(g->ring.desc, 0, desc_bytes(g));
	memset(g->ring.avail, 0, avail_bytes(g));
	virtqueue_fini(&g->vq);
	guest_connect(g, features, at, at);
	s->h.at = g->packed ? at & 0x7fff : at;
	s->h.wrap = at & 0x8000;
	s->h.indirect = features & FEATURE(VIRTIO_RING_F_INDIRECT_DESC);
	if (!g->packed)
		hostile_idx(&s->h, at);
	else
		for (unsigned i = 0; i < g->size; i++) // none is available
			g->ring.desc_packed[i].flags =
			    hostile_avail_bits(i < s->h.at ? s->h.wrap : !s->h.wrap);
}

static void scene_begin(struct scene *s, const struct variant *v, bool writable, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->g = guest_create(v, v->packed ? 29 : RING_SIZE, GUEST_FEATURES);
	for (unsigned i = 0; i < 2; i++) {
		s->files[i] = memfd_create("guest", MFD_CLOEXEC);
		s->guards[i] = -1;
	}
	memory_map(s);
	s->h = (struct hostile){
	    .packed = v->packed,
	    .indirect = true,
	    .writable = writable,
	    .size = s->g->size,
	    .desc = s->g->ring.desc,
	    .driver = s->g->ring.avail,
	    .device = s->g->ring.used,
	    .table = guest_byte(s->g, TABLE_GPA),
	    .frame = guest_byte(s->g, FRAME_GPA),
	    .table_gpa = TABLE_GPA,
	    .frame_gpa = FRAME_GPA,
	    .boundary = GUEST_BOUNDARY,
	    .end = GUEST_END,
	    .seed = seed,
	};
	reset(s, GUEST_FEATURES);
}

static void scene_end(struct scene *s)
{
	for (unsigned i = 0; i < 2; i++) {
		memory_guard_del(s->guards[i]);
		close(s->files[i]);
	}
	guest_destroy(s->g);
}

// What the switch does.

static void receive(struct scene *s)
{
	struct guest *g = s->g;
	struct rte_mbuf *pkts[BURST_MAX];
	unsigned n;

	packet_arena_reset(g->arena);
	n = g->vq.ops->rx(&g->vq, g->arena, pkts, BURST_MAX);
	assert_true(n <= BURST_MAX && g->arena->n_segs <= ARENA_SEGS);
	for (unsigned i = 0; i < n; i++)
		packet_expect_bounds(g, pkts[i]);
	if (n > 0)
		g->vq.ops->rx_done(&g->vq);
	assert_int_equal(g->vq.n_taken, 0);
}

static void send(struct scene *s)
{
	static const uint32_t lens[] = {60, 128, 1500, 9000};
	static uint8_t bytes[65536];
	struct guest *g = s->g;
	struct rte_mbuf *pkts[4];
	bool impossible;

	packet_arena_reset(g->arena);
	for (unsigned i = 0; i < RTE_DIM(pkts); i++) {
		uint32_t len = lens[hostile_below(&s->h, RTE_DIM(lens))];

		pkts[i] = packet_lend(g->arena, RTE_MIN(len, HEAD_COPY), len);
		memset(rte_pktmbuf_mtod(pkts[i], void *), 0, RTE_MIN(len, HEAD_COPY));
		if (len > HEAD_COPY)
			packet_lend_segment(g->arena, pkts[i], pkts[i], bytes, len - HEAD_COPY);
	}
	assert_true(g->vq.ops->tx(&g->vq, pkts, RTE_DIM(pkts), &impossible) <= RTE_DIM(pkts));
}

static void burst(struct scene *s)
{
	if (s->h.writable)
		send(s);
	else
		receive(s);
}

static void each_deed_stops_its_queue_for_its_reason(void **state)
{
	for (unsigned writable = 0; writable < 2; writable++) {
		struct scene s;

		scene_begin(&s, *state, writable, 1);
		for (unsigned i = 0; i < 20 * N_DEEDS; i++) {
			const struct deed *deed = &deeds[i % N_DEEDS];
			const char *reason;

			if (!deed->reason || !deed_fits(deed, &s.h))
				continue;
			reset(&s, GUEST_FEATURES);
			deed->commit(&s.h);
			burst(&s);
			reason = virtqueue_fault_text(s.g->vq.fault);
			if (!strstr(reason, deed->reason))
				fail_msg("%s: \"%s\"", deed->name, reason);
		}
		scene_end(&s);
	}
}

// Millions.

static uint64_t all_deeds, all_stops, all_cuts;

static uint64_t n_mutations(void)
{
	const char *word = getenv("SWD_MUTATIONS");

	return word ? strtoull(word, NULL, 10) : 200000;
}

static unsigned n_variants(void)
{
	unsigned n = 0;

	for (unsigned isa = 0; isa < N_ISAS; isa++)
		n += 2 * isa_supported(isa);
	return n;
}

static bool flipping;

static void *flip(void *arg)
{
	struct hostile h = *(struct hostile *)arg; // with a seed of its own

	h.seed ^= 0x5555555555555555ull;
	while (__atomic_load_n(&flipping, __ATOMIC_RELAXED))
		hostile_flip(&h);
	return NULL;
}

static void cut_off(struct scene *s)
{
	assert_int_equal(ftruncate(s->files[s->n_cuts % 2], 0), 0);
	// Whoever touches it next.
	for (unsigned i = 0; i < 4; i++) {
		deed_random(&s->h)->commit(&s->h);
		burst(s);
	}
	memory_map(s);
	s->n_cuts++;
}

static uint64_t features_random(struct hostile *h)
{
	static const uint64_t optional[] = {FEATURE(VIRTIO_NET_F_MRG_RXBUF),
					    FEATURE(VIRTIO_F_IN_ORDER),
					    FEATURE(VIRTIO_RING_F_EVENT_IDX),
					    FEATURE(VIRTIO_RING_F_INDIRECT_DESC)};
	uint64_t features = GUEST_FEATURES;

	for (unsigned i = 0; i < RTE_DIM(optional); i++)
		features ^= hostile_below(h, 2) ? optional[i] : 0;
	return features;
}

static void commit_many(struct scene *s, uint64_t n)
{
	unsigned since = 0;

	while (s->n_deeds < n) {
		deed_random(&s->h)->commit(&s->h);
		burst(s);
		s->n_deeds++;
		if (s->n_deeds % CUT_AT == 0)
			cut_off(s);
		if (s->g->vq.fault == VIRTQUEUE_NONE && ++since < RESET_AT)
			continue;
		s->n_stops += s->g->vq.fault != VIRTQUEUE_NONE;
		since = 0;
		reset(s, features_random(&s->h));
	}
}

static void any_number_of_deeds_leaves_the_rest_alone(void **state)
{
	uint64_t each = n_mutations() / n_variants() / 4 + 1;

	for (unsigned i = 0; i < 4; i++) { // directions; without and with a second thread
		struct scene s;
		pthread_t thread;

		scene_begin(&s, *state, i & 1, 88172645463325252ULL + i);
		flipping = i & 2;
		if (flipping)
			assert_int_equal(pthread_create(&thread, NULL, flip, &s.h), 0);
		commit_many(&s, each);
		if (flipping) {
			__atomic_store_n(&flipping, false, __ATOMIC_RELAXED);
			pthread_join(thread, NULL);
		}
		assert_true(s.n_stops > 0);
		all_deeds += s.n_deeds;
		all_stops += s.n_stops;
		all_cuts += s.n_cuts;
		scene_end(&s);
	}
}

static const struct vring_test tests[] = {
    VRING_TEST(each_deed_stops_its_queue_for_its_reason),
    VRING_TEST(any_number_of_deeds_leaves_the_rest_alone),
};

// As tests/system/scale.py does.
static void note(void)
{
	const char *path = getenv("SWD_FIGURES");
	FILE *to = path ? fopen(path, "a") : NULL;

	print_message("%lu mutations, %lu stops, %lu cuts of memory\n", all_deeds, all_stops,
		      all_cuts);
	if (!to)
		return;
	fprintf(to,
		"{\"what\": \"hostile guests, in process\", \"figures\": \"mutations %lu, queues "
		"stopped %lu, memory cut off %lu\"}\n",
		all_deeds, all_stops, all_cuts);
	fclose(to);
}

int main(void)
{
	int n_failed = vring_tests_run("rings: hostile", tests, RTE_DIM(tests));

	note();
	return n_failed;
}
