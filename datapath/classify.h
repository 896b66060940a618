// Classification: a burst's packets to batches of one megaflow each, by way of extraction, lookup
// and grouping.
#ifndef DATAPATH_CLASSIFY_H
#define DATAPATH_CLASSIFY_H

#include "datapath/pmd_private.h"
#include "flowtable/isa.h"

struct batch {
	struct megaflow *flow;
	struct packet_sum sum;
	uint16_t tcp_flags_be; // of all, ORed
	uint8_t n;
	uint8_t first; // its place in the burst's order
};

struct batches {
	unsigned n;
	struct batch list[BURST_MAX];
	// The packets and their places in the burst, batch by batch, each in order of arrival.
	struct rte_mbuf **pkts;
	const uint8_t *places;
	// Where they point when there are several batches.
	struct rte_mbuf *sorted_pkts[BURST_MAX];
	uint8_t sorted_places[BURST_MAX];
};

struct classify_ops {
	// The n packets of pmd->burst. Malformed ones are dropped, misses go up. That PMD, inside
	// its read section.
	void (*classify)(struct pmd *pmd, unsigned n, struct batches *batches);
};

ISA_DECLARE(struct classify_ops, classify_ops); // classify_hot.c

// classify.c: what is not hot.
const struct classify_ops *classify_ops_current(void);
// Extracts a packet's key the general way; *m may change its segments. recirc_id and in_port are
// set.
void classify_extract(struct rte_mbuf *m, struct flow_key *key, struct packet_layout *layout);
// Packet i of the burst has no megaflow.
void classify_miss(struct pmd *pmd, unsigned i);
// What the actions and the control side want to know of packet i travels with it.
void classify_meta(struct pmd *pmd, unsigned i);

#endif
