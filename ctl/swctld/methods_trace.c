// trace: a packet given as a flow or as a frame; dp.trace, dp.trace_read: live ones
#include "ctl/swctld/dp_calls.h"
#include "ctl/swctld/live_trace.h"
#include "ctl/swctld/ports.h"
#include "ctl/swctld/rpc.h"
#include "ctl/swctld/trace.h"
#include "flowtable/extract.h"

#include <ctype.h>
#include <string.h>

#define FRAME_MAX  9728 // bytes, as swd takes
#define ETH_HEADER 14

static int digit(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

// Bytes in hexadecimal, white space and colons between them. Returns how many; -1 when it is none.
static int read_hex(const char *text, uint8_t *bytes, size_t room)
{
	size_t n = 0;
	while (*text) {
		if (isspace((unsigned char)*text) || *text == ':') {
			text++;
			continue;
		}
		int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);
		if (low < 0 || n == room)
			return -1;
		bytes[n++] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return (int)n;
}

static int key_of_frame(struct swctld *d, const json_t *params, struct flow_key *key,
			struct rpc_reply *reply)
{
	static uint8_t frame[FRAME_MAX];
	const char *hex = json_string_value(json_object_get(params, "frame"));
	const char *name = json_string_value(json_object_get(params, "in_port"));
	const struct port *port = name ? ports_by_name(d->ports, name) : NULL;
	if (!name)
		return rpc_bad_params(reply, "parameter in_port is missing: the frame's port");
	if (!port)
		return rpc_refuse(reply, "port %.80s: no such port; list-ports shows them", name);
	int len = read_hex(hex, frame, sizeof(frame));
	if (len < 0)
		return rpc_refuse(reply, "frame: not hexadecimal, or longer than %d bytes",
				  FRAME_MAX);
	if (len < ETH_HEADER)
		return rpc_refuse(reply, "frame: %d bytes are no Ethernet frame", len);
	memset(key, 0, sizeof(*key));
	key->in_port = port->no;
	flow_extract(frame, (uint32_t)len, key, NULL);
	return 0;
}

static int key_of_flow(struct swctld *d, const char *text, struct flow_key *key,
		       struct rpc_reply *reply)
{
	struct of_ports names = ports_names(d->ports);
	struct of_error error = {0};
	struct of_match match;
	if (of_match_parse(&match, text, &names, &error) < 0)
		return rpc_refuse_flow(reply, &error, 0);
	if (!match.key.pkt.in_port)
		return rpc_refuse(reply, "the flow names no in_port: add in_port=PORT");
	*key = match.key.pkt;
	return 0;
}

static int read_states(const json_t *list, uint32_t *states, struct trace_known *known,
		       struct rpc_reply *reply)
{
	char err[256];
	size_t i;
	const json_t *item;
	if (json_array_size(list) > TRACE_PASSES_MAX)
		return rpc_bad_params(reply, "ct_state: more than %d, the passes of a trace",
				      TRACE_PASSES_MAX);
	json_array_foreach (list, i, item) {
		const char *text = json_string_value(item);
		if (!text)
			return rpc_bad_params(reply, "parameter ct_state must be an array of "
						     "strings");
		if (trace_state_parse(text, &states[i], err, sizeof(err)) < 0)
			return rpc_refuse(reply, "%s", err);
	}
	*known = (struct trace_known){.states = states, .n_states = (unsigned)i};
	return 0;
}

int method_trace(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	uint32_t states[TRACE_PASSES_MAX];
	struct trace_known known = {0};
	const char *flow = json_string_value(json_object_get(params, "flow"));
	struct flow_key key;
	unsigned looks = TRACE_LOOKS_MAX;
	if (!flow && !json_object_get(params, "frame"))
		return rpc_bad_params(reply, "a flow or a frame is wanted");
	int err = read_states(json_object_get(params, "ct_state"), states, &known, reply);
	if (!err)
		err =
		    flow ? key_of_flow(d, flow, &key, reply) : key_of_frame(d, params, &key, reply);
	if (!err)
		reply->result = trace_key(d, &key, &known, &looks);
	return err;
}

#define COUNT_DEFAULT	1
#define TIME_DEFAULT_MS 10000

int method_dp_trace(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	const char *name = json_string_value(json_object_get(params, "port"));
	const json_t *count = json_object_get(params, "count");
	const json_t *time_ms = json_object_get(params, "time_ms");
	const struct port *port = ports_by_name(d->ports, name);
	char text[DP_CALL_TEXT];
	if (!port)
		return rpc_refuse(reply, "port %.80s: no such port; list-ports shows them", name);
	json_int_t n = count ? json_integer_value(count) : COUNT_DEFAULT;
	json_int_t ms = time_ms ? json_integer_value(time_ms) : TIME_DEFAULT_MS;
	if (n < 1 || n > DP_TRACE_COUNT_MAX)
		return rpc_bad_params(reply, "count %lld: a trace takes 1 to %d packets", n,
				      DP_TRACE_COUNT_MAX);
	if (ms < 1 || ms > DP_TRACE_MS_MAX)
		return rpc_bad_params(reply, "time_ms %lld: a trace takes 1 to %d", ms,
				      DP_TRACE_MS_MAX);
	int number = live_trace_start(d->live_traces, port, (unsigned)n, (unsigned)ms, text);
	if (number < 0)
		return rpc_refuse(reply, "port %s: %s", name, text);
	reply->result = json_pack("{s:i}", "trace", number);
	return 0;
}

int method_dp_trace_read(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	json_int_t number = json_integer_value(json_object_get(params, "trace"));
	bool fits = number > 0 && number <= LIVE_TRACES_MAX;
	bool stop = json_is_true(json_object_get(params, "stop"));
	reply->result = fits ? live_trace_read(d->live_traces, (int)number, stop) : NULL;
	if (!reply->result)
		return rpc_refuse(reply, "there is no such trace; dp.trace starts one");
	return 0;
}
