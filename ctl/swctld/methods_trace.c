// trace: a packet given as a flow or as a frame
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
		return rpc_refuse(reply, "port %s: there is none of that name", name);
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

int method_trace(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	const char *flow = json_string_value(json_object_get(params, "flow"));
	struct flow_key key;
	if (!flow && !json_object_get(params, "frame"))
		return rpc_bad_params(reply, "a flow or a frame is wanted");
	int err = flow ? key_of_flow(d, flow, &key, reply) : key_of_frame(d, params, &key, reply);
	if (!err)
		reply->result = trace_key(d, &key);
	return err;
}
