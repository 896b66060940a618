// stats, drops: counters of ports
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/methods_dp.h"
#include "ctl/swctld/rpc.h"

#include <string.h>

#define NO_PORT "(others)" // no port's name

struct port_list {
	struct swctld *d;
	const char *only; // a port's name, or NULL
	json_t *list;
};

static bool wanted(const struct port_list *list, const struct dp_vport *vport)
{
	return !list->only || strcmp(list->only, vport->name) == 0;
}

// Runs `fn` over swd's ports; the array becomes the result's member `member`.
static int list_ports(struct swctld *d, const json_t *params, struct rpc_reply *reply,
		      const char *member, void (*fn)(const struct dp_vport *vport, void *arg))
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls;
	struct port_list list = {d, json_string_value(json_object_get(params, "port")), NULL};
	if (list.only && !ports_by_name(d->ports, list.only))
		return rpc_refuse(reply, "port %.80s: no such port; list-ports shows them",
				  list.only);
	calls = methods_need_swd(d, reply);
	if (!calls)
		return -1;
	list.list = json_array();
	reply->result = json_pack("{s:o}", member, list.list);
	int err = dp_call_ports(calls, fn, &list, text);
	return err ? methods_refuse_call(d, reply, err, text) : 0;
}

static void take_stats(const struct dp_vport *vport, void *arg)
{
	struct port_list *list = arg;
	const struct ovs_vport_stats *s = &vport->stats;
	if (!wanted(list, vport))
		return;
	json_array_append_new(list->list, json_pack("{s:i, s:o, s:I, s:I, s:I, s:I, s:I}", "number",
						    (int)vport->no, "name", rpc_text(vport->name),
						    "rx_packets", (json_int_t)s->rx_packets,
						    "rx_bytes", (json_int_t)s->rx_bytes,
						    "tx_packets", (json_int_t)s->tx_packets,
						    "tx_bytes", (json_int_t)s->tx_bytes, "dropped",
						    (json_int_t)(s->rx_dropped + s->tx_dropped)));
}

int method_stats(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return list_ports(d, params, reply, "ports", take_stats);
}

static void take_drop(json_t *list, const char *port, const struct nlattr *nest)
{
	const struct nlattr *a[SWD_DROP_ATTR_MAX + 1] = {0};
	struct dp_error error;
	if (dp_nest_parse(nest, a, SWD_DROP_ATTR_MAX, &error) < 0)
		return;
	uint64_t packets = dp_attr_uint(a[SWD_DROP_ATTR_PACKETS]);
	if (packets)
		json_array_append_new(
		    list, json_pack("{s:o, s:o, s:o, s:I}", "port", rpc_text(port), "reason",
				    rpc_text(dp_attr_text(a[SWD_DROP_ATTR_REASON])), "text",
				    rpc_text(dp_attr_text(a[SWD_DROP_ATTR_TEXT])), "packets",
				    (json_int_t)packets));
}

static void take_drops(const struct dp_vport *vport, void *arg)
{
	struct port_list *list = arg;
	const struct nlattr *attr;
	if (!wanted(list, vport) || !vport->options)
		return;
	mnl_attr_for_each_nested (attr, vport->options) {
		if (mnl_attr_get_type(attr) == SWD_VPORT_ATTR_DROP)
			take_drop(list->list, vport->name, attr);
	}
}

static void take_gone_drop(const struct nlattr *nest, void *arg)
{
	take_drop(arg, NO_PORT, nest);
}

int method_drops(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[DP_CALL_TEXT];
	int refused = list_ports(d, params, reply, "drops", take_drops);
	struct dp_client *calls = datapath_calls(d->datapath);
	if (refused || json_object_get(params, "port") || !calls)
		return refused;
	int err = dp_call_gone_drops(calls, take_gone_drop, json_object_get(reply->result, "drops"),
				     text);
	return err ? methods_refuse_call(d, reply, err, text) : 0;
}
