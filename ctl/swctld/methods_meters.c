// meter.add, meter.add_many, meter.mod, meter.del, meter.dump, meter.stats
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/dp_calls.h"
#include "ctl/swctld/methods_change.h"

#include <stdlib.h>

int method_meter_add(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return method_command(d, "meter add", method_text(params, "meter"), "", reply);
}

int method_meter_add_many(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return method_lines(d, CHANGE_METERS, json_object_get(params, "meters"), "", reply);
}

int method_meter_mod(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return method_command(d, "meter modify", method_text(params, "meter"), "", reply);
}

int method_meter_del(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	return method_command(d, "meter delete", method_text(params, "meter"), "", reply);
}

static int parse_id(const json_t *params, uint32_t *id, struct rpc_reply *reply)
{
	struct of_error error = {.column = 0};
	int err = of_meter_id_parse(id, method_text(params, "meter"), &error);
	return err ? rpc_refuse_flow(reply, &error, 0) : 0;
}

static json_t *meter_json(const struct meter *meter)
{
	uint64_t age_ms = clock_now_ms() - meter->item.created_ms;
	return json_pack("{s:i, s:i, s:f, s:o}", "meter_id", (int)meter->of.id, "n_bands",
			 (int)meter->of.n_bands, "duration_s", (double)age_ms / 1000, "meter",
			 method_take_text(of_meter_format(&meter->of)));
}

int method_meter_dump(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	uint32_t id;
	size_t n;
	if (parse_id(params, &id, reply) < 0)
		return -1;
	const struct meter **list = meters_list(d->meters, &n);
	if (!list)
		return rpc_refuse(reply, "out of memory");
	rpc_rows_begin(reply, "meters");
	for (size_t i = 0; i < n; i++) {
		if (id == 0 || id == list[i]->of.id)
			rpc_rows_add(reply, meter_json(list[i]));
	}
	rpc_rows_end(reply);
	free(list);
	return 0;
}

struct stats {
	struct swctld *d;
	struct rpc_reply *reply;
	uint32_t id; // 0: all
};

static json_t *bands_json(const struct dp_meter *meter)
{
	json_t *bands = json_array();
	for (unsigned i = 0; i < meter->n_bands; i++)
		json_array_append_new(bands, json_pack("{s:I, s:I}", "packets",
						       (json_int_t)meter->bands[i].packets, "bytes",
						       (json_int_t)meter->bands[i].bytes));
	return bands;
}

static void put_stats(const struct dp_meter *meter, void *arg)
{
	const struct stats *s = arg;
	const struct meter *ours = meters_find(s->d->meters, meter->id);
	if (!ours || (s->id && s->id != meter->id))
		return;
	uint64_t age_ms = clock_now_ms() - ours->item.created_ms;
	rpc_rows_add(s->reply,
		     json_pack("{s:i, s:i, s:I, s:I, s:f, s:o}", "meter_id", (int)meter->id,
			       "flow_count",
			       (int)rules_count_using(s->d->rules, OF_METER, meter->id), "packets",
			       (json_int_t)meter->packets, "bytes", (json_int_t)meter->bytes,
			       "duration_s", (double)age_ms / 1000, "bands", bands_json(meter)));
}

// swd counts.
int method_meter_stats(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct stats s = {d, reply, 0};
	char text[DP_CALL_TEXT];
	if (parse_id(params, &s.id, reply) < 0)
		return -1;
	struct dp_client *calls = datapath_calls(d->datapath);
	if (!calls)
		return rpc_refuse(reply, "%s", datapath_away(d->datapath));
	rpc_rows_begin(reply, "meters");
	int err = dp_call_meters(calls, put_stats, &s, text);
	rpc_rows_end(reply);
	datapath_check(d->datapath, err);
	return err ? rpc_refuse(reply, "swd: %s", text) : 0;
}
