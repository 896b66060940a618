// Tunnels in lists of actions, on a packet's whole way.
#include "datapath/forward.h"

#include "fake_guest.h"
#include "tunnel_check.h"

#include <linux/virtio_net.h>

#define GSO_SIZE    1000u
#define GSO_PAYLOAD 64000u // 64 segments: more than a burst
#define GSO_HEADERS 54u

static int up(void **state)
{
	if (fixture_up(state) != 0)
		return -1;
	guest.n_done = 0;
	guest.head_copy = HEAD_COPY;
	for (uint32_t no = 1; no <= 3; no++)
		fx.ports[no].port.kind = &guest_kind;
	return 0;
}

static void lend(bool lent)
{
	fx.poll.rx = lent ? guest_rx : fake_rx;
	fx.poll.rx_done = lent ? guest_rx_done : NULL;
}

// A list that begins with `list`, goes on with a TUNNEL_PUSH of a vector's header and ends with an
// output; both in a clone of which output 3 is independent, if `cloned`.
static struct flow_actions *list_of(const struct tunnel_vector *v, bool cloned)
{
	struct action list[32] = {{.type = ACTION_CLONE}};
	struct push_list push;
	unsigned n = cloned, n_header;

	push_make(&push, v);
	n_header = (push.action.u.tunnel_push.header_len + (unsigned)sizeof list[0] - 1) /
		   (unsigned)sizeof list[0];
	list[n] = push.action;
	list[n++].n_more = n_header;
	memcpy(&list[n], push.header, n_header * sizeof list[0]);
	n += n_header;
	list[n++] = (struct action)OUTPUT(2);
	if (cloned) {
		list[0].n_more = n - 1;
		list[n++] = (struct action)OUTPUT(3);
	}
	return actions_of(list, n);
}

static struct megaflow *install_at(uint32_t in_port, uint64_t tunnel_id,
				   struct flow_actions *actions)
{
	struct flow_match match = {.key = {.in_port = in_port,
					   .tun.id_be = rte_cpu_to_be_64(tunnel_id)},
				   .mask = {.in_port = UINT32_MAX, .recirc_id = UINT32_MAX}};
	struct megaflow *flow;

	if (tunnel_id)
		match.mask.tun.id_be = UINT64_MAX;
	assert_int_equal(flow_table_add(fx.flows, &match, actions, &flow), 0);
	return flow;
}

static void forward_one(struct rte_mbuf *m)
{
	receive(m);
	assert_int_equal(forward_rx(fx.pmd, &fx.poll), 1);
}

static void wants(uint32_t no, const char *hex)
{
	struct rte_mbuf *m = fake_port_sent(&fx.ports[no]);
	struct frame want;

	frame_unhex(hex, &want);
	assert_non_null(m);
	assert_bytes(m, want.b, want.len);
	rte_pktmbuf_free(m);
}

static struct rte_mbuf *packet_of_hex(const char *hex)
{
	struct frame f;

	frame_unhex(hex, &f);
	return packet_of(&f, 100);
}

static void a_clone_is_pushed_and_the_packet_is_not(void **state)
{
	const struct tunnel_vector *v = vector_of("vxlan_csum");

	(void)state;
	install_at(1, 0, list_of(v, true));
	for (unsigned lent = 0; lent < 2; lent++) {
		lend(lent);
		forward_one(packet_of_hex(v->inner));
		wants(2, v->frame);
		wants(3, v->inner);
	}
}

static void what_comes_out_is_looked_up_by_its_tunnel(void **state)
{
	const struct action take = {.type = ACTION_TUNNEL_POP, .u.port = TUNNEL_NO};
	struct rte_mbuf *m;

	(void)state;
	tunnel_port_set(TUNNEL_NO, TUNNEL_VXLAN, 0);
	install_at(1, 0, ACTIONS(take, OUTPUT(4)));
	install_at(TUNNEL_NO, 0x123456, ACTIONS(OUTPUT(2)));
	install_at(TUNNEL_NO, 1, ACTIONS(OUTPUT(3)));
	for (unsigned lent = 0; lent < 2; lent++) {
		static const char *const names[] = {"vxlan", "vxlan_csum", "vxlan_6"};

		lend(lent);
		for (unsigned i = 0; i < RTE_DIM(names); i++)
			receive(packet_of_hex(vector_of(names[i])->frame));
		assert_int_equal(forward_rx(fx.pmd, &fx.poll), RTE_DIM(names));
		wants(2, vector_of("vxlan")->inner);
		wants(2, vector_of("vxlan_6")->inner);
		wants(3, vector_of("vxlan_csum")->inner);
		for (unsigned i = 0; i < RTE_DIM(names); i++) // the outer packet goes on
			wants(4, vector_of(names[i])->frame);
	}
	assert_int_equal(fx.pmd->in_port, 1);
	tunnel_port_set(TUNNEL_NO, TUNNEL_GENEVE, 0);
	forward_one(packet_of_hex(vector_of("geneve_opts")->frame));
	assert_sent(4, 1);
	assert_int_equal(upcall_drain(&m, 1, true), 1); // a miss, with all that is known of it
	assert_int_equal(packet_meta(m)->in_port, TUNNEL_NO);
	assert_int_equal(packet_meta(m)->flow.tun.id_be, rte_cpu_to_be_64(7));
	assert_int_equal(packet_meta(m)->flow.tun.opts_len, 16);
	rte_pktmbuf_free(m);
}

static struct rte_mbuf *gso_make(void)
{
	static uint8_t bytes[GSO_HEADERS + GSO_PAYLOAD];
	const struct frame_spec spec = {.proto = IPPROTO_TCP};
	struct rte_mbuf *m;
	struct frame f;

	frame_make(&f, &spec);
	put16(f.b + f.l3 + 2, sizeof bytes - 14);
	frame_fix_ipv4(&f);
	put16(f.b + f.l4 + 16, sum_bytes(pseudo_sum(&f, sizeof bytes - 34), NULL, 0));
	memcpy(bytes, f.b, f.len);
	for (uint32_t i = f.len; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 13 + i / 251);
	m = packet_make_cut(bytes, sizeof bytes, 1999);
	packet_meta(m)->offload = (struct packet_offload){.csum_start = 34,
							  .csum_offset = 16,
							  .gso_size = GSO_SIZE,
							  .gso_headers = GSO_HEADERS,
							  .gso_type = VIRTIO_NET_HDR_GSO_TCPV4};
	m->ol_flags |= PACKET_OFFLOAD;
	return m;
}

// The frame behind outer headers, which must be right.
static struct rte_mbuf *inner_of(struct rte_mbuf *m)
{
	packet_meta(m)->n_recirc = 0;
	packet_meta(m)->trunc_len = 0;
	tunnel_pop(fx.pmd, TUNNEL_NO, &m, 1);
	assert_int_equal(fx.pmd->n_recirc, 1);
	return fx.pmd->recirc[--fx.pmd->n_recirc];
}

// Against what a port gets that takes no frames to be segmented.
static void a_frame_to_be_segmented_is_cut_before(void **state)
{
	static const char *const names[] = {"vxlan_csum", "geneve_6_long", "gre_full"};

	(void)state;
	for (unsigned i = 0; i < 2 * RTE_DIM(names); i++) {
		const struct tunnel_vector *v = vector_of(names[i / 2]);
		struct megaflow *flow = install_at(1, 0, list_of(v, true));

		lend(i % 2);
		tunnel_port_set(TUNNEL_NO, v->type, v->options);
		forward_one(gso_make());
		for (uint32_t at = 0; at < GSO_PAYLOAD; at += GSO_SIZE) {
			struct rte_mbuf *got = fake_port_sent(&fx.ports[2]);
			struct rte_mbuf *want = fake_port_sent(&fx.ports[3]);
			uint8_t room[2][1522];

			got = inner_of(got);
			assert_int_equal(got->pkt_len, GSO_HEADERS + GSO_SIZE);
			assert_int_equal(want->pkt_len, got->pkt_len);
			assert_memory_equal(rte_pktmbuf_read(got, 0, got->pkt_len, room[0]),
					    rte_pktmbuf_read(want, 0, want->pkt_len, room[1]),
					    got->pkt_len);
			rte_pktmbuf_free(got);
			rte_pktmbuf_free(want);
		}
		assert_sent(2, 0);
		assert_sent(3, 0);
		flow_table_del(fx.flows, flow, NULL);
	}
}

#undef T
#define T(name) cmocka_unit_test_setup_teardown(name, up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_clone_is_pushed_and_the_packet_is_not),
	    T(what_comes_out_is_looked_up_by_its_tunnel),
	    T(a_frame_to_be_segmented_is_cut_before),
	};

	return run_on_each_isa(tests, RTE_DIM(tests));
}
