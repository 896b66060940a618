// A burst to a device that refuses some of its packets: the others do not wait behind them.
#include "datapath/ethdev_port.h"

#include "fake_port.h"
#include "frames.h"

#include <linux/virtio_net.h>
#include <rte_malloc.h>
#include <rte_net.h>

#define N 8

static struct rte_mbuf *taken[N]; // by the device, in its order
static unsigned n_taken, room;

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

static uint16_t card_send(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent = 0;

	(void)queue;
	while (sent < n && n_taken < room)
		taken[n_taken++] = pkts[sent++];
	return sent;
}

static int card_up(void **state)
{
	static void *queues[1];

	rte_eth_fp_ops[0].txq.data = queues;
	rte_eth_fp_ops[0].tx_pkt_prepare = card_prepare;
	rte_eth_fp_ops[0].tx_pkt_burst = card_send;
	return fake_eal_init(state);
}

static const struct ethdev_kind kind = {.tx_polls = false};
static const struct port_kind row = {.name = "card", .ethdev = &kind};

static void card_port(struct port *port)
{
	struct ethdev_port *p =
	    rte_zmalloc(NULL, sizeof(*p) + sizeof(p->txq[0]), RTE_CACHE_LINE_SIZE);

	assert_non_null(p);
	p->n_txq = 1;
	p->link_up = true;
	p->offload = (struct ethdev_offload){.tx = RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
						   RTE_ETH_TX_OFFLOAD_TCP_CKSUM,
					     .port_tx = PORT_TX_CSUM | PORT_TX_PLAIN};
	*port = (struct port){.kind = &row, .priv = p};
	n_taken = 0;
	room = N;
}

static struct rte_mbuf *partial(uint16_t gso_size)
{
	struct frame_spec spec = {.proto = IPPROTO_TCP, .payload = 300};
	struct frame f;

	frame_make(&f, &spec);
	struct rte_mbuf *m = packet_make(f.b, f.len);
	m->ol_flags |= PACKET_OFFLOAD;
	packet_meta(m)->offload =
	    (struct packet_offload){.csum_start = (uint16_t)f.l4,
				    .csum_offset = (uint16_t)l4_csum_ofs(f.proto),
				    .gso_size = gso_size,
				    .gso_headers = gso_size ? (uint16_t)(f.l4 + 20) : 0,
				    .gso_type = gso_size ? VIRTIO_NET_HDR_GSO_TCPV4 : 0};
	return m;
}

// What the card is to find in the TCP checksum's place: that of the pseudo header.
static uint16_t checksum_of(const struct rte_mbuf *m)
{
	return get16(rte_pktmbuf_mtod_offset(m, const uint8_t *, m->l2_len + m->l3_len + 16));
}

static void a_packet_that_the_device_cannot_take_holds_up_no_other(void **state)
{
	struct rte_mbuf *pkts[N], *refused[2], *first;
	struct port port;
	int reason = 0;

	(void)state;
	card_port(&port);
	for (unsigned i = 0; i < N; i++)
		pkts[i] = partial(i == 2 || i == 5 ? 100 : 0); // it does not segment
	first = pkts[0];
	refused[0] = pkts[2];
	refused[1] = pkts[5];
	assert_int_equal(ethdev_tx(&port, 0, pkts, N, &reason), N - 2);
	assert_int_equal(n_taken, N - 2);
	assert_int_equal(reason, DROP_DEVICE_TX_ERROR);
	assert_ptr_equal(pkts[N - 1], refused[0]);
	assert_ptr_equal(pkts[N - 2], refused[1]);
	for (unsigned i = 0; i < n_taken; i++) {
		assert_ptr_equal(taken[i], pkts[i]);
		assert_int_equal(checksum_of(taken[i]), checksum_of(first));
		assert_int_not_equal(checksum_of(taken[i]), 0);
	}
	packet_free_bulk(pkts, N);
	rte_free(port.priv);
	packets_assert_all_back();
}

static void a_full_device_keeps_the_order_and_says_so(void **state)
{
	struct rte_mbuf *pkts[N], *want[N];
	struct port port;
	int reason = 0;

	(void)state;
	card_port(&port);
	room = 3;
	for (unsigned i = 0; i < N; i++)
		want[i] = pkts[i] = partial(0);
	assert_int_equal(ethdev_tx(&port, 0, pkts, N, &reason), 3);
	assert_int_equal(reason, DROP_TX_FULL);
	assert_memory_equal(pkts, want, sizeof(pkts));
	packet_free_bulk(pkts, N);
	rte_free(port.priv);
	packets_assert_all_back();
}

static void a_lost_device_is_sent_nothing_even_if_its_link_seems_up(void **state)
{
	struct rte_mbuf *m = partial(0);
	struct port port;
	int reason = 0;

	(void)state;
	card_port(&port);
	((struct ethdev_port *)port.priv)->lost = true;
	assert_int_equal(ethdev_tx(&port, 0, &m, 1, &reason), 0);
	assert_int_equal(reason, DROP_PORT_DOWN);
	assert_int_equal(n_taken, 0);
	rte_pktmbuf_free(m);
	rte_free(port.priv);
	packets_assert_all_back();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_packet_that_the_device_cannot_take_holds_up_no_other),
	    cmocka_unit_test(a_full_device_keeps_the_order_and_says_so),
	    cmocka_unit_test(a_lost_device_is_sent_nothing_even_if_its_link_seems_up),
	};
	return cmocka_run_group_tests(tests, card_up, eal_teardown);
}
