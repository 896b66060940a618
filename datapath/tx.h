// Transmission: per PMD and port, packets collect over a burst and leave together.
#ifndef DATAPATH_TX_H
#define DATAPATH_TX_H

#include "datapath/pmd_private.h"

// Puts packets into an output port's buffer and takes them over; what the port cannot take is
// dropped and counted. That PMD, inside its read section.
void tx_add(struct pmd *pmd, uint32_t port_no, struct rte_mbuf **pkts, unsigned n);
// The same with what is known of them all.
void tx_add_batch(struct pmd *pmd, uint32_t port_no, struct rte_mbuf **pkts, unsigned n,
		  const struct packet_sum *sum);
// Sends all that has collected. Once per burst, before the read section ends.
void tx_flush(struct pmd *pmd);

#endif
