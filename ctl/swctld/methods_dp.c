// dp.show, dp.dump_flows: what swd says, as it is
#include "ctl/swctld/methods_dp.h"

#include "ctl/dp_actions.h"
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/revalidate.h"

#include <stdlib.h>

struct dp_client *methods_need_swd(struct swctld *d, struct rpc_reply *reply)
{
	struct dp_client *calls = datapath_calls(d->datapath);
	if (!calls)
		rpc_refuse(reply, "%s", datapath_away(d->datapath));
	return calls;
}

int methods_refuse_call(struct swctld *d, struct rpc_reply *reply, int err, const char *text)
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
	struct dp_client *calls = methods_need_swd(d, reply);
	(void)params;
	if (!calls)
		return -1;
	int err = dp_call_info(calls, &info, text);
	if (!err)
		err = dp_call_stats(calls, &s, text);
	if (err)
		return methods_refuse_call(d, reply, err, text);
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
	    {"flows", s.stats.n_flows},
	    {"all_flows", info.n_flows},
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
	struct dp_client *calls = methods_need_swd(d, reply);
	struct flow_list list = {.d = d, .reply = reply, .now_ms = clock_now_ms()};
	(void)params;
	if (!calls)
		return -1;
	revalidate_now(d->revalidator); // what has just changed shows
	rpc_rows_begin(reply, "flows");
	int err = dp_call_flows(calls, take_flow, &list, text);
	rpc_rows_end(reply);
	return err ? methods_refuse_call(d, reply, err, text) : 0;
}
