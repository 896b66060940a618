// Requests to swd with typed answers, over a connection for calls. All return 0 or -errno with
// swd's own words in text.
#ifndef CTL_SWCTLD_DP_CALLS_H
#define CTL_SWCTLD_DP_CALLS_H

#include "ctl/dp_client.h"
#include "ctl/dp_ct.h"
#include "ctl/dp_meter.h"
#include "ctl/dp_trace.h"
#include "ctl/swctld/megaflows.h"
#include "ctl/swctld/ports.h"

#define DP_CALL_TEXT	   256	// bytes for text
#define DP_CALL_TIMEOUT_MS 5000 // what most calls wait for an answer

struct dp_info {
	char version[64], dpdk[64], memory_kind[64], isa[16];
	uint64_t memory_total, memory_used, cache_bytes, megaflow_bytes, counter_bytes, uptime_ms;
	uint32_t pool_total, pool_free, max_flows, n_flows, n_masks, pid;
};

struct dp_stats {
	struct ovs_dp_stats stats;
	struct ovs_dp_megaflow_stats megaflow;
};

// Strings and attributes live in the message.
struct dp_vport {
	uint32_t no;
	const char *name, *kind;
	struct port_state state;
	struct ovs_vport_stats stats;
	const struct nlattr *options; // nested SWD_VPORT_ATTR_*, or NULL
};

struct dp_flow {
	bool has_match; // dumps may leave it out where there is a UFID
	struct flow_match match;
	bool has_ufid;
	struct flow_ufid ufid;
	const struct nlattr *actions; // nested, or NULL
	struct flow_reading reading;  // at_ms is not set
	uint8_t tcp_flags;
};

// Sends the request that was begun, and waits for its answers: what all below are made of.
int dp_call(struct dp_client *c, dp_answer_fn fn, void *arg, int timeout_ms, char *text);

int dp_call_info(struct dp_client *c, struct dp_info *info, char *text);
int dp_call_stats(struct dp_client *c, struct dp_stats *stats, char *text);

int dp_call_port_add(struct dp_client *c, const struct port *port, char *text);
int dp_call_port_del(struct dp_client *c, uint32_t no, char *text);
int dp_call_ports(struct dp_client *c, void (*fn)(const struct dp_vport *vport, void *arg),
		  void *arg, char *text);
// Calls fn with each of swd's SWD_INFO_ATTR_DROP: drops of ports that are gone.
int dp_call_gone_drops(struct dp_client *c, void (*fn)(const struct nlattr *nest, void *arg),
		       void *arg, char *text);
// Whether a vport was made from this port's kind and options.
bool dp_vport_same(const struct dp_vport *vport, const struct port *port);

int dp_call_flows(struct dp_client *c, void (*fn)(const struct dp_flow *flow, void *arg), void *arg,
		  char *text);
// Makes the meter, or replaces it with full buckets and counters at zero. -EINVAL, -ENOSPC,
// -ENOMEM.
int dp_call_meter_set(struct dp_client *c, const struct dp_meter *meter, char *text);
int dp_call_meter_del(struct dp_client *c, uint32_t id, char *text); // -ENOENT: there is none
// Calls fn with each meter and its counters, in order of ids.
typedef void (*dp_meter_fn)(const struct dp_meter *meter, void *arg);
int dp_call_meters(struct dp_client *c, dp_meter_fn fn, void *arg, char *text);

// Starts a trace of the port's next `count` packets (1 to DP_TRACE_COUNT_MAX) for at most time_ms,
// over a connection of its own: what other calls on it leave unread is lost. Then wait for
// dp_client_fd() to be readable, and read. Closing the connection ends the trace. -ENODEV: no such
// port; -EBUSY: it is being traced; -ENOSPC.
int dp_call_trace_start(struct dp_client *c, uint32_t port_no, uint32_t count, uint32_t time_ms,
			char *text);
// Reads a datagram, without waiting, and calls fn with each packet in it. 1 when the trace has
// ended (`text` says why), 0 when more is to come, -ECONNRESET when the connection is lost.
typedef void (*dp_trace_fn)(const struct dp_trace_packet *packet, void *arg);
int dp_call_trace_read(struct dp_client *c, dp_trace_fn fn, void *arg, char *text);

// Calls fn with each answer and its attributes, SWD_PMD_ATTR_*.
typedef void (*dp_attrs_fn)(const struct nlmsghdr *nlh, const struct nlattr **attrs, void *arg);
int dp_call_pmds(struct dp_client *c, dp_attrs_fn fn, void *arg, char *text);

// The same of each port with a guest's side, SWD_GUEST_ATTR_*.
int dp_call_guests(struct dp_client *c, dp_attrs_fn fn, void *arg, char *text);

// Calls fn with each connection that the filter (all of it, or ZONE) names.
typedef void (*dp_ct_fn)(const struct dp_ct_conn *conn, void *arg);
int dp_call_ct(struct dp_client *c, const struct dp_ct_filter *filter, dp_ct_fn fn, void *arg,
	       char *text);
int dp_call_ct_flush(struct dp_client *c, const struct dp_ct_filter *filter, char *text);
int dp_call_ct_stats(struct dp_client *c, struct dp_ct_stats *stats, char *text);

// Has swd move queues by their load, or with dry_run only plan it; fn gets its answer.
int dp_call_pmd_rebalance(struct dp_client *c, bool dry_run, dp_answer_fn fn, void *arg,
			  char *text);

// Readers, which the asynchronous side uses too: 0 or -EINVAL.
int dp_info_parse(const struct nlmsghdr *nlh, struct dp_info *info);
int dp_flow_parse(const struct nlmsghdr *nlh, struct dp_flow *flow);
uint64_t dp_attr_uint(const struct nlattr *attr);    // of any width; 0 for NULL
const char *dp_attr_text(const struct nlattr *attr); // "" when it is none

#endif
