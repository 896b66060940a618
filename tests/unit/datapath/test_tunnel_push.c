#include "datapath/tunnel.h"

#include "tunnel_check.h"

#include <linux/virtio_net.h>
#include <rte_ip.h>

#define HEADER(list) (list)->header

static int up(void **state)
{
	return fixture_up(state);
}

static struct rte_mbuf *push(const struct push_list *list, struct rte_mbuf *m)
{
	return tunnel_push(fx.pmd, &list->action.u.tunnel_push, &m, 1) == 1 ? m : NULL;
}

static void the_frame_is_scapy_s_in_every_form(void **state)
{
	struct frame inner, want;
	struct push_list list;
	uint8_t memory[2048];

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(tunnel_vectors); i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];

		push_make(&list, v);
		assert_int_equal(tunnel_header_check(list.header,
						     list.action.u.tunnel_push.header_len),
				 0);
		frame_unhex(v->inner, &inner);
		frame_unhex(v->frame, &want);
		for (enum form form = 0; form < N_FORMS; form++) {
			struct rte_mbuf *other, *m = packet_in(form, &inner, memory, &other);

			tunnel_port_set(TUNNEL_NO, v->type, v->options);
			m = push(&list, m);
			assert_non_null(m);
			if (v->tp_src)
				assert_int_equal(get16(rte_pktmbuf_mtod_offset(m, uint8_t *,
									       v->v6 ? 54 : 34)),
						 v->tp_src);
			assert_bytes(m, want.b, want.len);
			packet_free(m);
			other_is_whole(other, &inner);
		}
	}
}

static void two_that_share_their_bytes_get_a_header_each(void **state)
{
	const struct tunnel_vector *a = vector_of("vxlan"), *b = vector_of("geneve");
	struct frame inner, want_a, want_b;
	struct push_list list_a, list_b;
	struct rte_mbuf *m, *other;
	uint8_t memory[2048];

	(void)state;
	push_make(&list_a, a);
	push_make(&list_b, b);
	frame_unhex(a->inner, &inner);
	frame_unhex(a->frame, &want_a);
	frame_unhex(b->frame, &want_b);
	for (unsigned other_first = 0; other_first < 2; other_first++) {
		m = packet_in(SHARED, &inner, memory, &other);
		*packet_meta(other) = *packet_meta(m);
		if (other_first)
			other = push(&list_b, other);
		m = push(&list_a, m);
		if (!other_first)
			other = push(&list_b, other);
		assert_bytes(m, want_a.b, want_a.len);
		assert_bytes(other, want_b.b, want_b.len);
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(other);
	}
}

// As one that has just come in at the way out, for what the list does then.
static void the_packet_is_the_outer_one_then(void **state)
{
	const struct tunnel_vector *v = vector_of("vxlan_6");
	struct push_list list;
	struct frame inner;
	struct rte_mbuf *m;

	(void)state;
	push_make(&list, v);
	frame_unhex(v->inner, &inner);
	m = packet_of(&inner, 2048);
	packet_meta(m)->in_port = 1;
	flow_meta_use(&packet_meta(m)->flow, FLOW_COLD_TUN);
	packet_meta(m)->flow.ct_state = CT_STATE_TRACKED;
	m = push(&list, m);
	assert_int_equal(packet_meta(m)->in_port, OUT_NO);
	assert_int_equal(packet_meta(m)->layout.l3_ofs, 14);
	assert_int_equal(packet_meta(m)->layout.l4_ofs, 54);
	assert_int_equal(packet_meta(m)->flow.cold, 0);
	assert_int_equal(packet_meta(m)->flow.ct_state, 0);
	rte_pktmbuf_free(m);
	push_make(&list, vector_of("gre"));
	list.action.u.tunnel_push.out_port = UINT32_MAX; // the control side's word
	m = push(&list, packet_of(&inner, 2048));
	assert_int_equal(packet_meta(m)->in_port, 0);
	assert_int_equal(packet_meta(m)->layout.l3_ofs, 14);
	assert_int_equal(packet_meta(m)->layout.l4_ofs, LAYOUT_NONE);
	rte_pktmbuf_free(m);
}

static uint32_t seq_of(const struct rte_mbuf *m)
{
	return ntohl(*rte_pktmbuf_mtod_offset(m, unaligned_uint32_t *, 34 + 12));
}

static void sequence_numbers_count_per_port(void **state)
{
	struct rte_mbuf *pkts[BURST_MAX];
	struct push_list list;
	struct frame inner;

	(void)state;
	push_make(&list, vector_of("gre_full"));
	frame_unhex(vector_of("gre_full")->inner, &inner);
	tunnel_port_set(TUNNEL_NO, TUNNEL_GRE, 0);
	tunnel_port_set(TUNNEL_NO + 1, TUNNEL_GRE, 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < BURST_MAX; i++)
			pkts[i] = packet_of(&inner, 2048);
		assert_int_equal(tunnel_push(fx.pmd, &list.action.u.tunnel_push, pkts, BURST_MAX),
				 BURST_MAX);
		for (unsigned i = 0; i < BURST_MAX; i++)
			assert_int_equal(seq_of(pkts[i]), round * BURST_MAX + i);
		rte_pktmbuf_free_bulk(pkts, BURST_MAX);
	}
	list.action.u.tunnel_push.tnl_port = TUNNEL_NO + 1;
	pkts[0] = push(&list, packet_of(&inner, 2048));
	assert_int_equal(seq_of(pkts[0]), 0);
	rte_pktmbuf_free(pkts[0]);
}

// Where routers may cut it (RFC 6864).
static void without_df_identifications_differ(void **state)
{
	bool seen[UINT16_MAX + 1] = {false};
	struct push_list list;
	struct frame inner;

	(void)state;
	push_make(&list, vector_of("vxlan"));
	list.header[20] = 0;
	frame_unhex(vector_of("vxlan")->inner, &inner);
	for (unsigned i = 0; i < 1000; i++) {
		struct rte_mbuf *m = push(&list, packet_of(&inner, 2048));
		const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const void *, 14);

		assert_false(seen[ip->packet_id]);
		seen[ip->packet_id] = true;
		assert_int_equal(rte_raw_cksum(ip, sizeof *ip), 0xffff);
		rte_pktmbuf_free(m);
	}
}

static void partial_set(struct rte_mbuf *m, uint32_t l4, uint32_t offset)
{
	packet_meta(m)->offload =
	    (struct packet_offload){.csum_start = (uint16_t)l4, .csum_offset = (uint16_t)offset};
	m->ol_flags |= PACKET_OFFLOAD;
}

// What the sender left to do is done before the header covers it.
static void a_checksum_that_is_begun_is_completed(void **state)
{
	static const char *const names[] = {"vxlan", "geneve", "gre"}; // inner UDP over IPv4
	struct frame inner, begun, want;
	uint8_t memory[2048];

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(names); i++) {
		const struct tunnel_vector *v = vector_of(names[i]);
		struct push_list list;

		push_make(&list, v);
		frame_unhex(v->inner, &inner);
		frame_unhex(v->frame, &want);
		begun = inner;
		put16(begun.b + 40, sum_bytes(17 + inner.len - 34, inner.b + 26, 8));
		for (enum form form = 0; form < N_FORMS; form++) {
			struct rte_mbuf *other, *m = packet_in(form, &begun, memory, &other);

			partial_set(m, 34, 6);
			m = push(&list, m);
			assert_bytes(m, want.b, want.len);
			assert_false(m->ol_flags & PACKET_OFFLOAD);
			packet_free(m);
			other_is_whole(other, &begun);
		}
	}
}

static uint16_t source_port(const struct push_list *list, const struct frame *f)
{
	struct rte_mbuf *m = push(list, packet_of(f, 2048));
	uint16_t port = (uint16_t)get16(rte_pktmbuf_mtod_offset(m, uint8_t *, 34));

	rte_pktmbuf_free(m);
	return port;
}

static void flows_have_source_ports_of_their_own(void **state)
{
	const struct frame_spec specs[] = {{.proto = IPPROTO_UDP, .payload = 30},
					   {.proto = IPPROTO_TCP, .n_tags = 1, .payload = 3},
					   {.v6 = true, .proto = IPPROTO_UDP, .payload = 9},
					   {.v6 = true, .proto = IPPROTO_TCP, .n_tags = 2}};
	struct push_list list;
	struct frame f;

	(void)state;
	push_make(&list, vector_of("vxlan"));
	for (unsigned i = 0; i < RTE_DIM(specs); i++) {
		unsigned n_same = 0;
		uint16_t first;

		frame_make(&f, &specs[i]);
		first = source_port(&list, &f);
		f.b[f.len - 1] ^= 1; // its payload, or its urgent pointer
		assert_int_equal(source_port(&list, &f), first);
		for (unsigned n = 1; n <= 100; n++) {
			f.b[f.l4 + 1] = (uint8_t)(f.b[f.l4 + 1] + 1);
			uint16_t port = source_port(&list, &f);

			assert_in_range(port, 49152, 65535);
			n_same += port == first;
		}
		assert_in_range(n_same, 0, 2);
	}
}

static void fragments_take_the_way_of_the_first(void **state)
{
	const struct frame_spec spec = {.proto = IPPROTO_UDP, .payload = 30};
	struct push_list list;
	struct frame f;
	uint16_t first;

	(void)state;
	push_make(&list, vector_of("vxlan"));
	frame_make(&f, &spec);
	f.b[f.l3 + 6] = 0x20; // more to come
	first = source_port(&list, &f);
	f.b[f.l3 + 7] = 3;
	f.b[f.l4] ^= 0x55; // no port there
	assert_int_equal(source_port(&list, &f), first);
}

// The packet is cut before it gets the header.
static void truncation_is_of_the_inner_frame(void **state)
{
	const struct tunnel_vector *v = vector_of("vxlan");
	struct frame inner, want;
	struct push_list list;
	uint8_t memory[2048];

	(void)state;
	push_make(&list, v);
	frame_unhex(v->inner, &inner);
	for (enum form form = 0; form < N_FORMS; form++) {
		struct rte_mbuf *other, *m = packet_in(form, &inner, memory, &other);

		frame_unhex(v->frame, &want);
		packet_meta(m)->trunc_len = 60;
		m = push(&list, m);
		want.len = 50 + 60;
		put16(want.b + 16, want.len - 14);
		put16(want.b + 38, want.len - 34);
		want.l3 = 14;
		frame_fix_ipv4(&want);
		assert_bytes(m, want.b, want.len);
		assert_int_equal(packet_meta(m)->trunc_len, 0);
		packet_free(m);
		other_is_whole(other, &inner);
	}
}

static void what_cannot_be_pushed_is_counted(void **state)
{
	static struct rte_mbuf *hoard[4096];
	struct push_list list;
	struct frame inner;
	struct rte_mbuf *m;
	unsigned n = 0;

	(void)state;
	push_make(&list, vector_of("vxlan"));
	frame_unhex(vector_of("vxlan")->inner, &inner);
	m = packet_of(&inner, 2048); // still to be cut: not here
	partial_set(m, 34, 16);
	packet_meta(m)->offload.gso_size = 100;
	assert_null(push(&list, m));
	assert_int_equal(drops_of(1, DROP_ACTION_INVALID), 1);
	m = packet_of(&inner, 2048);
	partial_set(m, 34, 300);
	assert_null(push(&list, m));
	assert_int_equal(drops_of(1, DROP_ACTION_INVALID), 2);
	m = packet_of(&inner, 2048);
	rte_pktmbuf_prepend(m, 100);
	while ((hoard[n] = rte_pktmbuf_alloc(packet_pool())))
		n++;
	assert_null(push(&list, m));
	rte_pktmbuf_free_bulk(hoard, n);
	assert_int_equal(drops_of(1, DROP_NO_MEMORY), 1);
}

static void only_headers_of_tunnels_are_taken(void **state)
{
	struct push_list list;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(tunnel_vectors); i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];
		uint32_t l4 = v->v6 ? 54 : 34, len;
		const struct {
			uint32_t at;
			uint8_t value;
		} wrongs[] = {{12, 0x81}, {14, 0x75}, {v->v6 ? 20 : 23, 6}, {14, 0x46}};

		push_make(&list, v);
		len = list.action.u.tunnel_push.header_len;
		for (unsigned n = 0; n < (v->type == TUNNEL_GRE ? len : l4 + 16); n++)
			assert_int_equal(tunnel_header_check(list.header, n), -EINVAL);
		for (unsigned n = 0; n < RTE_DIM(wrongs); n++) {
			uint8_t right = list.header[wrongs[n].at];

			list.header[wrongs[n].at] = wrongs[n].value;
			assert_int_equal(tunnel_header_check(list.header, len), -EINVAL);
			list.header[wrongs[n].at] = right;
		}
		assert_int_equal(tunnel_header_check(list.header, len), 0);
	}
	push_make(&list, vector_of("gre"));
	list.header[34] |= 0x40; // a source route
	assert_int_equal(tunnel_header_check(list.header, 38), -EINVAL);
}

#undef T
#define T(name) cmocka_unit_test_setup_teardown(name, up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_frame_is_scapy_s_in_every_form),
	    T(two_that_share_their_bytes_get_a_header_each),
	    T(the_packet_is_the_outer_one_then),
	    T(sequence_numbers_count_per_port),
	    T(without_df_identifications_differ),
	    T(a_checksum_that_is_begun_is_completed),
	    T(flows_have_source_ports_of_their_own),
	    T(fragments_take_the_way_of_the_first),
	    T(truncation_is_of_the_inner_frame),
	    T(what_cannot_be_pushed_is_counted),
	    T(only_headers_of_tunnels_are_taken),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
