// Work that is left to a device, and what its driver does to a packet before it is sent.
#include "datapath/ethdev_offload.h"

#include "fake_port.h"
#include "frames.h"

#include <linux/virtio_net.h>
#include <rte_net.h>

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
	    cmocka_unit_test(what_a_driver_writes_is_not_in_the_packet_of_another_port),
	    cmocka_unit_test(headers_in_pieces_are_put_together),
	    cmocka_unit_test(a_device_that_comes_back_with_less_is_not_asked_for_more),
	};

	return cmocka_run_group_tests(tests, card_up, eal_teardown);
}
