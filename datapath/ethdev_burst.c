// A burst's way from a device, and to one. Hot.
#include "datapath/ethdev_port.h"
#include "datapath/kernel_frame.h"
#include "datapath/tap_queue.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <string.h>

#define TX_POLLS_A_S 100 // LACP's driver counts by tenths of a second

// By the clock: a PMD that has nothing to do polls seldom.
static void tx_poll(struct ethdev_port *p)
{
	uint64_t now = rte_rdtsc();
	if (now - p->polled_tsc < rte_get_tsc_hz() / TX_POLLS_A_S)
		return;
	p->polled_tsc = now;
	rte_spinlock_lock(&p->txq[0].lock);
	rte_eth_tx_burst(p->id, 0, NULL, 0);
	rte_spinlock_unlock(&p->txq[0].lock);
}

uint16_t ethdev_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
		   struct rte_mbuf **pkts, uint16_t n)
{
	(void)arena;
	struct ethdev_port *p = port->priv;
	if (unlikely(
		__atomic_load_n(&p->lost, __ATOMIC_RELAXED))) // and its queues not yet taken away
		return 0;
	if (port->kind->ethdev->tx_polls && queue == 0)
		tx_poll(p);
	n = rte_eth_rx_burst(p->id, queue, pkts, n);
	for (uint16_t i = 0; i < n; i++)
		pkts[i]->ol_flags &= ~PACKET_OFFLOAD; // a buffer's former life
	if (!p->kernel_rx || n == 0)
		return n;
	uint16_t kept = kernel_frames_take(pkts, n, __atomic_load_n(&p->mtu, __ATOMIC_RELAXED));
	if (unlikely(kept < n))
		__atomic_fetch_add(&p->n_cut_off, n - kept, __ATOMIC_RELAXED);
	return kept;
}

// How many packets from the start of the burst the device can take as they are now.
static uint16_t linearize(struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (pkts[i]->nb_segs > 1 && rte_pktmbuf_linearize(pkts[i]) < 0)
			return i;
	}
	return n;
}

// Sends from the start of the burst. Less than n: why the next one stays, and whether that is for
// its own sake.
static uint16_t send_burst(struct ethdev_port *p, uint16_t queue, struct rte_mbuf **pkts,
			   uint16_t n, int *reason, bool *impossible)
{
	uint16_t fit = p->linearize ? linearize(pkts, n) : n;
	uint16_t prepared = ethdev_offload_prepare(&p->offload, p->id, queue, pkts, fit);
	uint16_t sent = unlikely(__atomic_load_n(&p->tap_beyond, __ATOMIC_RELAXED))
			    ? tap_queue_send(p->id, queue, pkts, prepared)
			    : rte_eth_tx_burst(p->id, queue, pkts, prepared);
	if (likely(sent == n))
		return sent;
	*impossible = sent == prepared;
	if (*impossible)
		// Not a buffer that it would fit into, or not what the device does.
		*reason = prepared == fit ? DROP_MTU : DROP_DEVICE_TX_ERROR;
	else
		*reason =
		    __atomic_load_n(&p->link_up, __ATOMIC_RELAXED) ? DROP_TX_FULL : DROP_PORT_DOWN;
	return sent;
}

uint16_t ethdev_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
		   int *reason)
{
	struct ethdev_port *p = __atomic_load_n(&port->priv, __ATOMIC_ACQUIRE);
	// Drivers take frames for an interface or a peer that does not.
	if (unlikely(__atomic_load_n(&p->lost, __ATOMIC_RELAXED) ||
		     (!__atomic_load_n(&p->link_up, __ATOMIC_RELAXED) &&
		      (p->iface_index || port->kind->ethdev->waits)))) {
		*reason = DROP_PORT_DOWN;
		return 0;
	}
	uint16_t queue = pmd_index % p->n_txq;
	uint16_t sent = 0, end = n;

	rte_spinlock_lock(&p->txq[queue].lock);
	while (sent < end) {
		bool impossible = false;
		sent += send_burst(p, queue, pkts + sent, end - sent, reason, &impossible);
		if (likely(!impossible))
			break;
		// The next one holds nobody up.
		struct rte_mbuf *refused = pkts[sent];
		memmove(pkts + sent, pkts + sent + 1, (end - sent - 1u) * sizeof(pkts[0]));
		pkts[--end] = refused;
	}
	rte_spinlock_unlock(&p->txq[queue].lock);
	return sent;
}
