// A guest that writes what it likes into a ring and its memory, before a burst and while its
// packets are lent: split and packed rings, both directions, each instruction set, any features.
//
//     1 byte   which ring: 1 packed, 2 the guest's receive queue, 4 the short one; the rest:
//     instruction set 1 byte   features, below 2 bytes  where the ring stands at first steps    1
//     byte each, modulo N_STEPS; a write or a burst
#define GUEST_RAM (1u << 16) // bytes: all of it is written before each input
#include "tests/unit/vhost/vring_guest.h"

#include "tests/fuzz/fuzz_input.h"

enum { RING_PACKED = 1, RING_TX = 2, RING_SHORT = 4, ISA_SHIFT = 3 };
enum step { WRITE_DESCS, WRITE_AVAIL, WRITE_USED, WRITE_LOW, WRITE_BOUNDARY, BURST, N_STEPS };

#define BURSTS_MAX 64
#define NEAR	   4096u // bytes of memory around a place that a write may name

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return setenv("CMOCKA_TEST_ABORT", "1", 1);
}

// One of each kind, which inputs share.
static struct guest *guest_of(uint8_t which)
{
	static struct guest *guests[2][2][N_ISAS];
	struct variant v = {which & RING_PACKED, (which >> ISA_SHIFT) % N_ISAS};
	bool is_short = which & RING_SHORT;

	if (!isa_supported(v.isa))
		v.isa = 0;
	struct guest **g = &guests[v.packed][is_short][v.isa];
	if (!*g)
		*g = guest_create(&v, is_short ? 4 : v.packed ? 29 : 32, GUEST_FEATURES);
	assert_int_equal(isa_set(isa_name(v.isa)), 0);
	return *g;
}

// As it was before the first input.
static void guest_begin(struct guest *g, struct fuzz_input *in)
{
	static const uint8_t toggled[] = {VIRTIO_NET_F_MRG_RXBUF,      VIRTIO_F_IN_ORDER,
					  VIRTIO_RING_F_EVENT_IDX,     VIRTIO_NET_F_HOST_ECN,
					  VIRTIO_NET_F_GUEST_ECN,      VIRTIO_F_VERSION_1,
					  VIRTIO_RING_F_INDIRECT_DESC, VIRTIO_NET_F_CSUM};
	uint64_t features = GUEST_FEATURES;
	uint8_t which = fuzz_u8(in);
	uint16_t at = fuzz_u16(in);

	for (unsigned i = 0; i < RTE_DIM(toggled); i++)
		features ^= (uint64_t)(which >> i & 1) << toggled[i];
	if (g->packed)
		at = (uint16_t)((at & 0x7fff) % g->size | (at & 0x8000));
	for (unsigned i = 0; i < g->mem.n; i++)
		memset(g->mem.regions[i].hva, 0, GUEST_RAM);
	memset(g->ring.desc, 0, desc_bytes(g));
	memset(g->ring.avail, 0, avail_bytes(g));
	memset(g->ring.used, 0, used_bytes(g));
	guest_connect(g, features, at, at);
}

static void receive(struct guest *g, struct rte_mbuf **pkts, unsigned *n, uint8_t room)
{
	unsigned want = 1 + room % BURST_MAX;

	packet_arena_reset(g->arena);
	*n = g->vq.ops->rx(&g->vq, g->arena, pkts, (uint16_t)want);
	assert_true(*n <= want);
	assert_true(g->arena->n_segs <= ARENA_SEGS);
}

// The guest has written under them since they were received.
static void give_back(struct guest *g, struct rte_mbuf **pkts, unsigned *n)
{
	for (unsigned i = 0; i < *n; i++)
		packet_expect_bounds(g, pkts[i]);
	if (*n > 0)
		g->vq.ops->rx_done(&g->vq);
	*n = 0;
	assert_int_equal(g->vq.n_taken, 0);
}

// A frame, and what its sender left to do.
static struct rte_mbuf *frame_make(struct guest *g, uint8_t kind)
{
	static const uint32_t lens[] = {14, 60, 128, 129, 1500, 9000, FRAME_MAX, 65557};
	static uint8_t bytes[65536];
	uint32_t len = lens[kind % RTE_DIM(lens)];
	struct rte_mbuf *m = packet_lend(g->arena, RTE_MIN(len, HEAD_COPY), len);

	memset(rte_pktmbuf_mtod(m, void *), 0, HEAD_COPY);
	if (len > HEAD_COPY)
		packet_lend_segment(g->arena, m, m, bytes, len - HEAD_COPY);
	if (!(kind & 0x80))
		return m;
	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload =
	    (struct packet_offload){.csum_start = 34,
				    .csum_offset = 16,
				    .gso_size = kind & 0x40 ? 1448 : 0,
				    .gso_headers = 66,
				    .gso_type = kind & 0x20 ? VIRTIO_NET_HDR_GSO_TCPV4
							    : VIRTIO_NET_HDR_GSO_TCPV6};
	return m;
}

static void send(struct guest *g, struct fuzz_input *in, uint8_t count)
{
	struct rte_mbuf *pkts[BURST_MAX];
	unsigned n = 1 + count % BURST_MAX;
	uint8_t kinds = fuzz_u8(in);
	bool impossible;

	packet_arena_reset(g->arena);
	for (unsigned i = 0; i < n; i++)
		pkts[i] = frame_make(g, (uint8_t)(i % 2 ? kinds : kinds >> 3));
	unsigned sent = g->vq.ops->tx(&g->vq, pkts, (uint16_t)n, &impossible);
	assert_true(sent < n || !impossible);
}

static void run(struct guest *g, struct fuzz_input *in, bool tx)
{
	struct rte_mbuf *pkts[BURST_MAX];
	unsigned n = 0, n_bursts = 0;

	while (in->left > 0 && n_bursts < BURSTS_MAX) {
		switch ((enum step)(fuzz_u8(in) % N_STEPS)) {
		case WRITE_DESCS:
			fuzz_write(in, g->ring.desc, desc_bytes(g));
			break;
		case WRITE_AVAIL:
			fuzz_write(in, g->ring.avail, avail_bytes(g));
			break;
		case WRITE_USED:
			fuzz_write(in, g->ring.used, used_bytes(g));
			break;
		case WRITE_LOW:
			fuzz_write(in, g->mem.regions[0].hva, NEAR);
			break;
		case WRITE_BOUNDARY:
			fuzz_write(in, g->mem.regions[0].hva + GUEST_RAM - NEAR, NEAR);
			break;
		default:
			n_bursts++;
			give_back(g, pkts, &n);
			if (tx)
				send(g, in, fuzz_u8(in));
			else
				receive(g, pkts, &n, fuzz_u8(in));
		}
	}
	give_back(g, pkts, &n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint8_t which = fuzz_u8(&in);
	struct guest *g = guest_of(which);

	guest_begin(g, &in);
	run(g, &in, which & RING_TX);
	virtqueue_fini(&g->vq);
	return 0;
}
