#include "ctl/swctld/dp_calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PORT_TIMEOUT_MS 15000 // opening a device may take its time

int dp_call(struct dp_client *c, dp_answer_fn fn, void *arg, int timeout_ms, char *text)
{
	text[0] = '\0';
	int err = dp_client_call(c, fn, arg, timeout_ms, text, DP_CALL_TEXT);
	if (err && text[0] == '\0')
		snprintf(text, DP_CALL_TEXT, "swd: %s", strerror(-err));
	return err;
}

uint64_t dp_attr_uint(const struct nlattr *attr)
{
	uint64_t value = 0;
	if (attr && mnl_attr_get_payload_len(attr) <= sizeof(value)) // little-endian host
		memcpy(&value, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	return value;
}

const char *dp_attr_text(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(attr)
									 : "";
}

static void copy_struct(void *to, size_t len, const struct nlattr *attr)
{
	if (attr && mnl_attr_get_payload_len(attr) >= len)
		memcpy(to, mnl_attr_get_payload(attr), len);
}

int dp_info_parse(const struct nlmsghdr *nlh, struct dp_info *info)
{
	const struct nlattr *a[SWD_INFO_ATTR_MAX + 1] = {0};
	struct dp_error error;
	memset(info, 0, sizeof(*info));
	if (dp_msg_parse(nlh, a, SWD_INFO_ATTR_MAX, &error) < 0)
		return -EINVAL;
	snprintf(info->version, sizeof(info->version), "%s",
		 dp_attr_text(a[SWD_INFO_ATTR_VERSION]));
	snprintf(info->dpdk, sizeof(info->dpdk), "%s", dp_attr_text(a[SWD_INFO_ATTR_DPDK]));
	snprintf(info->memory_kind, sizeof(info->memory_kind), "%s",
		 dp_attr_text(a[SWD_INFO_ATTR_MEMORY_KIND]));
	info->memory_total = dp_attr_uint(a[SWD_INFO_ATTR_MEMORY_TOTAL]);
	info->memory_used = dp_attr_uint(a[SWD_INFO_ATTR_MEMORY_USED]);
	info->cache_bytes = dp_attr_uint(a[SWD_INFO_ATTR_CACHE_BYTES]);
	info->megaflow_bytes = dp_attr_uint(a[SWD_INFO_ATTR_MEGAFLOW_BYTES]);
	info->counter_bytes = dp_attr_uint(a[SWD_INFO_ATTR_COUNTER_BYTES]);
	info->uptime_ms = dp_attr_uint(a[SWD_INFO_ATTR_UPTIME_MS]);
	info->pool_total = (uint32_t)dp_attr_uint(a[SWD_INFO_ATTR_POOL_TOTAL]);
	info->pool_free = (uint32_t)dp_attr_uint(a[SWD_INFO_ATTR_POOL_FREE]);
	info->max_flows = (uint32_t)dp_attr_uint(a[SWD_INFO_ATTR_MAX_FLOWS]);
	info->n_flows = (uint32_t)dp_attr_uint(a[SWD_INFO_ATTR_N_FLOWS]);
	info->n_masks = (uint32_t)dp_attr_uint(a[SWD_INFO_ATTR_N_MASKS]);
	info->pid = (uint32_t)dp_attr_uint(a[SWD_INFO_ATTR_PID]);
	snprintf(info->isa, sizeof(info->isa), "%s", dp_attr_text(a[SWD_INFO_ATTR_ISA]));
	return 0;
}

static void on_info(const struct nlmsghdr *nlh, void *arg)
{
	dp_info_parse(nlh, arg);
}

int dp_call_info(struct dp_client *c, struct dp_info *info, char *text)
{
	memset(info, 0, sizeof(*info));
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_INFO_GET, NLM_F_REQUEST | NLM_F_ACK);
	return dp_call(c, on_info, info, DP_CALL_TIMEOUT_MS, text);
}

static void on_stats(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a[OVS_DP_ATTR_MAX + 1] = {0};
	struct dp_stats *stats = arg;
	struct dp_error error;
	if (dp_msg_parse(nlh, a, OVS_DP_ATTR_MAX, &error) < 0)
		return;
	copy_struct(&stats->stats, sizeof(stats->stats), a[OVS_DP_ATTR_STATS]);
	copy_struct(&stats->megaflow, sizeof(stats->megaflow), a[OVS_DP_ATTR_MEGAFLOW_STATS]);
}

int dp_call_stats(struct dp_client *c, struct dp_stats *stats, char *text)
{
	memset(stats, 0, sizeof(*stats));
	dp_client_begin(c, DP_FAMILY_DATAPATH, OVS_DP_CMD_GET, NLM_F_REQUEST | NLM_F_ACK);
	return dp_call(c, on_stats, stats, DP_CALL_TIMEOUT_MS, text);
}

static bool put_options(struct nlmsghdr *nlh, size_t room, const struct port *port)
{
	const char *key;
	json_t *value;
	char text[PORT_OPTION_LEN_MAX + 40];
	if (!mnl_attr_put_strz_check(nlh, room, SWD_VPORT_ATTR_KIND, port->kind))
		return false;
	json_object_foreach (port->device_options, key, value) {
		snprintf(text, sizeof(text), "%s=%s", key, json_string_value(value));
		if (!mnl_attr_put_strz_check(nlh, room, SWD_VPORT_ATTR_OPTION, text))
			return false;
	}
	return true;
}

int dp_call_port_add(struct dp_client *c, const struct port *port, char *text)
{
	struct nlmsghdr *nlh =
	    dp_client_begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_NEW, NLM_F_REQUEST | NLM_F_ACK);
	size_t room = dp_client_room(c);
	mnl_attr_put_u32_check(nlh, room, OVS_VPORT_ATTR_PORT_NO, port->no);
	mnl_attr_put_u32_check(nlh, room, OVS_VPORT_ATTR_TYPE, OVS_VPORT_TYPE_NETDEV);
	mnl_attr_put_strz_check(nlh, room, OVS_VPORT_ATTR_NAME, port->name);
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_VPORT_ATTR_OPTIONS);
	if (!nest || !put_options(nlh, room, port))
		return -EMSGSIZE; // cannot be: 16 options of 543 bytes
	mnl_attr_nest_end(nlh, nest);
	return dp_call(c, NULL, NULL, PORT_TIMEOUT_MS, text);
}

int dp_call_port_del(struct dp_client *c, uint32_t no, char *text)
{
	struct nlmsghdr *nlh =
	    dp_client_begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_DEL, NLM_F_REQUEST | NLM_F_ACK);
	mnl_attr_put_u32_check(nlh, dp_client_room(c), OVS_VPORT_ATTR_PORT_NO, no);
	return dp_call(c, NULL, NULL, PORT_TIMEOUT_MS, text);
}

static void parse_state(const struct nlattr **a, struct port_state *state)
{
	state->up = dp_attr_uint(a[SWD_VPORT_ATTR_LINK_UP]) != 0;
	snprintf(state->reason, sizeof(state->reason), "%s",
		 dp_attr_text(a[SWD_VPORT_ATTR_REASON]));
	snprintf(state->detail, sizeof(state->detail), "%s",
		 dp_attr_text(a[SWD_VPORT_ATTR_DETAIL]));
	state->n_rxq = (uint16_t)dp_attr_uint(a[SWD_VPORT_ATTR_N_RXQ]);
	state->n_txq = (uint16_t)dp_attr_uint(a[SWD_VPORT_ATTR_N_TXQ]);
	state->mtu = (uint16_t)dp_attr_uint(a[SWD_VPORT_ATTR_MTU]);
	copy_struct(&state->mac, sizeof(state->mac), a[SWD_VPORT_ATTR_MAC]);
	state->has_mac = memcmp(&state->mac, &(struct eth_addr){{0}}, sizeof(state->mac)) != 0;
}

struct vport_visit {
	void (*fn)(const struct dp_vport *, void *);
	void *arg;
};

static void on_vport(const struct nlmsghdr *nlh, void *arg)
{
	const struct vport_visit *visit = arg;
	const struct nlattr *a[OVS_VPORT_ATTR_MAX + 1] = {0}, *o[SWD_VPORT_ATTR_MAX + 1] = {0};
	struct dp_vport vport = {0};
	struct dp_error error;
	if (dp_msg_parse(nlh, a, OVS_VPORT_ATTR_MAX, &error) < 0)
		return;
	vport.options = a[OVS_VPORT_ATTR_OPTIONS];
	if (vport.options && dp_nest_parse(vport.options, o, SWD_VPORT_ATTR_MAX, &error) < 0)
		return;
	vport.no = (uint32_t)dp_attr_uint(a[OVS_VPORT_ATTR_PORT_NO]);
	vport.name = dp_attr_text(a[OVS_VPORT_ATTR_NAME]);
	vport.kind = dp_attr_text(o[SWD_VPORT_ATTR_KIND]);
	parse_state(o, &vport.state);
	copy_struct(&vport.stats, sizeof(vport.stats), a[OVS_VPORT_ATTR_STATS]);
	visit->fn(&vport, visit->arg);
}

int dp_call_ports(struct dp_client *c, void (*fn)(const struct dp_vport *vport, void *arg),
		  void *arg, char *text)
{
	struct vport_visit visit = {fn, arg};
	dp_client_begin(c, DP_FAMILY_VPORT, OVS_VPORT_CMD_GET, NLM_F_REQUEST | NLM_F_DUMP);
	return dp_call(c, on_vport, &visit, DP_CALL_TIMEOUT_MS, text);
}

struct drop_visit {
	void (*fn)(const struct nlattr *nest, void *arg);
	void *arg;
};

static void on_gone_drops(const struct nlmsghdr *nlh, void *arg)
{
	const struct drop_visit *visit = arg;
	const struct nlattr *attr;
	mnl_attr_for_each (attr, nlh, sizeof(struct genlmsghdr) + sizeof(struct ovs_header)) {
		if (mnl_attr_get_type(attr) == SWD_INFO_ATTR_DROP)
			visit->fn(attr, visit->arg);
	}
}

int dp_call_gone_drops(struct dp_client *c, void (*fn)(const struct nlattr *nest, void *arg),
		       void *arg, char *text)
{
	struct drop_visit visit = {fn, arg};
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_INFO_GET, NLM_F_REQUEST | NLM_F_ACK);
	return dp_call(c, on_gone_drops, &visit, DP_CALL_TIMEOUT_MS, text);
}

bool dp_vport_same(const struct dp_vport *vport, const struct port *port)
{
	size_t n = 0;
	const struct nlattr *attr;
	if (vport->no != port->no || strcmp(vport->name, port->name) != 0 ||
	    strcmp(vport->kind, port->kind) != 0 || !vport->options)
		return false;
	mnl_attr_for_each_nested (attr, vport->options) {
		if (mnl_attr_get_type(attr) != SWD_VPORT_ATTR_OPTION)
			continue;
		const char *text = dp_attr_text(attr), *equals = strchr(text, '=');
		char key[40];
		if (!equals || (size_t)(equals - text) >= sizeof(key))
			return false;
		snprintf(key, sizeof(key), "%.*s", (int)(equals - text), text);
		const char *ours = json_string_value(json_object_get(port->device_options, key));
		if (!ours || strcmp(ours, equals + 1) != 0)
			return false;
		n++;
	}
	return n == json_object_size(port->device_options);
}

int dp_flow_parse(const struct nlmsghdr *nlh, struct dp_flow *flow)
{
	const struct nlattr *a[OVS_FLOW_ATTR_MAX + 1];
	struct dp_error error;
	struct ovs_flow_stats stats = {0};
	if (dp_msg_parse(nlh, a, OVS_FLOW_ATTR_MAX, &error) < 0)
		return -EINVAL;
	flow->has_match = a[OVS_FLOW_ATTR_KEY] != NULL;
	flow->has_ufid = a[OVS_FLOW_ATTR_UFID] != NULL;
	if (!flow->has_match && !flow->has_ufid)
		return -EINVAL;
	if (flow->has_match &&
	    dp_match_parse(a[OVS_FLOW_ATTR_KEY], a[OVS_FLOW_ATTR_MASK], &flow->match, &error) < 0)
		return -EINVAL;
	copy_struct(&flow->ufid, sizeof(flow->ufid), a[OVS_FLOW_ATTR_UFID]);
	copy_struct(&stats, sizeof(stats), a[OVS_FLOW_ATTR_STATS]);
	flow->actions = a[OVS_FLOW_ATTR_ACTIONS];
	flow->reading = (struct flow_reading){
	    .packets = stats.n_packets,
	    .bytes = stats.n_bytes,
	    .used_ms = dp_attr_uint(a[OVS_FLOW_ATTR_USED]),
	};
	flow->tcp_flags = (uint8_t)dp_attr_uint(a[OVS_FLOW_ATTR_TCP_FLAGS]);
	return 0;
}

struct flow_visit {
	void (*fn)(const struct dp_flow *, void *);
	void *arg;
};

static void on_flow(const struct nlmsghdr *nlh, void *arg)
{
	const struct flow_visit *visit = arg;
	struct dp_flow flow;
	if (dp_flow_parse(nlh, &flow) == 0 && flow.has_match)
		visit->fn(&flow, visit->arg);
}

int dp_call_flows(struct dp_client *c, void (*fn)(const struct dp_flow *flow, void *arg), void *arg,
		  char *text)
{
	struct flow_visit visit = {fn, arg};
	dp_client_begin(c, DP_FAMILY_FLOW, OVS_FLOW_CMD_GET, NLM_F_REQUEST | NLM_F_DUMP);
	return dp_call(c, on_flow, &visit, DP_CALL_TIMEOUT_MS, text);
}

struct attrs_visit {
	dp_attrs_fn fn;
	void *arg;
};

static void on_pmd(const struct nlmsghdr *nlh, void *arg)
{
	const struct attrs_visit *visit = arg;
	const struct nlattr *a[SWD_PMD_ATTR_MAX + 1] = {0};
	struct dp_error error;
	if (dp_msg_parse(nlh, a, SWD_PMD_ATTR_MAX, &error) == 0)
		visit->fn(nlh, a, visit->arg);
}

int dp_call_pmds(struct dp_client *c, dp_attrs_fn fn, void *arg, char *text)
{
	struct attrs_visit visit = {fn, arg};
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_PMD_GET, NLM_F_REQUEST | NLM_F_DUMP);
	return dp_call(c, on_pmd, &visit, DP_CALL_TIMEOUT_MS, text);
}

static void on_guest(const struct nlmsghdr *nlh, void *arg)
{
	const struct attrs_visit *visit = arg;
	const struct nlattr *a[SWD_GUEST_ATTR_MAX + 1] = {0};
	struct dp_error error;
	if (dp_msg_parse(nlh, a, SWD_GUEST_ATTR_MAX, &error) == 0)
		visit->fn(nlh, a, visit->arg);
}

int dp_call_guests(struct dp_client *c, dp_attrs_fn fn, void *arg, char *text)
{
	struct attrs_visit visit = {fn, arg};
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_GUEST_GET, NLM_F_REQUEST | NLM_F_DUMP);
	return dp_call(c, on_guest, &visit, DP_CALL_TIMEOUT_MS, text);
}

int dp_call_pmd_rebalance(struct dp_client *c, bool dry_run, dp_answer_fn fn, void *arg, char *text)
{
	struct nlmsghdr *nlh =
	    dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_PMD_REBALANCE, NLM_F_REQUEST | NLM_F_ACK);
	if (dry_run)
		mnl_attr_put_check(nlh, dp_client_room(c), SWD_REBALANCE_ATTR_DRY_RUN, 0, NULL);
	return dp_call(c, fn, arg, DP_CALL_TIMEOUT_MS, text);
}

int dp_call_meter_set(struct dp_client *c, const struct dp_meter *meter, char *text)
{
	struct nlmsghdr *nlh =
	    dp_client_begin(c, DP_FAMILY_METER, OVS_METER_CMD_SET, NLM_F_REQUEST | NLM_F_ACK);
	if (!dp_meter_put(nlh, dp_client_room(c), meter, false))
		return -EMSGSIZE; // cannot be: 8 bands
	return dp_call(c, NULL, NULL, DP_CALL_TIMEOUT_MS, text);
}

int dp_call_meter_del(struct dp_client *c, uint32_t id, char *text)
{
	struct nlmsghdr *nlh =
	    dp_client_begin(c, DP_FAMILY_METER, OVS_METER_CMD_DEL, NLM_F_REQUEST | NLM_F_ACK);
	mnl_attr_put_u32_check(nlh, dp_client_room(c), OVS_METER_ATTR_ID, id);
	return dp_call(c, NULL, NULL, DP_CALL_TIMEOUT_MS, text);
}

struct meter_visit {
	dp_meter_fn fn;
	void *arg;
};

static void on_meter(const struct nlmsghdr *nlh, void *arg)
{
	const struct meter_visit *visit = arg;
	struct dp_meter meter;
	struct dp_error error;
	if (dp_meter_parse(nlh, &meter, &error) == 0)
		visit->fn(&meter, visit->arg);
}

int dp_call_meters(struct dp_client *c, dp_meter_fn fn, void *arg, char *text)
{
	struct meter_visit visit = {fn, arg};
	dp_client_begin(c, DP_FAMILY_METER, OVS_METER_CMD_GET, NLM_F_REQUEST | NLM_F_DUMP);
	return dp_call(c, on_meter, &visit, DP_CALL_TIMEOUT_MS, text);
}

int dp_call_trace_start(struct dp_client *c, uint32_t port_no, uint32_t count, uint32_t time_ms,
			char *text)
{
	struct nlmsghdr *nlh =
	    dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_TRACE_SET, NLM_F_REQUEST | NLM_F_ACK);
	size_t room = dp_client_room(c);
	mnl_attr_put_u32_check(nlh, room, SWD_TRACE_ATTR_PORT_NO, port_no);
	mnl_attr_put_u32_check(nlh, room, SWD_TRACE_ATTR_COUNT, count);
	mnl_attr_put_u32_check(nlh, room, SWD_TRACE_ATTR_TIME_MS, time_ms);
	return dp_call(c, NULL, NULL, DP_CALL_TIMEOUT_MS, text);
}

int dp_call_trace_read(struct dp_client *c, dp_trace_fn fn, void *arg, char *text)
{
	static _Alignas(8) char buf[DP_DATAGRAM_MAX];
	static struct dp_trace_packet packet;
	const struct nlmsghdr *nlh;
	const char *at = buf;
	struct dp_error error;
	bool ended = false;
	int len = dp_client_recv(c, buf, sizeof(buf));
	if (len < 0)
		return len;
	size_t left = (size_t)len;
	text[0] = '\0';
	while ((nlh = dp_datagram_next(&at, &left)) != NULL) {
		if (nlh->nlmsg_type != DP_FAMILY_SWD || dp_msg_cmd(nlh) != SWD_CMD_TRACE)
			continue;
		int rc = dp_trace_parse(nlh, &packet, text, DP_CALL_TEXT, &error);
		ended |= rc == 0;
		if (rc == 1)
			fn(&packet, arg);
	}
	return left > 0 ? -ECONNRESET : ended; // not netlink: nothing that follows can be trusted
}
