// Connection tracking, as control daemons see and set it: each its own datapath's.
#include "datapath/server_internal.h"

#include "ctl/dp_ct.h"
#include "datapath/ct.h"
#include "datapath/ct_dump.h"
#include "datapath/ct_limit.h"
#include "datapath/ct_table.h"
#include "datapath/ct_timeout.h"
#include "datapath/datapaths.h"

#include <errno.h>

#define SLOTS_A_TURN 4096 // of the table, that a dump looks at: each may be a line far away

static_assert(DATAPATHS_MAX <= CT_DPS_MAX, "a datapath's slot is its number here");

static uint32_t now(void)
{
	return ct_time(server_now_ms());
}

static uint8_t dp_of(const struct request *rq)
{
	return (uint8_t)rq->dp->slot;
}

int32_t server_ct_dump_zone(const struct nlmsghdr *request)
{
	struct dp_ct_filter filter;
	if (request->nlmsg_type != DP_FAMILY_SWD || dp_msg_cmd(request) != SWD_CMD_CT_GET ||
	    dp_ct_filter_parse(request, &filter, NULL) < 0 || !filter.has_zone)
		return -1;
	return filter.zone;
}

int server_ct_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	const struct datapath *dp = datapath_by_ifindex(c->dump_dp);
	struct dp_ct_conn conn;
	if (dp == NULL)
		return 0;
	if (!ct_dump_next((uint8_t)dp->slot, c->dump_ct_zone, now(), SLOTS_A_TURN, cursor, &conn))
		return *cursor < ct_table_slots() ? DUMP_LATER : 0;
	if (!dp_ct_conn_put(nlh, room, &conn))
		return -EMSGSIZE;
	(*cursor)++;
	return 1;
}

int server_ct_del(struct request *rq)
{
	struct dp_ct_filter filter;
	int rc = dp_ct_filter_parse(rq->nlh, &filter, &rq->error);
	if (rc < 0)
		return rc;
	rc = ct_dump_flush(dp_of(rq), &filter, now());
	return rc < 0 ? request_fail(rq, NULL, rc, "no connection has this original tuple") : 0;
}

static bool fill_stats(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	(void)server;
	return dp_ct_stats_put(nlh, room, arg);
}

int server_ct_stats_get(struct request *rq)
{
	struct ct_counters counters;
	uint8_t dp = dp_of(rq);
	ct_counters_sum(&counters);
	struct dp_ct_stats stats = {.count = ct_table_count(dp),
				    .limit = ct_limit_get_dp(dp),
				    .tcp_seq_chk = !ct_tcp_is_liberal(dp),
				    .max_conns = ct_table_max(),
				    .bytes = ct_table_bytes(),
				    .tracked = counters.tracked,
				    .invalid = counters.invalid,
				    .opened = counters.opened};
	return request_answer(rq, SWD_CMD_CT_STATS_GET, fill_stats, &stats);
}

int server_ct_set(struct request *rq)
{
	struct dp_ct_stats stats;
	bool has_limit = false, has_seq_chk = false;
	int rc = dp_ct_stats_parse(rq->nlh, &stats, &has_limit, &has_seq_chk, &rq->error);
	if (rc < 0)
		return rc;
	if (has_limit)
		ct_limit_set_dp(dp_of(rq), stats.limit);
	if (has_seq_chk)
		ct_set_tcp_liberal(dp_of(rq), !stats.tcp_seq_chk);
	return 0;
}

// Timeout policies. The protocol's timeouts are ours, one higher.

static_assert(SWD_CT_TIMEOUT_MAX == N_CT_TIMEOUTS &&
		  (int)SWD_CT_TIMEOUT_UDP_FIRST == (int)CT_TIMEOUT_UDP_FIRST + 1 &&
		  (int)SWD_CT_TIMEOUT_ICMP_REPLY == (int)CT_TIMEOUT_ICMP_REPLY + 1,
	      "in the same order");

static bool fill_policy(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	const struct ct_policy *policy = arg;
	// All are told, since those that were not set count, too.
	struct dp_ct_policy out = {.id = policy->id, .present = UINT32_MAX};
	(void)server;
	memcpy(&out.seconds[1], policy->seconds, sizeof(policy->seconds));
	return dp_ct_policy_put(nlh, room, &out);
}

int server_ct_policy_set(struct request *rq)
{
	struct dp_ct_policy in;
	int rc = dp_ct_policy_parse(rq->nlh, &in, &rq->error);
	if (rc < 0)
		return rc;
	struct ct_policy policy = {.id = in.id, .present = in.present >> 1};
	memcpy(policy.seconds, &in.seconds[1], sizeof(policy.seconds));
	rc = ct_timeout_set(dp_of(rq), &policy);
	if (rc == -EINVAL)
		return request_fail(rq, NULL, rc, "a timeout may have %u seconds at most",
				    CT_TIMEOUT_SECONDS_MAX);
	return rc < 0 ? request_fail(rq, NULL, rc, "there are %u timeout policies: no more fit",
				     CT_POLICIES_MAX - CT_DPS_MAX)
		      : 0;
}

static int policy_find(struct request *rq, struct ct_policy *policy)
{
	struct dp_ct_policy in;
	int rc = dp_ct_policy_parse(rq->nlh, &in, &rq->error);
	if (rc < 0)
		return rc;
	if (ct_timeout_get(dp_of(rq), in.id, policy))
		return 0;
	request_fail(rq, NULL, -ENOENT, "there is no timeout policy %u", in.id);
	return -ENOENT;
}

int server_ct_policy_get(struct request *rq)
{
	struct ct_policy policy;
	int rc = policy_find(rq, &policy);
	return rc < 0 ? rc : request_answer(rq, SWD_CMD_CT_POLICY_GET, fill_policy, &policy);
}

int server_ct_policy_del(struct request *rq)
{
	struct ct_policy policy;
	int rc = policy_find(rq, &policy);
	return rc < 0 ? rc : ct_timeout_del(dp_of(rq), policy.id);
}

int server_ct_policy_dump(const struct client *c, struct nlmsghdr *nlh, size_t room,
			  uint32_t *cursor)
{
	const struct datapath *dp = datapath_by_ifindex(c->dump_dp);
	struct ct_policy policy;
	uint32_t next = *cursor;
	if (dp == NULL || !ct_timeout_next((uint8_t)dp->slot, &next, &policy))
		return 0;
	if (!fill_policy(NULL, nlh, room, &policy))
		return -EMSGSIZE;
	*cursor = next;
	return 1;
}
