#include "ctl/swctld/live_trace.h"

#include "ctl/dp_actions.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/dp_calls.h"
#include "ctl/swctld/rpc.h"
#include "ctl/swctld/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define UNREAD_MS 10000 // beyond its own time, after which a trace that nobody reads ends

struct live_trace {
	struct dp_client *client; // NULL: a free place
	uint64_t until_ms;
};

struct live_traces {
	struct swctld *d;
	char path[256];
	json_t *drop_texts; // by reason, those that swd has told of
	struct live_trace list[LIVE_TRACES_MAX];
};

struct taking {
	struct live_traces *traces;
	json_t *packets;
	unsigned looks; // trace_key()'s
};

struct live_traces *live_traces_create(struct swctld *d)
{
	struct live_traces *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->d = d;
	t->drop_texts = json_object();
	snprintf(t->path, sizeof(t->path), "%s/datapath.sock", d->run_dir);
	return t;
}

static void end(struct live_trace *trace)
{
	dp_client_close(trace->client);
	trace->client = NULL;
}

void live_traces_destroy(struct live_traces *t)
{
	for (unsigned i = 0; t && i < LIVE_TRACES_MAX; i++)
		end(&t->list[i]);
	if (t)
		json_decref(t->drop_texts);
	free(t);
}

static int free_place(struct live_traces *t, uint64_t now_ms)
{
	int place = -1;
	for (int i = 0; i < LIVE_TRACES_MAX; i++) {
		if (t->list[i].client && now_ms > t->list[i].until_ms)
			end(&t->list[i]);
		if (!t->list[i].client)
			place = i;
	}
	return place;
}

int live_trace_start(struct live_traces *t, const struct port *port, unsigned count,
		     unsigned time_ms, char *text)
{
	uint64_t now_ms = clock_now_ms();
	int err = 0, place = free_place(t, now_ms);
	if (place < 0) {
		snprintf(text, DP_CALL_TEXT, "%d traces are under way; wait for one to end",
			 LIVE_TRACES_MAX);
		return -ENOSPC;
	}
	struct live_trace *trace = &t->list[place];
	trace->client = dp_client_connect(t->path, &err);
	if (!trace->client) {
		snprintf(text, DP_CALL_TEXT, "swd is away; start swd with this --run-dir");
		return err;
	}
	err = dp_call_trace_start(trace->client, port->no, count, time_ms, text);
	if (err) {
		end(trace);
		return err;
	}
	trace->until_ms = now_ms + time_ms + UNREAD_MS;
	return place + 1;
}

static json_t *take_text(char *text)
{
	json_t *json = text ? rpc_text(text) : NULL;
	free(text);
	return json;
}

static json_t *port_json(const struct swctld *d, uint32_t no)
{
	const char *name = ports_name_of(no, d->ports);
	return name ? rpc_text(name) : json_sprintf("%u", no);
}

static json_t *step_json(const struct swctld *d, const struct dp_trace_step *step)
{
	if (!step->hit)
		return json_pack("{s:b}", "hit", 0);
	return json_pack("{s:b, s:o, s:o}", "hit", 1, "megaflow",
			 take_text(dp_match_format(&step->match, ports_name_of, d->ports)),
			 "actions",
			 take_text(dp_actions_format(step->actions, step->n_actions, ports_name_of,
						     d->ports)));
}

static void learn_drop_text(json_t *texts, const struct nlattr *nest)
{
	const struct nlattr *a[SWD_DROP_ATTR_MAX + 1] = {0};
	struct dp_error error;
	if (dp_nest_parse(nest, a, SWD_DROP_ATTR_MAX, &error) == 0)
		json_object_set_new(texts, dp_attr_text(a[SWD_DROP_ATTR_REASON]),
				    rpc_text(dp_attr_text(a[SWD_DROP_ATTR_TEXT])));
}

static void learn_drop_texts(const struct dp_vport *vport, void *texts)
{
	const struct nlattr *attr;
	if (!vport->options)
		return;
	mnl_attr_for_each_nested (attr, vport->options) {
		if (mnl_attr_get_type(attr) == SWD_VPORT_ATTR_DROP)
			learn_drop_text(texts, attr);
	}
}

// What swd's table of drop reasons says of one: it comes with the ports' counters.
static json_t *drop_text(struct live_traces *t, const char *reason)
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls = datapath_calls(t->d->datapath);
	if (!json_object_get(t->drop_texts, reason) && calls)
		datapath_check(t->d->datapath,
			       dp_call_ports(calls, learn_drop_texts, t->drop_texts, text));
	return json_incref(json_object_get(t->drop_texts, reason));
}

static json_t *event_json(struct live_traces *t, const struct dp_trace_event *event)
{
	static const char *const kinds[] = {
	    [DP_TRACE_OUTPUT] = "output",
	    [DP_TRACE_UPCALL] = "upcall",
	    [DP_TRACE_DROP] = "drop",
	};
	json_t *json = json_pack("{s:s, s:o, s:i}", "kind", kinds[event->kind], "port",
				 port_json(t->d, event->port_no), "packets", (int)event->n);
	if (event->kind == DP_TRACE_DROP) {
		json_object_set_new(json, "reason", rpc_text(event->reason));
		json_object_set_new(json, "text", drop_text(t, event->reason));
	}
	return json;
}

static json_t *frame_json(const struct dp_trace_packet *packet)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * DP_TRACE_FRAME_MAX + 1], *to = hex;
	for (uint32_t i = 0; i < packet->captured_len; i++) {
		*to++ = digits[packet->frame[i] >> 4];
		*to++ = digits[packet->frame[i] & 15];
	}
	*to = '\0';
	return json_string(hex);
}

static void take_packet(const struct dp_trace_packet *packet, void *arg)
{
	struct taking *taking = arg;
	struct swctld *d = taking->traces->d;
	struct trace_known known = {.steps = packet->steps, .n_steps = packet->n_steps};
	json_t *steps = json_array(), *events = json_array();
	for (unsigned i = 0; i < packet->n_steps; i++)
		json_array_append_new(steps, step_json(d, &packet->steps[i]));
	for (unsigned i = 0; i < packet->n_events; i++)
		json_array_append_new(events, event_json(taking->traces, &packet->events[i]));
	json_t *json = json_pack("{s:i, s:o, s:i, s:o, s:b, s:o, s:o}", "index", (int)packet->index,
				 "port", port_json(d, packet->port_no), "bytes",
				 (int)packet->frame_len, "frame", frame_json(packet), "cut",
				 (int)packet->cut, "lookups", steps, "events", events);
	// Tables know the packet as it came in.
	if (packet->n_steps > 0 && ports_by_no(d->ports, packet->port_no))
		json_object_set_new(json, "trace",
				    trace_key(d, &packet->steps[0].key, &known, &taking->looks));
	json_array_append_new(taking->packets, json);
}

// All that has come. As dp_call_trace_read().
static int take_packets(const struct live_trace *trace, struct taking *taking, char *text)
{
	size_t n_before;
	int rc;
	do {
		n_before = json_array_size(taking->packets);
		rc = dp_call_trace_read(trace->client, take_packet, taking, text);
	} while (rc == 0 && json_array_size(taking->packets) > n_before);
	return rc;
}

json_t *live_trace_read(struct live_traces *t, int number, bool stop)
{
	char text[DP_CALL_TEXT] = "";
	struct taking taking = {t, NULL, TRACE_LOOKS_MAX};
	if (number < 1 || number > LIVE_TRACES_MAX || !t->list[number - 1].client)
		return NULL;
	struct live_trace *trace = &t->list[number - 1];
	taking.packets = json_array();
	int rc = take_packets(trace, &taking, text);
	if (rc == 0 && !stop)
		return json_pack("{s:o, s:n}", "packets", taking.packets, "end");
	if (rc == 0)
		snprintf(text, sizeof(text), "stopped");
	if (rc < 0)
		snprintf(text, sizeof(text), "the connection to swd is lost");
	end(trace);
	return json_pack("{s:o, s:o}", "packets", taking.packets, "end", rpc_text(text));
}
