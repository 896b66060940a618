// show, fdb.show, version
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/megaflows.h"
#include "ctl/swctld/rpc.h"
#include "ctl/swctld/rules.h"
#include "ctl/swctld/upcall.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#define CONTROL_PROTOCOL_VERSION 2

// What swd says of itself; false while it is away.
static bool ask_swd(struct swctld *d, struct dp_info *info)
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls = datapath_calls(d->datapath);
	return calls && datapath_check(d->datapath, dp_call_info(calls, info, text)) == 0;
}

// Megaflows that swd has for us; others may be another control daemon's.
static unsigned flows_in_swd(struct swctld *d)
{
	struct dp_stats s;
	char text[DP_CALL_TEXT];
	struct dp_client *calls = datapath_calls(d->datapath);
	if (!calls || datapath_check(d->datapath, dp_call_stats(calls, &s, text)) < 0)
		return 0;
	return (unsigned)s.stats.n_flows;
}

static unsigned masks(const struct swctld *d)
{
	return mask_budget_count(megaflows_masks(d->megaflows));
}

static unsigned ports_up(const struct swctld *d, bool connected)
{
	unsigned n = 0;
	for (struct port *p = ports_next(d->ports, 0); p; p = ports_next(d->ports, p->no))
		n += connected && p->installed && p->state.up;
	return n;
}

static unsigned macs(const struct swctld *d)
{
	unsigned n = 0;
	free(fdb_list(d->fdb, &n));
	return n;
}

static json_t *swd_json(const struct swctld *d, bool connected, const struct dp_info *info)
{
	if (!connected)
		return json_pack("{s:b, s:o}", "connected", 0, "reason",
				 rpc_text(datapath_away(d->datapath)));
	return json_pack("{s:b, s:o, s:o, s:i, s:I}", "connected", 1, "version",
			 rpc_text(info->version), "dpdk", rpc_text(info->dpdk), "pid",
			 (int)info->pid, "uptime_s", (json_int_t)(info->uptime_ms / 1000));
}

// Packets whose translation failed, by reason.
static json_t *failed_json(void)
{
	json_t *failed = json_object();
	for (unsigned end = XLATE_OK + 1; end < XLATE_ENDS; end++) {
		uint64_t n = upcall_counts()->ends[end];
		if (n)
			json_object_set_new(failed, xlate_end_text(end),
					    json_integer((json_int_t)n));
	}
	return failed;
}

int method_show(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct dp_info info = {.pid = 0};
	(void)params;
	bool connected = ask_swd(d, &info);
	json_t *self =
	    json_pack("{s:s, s:i, s:I, s:o}", "version", SWD_VERSION, "pid", (int)getpid(),
		      "uptime_s", (json_int_t)((clock_now_ms() - d->started_ms) / 1000), "db",
		      rpc_text(d->db_path));
	reply->result =
	    json_pack("{s:o, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:o}", "swctld",
		      self, "swd", swd_json(d, connected, &info), "ports",
		      (int)ports_count(d->ports), "ports_up", (int)ports_up(d, connected), "rules",
		      (int)rules_count(d->rules), "megaflows", connected ? (int)flows_in_swd(d) : 0,
		      "masks", connected ? (int)masks(d) : 0, "macs", (int)macs(d), "max_masks",
		      (int)d->limits.masks, "missed", (json_int_t)upcall_counts()->missed,
		      "not_installed", (json_int_t)upcall_counts()->not_installed, "failed",
		      failed_json());
	return 0;
}

static json_t *entry_json(const struct swctld *d, const struct fdb_entry *e, uint64_t now_ms)
{
	const uint8_t *b = e->mac.b;
	const char *name = ports_name_of(e->port, d->ports);
	int64_t age_ms = (int64_t)(now_ms - e->used_ms);
	return json_pack("{s:o, s:i, s:o, s:f}", "mac",
			 json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
				      b[5]),
			 "vlan", (int)e->vlan, "port",
			 name ? rpc_text(name) : json_sprintf("%u", e->port), "age_s",
			 age_ms > 0 ? (double)age_ms / 1000 : 0.0);
}

int method_fdb_show(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	unsigned n = 0;
	struct fdb_entry *list = fdb_list(d->fdb, &n);
	json_t *entries = json_array();
	uint64_t now_ms = clock_now_ms();
	(void)params;
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(entries, entry_json(d, &list[i], now_ms));
	free(list);
	reply->result = json_pack("{s:o}", "entries", entries);
	return 0;
}

int method_version(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	struct dp_info info;
	(void)params;
	bool connected = ask_swd(d, &info);
	reply->result = json_pack("{s:s, s:o, s:o, s:s, s:i}", "swctld", SWD_VERSION, "swd",
				  connected ? rpc_text(info.version) : json_null(), "dpdk",
				  connected ? rpc_text(info.dpdk) : json_null(), "sqlite",
				  sqlite3_libversion(), "protocol", CONTROL_PROTOCOL_VERSION);
	return 0;
}
