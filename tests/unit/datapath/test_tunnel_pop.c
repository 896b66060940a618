#include "datapath/tunnel.h"

#include "tunnel_check.h"

// Lets port TUNNEL_NO take the outer headers off, as port 1's packet. The inner packet, or NULL.
static struct rte_mbuf *pop(struct rte_mbuf *m)
{
	unsigned n = fx.pmd->n_recirc;

	packet_meta(m)->n_recirc = 0;
	packet_meta(m)->in_port = 1;
	tunnel_pop(fx.pmd, TUNNEL_NO, &m, 1);
	if (fx.pmd->n_recirc == n)
		return NULL;
	return fx.pmd->recirc[--fx.pmd->n_recirc];
}

static void in6_of(const char *hex, struct in6 *addr)
{
	assert_int_equal(unhex(hex, addr->b), sizeof addr->b);
}

static void wants_tunnel(const struct tunnel_vector *v, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);
	struct flow_tunnel want = {.tos = v->tos,
				   .ttl = v->ttl,
				   .tp_src_be = htons(v->tp_src),
				   .tp_dst_be = htons(v->tp_dst),
				   .id_be = rte_cpu_to_be_64(v->id),
				   .flags = v->flags,
				   .gbp_id_be = htons(v->gbp_id),
				   .gbp_flags = v->gbp_flags};
	uint8_t opts[FLOW_TUN_OPTS_MAX] = {0};

	want.opts_len = (uint8_t)unhex(v->opts, opts);
	if (v->v6) {
		in6_of(v->src, &want.ipv6_src);
		in6_of(v->dst, &want.ipv6_dst);
	} else {
		unhex(v->src, (uint8_t *)&want.src_be);
		unhex(v->dst, (uint8_t *)&want.dst_be);
	}
	assert_int_equal(meta->in_port, TUNNEL_NO);
	assert_int_equal(meta->recirc_id, 0);
	assert_int_equal(meta->n_recirc, 1);
	assert_true(meta->flow.cold & FLOW_COLD_TUN);
	assert_memory_equal(&meta->flow.tun, &want, sizeof want);
	if (want.opts_len > 0)
		assert_true(meta->flow.cold & FLOW_COLD_OPTS);
	if (meta->flow.cold & FLOW_COLD_OPTS)
		assert_memory_equal(meta->flow.tun_opts, opts, sizeof opts);
}

static void what_scapy_wrapped_comes_out_in_every_form(void **state)
{
	struct frame frame, inner;
	uint8_t memory[2048];

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(tunnel_vectors); i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];

		frame_unhex(v->frame, &frame);
		frame_unhex(v->inner, &inner);
		tunnel_port_set(TUNNEL_NO, v->type, v->options);
		for (enum form form = 0; form < N_FORMS; form++) {
			struct rte_mbuf *other, *m = packet_in(form, &frame, memory, &other);

			m = pop(m);
			assert_non_null(m);
			assert_bytes(m, inner.b, inner.len);
			wants_tunnel(v, m);
			packet_free(m);
			other_is_whole(other, &frame);
		}
	}
}

// What Ethernet adds to short frames, and what a tag before IP is.
static void padding_goes_and_tags_do_not_matter(void **state)
{
	struct frame frame, tagged, inner;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(tunnel_vectors); i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];
		struct rte_mbuf *m;

		frame_unhex(v->frame, &frame);
		frame_unhex(v->inner, &inner);
		tunnel_port_set(TUNNEL_NO, v->type, v->options);
		memset(frame.b + frame.len, 0x5a, 33);
		frame.len += 33;
		tagged = frame;
		memmove(tagged.b + 16, frame.b + 12, frame.len - 12);
		memcpy(tagged.b + 12, "\x81\x00\x00\x07", 4);
		tagged.len += 4;
		m = pop(packet_of(&frame, 100));
		assert_bytes(m, inner.b, inner.len);
		rte_pktmbuf_free(m);
		m = pop(packet_of(&tagged, 100));
		assert_bytes(m, inner.b, inner.len);
		rte_pktmbuf_free(m);
	}
}

// A packet without an Ethernet header: there is none in the tunnel, and none that counts behind it.
static void what_has_no_ethernet_header_goes_through_without_one(void **state)
{
	static const struct {
		const char *vector;
		unsigned options, at; // where the outer header says what is in it
		uint8_t bytes[4];
	} rows[] = {
	    {"gre", 0, 36, {0x08, 0x00}},
	    {"gre_full", 0, 36, {0x08, 0x00}},
	    {"vxlan", TUNNEL_VXLAN_GPE, 42, {0x0c, 0, 0, 1}},
	    {"vxlan_csum", TUNNEL_VXLAN_GPE, 42, {0x0c, 0, 0, 1}},
	};
	struct frame inner = {.len = FRAME_MIN + 20, .b = {[12] = 0x08, [14] = 0x45, [17] = 20}};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		const struct tunnel_vector *v = vector_of(rows[i].vector);
		struct rte_mbuf *other, *m = packet_of(&inner, 2048);
		struct push_list list;
		struct frame outer;

		push_make(&list, v);
		memcpy(list.header + rows[i].at, rows[i].bytes, v->type == TUNNEL_GRE ? 2 : 4);
		tunnel_port_set(TUNNEL_NO, v->type, rows[i].options);
		packet_meta(m)->no_eth = true;
		packet_meta(m)->layout = (struct packet_layout){FRAME_MIN, LAYOUT_NONE};
		assert_int_equal(tunnel_push(fx.pmd, &list.action.u.tunnel_push, &m, 1), 1);
		assert_false(packet_meta(m)->no_eth);
		assert_int_equal(m->pkt_len, list.action.u.tunnel_push.header_len + 20);
		outer.len = m->pkt_len;
		memcpy(outer.b, rte_pktmbuf_read(m, 0, outer.len, outer.b), outer.len);
		other = rte_pktmbuf_clone(m, packet_pool()); // another output of the same list
		m = pop(m);
		assert_non_null(m);
		assert_true(packet_meta(m)->no_eth);
		assert_bytes(m, inner.b, inner.len);
		packet_free(m);
		other_is_whole(other, &outer);
	}
}

// Else an inner packet would pass for one of the outer one's connection, or for summed.
static void nothing_known_of_the_outer_packet_is_said_of_the_inner_one(void **state)
{
	struct frame frame;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(tunnel_vectors); i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];
		struct flow_meta *meta;
		struct rte_mbuf *m;

		frame_unhex(v->frame, &frame);
		tunnel_port_set(TUNNEL_NO, v->type, v->options);
		m = packet_of(&frame, 2048);
		meta = &packet_meta(m)->flow;
		flow_meta_clear(meta);
		flow_meta_use(meta, FLOW_COLD_ALL);
		meta->ct_state = CT_STATE_TRACKED | CT_STATE_ESTABLISHED;
		meta->ct_zone = 7;
		meta->ct_mark = meta->dp_hash = meta->pkt_mark = meta->skb_priority = 9;
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
		m = pop(m);
		assert_non_null(m);
		wants_tunnel(v, m);
		meta = &packet_meta(m)->flow;
		assert_int_equal(meta->ct_state | meta->ct_zone | meta->ct_mark | meta->dp_hash, 0);
		assert_false(meta->cold & FLOW_COLD_CT);
		if (meta->cold & FLOW_COLD_OPTS)
			assert_int_equal(meta->skb_priority, 0);
		assert_int_equal(m->ol_flags &
				     (RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_IP_CKSUM_MASK),
				 0);
		rte_pktmbuf_free(m);
	}
}

static uint64_t tunnel_drops(void)
{
	return drops_of(1, DROP_TUNNEL_OUTER) + drops_of(1, DROP_TUNNEL_HEADER) +
	       drops_of(1, DROP_TUNNEL_CHECKSUM) + drops_of(1, DROP_TUNNEL_FRAGMENT) +
	       drops_of(1, DROP_TUNNEL_PROTOCOL);
}

// A packet of as many bytes as it says: what is read behind them is seen by ASan.
static struct rte_mbuf *exact(const struct frame *f, uint32_t len)
{
	struct frame cut = *f;

	cut.len = len;
	return packet_cut_off(&cut, len, (uint8_t[256]){0});
}

static void what_is_cut_off_is_dropped_at_every_length(void **state)
{
	uint64_t drops = 0;
	struct frame frame;
	uint8_t memory[2048];

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(tunnel_vectors); i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];

		frame_unhex(v->frame, &frame);
		tunnel_port_set(TUNNEL_NO, v->type, v->options);
		for (uint32_t len = 0; len < frame.len; len++) {
			struct frame cut = frame;

			cut.len = len;
			assert_null(pop(exact(&frame, len)));
			assert_null(pop(lent_of(&cut, 33, memory)));
			drops += 2;
		}
	}
	assert_int_equal(tunnel_drops(), drops);
}

// The same with an IP length that fits: less than headers and an inner Ethernet header is nothing.
static void a_header_that_the_packet_has_no_room_for_is_dropped(void **state)
{
	struct frame frame;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(tunnel_vectors); i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];
		uint32_t l4 = v->v6 ? 54 : 34, header = (uint32_t)strlen(v->header) / 2;

		tunnel_port_set(TUNNEL_NO, v->type, v->options);
		for (uint32_t len = l4; len < header + 14; len++) {
			frame_unhex(v->frame, &frame);
			frame.l3 = 14;
			put16(frame.b + (v->v6 ? 18 : 16), len - (v->v6 ? 54 : 14));
			if (!v->v6)
				frame_fix_ipv4(&frame);
			if (v->tp_dst && len >= l4 + 8)
				put16(frame.b + l4 + 4, len - l4);
			assert_null(pop(exact(&frame, len)));
			assert_null(pop(exact(&frame, frame.len)));
		}
	}
}

struct wrong {
	const char *vector;
	uint32_t at;
	uint8_t value;
	enum drop_reason reason;
};

// One byte, where IPv4's checksum is made right again.
static void what_is_wrong_has_a_name(void **state)
{
	static const struct wrong wrongs[] = {
	    {"vxlan", 12, 0x88, DROP_TUNNEL_OUTER},	 // EtherType
	    {"vxlan", 14, 0x65, DROP_TUNNEL_OUTER},	 // version
	    {"vxlan", 14, 0x44, DROP_TUNNEL_OUTER},	 // header length
	    {"vxlan", 14, 0x4f, DROP_TUNNEL_OUTER},	 // options that it has not: no UDP there
	    {"vxlan", 16, 0x03, DROP_TUNNEL_OUTER},	 // total length
	    {"vxlan", 20, 0x20, DROP_TUNNEL_FRAGMENT},	 // more to come
	    {"vxlan", 21, 0x01, DROP_TUNNEL_FRAGMENT},	 // offset
	    {"vxlan", 23, 6, DROP_TUNNEL_OUTER},	 // TCP
	    {"vxlan", 38, 0x01, DROP_TUNNEL_OUTER},	 // UDP's length
	    {"vxlan", 41, 0x01, DROP_TUNNEL_CHECKSUM},	 // UDP's checksum
	    {"vxlan", 42, 0x00, DROP_TUNNEL_HEADER},	 // no VNI
	    {"vxlan", 42, 0x88, DROP_TUNNEL_HEADER},	 // a policy that nobody asked for
	    {"vxlan", 45, 0x01, DROP_TUNNEL_HEADER},	 // reserved
	    {"vxlan", 49, 0x01, DROP_TUNNEL_HEADER},	 // reserved
	    {"vxlan_gbp", 43, 0x01, DROP_TUNNEL_HEADER}, // reserved
	    {"vxlan_csum", 60, 0xff, DROP_TUNNEL_CHECKSUM},
	    {"vxlan_6", 14, 0x40, DROP_TUNNEL_OUTER},
	    {"vxlan_6", 18, 0x01, DROP_TUNNEL_OUTER}, // payload length
	    {"vxlan_6", 20, 44, DROP_TUNNEL_FRAGMENT},
	    {"vxlan_6", 20, 43, DROP_TUNNEL_OUTER}, // a routing header
	    {"vxlan_6", 20, 0, DROP_TUNNEL_OUTER},  // an extension of the wrong length
	    {"vxlan_6", 70, 0xff, DROP_TUNNEL_CHECKSUM},
	    {"geneve_opts", 42, 0x44, DROP_TUNNEL_HEADER}, // version
	    {"geneve_opts", 42, 0x02, DROP_TUNNEL_HEADER}, // an option longer than all
	    {"geneve_opts", 42, 0x3f, DROP_TUNNEL_HEADER}, // more than there is
	    {"geneve_opts", 53, 0x05, DROP_TUNNEL_HEADER},
	    {"geneve_opts", 45, 0x00, DROP_TUNNEL_PROTOCOL},
	    {"geneve_6_long", 62, 0x20, DROP_TUNNEL_HEADER}, // more than the key has room for
	    {"gre", 34, 0x40, DROP_TUNNEL_HEADER},	     // a source route
	    {"gre", 34, 0x08, DROP_TUNNEL_HEADER},
	    {"gre", 35, 0x01, DROP_TUNNEL_HEADER}, // version
	    {"gre", 36, 0x08, DROP_TUNNEL_PROTOCOL},
	    {"gre_full", 38, 0x00, DROP_TUNNEL_CHECKSUM},
	    {"gre_full", 80, 0xff, DROP_TUNNEL_CHECKSUM},
	    {"gre_6_csum", 60, 0xff, DROP_TUNNEL_CHECKSUM},
	};
	struct frame frame;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(wrongs); i++) {
		const struct wrong *w = &wrongs[i];
		const struct tunnel_vector *v = vector_of(w->vector);
		uint64_t drops = drops_of(1, w->reason);

		frame_unhex(v->frame, &frame);
		frame.l3 = 14;
		assert_int_not_equal(frame.b[w->at], w->value);
		frame.b[w->at] = w->value;
		if (!v->v6 && w->at < 34)
			frame_fix_ipv4(&frame);
		tunnel_port_set(TUNNEL_NO, v->type, v->options);
		if (pop(packet_of(&frame, 2048)) || drops_of(1, w->reason) != drops + 1)
			fail_msg("%s, byte %u: not %s", w->vector, w->at,
				 drop_reason_name(w->reason));
	}
}

static void an_outer_ipv4_checksum_is_always_compared(void **state)
{
	struct frame frame;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(tunnel_vectors); i++) {
		const struct tunnel_vector *v = &tunnel_vectors[i];
		uint64_t drops = drops_of(1, DROP_TUNNEL_CHECKSUM);

		if (v->v6)
			continue;
		frame_unhex(v->frame, &frame);
		frame.b[25] ^= 1;
		tunnel_port_set(TUNNEL_NO, v->type, v->options);
		assert_null(pop(packet_of(&frame, 2048)));
		assert_int_equal(drops_of(1, DROP_TUNNEL_CHECKSUM), drops + 1);
	}
}

// IPv4 options, and what Linux's ip6gre puts between IPv6 and GRE (RFC 2473).
static void options_of_the_outer_header_are_passed_over(void **state)
{
	static const uint8_t limit[8] = {47, 0, 4, 1, 4, 1, 0, 0};
	struct frame frame, inner;
	struct rte_mbuf *m;

	(void)state;
	frame_unhex(vector_of("gre_6_key")->frame, &frame);
	frame_unhex(vector_of("gre_6_key")->inner, &inner);
	memmove(frame.b + 62, frame.b + 54, frame.len - 54);
	memcpy(frame.b + 54, limit, 8);
	frame.b[20] = IPPROTO_DSTOPTS;
	put16(frame.b + 18, get16(frame.b + 18) + 8);
	frame.len += 8;
	tunnel_port_set(TUNNEL_NO, TUNNEL_GRE, 0);
	m = pop(packet_of(&frame, 100));
	assert_bytes(m, inner.b, inner.len);
	wants_tunnel(vector_of("gre_6_key"), m);
	rte_pktmbuf_free(m);

	frame_unhex(vector_of("vxlan_csum")->frame, &frame);
	frame_unhex(vector_of("vxlan_csum")->inner, &inner);
	memmove(frame.b + 38, frame.b + 34, frame.len - 34);
	memset(frame.b + 34, 1, 4);
	frame.b[14] = 0x46;
	put16(frame.b + 16, get16(frame.b + 16) + 4);
	frame.len += 4;
	frame.l3 = 14;
	frame_fix_ipv4(&frame);
	tunnel_port_set(TUNNEL_NO, TUNNEL_VXLAN, 0);
	m = pop(packet_of(&frame, 100));
	assert_bytes(m, inner.b, inner.len);
	rte_pktmbuf_free(m);
}

// The outer checksum is that of the finished frame; who takes the inner one completes it.
static void a_checksum_that_is_begun_inside_goes_on(void **state)
{
	static const char *const names[] = {"vxlan", "geneve", "vxlan_6", "gre_full"};
	uint8_t memory[2048];

	(void)state;
	for (unsigned i = 0; i < 2 * RTE_DIM(names); i++) {
		const struct tunnel_vector *v = vector_of(names[i / 2]);
		bool told = i % 2; // by its sender, or to be seen by its checksum (kernel_frame.h)
		struct frame frame, inner;
		uint32_t header = (uint32_t)strlen(v->header) / 2, l4, field;

		frame_unhex(v->frame, &frame);
		frame_unhex(v->inner, &inner);
		inner.v6 = inner.b[12] == 0x86;
		inner.l3 = 14;
		inner.proto = inner.v6 ? IPPROTO_TCP : IPPROTO_UDP;
		l4 = inner.v6 ? 54 : 34;
		field = l4 + (inner.v6 ? 16 : 6);
		put16(inner.b + field, sum_bytes(pseudo_sum(&inner, inner.len - l4), NULL, 0));
		memcpy(frame.b + header, inner.b, inner.len);
		tunnel_port_set(TUNNEL_NO, v->type, v->options);
		// Guests tell.
		for (enum form form = 0; form < (told ? N_FORMS : LENT); form++) {
			struct rte_mbuf *other, *m = packet_in(form, &frame, memory, &other);

			if (told) {
				packet_meta(m)->offload =
				    (struct packet_offload){.csum_start = (uint16_t)(header + l4),
							    .csum_offset = (uint16_t)(field - l4)};
				m->ol_flags |= PACKET_OFFLOAD;
			}
			m = pop(m);
			assert_non_null(m);
			assert_bytes(m, inner.b, inner.len);
			assert_true(m->ol_flags & PACKET_OFFLOAD);
			assert_int_equal(packet_meta(m)->offload.csum_start, l4);
			assert_int_equal(packet_meta(m)->offload.csum_offset, field - l4);
			packet_free(m);
			other_is_whole(other, &frame);
		}
	}
}

// A guest that makes tunnels itself leaves the outer checksum to us: nobody has computed it yet.
static void an_outer_checksum_that_is_begun_is_not_compared(void **state)
{
	const struct tunnel_vector *v = vector_of("vxlan_csum");
	struct frame frame, inner;
	struct rte_mbuf *m;

	(void)state;
	frame_unhex(v->frame, &frame);
	frame_unhex(v->inner, &inner);
	frame.l3 = 14;
	frame.proto = IPPROTO_UDP;
	put16(frame.b + 40, sum_bytes(pseudo_sum(&frame, frame.len - 34), NULL, 0));
	tunnel_port_set(TUNNEL_NO, v->type, v->options);
	m = packet_of(&frame, 2048);
	packet_meta(m)->offload = (struct packet_offload){.csum_start = 34, .csum_offset = 6};
	m->ol_flags |= PACKET_OFFLOAD;
	m = pop(m);
	assert_bytes(m, inner.b, inner.len);
	assert_false(m->ol_flags & PACKET_OFFLOAD);
	rte_pktmbuf_free(m);
}

static void an_offload_that_does_not_fit_the_inner_frame_is_dropped(void **state)
{
	const struct tunnel_vector *v = vector_of("vxlan");
	struct frame frame;

	(void)state;
	frame_unhex(v->frame, &frame);
	tunnel_port_set(TUNNEL_NO, v->type, v->options);
	const struct packet_offload wrongs[] = {
	    {.csum_start = 50, .csum_offset = 6},
	    {.csum_start = 85, .csum_offset = 6},
	    {.csum_start = 84, .csum_offset = (uint16_t)(frame.len - 84)},
	    {.csum_start = (uint16_t)frame.len, .csum_offset = 6},
	    {.csum_start = 84, .csum_offset = 6, .gso_size = 100},
	};

	for (unsigned i = 0; i < RTE_DIM(wrongs); i++) {
		struct rte_mbuf *m = packet_of(&frame, 2048);

		packet_meta(m)->offload = wrongs[i];
		m->ol_flags |= PACKET_OFFLOAD;
		assert_null(pop(m));
		assert_int_equal(drops_of(1, DROP_MALFORMED), i + 1);
	}
}

static void a_tunnel_that_was_there_before_is_forgotten(void **state)
{
	struct frame frame;
	struct rte_mbuf *m;

	(void)state;
	frame_unhex(vector_of("geneve_opts")->frame, &frame);
	tunnel_port_set(TUNNEL_NO, TUNNEL_GENEVE, 0);
	m = pop(packet_of(&frame, 2048));
	frame_unhex(vector_of("vxlan_6")->frame, &frame);
	tunnel_port_set(TUNNEL_NO, TUNNEL_VXLAN, 0);
	rte_pktmbuf_reset_headroom(m);
	m->data_len = (uint16_t)frame.len;
	m->pkt_len = frame.len;
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), frame.b, frame.len);
	m = pop(m);
	wants_tunnel(vector_of("vxlan_6"), m);
	rte_pktmbuf_free(m);
}

static void a_port_that_is_no_tunnel_s_end_takes_nothing(void **state)
{
	struct frame frame;
	struct rte_mbuf *m;

	(void)state;
	frame_unhex(vector_of("vxlan")->frame, &frame);
	tunnel_port_set(TUNNEL_NO, TUNNEL_NONE, 0);
	assert_null(pop(packet_of(&frame, 2048)));
	for (uint32_t no = PORTS_MAX - 1; no != 1; no = no == PORTS_MAX - 1 ? UINT32_MAX : 1) {
		m = packet_of(&frame, 2048);
		tunnel_pop(fx.pmd, no, &m, 1);
	}
	assert_int_equal(drops_of(1, DROP_TUNNEL_PORT), 3);
	assert_int_equal(fx.pmd->n_recirc, 0);
}

static void tunnels_in_tunnels_have_an_end(void **state)
{
	struct frame frame;
	struct rte_mbuf *m;

	(void)state;
	frame_unhex(vector_of("vxlan")->frame, &frame);
	tunnel_port_set(TUNNEL_NO, TUNNEL_VXLAN, 0);
	m = packet_of(&frame, 2048);
	packet_meta(m)->n_recirc = RECIRC_DEPTH_MAX;
	tunnel_pop(fx.pmd, TUNNEL_NO, &m, 1);
	assert_int_equal(drops_of(1, DROP_RECIRC_LIMIT), 1);
	assert_int_equal(fx.pmd->n_recirc, 0);
}

#undef T
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(what_scapy_wrapped_comes_out_in_every_form),
	    T(padding_goes_and_tags_do_not_matter),
	    T(what_has_no_ethernet_header_goes_through_without_one),
	    T(nothing_known_of_the_outer_packet_is_said_of_the_inner_one),
	    T(what_is_cut_off_is_dropped_at_every_length),
	    T(a_header_that_the_packet_has_no_room_for_is_dropped),
	    T(what_is_wrong_has_a_name),
	    T(an_outer_ipv4_checksum_is_always_compared),
	    T(options_of_the_outer_header_are_passed_over),
	    T(a_checksum_that_is_begun_inside_goes_on),
	    T(an_outer_checksum_that_is_begun_is_not_compared),
	    T(an_offload_that_does_not_fit_the_inner_frame_is_dropped),
	    T(a_tunnel_that_was_there_before_is_forgotten),
	    T(a_port_that_is_no_tunnel_s_end_takes_nothing),
	    T(tunnels_in_tunnels_have_an_end),
	};

	return cmocka_run_group_tests(tests, fake_eal_init, eal_teardown);
}
