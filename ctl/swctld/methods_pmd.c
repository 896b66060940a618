// pmd.show, pmd.stats, pmd.set, pmd.rebalance: the poll-mode threads
#include "ctl/swctld/datapath.h"
#include "ctl/swctld/dp_sync.h"
#include "ctl/swctld/methods_dp.h"
#include "ctl/swctld/pmd_settings.h"

#include <errno.h>
#include <stdlib.h>

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
    {"sleeps", SWD_PMD_ATTR_SLEEPS},
    {"sleep_cycles", SWD_PMD_ATTR_SLEEP_CYCLES},
};

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

// `recent`: all cycles of its core in the same time.
static json_t *rxq_json(const struct nlattr *nest, int core_numa, double recent)
{
	const struct nlattr *a[SWD_RXQ_ATTR_MAX + 1] = {0};
	struct dp_error error;
	if (dp_nest_parse(nest, a, SWD_RXQ_ATTR_MAX, &error) < 0)
		return NULL;
	int numa = (int)dp_attr_uint(a[SWD_RXQ_ATTR_NUMA]);
	json_t *rxq = json_pack("{s:o, s:i, s:i, s:f, s:b, s:i, s:b}", "port",
				rpc_text(dp_attr_text(a[SWD_RXQ_ATTR_PORT_NAME])), "queue",
				(int)dp_attr_uint(a[SWD_RXQ_ATTR_QUEUE]), "waiting",
				(int)dp_attr_uint(a[SWD_RXQ_ATTR_WAITING]), "load_percent",
				percent((double)dp_attr_uint(a[SWD_RXQ_ATTR_BUSY]), recent),
				"pinned", a[SWD_RXQ_ATTR_PIN] != NULL, "numa", numa, "crosses",
				numa >= 0 && core_numa >= 0 && numa != core_numa);
	return rxq;
}

static void rxqs_add(json_t *pmd, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	json_t *list = json_object_get(pmd, "rxqs");
	int numa = (int)json_integer_value(json_object_get(pmd, "numa"));
	double recent = (double)json_integer_value(json_object_get(pmd, "recent_cycles"));
	const unsigned headers =
	    MNL_ALIGN(sizeof(struct genlmsghdr)) + MNL_ALIGN(sizeof(struct ovs_header));
	mnl_attr_for_each (attr, nlh, headers) {
		if (mnl_attr_get_type(attr) == SWD_PMD_ATTR_RXQ)
			json_array_append_new(list, rxq_json(attr, numa, recent));
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
		rxqs_add(last, nlh);
		return;
	}
	uint64_t recent = dp_attr_uint(a[SWD_PMD_ATTR_RECENT_ALL]);
	double busy = percent((double)dp_attr_uint(a[SWD_PMD_ATTR_RECENT_BUSY]), (double)recent);
	json_t *pmd = pmd_json(a);
	json_object_set_new(pmd, "index",
			    json_integer((json_int_t)dp_attr_uint(a[SWD_PMD_ATTR_INDEX])));
	json_object_set_new(pmd, "isolated", json_boolean(dp_attr_uint(a[SWD_PMD_ATTR_ISOLATED])));
	json_object_set_new(pmd, "busy_percent", json_real(busy));
	json_object_set_new(pmd, "recent_cycles", json_integer((json_int_t)recent));
	json_object_set_new(pmd, "rxqs", json_array());
	rxqs_add(pmd, nlh);
	json_array_append_new(arg, pmd);
}

// A port's transmit queues are taken by index; with more senders than queues they are shared.
static json_t *txqs_json(const struct ports *ports, unsigned index, unsigned n_senders)
{
	json_t *list = json_array();
	for (const struct port *p = ports_next(ports, 0); p; p = ports_next(ports, p->no)) {
		unsigned n = p->installed ? p->state.n_txq : 0;
		if (n > 0)
			json_array_append_new(list,
					      json_pack("{s:s, s:i, s:b}", "port", p->name, "queue",
							(int)(index % n), "shared", n_senders > n));
	}
	return list;
}

static void add_txqs(const struct ports *ports, json_t *pmds)
{
	unsigned n_senders = 0;
	json_t *pmd;
	size_t i;
	json_array_foreach (pmds, i, pmd) {
		unsigned index = (unsigned)json_integer_value(json_object_get(pmd, "index"));
		n_senders = index + 1 > n_senders ? index + 1 : n_senders;
	}
	json_array_foreach (pmds, i, pmd) {
		unsigned index = (unsigned)json_integer_value(json_object_get(pmd, "index"));
		json_object_set_new(pmd, "txqs", txqs_json(ports, index, n_senders));
	}
}

static int by_core(const void *a, const void *b)
{
	json_int_t left = json_integer_value(json_object_get(*(json_t *const *)a, "core"));
	json_int_t right = json_integer_value(json_object_get(*(json_t *const *)b, "core"));
	return (left > right) - (left < right);
}

// swd has them in the order in which their places were free.
static void sort_pmds(json_t *pmds)
{
	json_t *list[SWD_PMD_CORES_MAX];
	size_t n = json_array_size(pmds);
	if (n > SWD_PMD_CORES_MAX)
		return;
	for (size_t i = 0; i < n; i++)
		list[i] = json_incref(json_array_get(pmds, i));
	qsort(list, n, sizeof(list[0]), by_core);
	for (size_t i = 0; i < n; i++)
		json_array_set_new(pmds, i, list[i]);
}

// Names of ports are one space over all control daemons of an swd.
static void mark_foreign(const struct ports *ports, json_t *pmds)
{
	json_t *pmd, *rxq;
	size_t i, q;
	json_array_foreach (pmds, i, pmd) {
		json_array_foreach (json_object_get(pmd, "rxqs"), q, rxq) {
			const char *name = json_string_value(json_object_get(rxq, "port"));
			const struct port *port = name ? ports_by_name(ports, name) : NULL;
			json_object_set_new(rxq, "foreign",
					    json_boolean(!port || !port->installed));
		}
	}
}

int method_pmd_show(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[DP_CALL_TEXT];
	struct dp_client *calls = methods_need_swd(d, reply);
	json_t *pmds = json_array();
	(void)params;
	reply->result = json_pack("{s:o, s:o}", "pmds", pmds, "settings", pmd_settings_json(d));
	if (!calls)
		return -1;
	int err = dp_sync_ports(d, calls, text); // transmit queues as they are now
	if (!err)
		err = dp_call_pmds(calls, take_pmd, pmds, text);
	sort_pmds(pmds);
	add_txqs(d->ports, pmds);
	mark_foreign(d->ports, pmds);
	return err ? methods_refuse_call(d, reply, err, text) : 0;
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
	struct dp_client *calls = methods_need_swd(d, reply);
	(void)params;
	if (!calls)
		return -1;
	json_t *pmds = json_array();
	int err = dp_call_info(calls, &info, text);
	if (!err)
		err = dp_call_pmds(calls, take_pmd_stats, pmds, text);
	sort_pmds(pmds);
	reply->result = json_pack("{s:o, s:f, s:o}", "isa", rpc_text(info.isa), "seconds",
				  (double)info.uptime_ms / 1000, "pmds", pmds);
	return err ? methods_refuse_call(d, reply, err, text) : 0;
}

int method_pmd_set(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[800];
	if (pmd_settings_change(d, params, text, sizeof(text)) < 0)
		return rpc_refuse(reply, "%s", text);
	reply->result = json_object();
	return 0;
}

static double load_percent(const struct nlattr *attr)
{
	return (double)dp_attr_uint(attr) / 100;
}

static json_t *move_json(const struct nlattr *nest)
{
	const struct nlattr *a[SWD_MOVE_ATTR_MAX + 1] = {0};
	struct dp_error error;
	if (dp_nest_parse(nest, a, SWD_MOVE_ATTR_MAX, &error) < 0)
		return NULL;
	return json_pack("{s:o, s:i, s:i, s:i, s:f}", "port",
			 rpc_text(dp_attr_text(a[SWD_MOVE_ATTR_PORT_NAME])), "queue",
			 (int)dp_attr_uint(a[SWD_MOVE_ATTR_QUEUE]), "from",
			 (int)dp_attr_uint(a[SWD_MOVE_ATTR_FROM]), "to",
			 (int)dp_attr_uint(a[SWD_MOVE_ATTR_TO]), "load_percent",
			 load_percent(a[SWD_MOVE_ATTR_LOAD]));
}

static void take_plan(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a[SWD_REBALANCE_ATTR_MAX + 1] = {0}, *attr;
	struct dp_error error;
	json_t **plan = arg, *moves = json_array();
	const unsigned headers =
	    MNL_ALIGN(sizeof(struct genlmsghdr)) + MNL_ALIGN(sizeof(struct ovs_header));
	if (dp_msg_parse(nlh, a, SWD_REBALANCE_ATTR_MAX, &error) == 0) {
		mnl_attr_for_each (attr, nlh, headers) {
			if (mnl_attr_get_type(attr) == SWD_REBALANCE_ATTR_MOVE)
				json_array_append_new(moves, move_json(attr));
		}
	}
	json_decref(*plan);
	*plan = json_pack("{s:i, s:o, s:f, s:f}", "n_moves",
			  (int)dp_attr_uint(a[SWD_REBALANCE_ATTR_N_MOVES]), "moves", moves,
			  "busiest_before_percent", load_percent(a[SWD_REBALANCE_ATTR_BEFORE]),
			  "busiest_after_percent", load_percent(a[SWD_REBALANCE_ATTR_AFTER]));
}

int method_pmd_rebalance(struct swctld *d, const json_t *params, struct rpc_reply *reply)
{
	char text[DP_CALL_TEXT] = "";
	bool dry_run = json_is_true(json_object_get(params, "dry_run"));
	struct dp_client *calls = methods_need_swd(d, reply);
	if (!calls)
		return -1;
	int err = dp_call_pmd_rebalance(calls, dry_run, take_plan, &reply->result, text);
	if (!err && !reply->result)
		err = -EPROTO;
	if (err)
		return methods_refuse_call(d, reply, err, text);
	json_object_set_new(reply->result, "dry_run", json_boolean(dry_run));
	return 0;
}
