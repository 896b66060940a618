// A packet is rewritten by tuples: what comes out is the frame that was made with the other tuple.
#include "datapath/ct_nat_packet.h"

#include "edit_check.h"
#include "tuples.h"

enum { SRC = 1, DST = 2, PORTS = 4 };

static struct {
	struct ct_key from, to;
	bool is_error;
} nat;

// As edits are checked (edit_check.h).
static int rewrite(struct rte_mbuf **m, const struct action *action)
{
	(void)action;
	return ct_nat_packet(m, &nat.from, &nat.to, nat.is_error);
}

static struct ct_key key_changed(const struct ct_key *key, unsigned what)
{
	struct ct_key to = *key;
	uint32_t len = key->is_v6 ? 16 : 4;

	for (uint32_t i = 0; i < len; i++) {
		to.src.b[i] ^= what & SRC ? (uint8_t)(0x81 + 7 * i) : 0;
		to.dst.b[i] ^= what & DST ? (uint8_t)(0x3c + 5 * i) : 0;
	}
	if ((what & (SRC | PORTS)) == (SRC | PORTS))
		to.src_port_be ^= 0xa55a;
	if ((what & (DST | PORTS)) == (DST | PORTS) && !ct_key_is_icmp(key))
		to.dst_port_be ^= 0x7001;
	return to;
}

static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_SCTP};

// Of all kinds; false at the end.
static bool frame_next(unsigned i, struct frame *f)
{
	struct frame_spec spec = {.v6 = i & 1,
				  .proto = protos[i / 2 % 4],
				  .n_tags = i / 8 % 3,
				  .extensions = (i & 1) && i / 24 % 2,
				  .no_csum = protos[i / 2 % 4] == IPPROTO_UDP && i / 24 == 2,
				  .payload = i / 24 ? 33 : 200};

	if (spec.v6 && spec.proto == IPPROTO_ICMP)
		spec.proto = IPPROTO_ICMPV6;
	if (spec.v6 && spec.no_csum)
		spec.no_csum = false;
	frame_make(f, &spec);
	if (f->proto == IPPROTO_ICMPV6) {
		f->b[f->l4] = 128;
		frame_fix(f);
	}
	return i < 72;
}

static void addresses_and_ports_are_rewritten_with_their_checksums(void **state)
{
	struct frame f, after;

	(void)state;
	nat.is_error = false;
	for (unsigned i = 0; frame_next(i, &f); i++) {
		for (unsigned what = 0; what < 8; what++) {
			nat.from = key_of_frame(&f);
			nat.to = key_changed(&nat.from, what);
			after = frame_with_key(&f, &nat.to);
			check_edit(rewrite, NULL, &f, &after);
		}
	}
}

// All sums come out right, with every carry, and UDP's is never "none".
static void every_port_s_sum_is_right(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 2};
	struct frame f, after;

	(void)state;
	frame_make(&f, &spec);
	nat.from = key_of_frame(&f);
	nat.to = nat.from;
	for (uint32_t port = 0; port <= UINT16_MAX; port++) {
		struct rte_mbuf *m = packet_of(&f, 512);

		nat.to.src_port_be = htons((uint16_t)port);
		after = frame_with_key(&f, &nat.to);
		assert_int_equal(rewrite(&m, NULL), 0);
		assert_bytes(m, after.b, after.len);
		rte_pktmbuf_free(m);
	}
}

// What is left to complete is the pseudo header's sum: not the ports.
static void a_checksum_that_its_sender_left_to_do_stays_so(void **state)
{
	static const struct {
		uint8_t proto, csum_ofs;
	} rows[] = {{IPPROTO_TCP, 16}, {IPPROTO_UDP, 6}};
	struct frame f, after;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct frame_spec spec = {.v6 = i & 1,
					  .proto = rows[i / 2 % 2].proto,
					  .n_tags = i / 4,
					  .payload = 300};
		uint32_t at;
		struct rte_mbuf *m;

		frame_make(&f, &spec);
		nat.from = key_of_frame(&f);
		nat.to = key_changed(&nat.from, SRC | DST | PORTS);
		after = frame_with_key(&f, &nat.to);
		at = f.l4 + rows[i / 2 % 2].csum_ofs;
		put16(f.b + at, sum_bytes(pseudo_sum(&f, f.len - f.l4), NULL, 0));
		put16(after.b + at, sum_bytes(pseudo_sum(&after, after.len - after.l4), NULL, 0));
		m = packet_of(&f, 512);
		m->ol_flags |= PACKET_OFFLOAD;
		packet_meta(m)->offload =
		    (struct packet_offload){.csum_start = (uint16_t)f.l4,
					    .csum_offset = (uint16_t)(at - f.l4)};
		assert_int_equal(ct_nat_packet(&m, &nat.from, &nat.to, false), 0);
		assert_bytes(m, after.b, after.len);
		rte_pktmbuf_free(m);
	}
}

// A connection's two ends are translated; an error about its packet comes back, from the other end
// or from a router on the way.
static void an_icmp_error_and_what_it_quotes_are_rewritten(void **state)
{
	static const uint32_t quotes[] = {8, 19, 28, 2000}; // of the transport header on
	struct frame f, sent, error, after;

	(void)state;
	nat.is_error = true;
	for (unsigned i = 0; frame_next(i, &f); i++) {
		if (f.l4 - f.l3 > 40)
			continue;
		for (unsigned k = 0; k < RTE_DIM(quotes) * 4; k++) {
			uint32_t quoted = f.l4 - f.l3 + quotes[k % 4];
			uint8_t router = k / 4 & 1 ? 0x99 : 0, type = f.v6 ? 1 : 3;
			unsigned what = k / 8 ? SRC | PORTS : DST | PORTS;
			struct ct_key sent_key = key_of_frame(&f),
				      was_key = key_changed(&sent_key, what);

			// f left with sent_key, and had been made with was_key.
			sent = frame_with_key(&f, &was_key);
			error = icmp_error_about(&f, quoted, router, type);
			after = icmp_error_about(&sent, quoted, router, type);
			if (router && what & DST) // its address has the translated one's place
				memcpy(frame_addrs(&after), &was_key.dst, f.v6 ? 16 : 4);
			else if (router)
				memcpy(frame_addrs(&after), frame_addrs(&error), f.v6 ? 16 : 4);
			frame_fix(&after);
			ct_key_reverse(&nat.from, &sent_key);
			ct_key_reverse(&nat.to, &was_key);
			check_edit(rewrite, NULL, &error, &after);
		}
	}
}

static void what_is_cut_off_is_refused_and_left_alone(void **state)
{
	struct frame f, error;

	(void)state;
	for (unsigned i = 0; i < 24; i++) {
		frame_next(i, &f);
		nat.is_error = false;
		nat.from = key_of_frame(&f);
		nat.to = key_changed(&nat.from, SRC | DST | PORTS);
		check_truncated(rewrite, NULL, &f);
		error = icmp_error_about(&f, 60, 0, f.v6 ? 1 : 3);
		nat.is_error = true;
		ct_key_reverse(&nat.from, &nat.from);
		ct_key_reverse(&nat.to, &nat.to);
		check_truncated(rewrite, NULL, &error);
	}
}

static void a_packet_of_another_protocol_is_refused(void **state)
{
	struct frame f, error;

	(void)state;
	frame_next(0, &f);
	nat.is_error = false;
	nat.from = key_of_frame(&f);
	nat.to = key_changed(&nat.from, SRC);
	nat.from.proto = nat.to.proto = IPPROTO_UDP;
	check_refused(rewrite, NULL, &f, -EINVAL);
	nat.is_error = true;
	check_refused(rewrite, NULL, &f, -EINVAL); // no ICMP at all
	error = icmp_error_about(&f, 60, 0, 3);
	check_refused(rewrite, NULL, &error, -EINVAL);
	put16(f.b + f.l3 + 6, 5); // quotes a later fragment
	frame_fix_ipv4(&f);
	error = icmp_error_about(&f, 60, 0, 3);
	nat.from.proto = nat.to.proto = IPPROTO_TCP;
	check_refused(rewrite, NULL, &error, -EINVAL);
}

static void never_changes_bytes_that_others_refer_to(void **state)
{
	struct frame f;

	(void)state;
	frame_next(0, &f);
	nat.is_error = false;
	nat.from = key_of_frame(&f);
	nat.to = key_changed(&nat.from, SRC | PORTS);
	check_shared(rewrite, NULL, &f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(addresses_and_ports_are_rewritten_with_their_checksums),
	    T(every_port_s_sum_is_right),
	    T(a_checksum_that_its_sender_left_to_do_stays_so),
	    T(an_icmp_error_and_what_it_quotes_are_rewritten),
	    T(what_is_cut_off_is_refused_and_left_alone),
	    T(a_packet_of_another_protocol_is_refused),
	    T(never_changes_bytes_that_others_refer_to),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
