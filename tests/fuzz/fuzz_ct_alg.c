// Packets of a control connection, with any text, options and lengths: FTP and TFTP, IPv4 and IPv6,
// with and without translation, both directions, in one piece and lent.
//
//     1 byte   1 IPv6, 2 TFTP, 4 SNAT, 8 DNAT
//     per packet: 1 byte 1 reply, 2 not translated, 4 lent; 1 byte words of TCP options; 4 bytes
//     sequence number; 4 bytes acknowledgement; 1 byte length of text; options; text
#include "datapath/ct_expect.h"
#include "datapath/ct_payload.h"
#include "datapath/ct_steps.h"
#include "tests/unit/datapath/edit_check.h"
#include "tests/unit/datapath/tuples.h"

#include "tests/fuzz/fuzz_eal.h"
#include "tests/fuzz/fuzz_input.h"

enum { V6 = 1, TFTP = 2, SNAT = 4, DNAT = 8 };
enum { REPLY = 1, UNTRANSLATED = 2, LENT = 4 };

#define PACKETS_MAX 16
#define NOW	    7u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return fuzz_eal_begin();
}

static void master_make(uint8_t how, struct ct_conn *conn, struct ct_ext *ext)
{
	*ext = (struct ct_ext){.alg = how & TFTP ? CT_ALG_TFTP : CT_ALG_FTP};
	*conn = (struct ct_conn){.ext = ext,
				 .id = 1,
				 .key = {.src = {{10, 1, 1, 1}},
					 .dst = {{10, 1, 1, 2}},
					 .src_port_be = htons(40000),
					 .dst_port_be = htons(21),
					 .proto = how & TFTP ? IPPROTO_UDP : IPPROTO_TCP,
					 .is_v6 = how & V6}};
	rte_spinlock_init(&conn->lock);
	ct_key_reverse(&ext->reply, &conn->key);
	if (how & SNAT) {
		ext->reply.dst.b[3] = 240;
		ext->nat = CT_NAT_SRC;
	} else if (how & DNAT) {
		ext->reply.src.b[3] = 64;
		ext->nat = CT_NAT_DST;
	}
}

static void frame_read(struct fuzz_input *in, struct ct_conn *conn, enum ct_dir dir,
		       struct frame *f)
{
	struct frame_spec spec = {.v6 = conn->key.is_v6, .proto = conn->key.proto};
	uint32_t words = fuzz_u8(in) % 11, n;
	struct ct_key key;
	uint8_t numbers[8] = {0};

	ct_key_reverse(&key, dir == CT_ORIG ? &conn->ext->reply : &conn->key);
	fuzz_bytes(in, numbers, sizeof numbers);
	n = fuzz_u8(in);
	frame_make(f, &spec);
	if (spec.proto == IPPROTO_TCP) {
		memcpy(f->b + f->l4 + 4, numbers, sizeof numbers);
		f->b[f->l4 + 12] = (uint8_t)((5 + words) << 4);
		memset(f->b + f->len, 0, words * 4);
		fuzz_bytes(in, f->b + f->len, words * 4);
		f->len += words * 4;
	}
	f->len += (uint32_t)fuzz_bytes(in, f->b + f->len, n);
	put16(f->b + f->l3 + (f->v6 ? 4 : 2), f->len - f->l3 - (f->v6 ? 40 : 0));
	if (spec.proto == IPPROTO_UDP)
		put16(f->b + f->l4 + 4, f->len - f->l4);
	*f = frame_with_key(f, &key);
}

// What comes out has right checksums, and is as long as it says.
static void check_out(const struct ct_packet *p, const struct frame *before)
{
	struct frame f = *before, fixed;

	f.len = rte_pktmbuf_pkt_len(p->m);
	assert_true(f.len <= sizeof f.b);
	memcpy(f.b, rte_pktmbuf_read(p->m, 0, f.len, f.b), f.len);
	assert_int_equal(get16(f.b + f.l3 + (f.v6 ? 4 : 2)), f.len - f.l3 - (f.v6 ? 40 : 0));
	assert_int_equal(p->l4_len, f.len - f.l4);
	fixed = f;
	frame_fix(&fixed);
	assert_memory_equal(f.b, fixed.b, f.len);
}

static void packet_run(struct fuzz_input *in, struct ct_conn *conn)
{
	static uint8_t memory[2048];
	uint8_t how = fuzz_u8(in);
	enum ct_dir dir = how & REPLY ? CT_REPLY : CT_ORIG;
	struct ct_packet p = {.conn = conn, .dir = dir};
	struct frame f;

	frame_read(in, conn, dir, &f);
	ct_conn_key(conn, dir, &p.key);
	p.l4_ofs = (uint16_t)f.l4;
	p.l4_len = f.len - f.l4;
	if (p.key.proto == IPPROTO_TCP)
		p.tcp_hdr_len = (uint8_t)((f.b[f.l4 + 12] >> 4) * 4);
	p.m = how & LENT ? lent_of(&f, HEAD_COPY, memory) : packet_of(&f, 512);
	if (ct_alg_run(&p, !(how & UNTRANSLATED), NOW) == 0)
		check_out(&p, &f);
	packet_free(p.m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {.at = data, .left = size};
	struct ct_conn conn;
	struct ct_ext ext;

	master_make(fuzz_u8(&in), &conn, &ext);
	for (unsigned i = 0; i < PACKETS_MAX && in.left > 0; i++)
		packet_run(&in, &conn);
	assert_true(ct_expect_count() <= CT_EXPECT_OF_MASTER_MAX);
	ct_alg_forget(&conn);
	assert_int_equal(ct_expect_count(), 0);
	packets_assert_all_back();
	return 0;
}
