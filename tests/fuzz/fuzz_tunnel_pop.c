// What comes to a tunnel's end from whoever may send there: the switch's own packet or a guest's,
// in pieces, with a checksum left to do or not. What comes out is whole; wrapped again, it comes
// out the same.
//
//     1 byte   how, below
//     1 byte   bytes of the first piece
//     4 bytes  where the checksum starts that is left to do, and where its field is from there
//     the frame
#include "datapath/tunnel.h"

#include "tests/fuzz/fuzz_packets.h"

enum { TYPE = 3, GBP = 4, LENT = 8, PARTIAL = 16 };

#define PIECE	   61u	 // bytes of those behind the first
#define BYTES_MAX  1600u // of a frame
#define TUNNEL_NO  9
#define HEADER_LEN 50u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pmd pmd = {.in_port = 1};

// VXLAN over IPv4, with a checksum.
static const struct {
	struct action action;
	uint8_t header[HEADER_LEN];
} push = {
    .action = {.type = ACTION_TUNNEL_PUSH,
	       .u.tunnel_push = {.tnl_port = TUNNEL_NO, .out_port = 2, .header_len = HEADER_LEN}},
    .header = {2, 0,  0, 0, 0,	  2,	       2,	    0,		 0,	      0,
	       0, 1,  8, 0, 0x45, [22] = 64,   [23] = 17,   10,		 0,	      0,
	       1, 10, 0, 0, 2,	  [36] = 0x12, [37] = 0xb5, [40] = 0xff, [41] = 0xff, [42] = 8},
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_pmd_begin(&pmd);
	return 0;
}

// The packet that comes out, or NULL.
static struct rte_mbuf *pop(struct rte_mbuf *m)
{
	pmd.n_recirc = 0;
	packet_meta(m)->n_recirc = 0;
	packet_meta(m)->trunc_len = 0;
	tunnel_pop(&pmd, TUNNEL_NO, &m, 1);
	return pmd.n_recirc ? pmd.recirc[0] : NULL;
}

// As outputs read it.
static uint32_t bytes_of(struct rte_mbuf *m, uint8_t *bytes)
{
	const struct packet_offload *offload = &packet_meta(m)->offload;
	uint32_t len = 0, n_segs = 0;

	for (const struct rte_mbuf *seg = m; seg; seg = seg->next, n_segs++) {
		assert_in_range(len + seg->data_len, 0, BYTES_MAX);
		memcpy(bytes + len, rte_pktmbuf_mtod(seg, void *), seg->data_len);
		len += seg->data_len;
	}
	assert_int_equal(len, m->pkt_len);
	assert_int_equal(n_segs, m->nb_segs);
	assert_in_range(m->data_len, FRAME_MIN, len);
	if (m->ol_flags & PACKET_OFFLOAD) {
		assert_in_range(offload->csum_start, FRAME_MIN, m->data_len);
		assert_in_range(offload->csum_start + offload->csum_offset + 2u, 0, m->data_len);
	}
	return len;
}

static void check_tunnel(const struct flow_meta *meta)
{
	assert_true(meta->cold & FLOW_COLD_TUN);
	assert_in_range(meta->tun.opts_len, 0, FLOW_TUN_OPTS_MAX);
	assert_int_equal(meta->tun.opts_len % 4, 0);
	if (meta->tun.opts_len > 0)
		assert_true(meta->cold & FLOW_COLD_OPTS);
	for (unsigned i = 0; i < sizeof(meta->tun.unused); i++)
		assert_int_equal(meta->tun.unused[i], 0);
	if (meta->cold & FLOW_COLD_OPTS)
		for (unsigned i = meta->tun.opts_len; i < FLOW_TUN_OPTS_MAX; i++)
			assert_int_equal(meta->tun_opts[i], 0);
}

static void check_again(struct rte_mbuf *m)
{
	static uint8_t before[BYTES_MAX], after[BYTES_MAX];
	bool is_complete = !(m->ol_flags & PACKET_OFFLOAD);
	uint32_t len = bytes_of(m, before);

	packet_meta(m)->layout = (struct packet_layout){LAYOUT_NONE, LAYOUT_NONE};
	if (tunnel_push(&pmd, &push.action.u.tunnel_push, &m, 1) == 0)
		return;
	tunnel_port_set(TUNNEL_NO, TUNNEL_VXLAN, 0);
	m = pop(m);
	if (!m)
		abort();
	assert_int_equal(bytes_of(m, after), len);
	if (is_complete)
		assert_memory_equal(before, after, len);
	packet_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint8_t how = fuzz_u8(&in), first = fuzz_u8(&in);
	uint16_t csum_start = fuzz_u16(&in), csum_offset = fuzz_u16(&in);
	uint32_t len = (uint32_t)RTE_MIN(in.left, (size_t)BYTES_MAX);
	uint8_t *frame = malloc(len + !len);
	struct rte_mbuf *m;

	memcpy(frame, in.at, len);
	m = how & LENT ? fuzz_lent_packet(pmd.arena, frame, len, first, PIECE)
		       : fuzz_own_packet(frame, len, first, PIECE);
	memset(packet_meta(m), 0, sizeof(*packet_meta(m)));
	packet_meta(m)->offload =
	    (struct packet_offload){.csum_start = csum_start, .csum_offset = csum_offset};
	// As ports see to it.
	if (how & PARTIAL && csum_start >= FRAME_MIN &&
	    (uint32_t)csum_start + csum_offset + 2 <= m->data_len)
		m->ol_flags |= PACKET_OFFLOAD;
	tunnel_port_set(TUNNEL_NO, (enum tunnel_type)(how & TYPE),
			how & GBP ? TUNNEL_VXLAN_GBP | TUNNEL_VXLAN_GPE : 0);
	m = pop(m);
	if (m) {
		check_tunnel(&packet_meta(m)->flow);
		if (packet_meta(m)->no_eth) // what is pushed here is for frames
			packet_free(m);
		else
			check_again(m);
	}
	assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
	free(frame);
	return 0;
}
