// What senders left to do: checksums and segmentation, for those who take it over and those who do
// not.
#include "datapath/forward.h"
#include "datapath/offload.h"

#include "fake_guest.h"
#include "frames.h"
#include "pmd_fixture.h"

#include <linux/virtio_net.h>

#define TCP_PSH 0x08
#define TCP_FIN 0x01
#define TCP_ACK 0x10
#define TCP_CWR 0x80
#define BIG_MAX GSO_FRAME_MAX

static int guest_up(void **state)
{
	if (fixture_up(state) != 0)
		return -1;
	guest.n_done = 0;
	guest.head_copy = HEAD_COPY;
	for (uint32_t no = 1; no <= 3; no++)
		fx.ports[no].port.kind = &guest_kind;
	fx.poll.rx = guest_rx;
	fx.poll.rx_done = guest_rx_done;
	return 0;
}

// Whether packets are lent; otherwise they are the switch's own.
static void lend(bool lent)
{
	fx.poll.rx = lent ? guest_rx : fake_rx;
	fx.poll.rx_done = lent ? guest_rx_done : NULL;
}

static uint16_t csum_ofs(const struct frame *f)
{
	return (uint16_t)l4_csum_ofs(f->proto);
}

// The frame as a guest hands it over that leaves the checksum to the device.
static struct rte_mbuf *partial_of(const struct frame *f, uint32_t cut)
{
	struct frame left = *f;
	struct rte_mbuf *m;

	put16(left.b + f->l4 + csum_ofs(f), sum_bytes(pseudo_sum(f, f->len - f->l4), NULL, 0));
	m = packet_make_cut(left.b, f->len, cut);
	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload =
	    (struct packet_offload){.csum_start = (uint16_t)f->l4, .csum_offset = csum_ofs(f)};
	return m;
}

static void wants(struct rte_mbuf *m, const struct frame *f)
{
	uint8_t room[sizeof f->b];

	assert_non_null(m);
	assert_int_equal(rte_pktmbuf_pkt_len(m), f->len);
	assert_memory_equal(rte_pktmbuf_read(m, 0, f->len, room), f->b, f->len);
	assert_int_equal(m->ol_flags & PACKET_OFFLOAD, 0);
	rte_pktmbuf_free(m);
}

static void forward_one(struct rte_mbuf *m)
{
	receive(m);
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 1);
}

static void checksums_are_completed_for_ports_that_do_not(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	static const uint32_t cuts[] = {1999, 129, 77};

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2), OUTPUT(4)));
	for (unsigned i = 0; i < 2 * 2 * 3 * 2 * RTE_DIM(cuts) * 4; i++) {
		struct frame_spec spec = {.v6 = i & 1,
					  .proto = protos[i >> 1 & 1],
					  .n_tags = i / 4 % 3,
					  .extensions = i & 1 && i / 12 % 2,
					  .payload = 33 * (i / 12 % 4) + i / 48};
		struct frame f;

		frame_make(&f, &spec);
		lend(i / 12 % 2);
		forward_one(partial_of(&f, cuts[i / 24 % RTE_DIM(cuts)]));
		wants(fake_port_sent(&fx.ports[2]), &f);
		wants(fake_port_sent(&fx.ports[4]), &f);
	}
}

// Of a guest's long frame, what follows the head lies in pieces as the guest has cut it.
static void pieces_of_odd_length_are_summed_right(void **state)
{
	static const uint32_t cuts[] = {301, 333, 257, 500};
	struct frame_spec spec = {.proto = IPPROTO_UDP};
	struct frame f;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2), OUTPUT(4)));
	for (unsigned i = 0; i < 10 * RTE_DIM(cuts); i++) {
		spec.payload = 1400 + i;
		frame_make(&f, &spec);
		forward_one(partial_of(&f, cuts[i % RTE_DIM(cuts)]));
		wants(fake_port_sent(&fx.ports[2]), &f);
		wants(fake_port_sent(&fx.ports[4]), &f);
	}
}

static void a_udp_sum_of_zero_becomes_ffff(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 2};
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	put16(f.b + f.l4 + 8, 0);
	frame_fix(&f);
	put16(f.b + f.l4 + 8, get16(f.b + f.l4 + 6)); // the payload makes up for all the rest
	frame_fix(&f);
	assert_int_equal(get16(f.b + f.l4 + 6), 0xffff);
	install(0, 0, ACTIONS(OUTPUT(4)));
	forward_one(partial_of(&f, 512));
	wants(fake_port_sent(&fx.ports[4]), &f);
}

// One port takes the work over, another does not; both get the same lent packet.
static void one_output_s_checksum_is_not_the_others(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 400};
	struct rte_mbuf *m;
	struct frame f;

	(void)state;
	frame_make(&f, &spec);
	fx.ports[3].port.tx_offloads = PORT_TX_CSUM;
	install(0, 0, ACTIONS(OUTPUT(2), OUTPUT(3), OUTPUT(4), OUTPUT(3)));
	for (unsigned lent = 0; lent < 2; lent++) {
		lend(lent);
		forward_one(partial_of(&f, 300));
		wants(fake_port_sent(&fx.ports[2]), &f);
		wants(fake_port_sent(&fx.ports[4]), &f);
		for (unsigned i = 0; i < 2; i++) {
			m = fake_port_sent(&fx.ports[3]);
			assert_true(m->ol_flags & PACKET_OFFLOAD);
			assert_int_equal(packet_meta(m)->offload.csum_start, f.l4);
			assert_int_equal(get16(rte_pktmbuf_mtod_offset(m, uint8_t *, f.l4 + 16)),
					 sum_bytes(pseudo_sum(&f, f.len - f.l4), NULL, 0));
			rte_pktmbuf_free(m);
		}
	}
}

// An unknown transport protocol: where the field is says the sender, and no port knows.
static void any_field_is_completed(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 41};
	struct packet_offload offload = {.csum_start = 34, .csum_offset = 2};
	struct rte_mbuf *m;
	struct frame f;

	(void)state;
	fx.ports[2].port.tx_offloads = UINT32_MAX >> 1;
	install(0, 0, ACTIONS(OUTPUT(2)));
	frame_make(&f, &spec);
	f.b[23] = 132;
	m = packet_make(f.b, f.len);
	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload = offload;
	forward_one(m);
	put16(f.b + 36, ~sum_bytes(0, f.b + 34, f.len - 34));
	wants(fake_port_sent(&fx.ports[2]), &f);
}

static void edits_keep_what_is_left_to_do_right(void **state)
{
	struct action push = {.type = ACTION_PUSH_VLAN,
			      .u.vlan = {.tpid_be = htons(0x8100), .tci_be = htons(0x6009)}};
	struct action pop = {.type = ACTION_POP_VLAN};
	struct action addrs = {.type = ACTION_SET_IPV4,
			       .u.ipv4 = {.src_be = htonl(0xc0a80101),
					  .src_mask_be = UINT32_MAX,
					  .tos = 4,
					  .tos_mask = 0xfc}};
	struct action ports = {.type = ACTION_SET_PORTS,
			       .u.ports = {.dst_be = htons(8080),
					   .dst_mask_be = UINT16_MAX,
					   .proto = IPPROTO_TCP}};
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 301};
	struct frame f, want;

	(void)state;
	frame_make(&f, &spec);
	install(0, 0,
		ACTIONS(OUTPUT(4), push, push, pop, addrs, OUTPUT(2), ports, OUTPUT(4), pop,
			OUTPUT(4)));
	for (unsigned lent = 0; lent < 2; lent++) {
		lend(lent);
		forward_one(partial_of(&f, 200));
		wants(fake_port_sent(&fx.ports[4]), &f);
		spec.n_tags = 1;
		frame_make(&want, &spec);
		memcpy(want.b + want.l3 + 12, "\xc0\xa8\x01\x01", 4);
		want.b[want.l3 + 1] = 4;
		frame_fix(&want);
		wants(fake_port_sent(&fx.ports[2]), &want);
		put16(want.b + want.l4 + 2, 8080);
		frame_fix(&want);
		wants(fake_port_sent(&fx.ports[4]), &want);
		spec.n_tags = 0;
		frame_make(&want, &spec);
		memcpy(want.b + want.l3 + 12, "\xc0\xa8\x01\x01", 4);
		want.b[want.l3 + 1] = 4;
		put16(want.b + want.l4 + 2, 8080);
		frame_fix(&want);
		wants(fake_port_sent(&fx.ports[4]), &want);
	}
}

// A sender may name a place inside a tag, which must not end up before the frame.
static void a_tag_that_is_to_be_summed_stays(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .n_tags = 1};
	struct frame f;

	(void)state;
	fx.ports[2].port.tx_offloads = PORT_TX_CSUM;
	install(0, 0, ACTIONS((struct action){.type = ACTION_POP_VLAN}, OUTPUT(2)));
	frame_make(&f, &spec);
	for (unsigned i = 0; i < 2 * 5; i++) {
		uint16_t start = 14 + i / 2;
		struct rte_mbuf *m = packet_make(f.b, f.len);

		m->ol_flags |= PACKET_OFFLOAD;
		packet_meta(m)->offload =
		    (struct packet_offload){.csum_start = start, .csum_offset = 16};
		lend(i % 2);
		forward_one(m);
		m = fake_port_sent(&fx.ports[2]);
		assert_int_equal(!m, start < 18);
		if (m)
			assert_int_equal(packet_meta(m)->offload.csum_start, start - 4);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(drops_of(1, DROP_ACTION_INVALID), 2 * 4);
}

// A frame of `payload` bytes that is to be cut.
struct big {
	struct frame headers; // of the frame without payload
	uint16_t gso_size;
	uint32_t payload;
	uint8_t bytes[BIG_MAX];
};

static void big_make(struct big *big, const struct frame_spec *spec, uint16_t gso_size,
		     uint32_t payload)
{
	struct frame *h = &big->headers;
	uint32_t len;

	frame_make(h, spec);
	h->b[h->l4 + 13] = TCP_CWR | TCP_ACK | TCP_PSH | TCP_FIN;
	len = h->len + payload;
	put16(h->b + h->l3 + (h->v6 ? 4 : 2), len - h->l3 - (h->v6 ? 40 : 0));
	big->gso_size = gso_size;
	big->payload = payload;
	memcpy(big->bytes, h->b, h->len);
	for (uint32_t i = 0; i < payload; i++)
		big->bytes[h->len + i] = (uint8_t)(i * 13 + i / 251);
	put16(big->bytes + h->l4 + 16, sum_bytes(pseudo_sum(h, len - h->l4), NULL, 0));
	if (!h->v6) {
		put16(big->bytes + h->l3 + 10, 0);
		put16(big->bytes + h->l3 + 10, ~sum_bytes(0, big->bytes + h->l3, 20));
	}
}

static struct rte_mbuf *packet_of_big(const struct big *big)
{
	const struct frame *h = &big->headers;
	struct rte_mbuf *m = packet_make_cut(big->bytes, h->len + big->payload, 1999);

	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload = (struct packet_offload){
	    .csum_start = (uint16_t)h->l4,
	    .csum_offset = 16,
	    .gso_size = big->gso_size,
	    .gso_headers = (uint16_t)h->len,
	    .gso_type = h->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
	};
	return m;
}

// The i-th segment, from scratch.
static void segment_make(const struct big *big, uint32_t i, struct frame *f)
{
	uint32_t at = i * big->gso_size, n = RTE_MIN(big->payload - at, (uint32_t)big->gso_size);
	uint32_t seq = 0x01020304 + at;

	*f = big->headers;
	memcpy(f->b + f->len, big->bytes + f->len + at, n);
	f->len += n;
	put16(f->b + f->l3 + (f->v6 ? 4 : 2), f->len - f->l3 - (f->v6 ? 40 : 0));
	if (!f->v6)
		put16(f->b + f->l3 + 4, 0x1234 + i);
	put16(f->b + f->l4 + 4, seq >> 16);
	put16(f->b + f->l4 + 6, seq);
	if (i > 0)
		f->b[f->l4 + 13] &= (uint8_t)~TCP_CWR;
	if (at + n < big->payload)
		f->b[f->l4 + 13] &= (uint8_t) ~(TCP_PSH | TCP_FIN);
	frame_fix(f);
}

static void wants_segments(const struct big *big, uint32_t no)
{
	struct frame f;

	for (uint32_t i = 0; i * big->gso_size < big->payload; i++) {
		segment_make(big, i, &f);
		wants(fake_port_sent(&fx.ports[no]), &f);
	}
	assert_sent(no, 0);
}

static void frames_are_cut_for_ports_that_do_not(void **state)
{
	static const uint16_t sizes[] = {100, 333, 1400, 1448};
	static struct big big;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2), OUTPUT(4)));
	fx.ports[2].port.max_frame = fx.ports[4].port.max_frame = 1600;
	for (unsigned i = 0; i < 2 * 3 * 2 * RTE_DIM(sizes) * 2; i++) {
		struct frame_spec spec = {.v6 = i & 1,
					  .proto = IPPROTO_TCP,
					  .n_tags = i / 2 % 3,
					  .extensions = i & 1 && i / 6 % 2};
		uint16_t size = sizes[i / 12 % RTE_DIM(sizes)];

		big_make(&big, &spec, size, size * (2 + i % 5) + (i % 3 ? 77 * i % size : 0));
		lend(i / 48);
		forward_one(packet_of_big(&big));
		wants_segments(&big, 2);
		wants_segments(&big, 4);
	}
}

static void a_frame_that_gets_a_tag_is_cut_behind_it(void **state)
{
	struct action push = {.type = ACTION_PUSH_VLAN,
			      .u.vlan = {.tpid_be = htons(0x8100), .tci_be = htons(0x6009)}};
	struct frame_spec spec = {.proto = IPPROTO_TCP},
			  tagged = {.proto = IPPROTO_TCP, .n_tags = 1};
	static struct big big, want;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2), push, OUTPUT(4)));
	big_make(&big, &spec, 1000, 5500);
	big_make(&want, &tagged, 1000, 5500);
	for (unsigned lent = 0; lent < 2; lent++) {
		lend(lent);
		forward_one(packet_of_big(&big));
		wants_segments(&big, 2);
		wants_segments(&want, 4);
	}
}

static void the_longest_frame_is_cut(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP};
	static struct big big;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(4)));
	big_make(&big, &spec, 1448, 65535 - 40);
	for (unsigned lent = 0; lent < 2; lent++) {
		lend(lent);
		for (unsigned i = 0; i < 3; i++)
			receive(packet_of_big(&big));
		assert_int_equal(forward_rx(fx.pmd, &fx.poll), 3);
		for (unsigned i = 0; i < 3; i++) {
			struct frame f;

			for (uint32_t j = 0; j * big.gso_size < big.payload; j++) {
				segment_make(&big, j, &f);
				wants(fake_port_sent(&fx.ports[4]), &f);
			}
		}
	}
	assert_int_equal(fx.pmd->ports[4].tx_packets, 2 * 3 * 46);
}

static void a_port_that_cuts_gets_the_frame_whole(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP};
	static struct big big;
	struct rte_mbuf *m;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(2)));
	fx.ports[2].port.tx_offloads = PORT_TX_CSUM | PORT_TX_TSO4;
	fx.ports[2].port.max_frame = 14 + 40 + 1448;
	big_make(&big, &spec, 1448, 20000);
	forward_one(packet_of_big(&big));
	m = fake_port_sent(&fx.ports[2]);
	assert_int_equal(rte_pktmbuf_pkt_len(m), 14 + 40 + 20000);
	assert_true(packet_is_gso(m));
	assert_int_equal(packet_meta(m)->offload.gso_size, 1448);
	rte_pktmbuf_free(m);

	m = packet_of_big(&big); // with a mark that this port does not take
	packet_meta(m)->offload.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	forward_one(m);
	wants_segments(&big, 2);

	big_make(&big, &spec, 1449, 20000); // one byte too many for its wire
	forward_one(packet_of_big(&big));
	assert_sent(2, 0);
	assert_int_equal(drops_of(2, DROP_MTU), 1);

	spec.v6 = true;
	big_make(&big, &spec, 1000, 20000);
	forward_one(packet_of_big(&big));
	wants_segments(&big, 2);
}

static void a_truncated_frame_has_nothing_left_to_do(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP};
	static struct big big;

	(void)state;
	fx.ports[2].port.tx_offloads = UINT32_MAX;
	install(0, 0, ACTIONS(TRUNC(1000), OUTPUT(2), OUTPUT(4), TRUNC(5000), OUTPUT(3)));
	big_make(&big, &spec, 1448, 20000);
	for (unsigned lent = 0; lent < 2; lent++) {
		struct rte_mbuf *m;

		lend(lent);
		forward_one(packet_of_big(&big));
		m = fake_port_sent(&fx.ports[2]);
		assert_int_equal(rte_pktmbuf_pkt_len(m), 1000);
		assert_int_equal(m->ol_flags & PACKET_OFFLOAD, 0);
		rte_pktmbuf_free(m);
		wants_segments(&big, 4);
		assert_int_equal(drops_of(3, DROP_MTU), lent + 1);
	}
}

static void the_control_side_sees_plain_frames(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 99};
	static struct big big;
	struct rte_mbuf *m;
	struct frame f;

	(void)state;
	for (unsigned lent = 0; lent < 2; lent++) {
		lend(lent);
		spec.payload = 99;
		frame_make(&f, &spec);
		forward_one(partial_of(&f, 70));
		assert_int_equal(upcall_drain(&m, 1, true), 1);
		wants(m, &f);
		spec.payload = 0;
		big_make(&big, &spec, 1000, 10500);
		forward_one(packet_of_big(&big));
		for (uint32_t i = 0; i < 11; i++) {
			segment_make(&big, i, &f);
			assert_int_equal(upcall_drain(&m, 1, true), 1);
			assert_int_equal(packet_meta(m)->in_port, 1);
			wants(m, &f);
		}
		assert_int_equal(upcall_drain(&m, 1, true), 0);
	}
}

static void segments_past_the_ring_drop_and_count(void **state)
{
	static struct rte_mbuf *pkts[MISS_RING_SIZE];
	struct frame_spec spec = {.proto = IPPROTO_TCP};
	static struct big big;

	(void)state;
	big_make(&big, &spec, 100, 60000);
	forward_one(packet_of_big(&big));
	assert_int_equal(drops_of(1, DROP_UPCALL_RING_FULL), 600 - MISS_RING_SIZE);
	assert_int_equal(upcall_drain(pkts, MISS_RING_SIZE, true), MISS_RING_SIZE);
	rte_pktmbuf_free_bulk(pkts, MISS_RING_SIZE);
}

static void without_memory_the_rest_of_a_frame_counts(void **state)
{
	static struct rte_mbuf *hoard[4096];
	struct frame_spec spec = {.proto = IPPROTO_TCP};
	static struct big big;
	unsigned n = 0;

	(void)state;
	install(0, 0, ACTIONS(OUTPUT(4)));
	big_make(&big, &spec, 1000, 20000);
	receive(packet_of_big(&big));
	while ((hoard[n] = rte_pktmbuf_alloc(packet_pool())))
		n++;
	rte_pktmbuf_free_bulk(hoard + n - 5, 5);
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 1);
	rte_pktmbuf_free_bulk(hoard, n - 5);
	assert_int_equal(drops_of(1, DROP_NO_MEMORY), 15);
	assert_sent(4, 5);
}

// A port's check may have let through what no part of the switch must stumble over.
static void fields_that_do_not_fit_do_no_harm(void **state)
{
	static struct rte_mbuf *pkts[MISS_RING_SIZE];
	struct frame_spec spec = {.proto = IPPROTO_TCP};
	static struct big big;
	struct rte_mbuf *m;
	uint32_t random = 1;

	(void)state;
	fx.ports[3].port.tx_offloads = PORT_TX_CSUM;
	install(0, 0, ACTIONS(OUTPUT(2), OUTPUT(4), (struct action){.type = ACTION_USERSPACE}));
	for (unsigned i = 0; i < 4000; i++) {
		uint16_t *fields[4];
		struct packet_offload *offload;
		unsigned n;

		spec.v6 = i & 1;
		spec.n_tags = i / 2 % 3;
		lend(i / 6 % 2);
		big_make(&big, &spec, 200 + i % 1000, 300 + i);
		m = packet_of_big(&big);
		offload = &packet_meta(m)->offload;
		fields[0] = &offload->csum_start;
		fields[1] = &offload->csum_offset;
		fields[2] = &offload->gso_headers;
		fields[3] = &offload->gso_size;
		random = random * 1664525 + 1013904223;
		*fields[random >> 30] = (uint16_t)(random >> (random >> 20 & 15));
		forward_one(m);
		for (uint32_t no = 2; no <= 4; no++)
			while ((m = fake_port_sent(&fx.ports[no])))
				rte_pktmbuf_free(m);
		while ((n = upcall_drain(pkts, MISS_RING_SIZE, true)) > 0)
			rte_pktmbuf_free_bulk(pkts, n);
	}
	assert_true(drops_of(1, DROP_MALFORMED) > 100);
}

#define T(name) cmocka_unit_test_setup_teardown(name, guest_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(checksums_are_completed_for_ports_that_do_not),
	    T(pieces_of_odd_length_are_summed_right),
	    T(a_udp_sum_of_zero_becomes_ffff),
	    T(one_output_s_checksum_is_not_the_others),
	    T(any_field_is_completed),
	    T(edits_keep_what_is_left_to_do_right),
	    T(a_tag_that_is_to_be_summed_stays),
	    T(frames_are_cut_for_ports_that_do_not),
	    T(a_frame_that_gets_a_tag_is_cut_behind_it),
	    T(the_longest_frame_is_cut),
	    T(a_port_that_cuts_gets_the_frame_whole),
	    T(a_truncated_frame_has_nothing_left_to_do),
	    T(the_control_side_sees_plain_frames),
	    T(segments_past_the_ring_drop_and_count),
	    T(without_memory_the_rest_of_a_frame_counts),
	    T(fields_that_do_not_fit_do_no_harm),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
