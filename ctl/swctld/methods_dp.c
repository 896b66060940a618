// dp.show, dp.dump_flows, pmd.show, pmd.stats: what swd says, as it is
#include "ctl/dp_actions.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/revalidate.h"
#include "ctl/swctld/rpc.h"

#include <stdlib.h>

// The connection, or NULL with the refusal in reply.
static struct dp_client *need_swd(struct swctld *d, struct rpc_reply *reply)
{
	struct dp_client *calls = datapath_calls(d->datapath);
	if (!calls)
		rpc_refuse(reply, "%s", datapath_away(d->datapath));
	return calls;
}

static int refuse_call(struct swctld *d, struct rpc_reply *reply, int err, const char *text)
{
	datapath_check(d->datapath, err);
	json_decref(reply->result);
	reply->result = NULL;
	return rpc_refuse(reply, "swd: %s", text);
}

int method_dp_show(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct dp_info info;
	struct dp_stats s;
	char text[DP_CALL_TEXT];
	struct dp_client *calls = need_swd(d, reply);
	(void)params;
	if (!calls)
		return -1;
	int err = dp_call_info(calls, &info, text);
	if (!err)
		err = dp_call_stats(calls, &s, text);
	if (err)
		return refuse_call(d, reply, err, text);
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
	    {"memory_total", info.memory_total},
	    {"memory_used", info.memory_used},
	    {"cache_bytes", info.cache_bytes},
	    {"megaflow_bytes", info.megaflow_bytes},
	    {"counter_bytes", info.counter_bytes},
	    {"pool_total", info.pool_total},
	    {"pool_free", info.pool_free},
	    {"max_flows", info.max_flows},
	    {"flows", info.n_flows},
	    {"masks", info.n_masks},
	    {"hits", s.stats.n_hit},
	    {"misses", s.stats.n_missed},
	    {"lost", s.stats.n_lost},
	    {"cache_hits", s.megaflow.n_cache_hit},
	    {"mask_hits", s.megaflow.n_mask_hit},
	};
	reply->result = json_pack("{s:o, s:o}", "isa", rpc_text(info.isa), "memory_kind",
				  rpc_text(info.memory_kind));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(reply->result, rows[i].name,
				    json_integer((json_int_t)rows[i].value));
	return 0;
}

#define BREATHE_FLOWS 256

struct flow_list {
	struct swctld *d;
	struct rpc_reply *reply;
	uint64_t now_ms;
	unsigned n;
};

static json_t *take_text(char *text)
{
	json_t *json = text ? rpc_text(text) : NULL;
	free(text);
	return json;
}

static json_t *actions_json(const struct dp_flow *flow, struct ports *ports)
{
	static struct action list[ACTIONS_MAX];
	struct dp_error error;
	int n = flow->actions ? dp_actions_parse(flow->actions, list, ACTIONS_MAX, &error) : 0;
	if (n < 0)
		return json_sprintf("(%s)", error.text);
	return take_text(dp_actions_format(list, (unsigned)n, ports_name_of, ports));
}

static void take_flow(const struct dp_flow *flow, void *arg)
{
	struct flow_list *list = arg;
	struct ports *ports = list->d->ports;
	const struct flow_reading *r = &flow->reading;
	int64_t age_ms = (int64_t)(list->now_ms - r->used_ms);
	json_t *age =
	    r->used_ms ? json_real(age_ms > 0 ? (double)age_ms / 1000 : 0.0) : json_null();
	rpc_rows_add(list->reply,
		     json_pack("{s:o, s:o, s:I, s:I, s:o, s:i}", "match",
			       take_text(dp_match_format(&flow->match, ports_name_of, ports)),
			       "actions", actions_json(flow, ports), "packets",
			       (json_int_t)r->packets, "bytes", (json_int_t)r->bytes, "age_s", age,
			       "tcp_flags", (int)flow->tcp_flags));
	if (++list->n % BREATHE_FLOWS == 0)
		datapath_breathe(list->d->datapath);
}

int method_dp_dump_flows(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls = need_swd(d, reply);
	struct flow_list list = {.d = d, .reply = reply, .now_ms = clock_now_ms()};
	(void)params;
	if (!calls)
		return -1;
	revalidate_now(d->revalidator); // what has just changed shows
	rpc_rows_begin(reply, "flows");
	int err = dp_call_flows(calls, take_flow, &list, text);
	rpc_rows_end(reply);
	return err ? refuse_call(d, reply, err, text) : 0;
}

static const struct {
	const char *name;
	enum swd_pmd_attr attr;
} pmd_rows[] = {
    {"iterations", SWD_PMD_ATTR_ITERATIONS},
    {"busy_iterations", SWD_PMD_ATTR_BUSY_ITERATIONS},
    {"busy_cycles", SWD_PMD_ATTR_BUSY_CYCLES},
    {"idle_cycles", SWD_PMD_ATTR_IDLE_CYCLES},
    {"rx_packets", SWD_PMD_ATTR_RX_PACKETS},
    {"rx_bursts", SWD_PMD_ATTR_RX_BURSTS},
    {"recirculations", SWD_PMD_ATTR_RECIRCULATIONS},
    {"copies", SWD_PMD_ATTR_COPIES},
    {"repeats", SWD_PMD_ATTR_REPEATS},
    {"emc_hits", SWD_PMD_ATTR_EMC_HITS},
    {"signature_hits", SWD_PMD_ATTR_SIGNATURE_HITS},
    {"megaflow_hits", SWD_PMD_ATTR_MEGAFLOW_HITS},
    {"misses", SWD_PMD_ATTR_MISSES},
    {"masks_tried", SWD_PMD_ATTR_MASKS_TRIED},
    {"stage_packets", SWD_PMD_ATTR_STAGE_PACKETS},
    {"rx_cycles", SWD_PMD_ATTR_RX_CYCLES},
    {"extract_cycles", SWD_PMD_ATTR_EXTRACT_CYCLES},
    {"lookup_cycles", SWD_PMD_ATTR_LOOKUP_CYCLES},
    {"actions_cycles", SWD_PMD_ATTR_ACTIONS_CYCLES},
    {"tx_cycles", SWD_PMD_ATTR_TX_CYCLES},
};

static json_t *rxq_json(const struct nlattr *nest)
{
	const struct nlattr *a[SWD_RXQ_ATTR_MAX + 1] = {0};
	struct dp_error error;
	if (dp_nest_parse(nest, a, SWD_RXQ_ATTR_MAX, &error) < 0)
		return NULL;
	return json_pack("{s:o, s:i, s:i}", "port",
			 rpc_text(dp_attr_text(a[SWD_RXQ_ATTR_PORT_NAME])), "queue",
			 (int)dp_attr_uint(a[SWD_RXQ_ATTR_QUEUE]), "waiting",
			 (int)dp_attr_uint(a[SWD_RXQ_ATTR_WAITING]));
}

static void rxqs_add(json_t *list, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	const unsigned headers =
	    MNL_ALIGN(sizeof(struct genlmsghdr)) + MNL_ALIGN(sizeof(struct ovs_header));
	mnl_attr_for_each (attr, nlh, headers) {
		if (mnl_attr_get_type(attr) == SWD_PMD_ATTR_RXQ)
			json_array_append_new(list, rxq_json(attr));
	}
}

// Whether the answer goes on with a PMD whose queues did not find room in one.
static bool pmd_goes_on(const json_t *pmd, const struct nlattr **a)
{
	return pmd != NULL && a[SWD_PMD_ATTR_ITERATIONS] == NULL &&
	       json_integer_value(json_object_get(pmd, "core")) ==
		   (json_int_t)dp_attr_uint(a[SWD_PMD_ATTR_CORE]);
}

static json_t *pmd_json(const struct nlattr **a)
{
	json_t *pmd = json_pack("{s:i, s:i}", "core", (int)dp_attr_uint(a[SWD_PMD_ATTR_CORE]),
				"numa", (int)dp_attr_uint(a[SWD_PMD_ATTR_NUMA]));
	for (size_t i = 0; i < sizeof(pmd_rows) / sizeof(pmd_rows[0]); i++)
		json_object_set_new(pmd, pmd_rows[i].name,
				    json_integer((json_int_t)dp_attr_uint(a[pmd_rows[i].attr])));
	return pmd;
}

static void take_pmd(const struct nlmsghdr *nlh, const struct nlattr **a, void *arg)
{
	json_t *last = json_array_get(arg, json_array_size(arg) - 1);
	if (pmd_goes_on(last, a)) {
		rxqs_add(json_object_get(last, "rxqs"), nlh);
		return;
	}
	double busy = (double)dp_attr_uint(a[SWD_PMD_ATTR_BUSY_CYCLES]);
	double all = busy + (double)dp_attr_uint(a[SWD_PMD_ATTR_IDLE_CYCLES]);
	json_t *pmd = pmd_json(a), *rxqs = json_array();
	rxqs_add(rxqs, nlh);
	json_object_set_new(pmd, "busy_percent", json_real(all > 0 ? 100 * busy / all : 0));
	json_object_set_new(pmd, "rxqs", rxqs);
	json_array_append_new(arg, pmd);
}

int method_pmd_show(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls = need_swd(d, reply);
	json_t *pmds = json_array();
	(void)params;
	reply->result = json_pack("{s:o}", "pmds", pmds);
	if (!calls)
		return -1;
	int err = dp_call_pmds(calls, take_pmd, pmds, text);
	return err ? refuse_call(d, reply, err, text) : 0;
}

static void take_pmd_stats(const struct nlmsghdr *nlh, const struct nlattr **a, void *arg)
{
	(void)nlh;
	if (!pmd_goes_on(json_array_get(arg, json_array_size(arg) - 1), a))
		json_array_append_new(arg, pmd_json(a));
}

int method_pmd_stats(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct dp_info info;
	char text[DP_CALL_TEXT];
	struct dp_client *calls = need_swd(d, reply);
	(void)params;
	if (!calls)
		return -1;
	json_t *pmds = json_array();
	int err = dp_call_info(calls, &info, text);
	if (!err)
		err = dp_call_pmds(calls, take_pmd_stats, pmds, text);
	reply->result = json_pack("{s:o, s:f, s:o}", "isa", rpc_text(info.isa), "seconds",
				  (double)info.uptime_ms / 1000, "pmds", pmds);
	return err ? refuse_call(d, reply, err, text) : 0;
}
