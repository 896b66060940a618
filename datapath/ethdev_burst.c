// A burst's way from a device, and to one. Hot.
#include "datapath/ethdev_port.h"
#include "datapath/kernel_frame.h"

#include <rte_ethdev.h>

#define TX_POLL 256 // polls

static void tx_poll(struct ethdev_port *p)
{
	rte_spinlock_lock(&p->txq[0].lock);
	rte_eth_tx_burst(p->id, 0, NULL, 0);
	rte_spinlock_unlock(&p->txq[0].lock);
}

uint16_t ethdev_rx(struct port *port, uint16_t queue, struct packet_arena *arena,
		   struct rte_mbuf **pkts, uint16_t n)
{
	(void)arena;
	struct ethdev_port *p = port->priv;
	if (unlikely(p->lost)) // and its queues not yet taken away
		return 0;
	if (port->kind->ethdev->tx_polls && queue == 0 && ++p->n_polls % TX_POLL == 0)
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

uint16_t ethdev_tx(struct port *port, unsigned pmd_index, struct rte_mbuf **pkts, uint16_t n,
		   int *reason)
{
	struct ethdev_port *p = __atomic_load_n(&port->priv, __ATOMIC_ACQUIRE);
	// Drivers take frames for an interface or a peer that does not.
	if (unlikely(!__atomic_load_n(&p->link_up, __ATOMIC_RELAXED)) &&
	    (p->lost || p->iface_index || port->kind->ethdev->waits)) {
		*reason = DROP_PORT_DOWN;
		return 0;
	}
	uint16_t queue = pmd_index % p->n_txq;
	uint16_t fit = p->linearize ? linearize(pkts, n) : n;

	rte_spinlock_lock(&p->txq[queue].lock);
	uint16_t prepared = ethdev_offload_prepare(&p->offload, p->id, queue, pkts, fit);
	uint16_t sent = rte_eth_tx_burst(p->id, queue, pkts, prepared);
	rte_spinlock_unlock(&p->txq[queue].lock);
	if (sent == prepared && prepared < fit)
		*reason = DROP_DEVICE_TX_ERROR;
	else if (sent < prepared)
		*reason =
		    __atomic_load_n(&p->link_up, __ATOMIC_RELAXED) ? DROP_TX_FULL : DROP_PORT_DOWN;
	else
		*reason = DROP_MTU; // the next one does not fit into one buffer
	return sent;
}
