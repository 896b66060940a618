// ct.dump, ct.flush, ct.stats: the connections that swd tracks
#include "ctl/swctld/methods_dp.h"

#include "ctl/dp_text.h"
#include "ctl/swctld/datapath.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>

#define BREATHE_CONNS 256

struct conn_list {
	struct swctld *d;
	struct rpc_reply *reply;
	unsigned n;
};

// By Open vSwitch's enum ct_dpif_tcp_state, which swd uses: RFC 9293's names.
static const char *const tcp_states[] = {"CLOSED",	"LISTEN",     "SYN_SENT",   "SYN_RECV",
					 "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1", "CLOSING",
					 "LAST_ACK",	"FIN_WAIT_2", "TIME_WAIT"};
#define N_TCP_STATES (sizeof(tcp_states) / sizeof(tcp_states[0]))

static const char *tcp_state(uint8_t state)
{
	return state < N_TCP_STATES ? tcp_states[state] : "?";
}

static json_t *protocol_json(uint8_t proto)
{
	static const struct {
		uint8_t proto;
		const char *name;
	} names[] = {{IPPROTO_TCP, "tcp"},
		     {IPPROTO_UDP, "udp"},
		     {IPPROTO_SCTP, "sctp"},
		     {IPPROTO_ICMP, "icmp"},
		     {IPPROTO_ICMPV6, "icmp6"}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].proto == proto)
			return json_string(names[i].name);
	}
	return json_sprintf("%u", proto);
}

static json_t *address_json(const struct swd_ct_tuple *t, const uint8_t *address)
{
	char text[INET6_ADDRSTRLEN];
	inet_ntop(t->is_v6 ? AF_INET6 : AF_INET, address, text, sizeof(text));
	return json_string(text);
}

static json_t *tuple_json(const struct swd_ct_tuple *t)
{
	bool is_icmp = t->proto == (t->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	unsigned src = ntohs(t->src_port_be), dst = ntohs(t->dst_port_be);
	json_t *tuple =
	    json_pack("{s:o, s:o}", "src", address_json(t, t->src), "dst", address_json(t, t->dst));
	if (is_icmp)
		json_object_update_new(tuple, json_pack("{s:i, s:i, s:i}", "id", (int)src, "type",
							(int)(dst >> 8), "code", (int)(dst & 255)));
	else if (src || dst)
		json_object_update_new(tuple, json_pack("{s:i, s:i}", "src_port", (int)src,
							"dst_port", (int)dst));
	return tuple;
}

static void take_conn(const struct dp_ct_conn *conn, void *arg)
{
	struct conn_list *list = arg;
	char label[DP_LABEL_TEXT];
	json_t *row =
	    json_pack("{s:o, s:i, s:o, s:o, s:o, s:s, s:I}", "protocol",
		      protocol_json(conn->orig.proto), "zone", (int)conn->zone, "orig",
		      tuple_json(&conn->orig), "reply", tuple_json(&conn->reply), "mark",
		      json_sprintf("0x%" PRIx32, conn->mark), "label",
		      dp_label_text(conn->labels, label), "timeout_s", (json_int_t)conn->timeout_s);
	if (conn->has_tcp)
		json_object_update_new(row, json_pack("{s:s, s:s}", "state",
						      tcp_state(conn->tcp.state[0]), "reply_state",
						      tcp_state(conn->tcp.state[1])));
	if (conn->alg)
		json_object_set_new(row, "alg", json_string(dp_ct_alg_name(conn->alg)));
	if (conn->has_master)
		json_object_set_new(row, "master", tuple_json(&conn->master));
	rpc_rows_add(list->reply, row);
	if (++list->n % BREATHE_CONNS == 0)
		datapath_breathe(list->d->datapath);
}

static int read_filter(const json_t *params, struct dp_ct_filter *filter, struct rpc_reply *reply)
{
	const json_t *zone = json_object_get(params, "zone");
	*filter = (struct dp_ct_filter){.has_zone = zone != NULL};
	if (!zone)
		return 0;
	json_int_t value = json_integer_value(zone);
	if (value < 0 || value > UINT16_MAX)
		return rpc_bad_params(reply, "zone: a number from 0 to 65535");
	filter->zone = (uint16_t)value;
	return 0;
}

int method_ct_dump(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[DP_CALL_TEXT];
	struct dp_ct_filter filter;
	struct conn_list list = {.d = d, .reply = reply};
	if (read_filter(params, &filter, reply) < 0)
		return -1;
	struct dp_client *calls = methods_need_swd(d, reply);
	if (!calls)
		return -1;
	rpc_rows_begin(reply, "connections");
	int err = dp_call_ct(calls, &filter, take_conn, &list, text);
	rpc_rows_end(reply);
	return err ? methods_refuse_call(d, reply, err, text) : 0;
}

int method_ct_flush(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[DP_CALL_TEXT];
	struct dp_ct_filter filter;
	if (read_filter(params, &filter, reply) < 0)
		return -1;
	struct dp_client *calls = methods_need_swd(d, reply);
	int err = calls ? dp_call_ct_flush(calls, &filter, text) : 0;
	if (!calls)
		return -1;
	reply->result = json_object();
	return err ? methods_refuse_call(d, reply, err, text) : 0;
}

int method_ct_stats(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[DP_CALL_TEXT];
	struct dp_ct_stats stats;
	struct dp_client *calls = methods_need_swd(d, reply);
	(void)params;
	if (!calls)
		return -1;
	int err = dp_call_ct_stats(calls, &stats, text);
	if (err)
		return methods_refuse_call(d, reply, err, text);
	reply->result =
	    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "connections", (json_int_t)stats.count,
		      "max_connections", (json_int_t)stats.max_conns, "memory_bytes",
		      (json_int_t)stats.bytes, "packets", (json_int_t)stats.tracked, "invalid",
		      (json_int_t)stats.invalid, "opened", (json_int_t)stats.opened);
	return 0;
}
