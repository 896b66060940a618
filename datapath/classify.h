// Classification: what is to be done with each packet of a burst, by way of extraction and lookup.
// Most flows do nothing but send their packets to a port. A burst of such flows only is told as
// ports, its flows counted. Another is grouped to batches of one megaflow each.
#ifndef DATAPATH_CLASSIFY_H
#define DATAPATH_CLASSIFY_H

#include "datapath/pmd_private.h"
#include "flowtable/isa.h"

struct batch {
	struct megaflow *flow;
	const struct flow_actions *actions; // loaded once: they may be replaced at any time
	uint64_t bytes;
	uint16_t tcp_flags_be; // of all, ORed
	uint8_t n;
	uint8_t first; // its place in batches->pkts
};

struct batches {
	// A burst that is told as ports: the port of each packet, as they stand in the burst.
	unsigned n_outputs;
	uint32_t outputs[BURST_MAX];
	uint32_t output; // the port of all, or 0; outputs[] is not filled for a single flow
	struct packet_sum sum;
	// Or batches: the packets, batch by batch, each in order of arrival, and their places in
	// the burst.
	unsigned n;
	struct batch list[BURST_MAX];
	struct rte_mbuf *pkts[BURST_MAX];
	uint8_t places[BURST_MAX];
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
