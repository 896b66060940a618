// Traces: what happens to the next packets of a port. A PMD looks once a burst whether its port is
// traced; packets of a traced burst go their way one by one, and what happens to each is noted on
// the way: here, in pmd_count_drop(), tx.c, punt.c and classify.c, where pmd->trace is not NULL.
#ifndef DATAPATH_TRACE_H
#define DATAPATH_TRACE_H

#include "ctl/dp_trace.h"
#include "datapath/drop.h"
#include "datapath/port.h"
#include "flowtable/megaflow.h"

#define TRACES_MAX 8 // at once, of up to 2 MB each

struct trace;
struct trace_record; // of one packet; writer: its PMD, until it is done

// Control thread.
void traces_init(struct rcu *rcu);
// Starts one for the port's next `count` (1 to DP_TRACE_COUNT_MAX) packets. -EBUSY when the port
// has one, -ENOSPC when TRACES_MAX are there, -ENOMEM.
int trace_start(struct port *port, unsigned count, struct trace **out);
// Ends it; freed after a grace period. The port may be gone.
void trace_stop(struct trace *trace);
bool trace_port_is_gone(const struct trace *trace);
unsigned trace_count(const struct trace *trace);
// The packet that came i-th, when it has gone its way; otherwise NULL.
const struct dp_trace_packet *trace_packet(const struct trace *trace, unsigned i);

// PMD side, of a traced packet.

// The record of the next packet, m, whose bytes it keeps; NULL when there are enough.
struct trace_record *trace_claim(struct trace *trace, struct rte_mbuf *m);
void trace_done(struct trace_record *record); // the packet has gone its way
// flow and actions: NULL for a miss.
void trace_step(struct trace_record *record, const struct flow_key *key,
		const struct megaflow *flow, const struct action *actions, unsigned n_actions);
void trace_output(struct trace_record *record, uint32_t port_no, unsigned n);
void trace_upcall(struct trace_record *record, uint32_t port_no);
void trace_drop(struct trace_record *record, uint32_t port_no, enum drop_reason reason, unsigned n);

#endif
