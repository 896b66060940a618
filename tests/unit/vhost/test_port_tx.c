// What a "vhost-user" port asks of a guest's rings when it sends: rings of the test's in their
// place.
#include "datapath/port.h"
#include "vhost/session.h"

#include <rte_eal.h>

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct {
	unsigned n_calls;	 // of tx
	uint16_t room;		 // frames that still fit
	uint16_t per_call;	 // frames that it takes at most in a call
	unsigned n_locked;	 // calls under the queue's lock
	uint32_t impossible_len; // frames of this length
	uint32_t lens[8];	 // of the first ones that it took
	unsigned n_taken;
} ring;

static uint16_t ring_tx(struct virtqueue *vq, struct rte_mbuf **pkts, uint16_t n, bool *impossible)
{
	uint16_t most = RTE_MIN(RTE_MIN(n, ring.room), ring.per_call), sent = 0;

	ring.n_calls++;
	ring.n_locked += (unsigned)rte_spinlock_is_locked(&vq->lock);
	while (sent < most && pkts[sent]->pkt_len != ring.impossible_len) {
		if (ring.n_taken < RTE_DIM(ring.lens))
			ring.lens[ring.n_taken++] = pkts[sent]->pkt_len;
		sent++;
	}
	*impossible = sent < n && pkts[sent]->pkt_len == ring.impossible_len;
	ring.room = (uint16_t)(ring.room - sent);
	return sent;
}

static const struct virtqueue_ops counting_ops = {.tx = ring_tx};

static struct vhost_session session;
static struct vhost_device device;
static struct virtqueue queues[3];
static struct port vm = {.kind = &port_kind_vhost, .priv = &session};

static int before_each(void **state)
{
	(void)state;
	memset(&ring, 0, sizeof(ring));
	memset(&device, 0, sizeof(device));
	memset(queues, 0, sizeof(queues));
	ring.room = ring.per_call = UINT16_MAX;
	ports_n_senders = 0;
	device.n_rx = 1;
	for (unsigned q = 0; q < RTE_DIM(queues); q++) {
		queues[q].ops = &counting_ops;
		device.rx[q] = &queues[q];
	}
	session.device = &device;
	return 0;
}

static int after_each(void **state)
{
	(void)state;
	return rte_mempool_in_use_count(packet_pool()) == 0 ? 0 : -1;
}

static struct rte_mbuf *frame(uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());

	assert_non_null(m);
	assert_non_null(rte_pktmbuf_append(m, (uint16_t)len));
	return m;
}

// How many were sent of n frames of these lengths.
static uint16_t send_burst(unsigned pmd_index, const uint32_t *lens, uint16_t n, int *reason)
{
	struct rte_mbuf *pkts[BURST_MAX];
	for (uint16_t i = 0; i < n; i++)
		pkts[i] = frame(lens ? lens[i] : 60);
	uint16_t sent = port_kind_vhost.tx(&vm, pmd_index, pkts, n, reason);
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	return sent;
}

static void a_slow_guest_costs_few_looks_at_its_ring(void **state)
{
	(void)state;
	int reason = -1;

	ring.room = 0;
	assert_int_equal(send_burst(0, NULL, BURST_MAX, &reason), 0);
	assert_int_equal(reason, DROP_TX_FULL);
	assert_int_equal(ring.n_calls, 1);

	// One that empties its ring frame by frame.
	ring.n_calls = 0;
	ring.room = UINT16_MAX;
	ring.per_call = 1;
	assert_int_equal(send_burst(0, NULL, BURST_MAX, &reason), 3);
	assert_int_equal(reason, DROP_TX_FULL);
	assert_int_equal(ring.n_calls, 3);
}

static void an_impossible_frame_holds_up_no_other(void **state)
{
	(void)state;
	const uint32_t lens[] = {1500, 61, 1500, 62, 63, 1500}, rest[] = {61, 62, 63};
	int reason = -1;

	ring.impossible_len = 1500;
	assert_int_equal(send_burst(0, lens, RTE_DIM(lens), &reason), 3);
	assert_int_equal(reason, DROP_MTU);
	assert_memory_equal(ring.lens, rest, sizeof(rest));

	// And without room for all: the full ring is what counts.
	ring.room = 2;
	assert_int_equal(send_burst(0, lens, RTE_DIM(lens), &reason), 2);
	assert_int_equal(reason, DROP_TX_FULL);
}

static void a_queue_is_locked_only_when_pmds_may_meet_in_it(void **state)
{
	(void)state;
	static const struct {
		unsigned n_senders;
		bool shared, locked;
	} rows[] = {{1, false, false}, {3, false, false}, {4, false, true}, {1, true, true}};
	int reason;

	device.n_rx = 3;
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		ring.n_locked = ring.n_calls = 0;
		ports_n_senders = rows[i].n_senders;
		device.shared = rows[i].shared;
		for (unsigned pmd = 0; pmd < 6; pmd++)
			assert_int_equal(send_burst(pmd, NULL, 2, &reason), 2);
		assert_int_equal(ring.n_calls, 6);
		assert_int_equal(ring.n_locked, rows[i].locked ? 6 : 0);
		for (unsigned q = 0; q < 3; q++)
			assert_false(rte_spinlock_is_locked(&queues[q].lock));
	}
}

static void a_stopped_queue_is_no_full_one(void **state)
{
	(void)state;
	int reason = -1;

	ring.room = 0;
	queues[0].fault = VIRTQUEUE_ADDRESS;
	assert_int_equal(send_burst(0, NULL, 2, &reason), 0);
	assert_int_equal(reason, DROP_PORT_DOWN);
}

static int start(void **state)
{
	(void)state;
	char *argv[] = {"test", "--no-pci",    "--no-huge",	 "--no-shconf",
			"-m",	"64",	       "--no-telemetry", "-l",
			"0",	"--log-level", "*:emergency",	 NULL};
	return rte_eal_init(RTE_DIM(argv) - 1, argv) < 0 || !packet_pool_create(1024) ? -1 : 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, before_each, after_each)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_slow_guest_costs_few_looks_at_its_ring),
	    TEST(an_impossible_frame_holds_up_no_other),
	    TEST(a_queue_is_locked_only_when_pmds_may_meet_in_it),
	    TEST(a_stopped_queue_is_no_full_one),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
