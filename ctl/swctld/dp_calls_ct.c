// Requests about tracked connections.
#include "ctl/swctld/dp_calls.h"

#include <string.h>

struct ct_visit {
	dp_ct_fn fn;
	void *arg;
};

static void on_conn(const struct nlmsghdr *nlh, void *arg)
{
	const struct ct_visit *visit = arg;
	struct dp_ct_conn conn;
	struct dp_error error;
	if (dp_ct_conn_parse(nlh, &conn, &error) == 0)
		visit->fn(&conn, visit->arg);
}

int dp_call_ct(struct dp_client *c, const struct dp_ct_filter *filter, dp_ct_fn fn, void *arg,
	       char *text)
{
	struct ct_visit visit = {fn, arg};
	struct nlmsghdr *nlh =
	    dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_GET, NLM_F_REQUEST | NLM_F_DUMP);
	dp_ct_filter_put(nlh, dp_client_room(c), filter);
	return dp_call(c, on_conn, &visit, DP_CALL_TIMEOUT_MS, text);
}

int dp_call_ct_flush(struct dp_client *c, const struct dp_ct_filter *filter, char *text)
{
	struct nlmsghdr *nlh =
	    dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_DEL, NLM_F_REQUEST | NLM_F_ACK);
	dp_ct_filter_put(nlh, dp_client_room(c), filter);
	return dp_call(c, NULL, NULL, DP_CALL_TIMEOUT_MS, text);
}

static void on_stats(const struct nlmsghdr *nlh, void *arg)
{
	struct dp_error error;
	bool has_limit, has_seq_chk;
	dp_ct_stats_parse(nlh, arg, &has_limit, &has_seq_chk, &error);
}

int dp_call_ct_stats(struct dp_client *c, struct dp_ct_stats *stats, char *text)
{
	memset(stats, 0, sizeof(*stats));
	dp_client_begin(c, DP_FAMILY_SWD, SWD_CMD_CT_STATS_GET, NLM_F_REQUEST | NLM_F_ACK);
	return dp_call(c, on_stats, stats, DP_CALL_TIMEOUT_MS, text);
}
