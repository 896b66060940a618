// A peer that writes what it likes into a ring and the regions of a memif, between two bursts: as
// server and as client, both directions. Memory is the heap's, where ASan knows its ends.
//
//     1 byte   which ring: 1 we are the client, 2 we send
//     2 bytes  where the ring stands at first
//     steps    1 byte each, modulo N_STEPS; a write or a burst
#include "memif/memif_ring.h"

#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/memif/memif_test.h"

#include <stdlib.h>

enum { RING_CLIENT = 1, RING_TX = 2 };
enum step { WRITE_INDEXES, WRITE_DESCS, WRITE_DATA, BURST, N_STEPS };

#define LOG2_SIZE    4
#define SIZE	     (1u << LOG2_SIZE)
#define BUFFER_BYTES 640u
#define RING_BYTES   (sizeof(struct memif_shared_ring) + SIZE * sizeof(struct memif_desc))
#define FIRST_BYTES  (RING_BYTES + SIZE * BUFFER_BYTES) // of region 0
#define SECOND_BYTES 300u
#define BURSTS_MAX   64

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct memif_regions regions;
static struct rte_mbuf *frames[BURST_MAX];

static struct rte_mbuf *frame_make(uint32_t len, uint32_t seg_len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool()), *last = m;

	m->pkt_len = len;
	for (;;) {
		last->data_len = (uint16_t)RTE_MIN(len, seg_len);
		memset(rte_pktmbuf_mtod(last, void *), 0xa5, last->data_len);
		len -= last->data_len;
		if (len == 0)
			return m;
		last = last->next = rte_pktmbuf_alloc(packet_pool());
		m->nb_segs++;
	}
}

// Of every length, in segments too.
static void frames_make(void)
{
	static const uint32_t lens[] = {14, 60, 639, 640, 641, 1514, 2048, 5000, FRAME_MAX};

	for (unsigned i = 0; i < BURST_MAX; i++)
		frames[i] = frame_make(lens[i % RTE_DIM(lens)], i % 2 ? 2048 : 700);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	if (eal_begin() != 0)
		abort();
	regions.n = 2;
	regions.regions[0] =
	    (struct memif_region){.addr = aligned_alloc(64, FIRST_BYTES), .size = FIRST_BYTES};
	regions.regions[1] =
	    (struct memif_region){.addr = malloc(SECOND_BYTES), .size = SECOND_BYTES};
	frames_make();
	return 0;
}

static void ring_begin(struct memif_ring *ring, uint8_t which, uint16_t pos)
{
	memset(regions.regions[0].addr, 0, FIRST_BYTES);
	*ring = (struct memif_ring){.shared = (struct memif_shared_ring *)regions.regions[0].addr,
				    .regions = &regions,
				    .size = SIZE,
				    .client = which & RING_CLIENT,
				    .kick_fd = -1,
				    .buffer_offset = RING_BYTES,
				    .buffer_size = BUFFER_BYTES};
	memif_ring_write(ring);
	assert_int_equal(memif_ring_start(ring, !(which & RING_TX)), 0);
	ring->pos = pos;
	ring->shared->head = ring->shared->tail = pos;
}

static void is_sound(struct rte_mbuf *m)
{
	const char *why;

	if (rte_mbuf_check(m, 1, &why) != 0)
		fail_msg("%s", why);
	assert_in_range(m->pkt_len, FRAME_MIN, FRAME_MAX);
	for (const struct rte_mbuf *seg = m; seg; seg = seg->next)
		assert_in_range(seg->data_len + seg->data_off, 0, seg->buf_len);
}

static void burst(struct memif_ring *ring, bool tx, uint8_t count)
{
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t n = (uint16_t)(1 + count % BURST_MAX);
	unsigned in_use = rte_mempool_in_use_count(packet_pool());

	if (tx) {
		assert_true(memif_ring_tx(ring, frames, n) <= n);
	} else {
		uint16_t got = memif_ring_rx(ring, pkts, n);

		assert_true(got <= n);
		for (unsigned i = 0; i < got; i++)
			is_sound(pkts[i]);
		rte_pktmbuf_free_bulk(pkts, got);
	}
	assert_int_equal(rte_mempool_in_use_count(packet_pool()), in_use);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint8_t which = fuzz_u8(&in);
	struct memif_ring ring;

	ring_begin(&ring, which, fuzz_u16(&in));
	for (unsigned n_bursts = 0; in.left > 0 && n_bursts < BURSTS_MAX;) {
		switch ((enum step)(fuzz_u8(&in) % N_STEPS)) {
		case WRITE_INDEXES:
			ring.shared->head = fuzz_u16(&in);
			ring.shared->tail = fuzz_u16(&in);
			break;
		case WRITE_DESCS:
			fuzz_write(&in, ring.shared->desc, SIZE * sizeof(struct memif_desc));
			break;
		case WRITE_DATA:
			fuzz_write(&in, regions.regions[0].addr, FIRST_BYTES);
			break;
		default:
			n_bursts++;
			burst(&ring, which & RING_TX, fuzz_u8(&in));
		}
	}
	return 0;
}
