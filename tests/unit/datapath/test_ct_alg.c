// Control connections announce others: what is expected then, and what translation makes of the
// text and of the sequence numbers behind it.
#include "datapath/ct_expect.h"
#include "datapath/ct_payload.h"
#include "datapath/ct_steps.h"

#include "edit_check.h"
#include "tuples.h"

#include <arpa/inet.h>
#include <rte_tcp.h>

#define NOW 1000u // ct_time()

enum kind { PLAIN, SNAT, DNAT };

static struct ct_conn conns[2];
static struct ct_ext exts[2];

static struct in6 addr(const char *v4, const char *v6, bool is_v6)
{
	struct in6 a = {{0}};

	assert_int_equal(inet_pton(is_v6 ? AF_INET6 : AF_INET, is_v6 ? v6 : v4, &a), 1);
	return a;
}

// 10.1.1.1:40000 to 10.1.1.2:21. SNAT makes the client .240, DNAT the server .64.
static struct ct_conn *master_make(unsigned i, enum kind kind, enum ct_alg alg, bool v6)
{
	struct ct_conn *conn = &conns[i];
	struct ct_ext *ext = &exts[i];

	ct_expect_forget(i + 1);
	memset(ext, 0, sizeof *ext);
	*conn = (struct ct_conn){.key = {.src = addr(i ? "10.1.1.3" : "10.1.1.1",
						     i ? "fc00::3" : "fc00::1", v6),
					 .dst = addr("10.1.1.2", "fc00::2", v6),
					 .src_port_be = htons(40000),
					 .dst_port_be = htons(alg == CT_ALG_FTP ? 21 : 69),
					 .zone = 7,
					 .proto = alg == CT_ALG_FTP ? IPPROTO_TCP : IPPROTO_UDP,
					 .is_v6 = v6},
				 .ext = ext,
				 .id = i + 1,
				 .mark = 0x55,
				 .label = {1, 2}};
	rte_spinlock_init(&conn->lock);
	ct_key_reverse(&ext->reply, &conn->key);
	ext->alg = (uint8_t)alg;
	if (kind == SNAT) {
		ext->reply.dst = addr("10.1.1.240", "fc00::240", v6);
		ext->reply.dst_port_be = htons((uint16_t)(40000 + i));
		ext->nat = CT_NAT_SRC;
	} else if (kind == DNAT) {
		ext->reply.src = addr("10.1.1.64", "fc00::64", v6);
		ext->nat = CT_NAT_DST;
	}
	return conn;
}

// What a packet has when it leaves, in this direction.
static struct ct_key wire_key(const struct ct_conn *conn, enum ct_dir dir)
{
	struct ct_key key;

	ct_key_reverse(&key, dir == CT_ORIG ? &conn->ext->reply : &conn->key);
	return key;
}

struct text {
	const char *text;
	uint32_t seq, ack;
	uint8_t flags;
	uint8_t options[40];
	uint32_t n_options;
};

static struct frame frame_of_text(const struct ct_key *key, const struct text *t)
{
	struct frame_spec spec = {.v6 = key->is_v6, .proto = key->proto};
	struct frame f;
	uint32_t be;

	frame_make(&f, &spec);
	if (key->proto == IPPROTO_TCP) {
		be = htonl(t->seq);
		memcpy(f.b + f.l4 + 4, &be, 4);
		be = htonl(t->ack);
		memcpy(f.b + f.l4 + 8, &be, 4);
		f.b[f.l4 + 12] = (uint8_t)((20 + t->n_options) / 4 << 4);
		f.b[f.l4 + 13] = t->flags ? t->flags : RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG;
		frame_put(&f, t->options, t->n_options);
	}
	frame_put(&f, t->text, (uint32_t)strlen(t->text));
	put16(f.b + f.l3 + (f.v6 ? 4 : 2), f.len - f.l3 - (f.v6 ? 40 : 0));
	if (key->proto == IPPROTO_UDP)
		put16(f.b + f.l4 + 4, f.len - f.l4);
	return frame_with_key(&f, key);
}

static struct ct_packet packet_at(struct rte_mbuf *m, struct ct_conn *conn, enum ct_dir dir,
				  const struct frame *f)
{
	struct ct_packet p = {.m = m,
			      .conn = conn,
			      .dir = dir,
			      .l4_ofs = (uint16_t)f->l4,
			      .l4_len = f->len - f->l4,
			      .tcp_hdr_len = (uint8_t)((f->b[f->l4 + 12] >> 4) * 4)};

	ct_conn_key(conn, dir, &p.key);
	return p;
}

// A packet as it comes to the protocol; wants it to leave as `after`, in every form.
static void check_run(struct ct_conn *conn, enum ct_dir dir, const struct text *before,
		      const struct text *after, bool translated)
{
	struct ct_key key = wire_key(conn, dir);
	struct frame f = frame_of_text(&key, before), want = frame_of_text(&key, after);
	uint8_t memory[2048];
	const uint32_t cuts[] = {512, 90, 70};

	for (unsigned i = 0; i < RTE_DIM(cuts); i++) {
		struct ct_packet p = packet_at(packet_of(&f, cuts[i]), conn, dir, &f);

		assert_int_equal(ct_alg_run(&p, translated, NOW), 0);
		assert_bytes(p.m, want.b, want.len);
		rte_pktmbuf_free(p.m);
	}
	for (uint32_t head = 60; head < 128; head += 33) {
		struct ct_packet p = packet_at(lent_of(&f, head, memory), conn, dir, &f);

		assert_int_equal(ct_alg_run(&p, translated, NOW), 0);
		assert_bytes(p.m, want.b, want.len);
		packet_free(p.m);
	}
}

// Whether the first packet of what was announced is expected: from its source and to dst:dst_port,
// and how its answers will come.
static bool expects(const struct ct_key *key, struct ct_expectation *e)
{
	struct ct_key probe = *key;

	probe.src_port_be = htons(20);
	return ct_expect_find(&probe, false, NOW, e);
}

static void expected_is(const struct ct_conn *conn, enum ct_dir dir, uint16_t real, uint16_t seen)
{
	const struct ct_key *orig = &conn->key, *reply = &conn->ext->reply;
	struct ct_key key = *orig;
	struct ct_expectation e;

	key.src = dir == CT_ORIG ? reply->src : orig->src;
	key.dst = dir == CT_ORIG ? reply->dst : orig->dst;
	key.dst_port_be = htons(seen);
	assert_true(expects(&key, &e));
	assert_memory_equal(&e.reply.src, dir == CT_ORIG ? &orig->src : &reply->src, 16);
	assert_memory_equal(&e.reply.dst, dir == CT_ORIG ? &orig->dst : &reply->dst, 16);
	assert_int_equal(e.reply.src_port_be, htons(real));
	assert_true(ct_key_equal(&e.master, orig));
	assert_int_equal(e.mark, 0x55);
	assert_int_equal(e.label[0], 1);
	assert_int_equal(e.label[1], 2);
}

static void what_is_announced_is_expected_and_rewritten_where_it_is_translated(void **state)
{
	static const struct {
		enum kind kind;
		bool v6;
		enum ct_dir dir;
		uint16_t port;
		const char *before, *after;
	} rows[] = {
	    {PLAIN, false, CT_ORIG, 5121, "PORT 10,1,1,1,20,1\r\n", "PORT 10,1,1,1,20,1\r\n"},
	    {SNAT, false, CT_ORIG, 5121, "PORT 10,1,1,1,20,1\r\n", "PORT 10,1,1,240,20,1\r\n"},
	    {DNAT, false, CT_ORIG, 5121, "PORT 10,1,1,1,20,1\r\n", "PORT 10,1,1,1,20,1\r\n"},
	    {SNAT, false, CT_ORIG, 5121, "EPRT |1|10.1.1.1|5121|\r\n",
	     "EPRT |1|10.1.1.240|5121|\r\n"},
	    {SNAT, true, CT_ORIG, 5121, "EPRT |2|fc00::1|5121|\r\n", "EPRT |2|fc00::240|5121|\r\n"},
	    {PLAIN, true, CT_ORIG, 5121, "EPRT |2|FC00:0::1|5121|\r\n",
	     "EPRT |2|FC00:0::1|5121|\r\n"},
	    {PLAIN, false, CT_REPLY, 6000, "227 Go (10,1,1,2,23,112).\r\n",
	     "227 Go (10,1,1,2,23,112).\r\n"},
	    {SNAT, false, CT_REPLY, 6000, "227 Go (10,1,1,2,23,112).\r\n",
	     "227 Go (10,1,1,2,23,112).\r\n"},
	    {DNAT, false, CT_REPLY, 6000, "227 Go (10,1,1,64,23,112).\r\n",
	     "227 Go (10,1,1,2,23,112).\r\n"},
	    {SNAT, false, CT_REPLY, 6000, "229 Go (|||6000|)\r\n", "229 Go (|||6000|)\r\n"},
	    {DNAT, true, CT_REPLY, 6000, "229 Go (|||6000|)\r\n", "229 Go (|||6000|)\r\n"},
	};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		struct ct_conn *conn = master_make(0, rows[i].kind, CT_ALG_FTP, rows[i].v6);
		struct text before = {.text = rows[i].before, .seq = 100, .ack = 200},
			    after = before;
		struct ct_expectation e;
		struct ct_packet p = {.conn = NULL};
		struct ct_conn opened = {.key = conn->key};
		struct ct_ext ext = {.nat = 9};
		bool moves = rows[i].kind == (rows[i].dir == CT_ORIG ? SNAT : DNAT);

		// In a pass without translation it is announced only.
		check_run(conn, rows[i].dir, &before, &after, false);
		expected_is(conn, rows[i].dir, rows[i].port, rows[i].port);
		after.text = rows[i].after;
		check_run(conn, rows[i].dir, &before, &after, true);
		expected_is(conn, rows[i].dir, rows[i].port, rows[i].port);
		// What was rewritten and comes by once more changes nothing.
		before.text = rows[i].after;
		check_run(conn, rows[i].dir, &before, &before, false);
		expected_is(conn, rows[i].dir, rows[i].port, rows[i].port);
		assert_int_equal(ct_expect_count(), 1);
		// And then it comes.
		p.key = conn->key;
		p.key.src = rows[i].dir == CT_ORIG ? exts[0].reply.src : conn->key.src;
		p.key.dst = rows[i].dir == CT_ORIG ? exts[0].reply.dst : conn->key.dst;
		p.key.src_port_be = htons(20);
		p.key.dst_port_be = htons(rows[i].port);
		assert_true(ct_alg_expected(&p, &ext, &opened, false, NOW));
		assert_true(ct_alg_expected(&p, &ext, &opened, true, NOW));
		assert_int_equal(ext.nat, rows[i].kind == PLAIN ? CT_NAT_NONE
					  : moves		? CT_NAT_DST
								: CT_NAT_SRC);
		assert_int_equal(ext.reply.dst_port_be, htons(20));
		assert_int_equal(ext.reply.src_port_be, htons(rows[i].port));
		assert_int_equal(opened.mark, 0x55);
		assert_int_equal(opened.label[1], 2);
		assert_false(ct_alg_expected(&p, &ext, &opened, true, NOW)); // once
		assert_false(expects(&p.key, &e));
	}
}

// RFC 2577: nobody is sent to another's address, and each end says its own.
static void foreign_addresses_and_words_are_not_listened_to(void **state)
{
	static const struct {
		enum ct_dir dir;
		bool v6;
		const char *text;
	} rows[] = {
	    {CT_ORIG, false, "PORT 10,1,1,9,20,1\r\n"},
	    {CT_ORIG, false, "PORT 10,1,1,2,20,1\r\n"}, // the server's
	    {CT_ORIG, false, "EPRT |2|fc00::1|5121|\r\n"},
	    {CT_ORIG, true, "EPRT |1|10.1.1.1|5121|\r\n"},
	    {CT_ORIG, false, "227 Go (10,1,1,1,23,112).\r\n"},
	    {CT_REPLY, false, "PORT 10,1,1,2,20,1\r\n"},
	    {CT_REPLY, false, "227 Go (10,1,1,1,23,112).\r\n"},
	    {CT_REPLY, false, "230 Login successful.\r\n"},
	    {CT_ORIG, false, ""},
	};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		struct ct_conn *conn = master_make(0, SNAT, CT_ALG_FTP, rows[i].v6);
		struct text text = {.text = rows[i].text, .seq = 1};

		check_run(conn, rows[i].dir, &text, &text, true);
		assert_int_equal(ct_expect_count(), 0);
	}
}

static struct text plain(uint32_t seq, uint32_t ack)
{
	return (struct text){.text = "NOOP\r\n", .seq = seq, .ack = ack};
}

static void numbers_behind_a_longer_text_move_in_both_directions(void **state)
{
	struct ct_conn *conn = master_make(0, SNAT, CT_ALG_FTP, false);
	struct text port = {.text = "PORT 10,1,1,1,20,1\r\n", .seq = 0xfffffff0, .ack = 500};
	struct text rewritten = {.text = "PORT 10,1,1,240,20,1\r\n", .seq = 0xfffffff0, .ack = 500};
	struct text before, after;

	(void)state;
	before = plain(0xffffffe0, 500);
	check_run(conn, CT_ORIG, &before, &before, true);
	check_run(conn, CT_ORIG, &port, &rewritten, true); // several times: sent again
	before = plain(0x04, 500);
	after = plain(0x06, 500);
	check_run(conn, CT_ORIG, &before, &after, true);
	before = plain(0xffffffe0, 500); // an old one, sent again
	check_run(conn, CT_ORIG, &before, &before, true);
	before = plain(500, 0x06); // acknowledged as the server knows it
	after = plain(500, 0x04);
	check_run(conn, CT_REPLY, &before, &after, true);
	before = plain(500, 0xffffffe8);
	check_run(conn, CT_REPLY, &before, &before, true);
	assert_int_equal(ct_seq_ack(conn, CT_REPLY, 0x06), 0x04);
	assert_int_equal(ct_seq_ack(conn, CT_ORIG, 0x06), 0x06);
	// The next one adds to it.
	port.seq = 0x04;
	rewritten.seq = 0x06;
	check_run(conn, CT_ORIG, &port, &rewritten, true);
	before = plain(0x30, 500);
	after = plain(0x34, 500);
	check_run(conn, CT_ORIG, &before, &after, true);
	before = plain(500, 0x34);
	after = plain(500, 0x30);
	check_run(conn, CT_REPLY, &before, &after, true);
	before = plain(500, 0x06); // all before it, and nothing of it
	after = plain(500, 0x04);
	check_run(conn, CT_REPLY, &before, &after, true);
	// Without translation in this pass, nothing moves.
	before = plain(0x30, 500);
	check_run(conn, CT_ORIG, &before, &before, false);
}

static void a_shorter_text_moves_them_back(void **state)
{
	struct ct_conn *conn = master_make(0, DNAT, CT_ALG_FTP, false);
	struct text pasv = {.text = "227 Go (10,1,1,64,23,112)\r\n", .seq = 1000, .ack = 1};
	struct text rewritten = {.text = "227 Go (10,1,1,2,23,112)\r\n", .seq = 1000, .ack = 1};
	struct text before = plain(1027, 1), after = plain(1026, 1);

	(void)state;
	check_run(conn, CT_REPLY, &pasv, &rewritten, true);
	check_run(conn, CT_REPLY, &before, &after, true);
	before = plain(1, 1026);
	after = plain(1, 1027);
	check_run(conn, CT_ORIG, &before, &after, true);
}

// RFC 2018. At an odd place, with whatever stands around it.
static void selective_acknowledgements_move_too(void **state)
{
	struct ct_conn *conn = master_make(0, SNAT, CT_ALG_FTP, false);
	struct text port = {.text = "PORT 10,1,1,1,20,1\r\n", .seq = 100, .ack = 500};
	struct text rewritten = {.text = "PORT 10,1,1,240,20,1\r\n", .seq = 100, .ack = 500};
	struct text before = {.text = "",
			      .seq = 500,
			      .ack = 90,
			      .n_options = 12,
			      .options = {1, 5, 10, 0, 0, 0, 200, 0, 0, 1, 44, 0}};
	struct text after = before;
	static const uint8_t bad[][8] = {
	    {5}, {5, 0}, {5, 1}, {5, 40}, {5, 10}, {5, 3, 1, 5}, {1, 1, 1, 1, 1, 1, 1, 5}};

	(void)state;
	check_run(conn, CT_ORIG, &port, &rewritten, true);
	after.options[6] = 198;
	after.options[10] = 42;
	check_run(conn, CT_REPLY, &before, &after, true);
	memcpy(before.options, (uint8_t[12]){1, 1, 5, 10, 0, 0, 0, 200, 0, 0, 1, 44}, 12);
	memcpy(after.options, (uint8_t[12]){1, 1, 5, 10, 0, 0, 0, 198, 0, 0, 1, 42}, 12);
	check_run(conn, CT_REPLY, &before, &after, true);
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		before.n_options = 8;
		memcpy(before.options, bad[i], 8);
		check_run(conn, CT_REPLY, &before, &before, true);
	}
}

static void a_checksum_that_its_sender_left_to_do_stays_so(void **state)
{
	struct ct_conn *conn = master_make(0, SNAT, CT_ALG_FTP, false);
	struct text before = {.text = "PORT 10,1,1,1,20,1\r\n", .seq = 100};
	struct text after = {.text = "PORT 10,1,1,240,20,1\r\n", .seq = 100};
	struct ct_key key = wire_key(conn, CT_ORIG);
	struct frame f = frame_of_text(&key, &before), want = frame_of_text(&key, &after);
	struct ct_packet p;

	(void)state;
	put16(f.b + f.l4 + 16, sum_bytes(pseudo_sum(&f, f.len - f.l4), NULL, 0));
	put16(want.b + f.l4 + 16, sum_bytes(pseudo_sum(&want, want.len - f.l4), NULL, 0));
	p = packet_at(packet_of(&f, 512), conn, CT_ORIG, &f);
	p.m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(p.m)->offload =
	    (struct packet_offload){.csum_start = (uint16_t)f.l4, .csum_offset = 16};
	assert_int_equal(ct_alg_run(&p, true, NOW), 0);
	assert_bytes(p.m, want.b, want.len);
	rte_pktmbuf_free(p.m);
}

// Behind the end of a short frame is padding, and nothing of it may get into the text.
static void padding_is_no_text(void **state)
{
	struct ct_conn *conn = master_make(0, SNAT, CT_ALG_FTP, false);
	struct text before = {.text = "PORT 10,1,1,1,20,1\r\n", .seq = 100};
	struct text after = {.text = "PORT 10,1,1,240,20,1\r\n", .seq = 100};
	struct ct_key key = wire_key(conn, CT_ORIG);
	struct frame f = frame_of_text(&key, &before), want = frame_of_text(&key, &after);
	struct ct_packet p = packet_at(NULL, conn, CT_ORIG, &f);

	(void)state;
	frame_put(&f, "\xaa\xaa\xaa", 3);
	p.m = packet_of(&f, 512);
	assert_int_equal(ct_alg_run(&p, true, NOW), 0);
	assert_bytes(p.m, want.b, want.len);
	rte_pktmbuf_free(p.m);
}

// Two clients with one address to the server, both of which wait at the same port.
static void two_that_share_an_address_get_different_ports(void **state)
{
	static const char *const texts[][2] = {
	    {"PORT 10,1,1,1,20,1\r\n", "PORT 10,1,1,240,20,1\r\n"},
	    {"PORT 10,1,1,3,20,1\r\n", "PORT 10,1,1,240,20,2\r\n"},
	};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct ct_conn *conn = master_make(i, SNAT, CT_ALG_FTP, false);
		struct text before = {.text = texts[i][0]}, after = {.text = texts[i][1]};

		check_run(conn, CT_ORIG, &before, &after, true);
		expected_is(conn, CT_ORIG, 5121, (uint16_t)(5121 + i));
	}
	assert_int_equal(ct_expect_count(), 2);
	ct_alg_forget(&conns[0]);
	assert_int_equal(ct_expect_count(), 1);
	ct_alg_forget(&conns[1]);
	assert_int_equal(ct_expect_count(), 0);
}

static void a_master_expects_so_many_and_not_for_ever(void **state)
{
	struct ct_expectation e, found;
	struct ct_key key;

	(void)state;
	master_make(0, PLAIN, CT_ALG_FTP, false);
	e = (struct ct_expectation){.key = conns[0].key, .master_id = 1};
	e.key.src_port_be = 0;
	for (uint16_t port = 1; port < 20; port++) {
		e.key.dst_port_be = htons(port);
		assert_int_equal(ct_expect_add(&e, NOW), 0);
		assert_int_equal(ct_expect_add(&e, NOW), -EEXIST);
		assert_int_equal(ct_expect_count(),
				 RTE_MIN((unsigned)port, CT_EXPECT_OF_MASTER_MAX));
		key = e.key;
		assert_true(expects(&key, &found));
	}
	assert_true(ct_expect_find(&key, false, NOW + ct_time(CT_EXPECT_TIMEOUT_MS) - 1, &found));
	assert_false(ct_expect_find(&key, false, NOW + ct_time(CT_EXPECT_TIMEOUT_MS), &found));
	ct_expect_forget(1);
}

// The oldest one makes room: no stranger can keep others from being expected.
static void the_table_has_an_end(void **state)
{
	struct ct_expectation e = {.key = {.proto = IPPROTO_TCP}}, found;

	(void)state;
	for (uint32_t i = 0; i < CT_EXPECT_MAX + 100; i++) {
		e.master_id = i + 10;
		e.key.dst_v4_be = htonl(i);
		assert_int_equal(ct_expect_add(&e, NOW), 0);
	}
	assert_int_equal(ct_expect_count(), CT_EXPECT_MAX);
	assert_true(ct_expect_find(&e.key, true, NOW, &found));
	e.key.dst_v4_be = htonl(99);
	assert_false(ct_expect_find(&e.key, true, NOW, &found));
	for (uint32_t i = 0; i < CT_EXPECT_MAX + 100; i++)
		ct_expect_forget(i + 10);
	assert_int_equal(ct_expect_count(), 0);
}

static void a_tftp_server_may_answer_from_any_port(void **state)
{
	static const char request[] = {0, 1, 'f', 0, 'o', 'c', 't', 'e', 't', 0};

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct ct_conn *conn = master_make(0, i / 2, CT_ALG_TFTP, i & 1);
		struct ct_key key = wire_key(conn, CT_ORIG);
		struct frame f = frame_of_text(&key, &(struct text){.text = ""});
		struct ct_packet p;

		frame_put(&f, request, sizeof request);
		put16(f.b + f.l3 + (f.v6 ? 4 : 2), f.len - f.l3 - (f.v6 ? 40 : 0));
		put16(f.b + f.l4 + 4, f.len - f.l4);
		frame_fix(&f);
		p = packet_at(packet_of(&f, 512), conn, CT_ORIG, &f);
		assert_int_equal(ct_alg_run(&p, i / 2 != PLAIN, NOW), 0);
		assert_bytes(p.m, f.b, f.len);
		expected_is(conn, CT_ORIG, 40000, 40000);
		ct_alg_forget(conn);
		p.dir = CT_REPLY; // a server's answer asks for nothing
		assert_int_equal(ct_alg_run(&p, false, NOW), 0);
		rte_pktmbuf_free(p.m);
		f.b[f.l4 + 9] = 3; // data
		frame_fix(&f);
		p = packet_at(packet_of(&f, 512), conn, CT_ORIG, &f);
		assert_int_equal(ct_alg_run(&p, false, NOW), 0);
		rte_pktmbuf_free(p.m);
		assert_int_equal(ct_expect_count(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(what_is_announced_is_expected_and_rewritten_where_it_is_translated),
	    T(foreign_addresses_and_words_are_not_listened_to),
	    T(numbers_behind_a_longer_text_move_in_both_directions),
	    T(a_shorter_text_moves_them_back),
	    T(selective_acknowledgements_move_too),
	    T(a_checksum_that_its_sender_left_to_do_stays_so),
	    T(padding_is_no_text),
	    T(two_that_share_an_address_get_different_ports),
	    T(a_master_expects_so_many_and_not_for_ever),
	    T(the_table_has_an_end),
	    T(a_tftp_server_may_answer_from_any_port),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
