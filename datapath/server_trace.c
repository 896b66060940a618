// Traces of ports: started by a client, told to it packet by packet. While there are any, a timer
// looks for what the PMDs have noted: nothing of them has to wake this thread.
#include "datapath/server_internal.h"

#include "datapath/trace.h"

#include <errno.h>
#include <stdlib.h>

#define TICK_US 10000

struct tracing {
	TAILQ_ENTRY(tracing) entry;
	struct client *client;
	struct trace *trace;
	uint32_t seq; // the request's
	unsigned n_told;
	uint64_t end_ms; // CLOCK_MONOTONIC
};

static void tracing_end(struct server *server, struct tracing *t)
{
	TAILQ_REMOVE(&server->tracings, t, entry);
	trace_stop(t->trace);
	free(t);
}

static bool fill_packet(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	(void)server;
	return dp_trace_put(nlh, room, arg);
}

static bool fill_end(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	(void)server;
	return mnl_attr_put_strz_check(nlh, room, SWD_TRACE_ATTR_END, arg);
}

static void tell(const struct tracing *t, answer_fn fill, const void *arg)
{
	const struct message_head head = {.family = DP_FAMILY_SWD,
					  .cmd = SWD_CMD_TRACE,
					  .seq = t->seq,
					  .dp_ifindex = DP_IFINDEX};
	if (client_put(t->client, &head, fill, (void *)(uintptr_t)arg) < 0)
		client_fail(t->client, "a traced packet is larger than a datagram");
}

// Why the trace is over, or NULL.
static const char *end_of(const struct tracing *t)
{
	if (t->n_told == trace_count(t->trace))
		return "all packets are told";
	if (trace_port_is_gone(t->trace))
		return "the port is gone";
	return server_now_ms() >= t->end_ms ? "the time is over" : NULL;
}

// Tells what there is, in the order in which the packets came. Returns whether the trace goes on.
static bool tracing_go_on(struct tracing *t)
{
	const struct dp_trace_packet *packet;
	while ((packet = trace_packet(t->trace, t->n_told)) != NULL) {
		tell(t, fill_packet, packet);
		t->n_told++;
	}
	const char *end = end_of(t);
	if (end != NULL)
		tell(t, fill_end, end);
	client_flush(t->client);
	return end == NULL;
}

static void tick_arm(struct server *server)
{
	const struct timeval tick = {.tv_usec = TICK_US};
	if (!TAILQ_EMPTY(&server->tracings))
		event_add(server->on_trace, &tick);
}

// Those whose sockets refused what was told.
static void clients_reap(struct server *server)
{
	struct client *c = TAILQ_FIRST(&server->clients);
	while (c != NULL) {
		struct client *next = TAILQ_NEXT(c, entry);
		if (c->dead)
			client_destroy(c);
		c = next;
	}
}

static void on_trace(evutil_socket_t fd, short events, void *arg)
{
	struct server *server = arg;
	struct tracing *t = TAILQ_FIRST(&server->tracings);
	(void)fd;
	(void)events;
	while (t != NULL) {
		struct tracing *next = TAILQ_NEXT(t, entry);
		// A client that does not read keeps its trace waiting until its time is over.
		bool waits = client_blocked(t->client) && server_now_ms() < t->end_ms;
		if (!waits && !tracing_go_on(t))
			tracing_end(server, t);
		t = next;
	}
	clients_reap(server);
	tick_arm(server);
}

int traces_open(struct server *server)
{
	server->on_trace = event_new(server->base, -1, 0, on_trace, server);
	return server->on_trace != NULL ? 0 : -ENOMEM;
}

void traces_close(struct server *server)
{
	if (server->on_trace != NULL)
		event_free(server->on_trace);
	server->on_trace = NULL;
}

void traces_detach(struct server *server, const struct client *c)
{
	struct tracing *t = TAILQ_FIRST(&server->tracings);
	while (t != NULL) {
		struct tracing *next = TAILQ_NEXT(t, entry);
		if (t->client == c)
			tracing_end(server, t);
		t = next;
	}
}

bool traces_any_of(const struct server *server, const struct client *c)
{
	for (const struct tracing *t = TAILQ_FIRST(&server->tracings); t;
	     t = TAILQ_NEXT(t, entry)) {
		if (t->client == c)
			return true;
	}
	return false;
}

struct trace_request {
	uint32_t port_no, count, time_ms;
};

static int number_get(struct request *rq, const struct nlattr *attr, const char *name, uint32_t max,
		      uint32_t *out)
{
	if (attr == NULL)
		return request_fail(rq, NULL, -EINVAL, "%s is missing", name);
	if (mnl_attr_get_payload_len(attr) != sizeof(*out))
		return request_fail(rq, attr, -EINVAL, "%s has %u bytes where 4 are right", name,
				    mnl_attr_get_payload_len(attr));
	*out = mnl_attr_get_u32(attr);
	if (*out >= 1 && *out <= max)
		return 0;
	return request_fail(rq, attr, -EINVAL, "%s %u does not do: 1 to %u are right", name, *out,
			    max);
}

static int trace_parse(struct request *rq, struct trace_request *tr)
{
	const struct nlattr *a[SWD_TRACE_ATTR_MAX + 1];
	int rc = dp_msg_parse(rq->nlh, a, SWD_TRACE_ATTR_MAX, &rq->error);
	if (rc == 0)
		rc = number_get(rq, a[SWD_TRACE_ATTR_PORT_NO], "PORT_NO", PORTS_MAX - 1,
				&tr->port_no);
	if (rc == 0)
		rc = number_get(rq, a[SWD_TRACE_ATTR_COUNT], "COUNT", DP_TRACE_COUNT_MAX,
				&tr->count);
	if (rc == 0)
		rc = number_get(rq, a[SWD_TRACE_ATTR_TIME_MS], "TIME_MS", DP_TRACE_MS_MAX,
				&tr->time_ms);
	return rc;
}

static int start_fail(struct request *rq, const struct port *port, int err)
{
	if (err == -EBUSY)
		return request_fail(rq, NULL, err, "port %s is being traced: one trace at a time",
				    port->config.name);
	if (err == -ENOSPC)
		return request_fail(rq, NULL, err, "%d traces are running: no more fit",
				    TRACES_MAX);
	return request_fail(rq, NULL, err, "no memory for a trace");
}

int server_trace_set(struct request *rq)
{
	struct server *server = rq->server;
	struct trace_request tr = {0};
	int rc = trace_parse(rq, &tr);
	if (rc < 0)
		return rc;
	struct port *port = port_get(tr.port_no);
	if (port == NULL)
		return request_fail(rq, NULL, -ENODEV, "no port has number %u", tr.port_no);
	struct tracing *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return start_fail(rq, port, -ENOMEM);
	rc = trace_start(port, tr.count, &t->trace);
	if (rc < 0) {
		free(t);
		return start_fail(rq, port, rc);
	}
	t->client = rq->client;
	t->seq = rq->nlh->nlmsg_seq;
	t->end_ms = server_now_ms() + tr.time_ms;
	TAILQ_INSERT_TAIL(&server->tracings, t, entry);
	tick_arm(server);
	return 0;
}
