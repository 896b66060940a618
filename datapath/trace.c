#include "datapath/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trace_record {
	bool done; // writer: its PMD
	struct dp_trace_packet packet;
};

struct trace {
	struct port *port; // may be gone: only compared
	uint32_t port_no;
	unsigned count;
	unsigned n_claimed; // writers: PMDs that poll the port
	struct trace_record records[];
};

static struct {
	struct rcu *rcu;
	unsigned n;
} traces;

void traces_init(struct rcu *rcu)
{
	traces.rcu = rcu;
	traces.n = 0;
}

int trace_start(struct port *port, unsigned count, struct trace **out)
{
	struct trace *trace;

	if (port->trace)
		return -EBUSY;
	if (traces.n == TRACES_MAX)
		return -ENOSPC;
	trace = calloc(1, sizeof(*trace) + count * sizeof(trace->records[0]));
	if (!trace)
		return -ENOMEM;
	trace->port = port;
	trace->port_no = port->no;
	trace->count = count;
	traces.n++;
	__atomic_store_n(&port->trace, trace, __ATOMIC_RELEASE);
	*out = trace;
	return 0;
}

bool trace_port_is_gone(const struct trace *trace)
{
	const struct port *port = port_get(trace->port_no);

	// Another port may have its number, and its address.
	return port != trace->port || port->trace != trace;
}

static void trace_free(void *trace)
{
	free(trace);
}

void trace_stop(struct trace *trace)
{
	// Where the port is gone, no PMD holds the trace: it went with the port's grace period.
	if (!trace_port_is_gone(trace))
		__atomic_store_n(&trace->port->trace, NULL, __ATOMIC_RELEASE);
	traces.n--;
	rcu_retire(traces.rcu, trace_free, trace);
}

unsigned trace_count(const struct trace *trace)
{
	return trace->count;
}

const struct dp_trace_packet *trace_packet(const struct trace *trace, unsigned i)
{
	if (i >= trace->count || !__atomic_load_n(&trace->records[i].done, __ATOMIC_ACQUIRE))
		return NULL;
	return &trace->records[i].packet;
}

// PMD side.

static void frame_keep(struct dp_trace_packet *packet, struct rte_mbuf *m)
{
	uint32_t len = RTE_MIN(rte_pktmbuf_pkt_len(m), (uint32_t)sizeof packet->frame);
	const void *bytes = rte_pktmbuf_read(m, 0, len, packet->frame);

	packet->frame_len = rte_pktmbuf_pkt_len(m);
	packet->captured_len = bytes ? len : 0;
	if (bytes && bytes != packet->frame)
		memcpy(packet->frame, bytes, len);
}

struct trace_record *trace_claim(struct trace *trace, struct rte_mbuf *m)
{
	struct trace_record *record;
	unsigned i;

	if (__atomic_load_n(&trace->n_claimed, __ATOMIC_RELAXED) >= trace->count)
		return NULL;
	i = __atomic_fetch_add(&trace->n_claimed, 1, __ATOMIC_RELAXED);
	if (i >= trace->count)
		return NULL;
	record = &trace->records[i];
	record->packet.index = i;
	record->packet.port_no = trace->port_no;
	frame_keep(&record->packet, m);
	return record;
}

void trace_done(struct trace_record *record)
{
	// The control thread that sees it sees all that was noted.
	__atomic_store_n(&record->done, true, __ATOMIC_RELEASE);
}

void trace_step(struct trace_record *record, const struct flow_key *key,
		const struct megaflow *flow, const struct action *actions, unsigned n_actions)
{
	struct dp_trace_packet *packet = &record->packet;
	struct dp_trace_step *step;

	if (packet->n_steps == DP_TRACE_STEPS_MAX) {
		packet->cut = true;
		return;
	}
	step = &packet->steps[packet->n_steps++];
	flow_key_whole(&step->key, key);
	if (!flow)
		return;
	step->hit = true;
	megaflow_match(flow, &step->match);
	step->n_actions = RTE_MIN(n_actions, (unsigned)DP_TRACE_ACTIONS_MAX);
	packet->cut |= step->n_actions < n_actions;
	memcpy(step->actions, actions, step->n_actions * sizeof(*actions));
}

static void event_add(struct dp_trace_packet *packet, enum dp_trace_event_kind kind,
		      uint32_t port_no, const char *reason, unsigned n)
{
	struct dp_trace_event *last =
	    packet->n_events > 0 ? &packet->events[packet->n_events - 1] : NULL;

	if (last && last->kind == kind && last->port_no == port_no &&
	    strcmp(last->reason, reason) == 0) {
		last->n += n;
		return;
	}
	if (packet->n_events == DP_TRACE_EVENTS_MAX) {
		packet->cut = true;
		return;
	}
	last = &packet->events[packet->n_events++];
	last->kind = kind;
	last->port_no = port_no;
	last->n = n;
	snprintf(last->reason, sizeof last->reason, "%s", reason);
}

void trace_output(struct trace_record *record, uint32_t port_no, unsigned n)
{
	if (n > 0)
		event_add(&record->packet, DP_TRACE_OUTPUT, port_no, "", n);
}

void trace_upcall(struct trace_record *record, uint32_t port_no)
{
	event_add(&record->packet, DP_TRACE_UPCALL, port_no, "", 1);
}

void trace_drop(struct trace_record *record, uint32_t port_no, enum drop_reason reason, unsigned n)
{
	if (n > 0)
		event_add(&record->packet, DP_TRACE_DROP, port_no, drop_reason_name(reason), n);
}
