// Classification: a burst's packets to batches of one megaflow each, by way of extraction, lookup
// and grouping.
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
	unsigned n;
	struct batch list[BURST_MAX];
	// When all packets do nothing but leave by one port, as they stand in the burst.
	uint32_t output; // 0: they do not
	unsigned n_pkts;
	struct packet_sum sum;
	// Otherwise, batch by batch, each in order of arrival: the packets, and their places in the
	// burst.
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
