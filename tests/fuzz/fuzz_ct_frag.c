// Fragments as strangers make them: any offset, length, flags, headers, order and time.
//
//     per fragment: 1 byte 1 IPv6, 2 lent, 4 all of its IP header is the stranger's, 8 time goes
//     on, the rest: identification; 2 bytes offset and flags; 2 bytes length; 8 bytes of the IP
//     header where it is the stranger's
#include "datapath/ct_frag.h"
#include "tests/unit/datapath/fragments.h"

#include "tests/fuzz/fuzz_eal.h"
#include "tests/fuzz/fuzz_input.h"

enum { V6 = 1, LENT = 2, OWN_HEADER = 4, TIME = 8, ID_SHIFT = 4 };

#define FRAGMENTS_MAX 400
#define HELD_MAX      300u
#define STEP_MS	      500u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return fuzz_eal_begin();
}

static struct frame fragment_read(struct fuzz_input *in, uint8_t how)
{
	struct frame_spec spec = {.v6 = how & V6, .proto = IPPROTO_UDP, .payload = 1700};
	uint16_t ofs_and_flags = fuzz_u16(in), len = fuzz_u16(in) % 1600;
	uint8_t own[8] = {0};
	struct frame f;

	frame_make(&f, &spec);
	f = fragment_of(&f, how >> ID_SHIFT, 0, len, true);
	if (f.v6) {
		put16(f.b + f.l4 - 6, ofs_and_flags);
	} else {
		put16(f.b + f.l3 + 6, ofs_and_flags & 0x3fff);
		frame_fix_ipv4(&f);
	}
	if (how & OWN_HEADER) {
		fuzz_bytes(in, own, sizeof own);
		memcpy(f.b + f.l3 + (f.v6 ? 4 : 2), own, sizeof own);
		if (!f.v6 && f.b[f.l3] == 0x45)
			frame_fix_ipv4(&f);
	}
	return f;
}

// The whole is what its length says, and so are its parts together.
static void check_complete(struct ct_frag_result *result)
{
	uint32_t sum = 0, l3 = FRAME_MIN;
	bool v6 = *rte_pktmbuf_mtod_offset(result->whole, uint8_t *, l3) >> 4 == 6;
	uint8_t len[2];
	uint32_t said;

	assert_in_range(result->n, 2, CT_FRAG_PARTS_MAX);
	said = get16(rte_pktmbuf_read(result->whole, l3 + (v6 ? 4 : 2), 2, len));
	assert_int_equal(said + (v6 ? 40 : 0), rte_pktmbuf_pkt_len(result->whole) - l3);
	assert_int_equal(ct_frag_release(result), 0);
	for (unsigned i = 0; i < result->n; i++)
		sum += rte_pktmbuf_pkt_len(result->frags[i]);
	assert_true(sum > said);
	packet_free_bulk(result->frags, result->n);
}

static void fragment_run(struct fuzz_input *in, struct ct_frags *frags, uint64_t *now_ms)
{
	static uint8_t memory[2048];
	uint8_t how = fuzz_u8(in);
	struct frame f = fragment_read(in, how);
	struct rte_mbuf *m = how & LENT ? lent_of(&f, HEAD_COPY, memory) : packet_of(&f, 512);
	struct ct_frag_result result;

	*now_ms += how & TIME ? STEP_MS : 0;
	packet_meta(m)->in_port = 1 + (how >> 7);
	switch (ct_frag_add(frags, &m, 1, *now_ms, &result)) {
	case CT_FRAG_WHOLE:
	case CT_FRAG_INVALID:
		packet_free(m);
		break;
	case CT_FRAG_HELD:
		assert_null(m);
		break;
	case CT_FRAG_DROP:
		assert_in_range(result.n, 1, CT_FRAG_PARTS_MAX + 1);
		packet_free_bulk(result.frags, result.n);
		break;
	case CT_FRAG_COMPLETE:
		check_complete(&result);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ct_frags *frags;
	struct fuzz_input in = {.at = data, .left = size};
	struct ct_frag_status status;
	uint64_t now_ms = 1000;
	struct rte_mbuf *pkts[32];
	unsigned n;

	if (!frags)
		frags = ct_frags_create();
	ct_frags_set_held_max(frags, HELD_MAX);
	ct_frags_set_min_size(frags, false, CT_FRAG_MIN_BOUND);
	ct_frags_set_min_size(frags, true, CT_FRAG_MIN_BOUND);
	for (unsigned i = 0; i < FRAGMENTS_MAX && in.left > 0; i++) {
		fragment_run(&in, frags, &now_ms);
		packet_free_bulk(pkts, ct_frags_expire(frags, now_ms, pkts, RTE_DIM(pkts)));
	}
	ct_frags_status(frags, &status);
	assert_true(rte_mempool_in_use_count(packet_pool()) >= status.held);
	assert_true(status.held <= HELD_MAX);
	while ((n = ct_frags_purge(frags, pkts, RTE_DIM(pkts))) > 0)
		packet_free_bulk(pkts, n);
	packets_assert_all_back();
	return 0;
}
