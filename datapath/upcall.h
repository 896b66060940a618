// Upcalls: packets on their way from PMDs to the control daemon, through one bounded ring per
// receive queue. Ports have turns, however many queues they have, and a budget each: those within
// theirs have all the turns until their rings are empty, so that one port's new flows do not
// crowd out another's; what is left goes to the others, in turn.
//
// Wake-up: the control thread sets "armed" before it sleeps and re-checks the rings; a PMD that
// queued misses in a burst and finds it armed clears it and writes the eventfd once.
#ifndef DATAPATH_UPCALL_H
#define DATAPATH_UPCALL_H

#include "datapath/pmd.h"

// Packets per receive queue: some 30 ms of new flows at the rate at which swctld sets them up, in
// which it may wait for its core.
#define UPCALL_RING_SIZE  4096
#define UPCALL_PACKET_MAX FRAME_MAX // bytes of the longest packet that is handed over

// Control thread.
int upcall_init(void);
int upcall_fd(void); // readable when misses wait; read it (eventfd) before draining
// A bit per slot of a datapath (datapaths.h) that has somebody to hand misses to: those of others
// are dropped and counted as no-controller.
void upcall_set_attached(uint32_t dps);
// A port's budget in packets a second; a tenth of it may come at once. 0: without end.
void upcall_set_rate(unsigned per_second);
// Takes up to n packets; past_budget: also of ports that are past their budget, after the others.
// The caller owns the mbufs.
unsigned upcall_drain(struct rte_mbuf **pkts, unsigned n, bool past_budget);
// The same for ports of the datapaths of `dps`, and past their budget for those of `dps_past`, a
// bit per slot each. What injected packets sent up is taken with the first datapath's, whosever it
// is.
unsigned upcall_drain_of(uint32_t dps, uint32_t dps_past, struct rte_mbuf **pkts, unsigned n);
// Declares that the control thread is about to sleep. false: something waits already, drain again.
bool upcall_arm(void);
bool upcall_arm_of(uint32_t dps); // whatever waits of others
void upcall_fini(void);		  // no PMD runs

// The pool's: a ring that upcall_drain() empties, of a port's receive queue; port number 0: of
// injected packets, which has turns and a budget of its own. NULL when out of memory. Control
// thread.
struct rte_ring *upcall_ring_create(uint32_t port_no, unsigned n_packets, int numa_node);
void upcall_ring_destroy(struct rte_ring *ring); // no producer is left; what waits is dropped

// PMD side, producer of rxq->upcalls. Takes the packet over, a copy if it is lent, with its
// checksum completed; returns false when it does not fit, with the reason: the packet stays the
// caller's.
bool upcall_enqueue(struct rxq *rxq, struct rte_mbuf *m, enum drop_reason *reason);
// Once per burst, when something was queued.
void upcall_wake(void);

#endif
