// A port of two rings that a test fills and empties, and the rest that a test of the datapath
// needs.
#ifndef TESTS_UNIT_DATAPATH_FAKE_PORT_H
#define TESTS_UNIT_DATAPATH_FAKE_PORT_H

#include "datapath/drop.h"
#include "datapath/packet.h"
#include "datapath/port.h"
#include "datapath/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <string.h>

#include "tests/unit/flowtable/eal.h"

#define FAKE_QUEUES 4

struct fake_port {
	struct port port;
	struct rte_ring *in[FAKE_QUEUES];
	struct rte_ring *out;
	unsigned room;		     // packets that tx still takes
	int refusal;		     // the reason it gives for the others
	unsigned polls[FAKE_QUEUES]; // calls of rx
	bool polling[FAKE_QUEUES];   // a PMD is inside rx
	unsigned n_clashes;	     // two were
	unsigned slow_us;	     // how long rx takes
	bool gate_closed;	     // rx does not return
};

static uint16_t fake_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
			struct rte_mbuf **pkts, uint16_t n)
{
	(void)arena;
	struct fake_port *fake = port->priv;

	__atomic_add_fetch(&fake->polls[queue], 1, __ATOMIC_RELAXED);
	if (__atomic_exchange_n(&fake->polling[queue], true, __ATOMIC_ACQ_REL))
		__atomic_add_fetch(&fake->n_clashes, 1, __ATOMIC_RELAXED);
	n = (uint16_t)rte_ring_sc_dequeue_burst(fake->in[queue], (void **)pkts, n, NULL);
	rte_delay_us_block(__atomic_load_n(&fake->slow_us, __ATOMIC_RELAXED));
	while (__atomic_load_n(&fake->gate_closed, __ATOMIC_ACQUIRE))
		rte_pause();
	__atomic_store_n(&fake->polling[queue], false, __ATOMIC_RELEASE);
	return n;
}

static uint16_t fake_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
			int *reason)
{
	struct fake_port *fake = port->priv;
	unsigned room = __atomic_load_n(&fake->room, __ATOMIC_RELAXED);
	uint16_t taken = (uint16_t)RTE_MIN((unsigned)n, room);

	(void)pmd_index;
	for (uint16_t i = 0; i < taken; i++)
		rte_ring_mp_enqueue(fake->out, pkts[i]);
	__atomic_sub_fetch(&fake->room, taken, __ATOMIC_RELAXED);
	if (taken < n)
		*reason = fake->refusal;
	return taken;
}

static const struct port_kind fake_kind = {.name = "fake", .rx = fake_rx, .tx = fake_tx};

static inline void fake_port_open(struct fake_port *fake, uint32_t no, uint16_t n_rxq)
{
	*fake = (struct fake_port){.room = UINT32_MAX, .refusal = DROP_TX_FULL};
	fake->port.no = no;
	fake->port.n_rxq = n_rxq;
	fake->port.n_txq = 1;
	fake->port.max_frame = 1522;
	fake->port.kind = &fake_kind;
	fake->port.priv = fake;
	snprintf(fake->port.config.name, sizeof fake->port.config.name, "fake%u", no);
	for (uint16_t i = 0; i < n_rxq; i++)
		fake->in[i] = ring_create(sizeof(void *), 1024, SOCKET_ID_ANY);
	fake->out = ring_create(sizeof(void *), 2048, SOCKET_ID_ANY);
	__atomic_store_n(&ports_published[no], &fake->port, __ATOMIC_RELEASE);
}

static inline void fake_ring_free(struct rte_ring *ring)
{
	void *m;

	while (rte_ring_sc_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
	ring_destroy(ring);
}

static inline void fake_port_close(struct fake_port *fake)
{
	__atomic_store_n(&ports_published[fake->port.no], NULL, __ATOMIC_RELEASE);
	for (uint16_t i = 0; i < fake->port.n_rxq; i++)
		fake_ring_free(fake->in[i]);
	fake_ring_free(fake->out);
}

// What the port has sent first, or NULL. The caller frees it.
static inline struct rte_mbuf *fake_port_sent(struct fake_port *fake)
{
	void *m = NULL;

	return rte_ring_sc_dequeue(fake->out, &m) == 0 ? m : NULL;
}

static inline struct rte_mbuf *packet_make(const void *bytes, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packet_pool());

	assert_non_null(m);
	memset(packet_meta(m), 0, sizeof(struct packet_meta));
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), bytes, len);
	return m;
}

// The same bytes, cut into segments of `cut` bytes.
static inline struct rte_mbuf *packet_make_cut(const uint8_t *bytes, uint32_t len, uint32_t cut)
{
	struct rte_mbuf *head = packet_make(bytes, RTE_MIN(len, cut));

	for (uint32_t at = cut; at < len; at += cut)
		assert_int_equal(rte_pktmbuf_chain(head,
						   packet_make(bytes + at, RTE_MIN(len - at, cut))),
				 0);
	return head;
}

// An IPv4/UDP frame of len bytes: everything but the two last arguments is the same.
static inline struct rte_mbuf *packet_udp(uint16_t src_port, uint32_t len)
{
	uint8_t frame[2048] = {
	    2,	  0, 0, 0,  0, 2, 2, 0, 0,  0,	0, 1, 8,  0,			// Ethernet
	    0x45, 0, 0, 0,  0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // IPv4
	    0,	  0, 0, 53, 0, 0, 0, 0,						// UDP
	};

	frame[16] = (uint8_t)((len - 14) >> 8);
	frame[17] = (uint8_t)(len - 14);
	frame[34] = (uint8_t)(src_port >> 8);
	frame[35] = (uint8_t)src_port;
	frame[38] = (uint8_t)((len - 34) >> 8);
	frame[39] = (uint8_t)(len - 34);
	return packet_make(frame, len);
}

static inline int fake_eal_init(void **state)
{
	return eal_setup(state) == 0 && packet_pool_create(4095) ? 0 : -1;
}

// Whether all packets have come back: no test may leak one.
static inline void packets_assert_all_back(void)
{
	assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

#endif
