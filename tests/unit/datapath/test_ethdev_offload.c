// What is left to a device: which ones are asked, in which words of DPDK, and what its driver does
// to a packet before it is sent.
#include "datapath/ethdev_offload.h"

#include "datapath/offload.h"
#include "fake_port.h"
#include "frames.h"

#include <linux/virtio_net.h>
#include <rte_net.h>

#define TCP_UDP (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define IPV4	RTE_ETH_TX_OFFLOAD_IPV4_CKSUM
#define TSO	RTE_ETH_TX_OFFLOAD_TCP_TSO
#define CHAINS	RTE_ETH_TX_OFFLOAD_MULTI_SEGS
#define CSUM	(PORT_TX_CSUM | PORT_TX_PLAIN)

static void a_device_is_asked_for_what_it_can_and_no_more(void **state)
{
	static const struct {
		const char *driver;
		const char *devargs;
		uint64_t capa;
		uint16_t segs; // that it takes in a chain, 0: any
		uint64_t tx;
		uint32_t port_tx;
	} devices[] = {
	    {"net_x", "", 0, 0, 0, 0},
	    {"net_x", "", TCP_UDP, 0, TCP_UDP, CSUM},
	    {"net_x", "", TCP_UDP | IPV4, 0, TCP_UDP | IPV4, CSUM},
	    // One of the two would do for some packets: those are not told apart.
	    {"net_x", "", RTE_ETH_TX_OFFLOAD_TCP_CKSUM | TSO | CHAINS, 0, 0, 0},
	    {"net_x", "", RTE_ETH_TX_OFFLOAD_UDP_CKSUM | IPV4, 0, 0, 0},
	    {"net_x", "", TCP_UDP | TSO | CHAINS, 0, TCP_UDP | TSO,
	     CSUM | PORT_TX_TSO4 | PORT_TX_TSO6},
	    {"net_x", "", TCP_UDP | TSO | CHAINS, 40, TCP_UDP | TSO,
	     CSUM | PORT_TX_TSO4 | PORT_TX_TSO6},
	    // 64 KiB in buffers of 2 KiB is a longer chain than these take.
	    {"net_x", "", TCP_UDP | TSO | CHAINS, 32, TCP_UDP, CSUM},
	    {"net_x", "", TCP_UDP | TSO, 0, TCP_UDP, CSUM},
	    {"net_tap", "net_tap0,iface=x", TCP_UDP | TSO | CHAINS, 0, 0, 0},
	    {"net_bonding", "net_bonding_swd1", TCP_UDP | TSO | CHAINS, 0, 0, 0},
	    {"net_virtio_user", "virtio_user0,path=/a,server=1", TCP_UDP, 0, 0, 0},
	    {"net_virtio_user", "virtio_user0,path=/a,server=0", TCP_UDP, 0, TCP_UDP, CSUM},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(devices); i++) {
		struct rte_eth_dev_info info = {.driver_name = devices[i].driver,
						.tx_offload_capa = devices[i].capa,
						.tx_desc_lim.nb_seg_max = devices[i].segs};
		struct ethdev_offload offload = ethdev_offload_choose(&info, devices[i].devargs);

		if (offload.tx != devices[i].tx || offload.port_tx != devices[i].port_tx)
			fail_msg("device %zu: tx 0x%lx, port 0x%x", i, (long)offload.tx,
				 offload.port_tx);
	}
}

static struct ethdev_offload nic = {.tx = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
					  RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
					  RTE_ETH_TX_OFFLOAD_UDP_CKSUM,
				    .port_tx = PORT_TX_CSUM | PORT_TX_PLAIN};

// As drivers of cards do.
static uint16_t card_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	(void)queue;
	for (uint16_t i = 0; i < n; i++) {
		if (rte_net_intel_cksum_prepare(pkts[i]) < 0)
			return i;
	}
	return n;
}

static int card_up(void **state)
{
	static void *queues[1];

	rte_eth_fp_ops[0].txq.data = queues;
	rte_eth_fp_ops[0].tx_pkt_prepare = card_prepare;
	return fake_eal_init(state);
}

static struct rte_mbuf *left_to_do(struct frame *f, const struct frame_spec *spec,
				   uint16_t gso_size)
{
	struct packet_offload *left;
	struct rte_mbuf *m;

	frame_make(f, spec);
	m = packet_make(f->b, f->len);
	m->ol_flags |= PACKET_OFFLOAD;
	left = &packet_meta(m)->offload;
	left->csum_start = (uint16_t)f->l4;
	left->csum_offset = (uint16_t)l4_csum_ofs(f->proto);
	left->gso_size = gso_size;
	left->gso_headers = gso_size ? (uint16_t)(f->l4 + 20) : 0;
	if (gso_size)
		left->gso_type = f->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	return m;
}

static uint16_t prepare(uint64_t tx, struct rte_mbuf **pkts, uint16_t n)
{
	const uint32_t tso = tx & TSO ? PORT_TX_TSO4 | PORT_TX_TSO6 : 0;
	const struct ethdev_offload offload = {.tx = tx, .port_tx = tx ? CSUM | tso : 0};

	return ethdev_offload_prepare(&offload, 0, 0, pkts, n);
}

static void a_checksum_is_left_in_the_device_s_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * 2 * 3 * 2; i++) {
		struct frame_spec spec = {.v6 = i & 1,
					  .proto = i & 2 ? IPPROTO_UDP : IPPROTO_TCP,
					  .n_tags = i / 4 % 3,
					  .payload = 50};
		bool ipv4_too = i / 12;
		uint64_t wanted = spec.v6    ? RTE_MBUF_F_TX_IPV6
				  : ipv4_too ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM
					     : RTE_MBUF_F_TX_IPV4;
		struct frame f;
		struct rte_mbuf *m = left_to_do(&f, &spec, 0);

		wanted |= i & 2 ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM;
		assert_int_equal(prepare(TCP_UDP | (ipv4_too ? IPV4 : 0), &m, 1), 1);
		assert_int_equal(m->ol_flags, wanted);
		assert_int_equal(m->l2_len, f.l3);
		assert_int_equal(m->l3_len, f.l4 - f.l3);
		rte_pktmbuf_free(m);
	}
}

static void a_super_frame_is_left_with_its_segments_size(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct frame_spec spec = {.v6 = v6, .proto = IPPROTO_TCP, .payload = 1900};
		struct frame f;
		struct rte_mbuf *m = left_to_do(&f, &spec, 700);

		assert_int_equal(prepare(TCP_UDP | IPV4 | TSO, &m, 1), 1);
		assert_int_equal(m->ol_flags,
				 RTE_MBUF_F_TX_TCP_SEG |
				     (v6 ? RTE_MBUF_F_TX_IPV6
					 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM));
		assert_int_equal(m->l2_len, 14);
		assert_int_equal(m->l3_len, v6 ? 40 : 20);
		assert_int_equal(m->l4_len, 20);
		assert_int_equal(m->tso_segsz, 700);
		rte_pktmbuf_free(m);
	}
}

static void packets_with_nothing_left_to_do_are_not_touched(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 9};
	struct rte_mbuf *pkts[3];
	struct frame f;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		pkts[i] = left_to_do(&f, &spec, 0);
		if (i != 1)
			pkts[i]->ol_flags = 0;
	}
	assert_int_equal(prepare(TCP_UDP, pkts, 3), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(!pkts[i]->ol_flags, i != 1);
		assert_int_equal(pkts[i]->l2_len, i == 1 ? 14 : 0);
		rte_pktmbuf_free(pkts[i]);
	}
}

// The port offered it when the packet was sent, and has come back as another device since.
static void a_device_that_computes_nothing_is_given_no_such_packet(void **state)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 9};
	struct rte_mbuf *pkts[3];
	struct frame f;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		pkts[i] = left_to_do(&f, &spec, 0);
	pkts[0]->ol_flags = pkts[1]->ol_flags = 0;
	assert_int_equal(prepare(0, pkts, 3), 2);
	assert_int_equal(pkts[2]->ol_flags, PACKET_OFFLOAD);
	for (unsigned i = 0; i < 3; i++)
		rte_pktmbuf_free(pkts[i]);
	packets_assert_all_back();
}

static struct rte_mbuf *partial_make(const struct frame *f, uint32_t cut)
{
	struct rte_mbuf *m = packet_make_cut(f->b, f->len, cut);

	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload =
	    (struct packet_offload){.csum_start = (uint16_t)f->l4,
				    .csum_offset = (uint16_t)l4_csum_ofs(f->proto)};
	return m;
}

static struct frame frame_of(uint8_t proto, uint32_t payload)
{
	struct frame_spec spec = {.proto = proto, .payload = payload};
	struct frame f;

	frame_make(&f, &spec);
	return f;
}

static void what_a_driver_writes_is_not_in_the_packet_of_another_port(void **state)
{
	struct frame f = frame_of(IPPROTO_UDP, 300);
	struct rte_mbuf *m = partial_make(&f, 2000), *sent;

	(void)state;
	for (unsigned i = 0; i < 2; i++) { // the clone goes to the card, then the packet itself
		struct rte_mbuf *clone = rte_pktmbuf_clone(m, packet_pool());

		*packet_meta(clone) = *packet_meta(m);
		sent = i ? m : clone;
		m = i ? clone : m;
		assert_int_equal(ethdev_offload_prepare(&nic, 0, 0, &sent, 1), 1);
		assert_true(sent->ol_flags & RTE_MBUF_F_TX_IP_CKSUM);
		assert_int_equal(get16(rte_pktmbuf_mtod_offset(sent, const uint8_t *, f.l3 + 10)),
				 0);
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), f.b, f.len);
		rte_pktmbuf_free(sent);
	}
	rte_pktmbuf_free(m);
	packets_assert_all_back();
}

// A driver refuses headers that lie in two segments, and what the fields of a former life say.
static void headers_in_pieces_are_put_together(void **state)
{
	struct frame f = frame_of(IPPROTO_TCP, 60);

	(void)state;
	for (uint32_t cut = 20; cut < f.len; cut++) {
		struct rte_mbuf *m = partial_make(&f, cut);

		m->l4_len = 200;
		assert_int_equal(ethdev_offload_prepare(&nic, 0, 0, &m, 1), 1);
		assert_true(m->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM);
		rte_pktmbuf_free(m);
	}
	packets_assert_all_back();
}

static void a_device_that_comes_back_with_less_is_not_asked_for_more(void **state)
{
	struct frame f = frame_of(IPPROTO_TCP, 300);
	struct rte_mbuf *pkts[2] = {partial_make(&f, 2000), partial_make(&f, 2000)};
	struct packet_offload *offload = &packet_meta(pkts[1])->offload;

	(void)state;
	offload->gso_size = 100;
	offload->gso_headers = (uint16_t)(f.l4 + 20);
	offload->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	assert_int_equal(ethdev_offload_prepare(&nic, 0, 0, pkts, 2), 1);
	packet_free_bulk(pkts, 2);
	packets_assert_all_back();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_device_is_asked_for_what_it_can_and_no_more),
	    cmocka_unit_test(a_checksum_is_left_in_the_device_s_words),
	    cmocka_unit_test(a_super_frame_is_left_with_its_segments_size),
	    cmocka_unit_test(packets_with_nothing_left_to_do_are_not_touched),
	    cmocka_unit_test(a_device_that_computes_nothing_is_given_no_such_packet),
	    cmocka_unit_test(what_a_driver_writes_is_not_in_the_packet_of_another_port),
	    cmocka_unit_test(headers_in_pieces_are_put_together),
	    cmocka_unit_test(a_device_that_comes_back_with_less_is_not_asked_for_more),
	};
	return cmocka_run_group_tests(tests, card_up, eal_teardown);
}
