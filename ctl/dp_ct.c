#include "ctl/dp_ct.h"

#include "ctl/dp_attr.h"
#include "ctl/dp_msg.h"

#include <errno.h>
#include <string.h>

static const char *const alg_names[] = {
    [DP_CT_ALG_NONE] = "", [DP_CT_ALG_FTP] = "ftp", [DP_CT_ALG_TFTP] = "tftp"};

const char *dp_ct_alg_name(enum dp_ct_alg alg)
{
	return alg < N_DP_CT_ALGS ? alg_names[alg] : "";
}

// An attribute of a fixed size and where it goes. `has` is NULL where nobody asks.
struct field {
	uint16_t type;
	uint16_t len;
	const char *name;
	void *out;
	bool *has;
};

static int fields_get(const struct nlattr *const *attrs, const struct field *fields, size_t n,
		      struct dp_error *error)
{
	for (size_t i = 0; i < n; i++) {
		const struct field *f = &fields[i];
		const struct nlattr *attr = attrs[f->type];
		if (f->has != NULL)
			*f->has = attr != NULL;
		if (attr == NULL)
			continue;
		if (!dp_attr_has_len(attr, f->len))
			return dp_error_set(error, attr, -EINVAL,
					    "%s has %u bytes where %u are right", f->name,
					    dp_attr_len(attr), f->len);
		memcpy(f->out, dp_attr_payload(attr), f->len);
	}
	return 0;
}

#define N_FIELDS(fields) (sizeof(fields) / sizeof((fields)[0]))

static uint8_t alg_get(const struct nlattr *attr)
{
	for (uint8_t i = 1; attr != NULL && i < N_DP_CT_ALGS; i++) {
		if (dp_attr_has_len(attr, strlen(alg_names[i]) + 1) &&
		    memcmp(dp_attr_payload(attr), alg_names[i], strlen(alg_names[i]) + 1) == 0)
			return i;
	}
	return DP_CT_ALG_NONE;
}

int dp_ct_conn_parse(const struct nlmsghdr *nlh, struct dp_ct_conn *conn, struct dp_error *error)
{
	const struct nlattr *attrs[SWD_CT_ATTR_MAX + 1];
	const struct field fields[] = {
	    {SWD_CT_ATTR_ZONE, sizeof(conn->zone), "ZONE", &conn->zone, NULL},
	    {SWD_CT_ATTR_TUPLE_ORIG, sizeof(conn->orig), "TUPLE_ORIG", &conn->orig, NULL},
	    {SWD_CT_ATTR_TUPLE_REPLY, sizeof(conn->reply), "TUPLE_REPLY", &conn->reply, NULL},
	    {SWD_CT_ATTR_TUPLE_MASTER, sizeof(conn->master), "TUPLE_MASTER", &conn->master,
	     &conn->has_master},
	    {SWD_CT_ATTR_ID, sizeof(conn->id), "ID", &conn->id, NULL},
	    {SWD_CT_ATTR_MARK, sizeof(conn->mark), "MARK", &conn->mark, NULL},
	    {SWD_CT_ATTR_LABELS, sizeof(conn->labels), "LABELS", conn->labels, NULL},
	    {SWD_CT_ATTR_TIMEOUT, sizeof(conn->timeout_s), "TIMEOUT", &conn->timeout_s, NULL},
	    {SWD_CT_ATTR_TCP, sizeof(conn->tcp), "TCP", &conn->tcp, &conn->has_tcp},
	};
	memset(conn, 0, sizeof(*conn));
	int rc = dp_msg_parse(nlh, attrs, SWD_CT_ATTR_MAX, error);
	if (rc == 0)
		rc = fields_get(attrs, fields, N_FIELDS(fields), error);
	if (rc == 0)
		conn->alg = alg_get(attrs[SWD_CT_ATTR_HELPER]);
	return rc;
}

static bool put_tuple(struct nlmsghdr *nlh, size_t room, uint16_t type,
		      const struct swd_ct_tuple *tuple)
{
	return mnl_attr_put_check(nlh, room, type, sizeof(*tuple), tuple);
}

bool dp_ct_conn_put(struct nlmsghdr *nlh, size_t room, const struct dp_ct_conn *conn)
{
	if (!mnl_attr_put_u16_check(nlh, room, SWD_CT_ATTR_ZONE, conn->zone) ||
	    !put_tuple(nlh, room, SWD_CT_ATTR_TUPLE_ORIG, &conn->orig) ||
	    !put_tuple(nlh, room, SWD_CT_ATTR_TUPLE_REPLY, &conn->reply) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_CT_ATTR_ID, conn->id) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_CT_ATTR_MARK, conn->mark) ||
	    !mnl_attr_put_check(nlh, room, SWD_CT_ATTR_LABELS, sizeof(conn->labels),
				conn->labels) ||
	    !mnl_attr_put_u32_check(nlh, room, SWD_CT_ATTR_TIMEOUT, conn->timeout_s))
		return false;
	if (conn->has_master && !put_tuple(nlh, room, SWD_CT_ATTR_TUPLE_MASTER, &conn->master))
		return false;
	if (conn->has_tcp &&
	    !mnl_attr_put_check(nlh, room, SWD_CT_ATTR_TCP, sizeof(conn->tcp), &conn->tcp))
		return false;
	return conn->alg == DP_CT_ALG_NONE ||
	       mnl_attr_put_strz_check(nlh, room, SWD_CT_ATTR_HELPER, dp_ct_alg_name(conn->alg));
}

int dp_ct_filter_parse(const struct nlmsghdr *nlh, struct dp_ct_filter *filter,
		       struct dp_error *error)
{
	const struct nlattr *attrs[SWD_CT_ATTR_MAX + 1];
	const struct field fields[] = {
	    {SWD_CT_ATTR_ZONE, sizeof(filter->zone), "ZONE", &filter->zone, &filter->has_zone},
	    {SWD_CT_ATTR_TUPLE_ORIG, sizeof(filter->tuple), "TUPLE_ORIG", &filter->tuple,
	     &filter->has_tuple},
	};
	memset(filter, 0, sizeof(*filter));
	int rc = dp_msg_parse(nlh, attrs, SWD_CT_ATTR_MAX, error);
	return rc < 0 ? rc : fields_get(attrs, fields, N_FIELDS(fields), error);
}

bool dp_ct_filter_put(struct nlmsghdr *nlh, size_t room, const struct dp_ct_filter *filter)
{
	if (filter->has_zone && !mnl_attr_put_u16_check(nlh, room, SWD_CT_ATTR_ZONE, filter->zone))
		return false;
	return !filter->has_tuple || put_tuple(nlh, room, SWD_CT_ATTR_TUPLE_ORIG, &filter->tuple);
}

static int seconds_get(const struct nlattr *nest, struct dp_ct_policy *policy,
		       struct dp_error *error)
{
	const struct nlattr *attrs[SWD_CT_TIMEOUT_MAX + 1];
	int rc = dp_nest_parse(nest, attrs, SWD_CT_TIMEOUT_MAX, error);
	for (uint16_t i = 1; rc == 0 && i <= SWD_CT_TIMEOUT_MAX; i++) {
		const struct field field = {i, sizeof(uint32_t), "a timeout", &policy->seconds[i],
					    NULL};
		rc = fields_get(attrs, &field, 1, error);
		if (attrs[i] != NULL)
			policy->present |= 1u << i;
	}
	return rc;
}

int dp_ct_policy_parse(const struct nlmsghdr *nlh, struct dp_ct_policy *policy,
		       struct dp_error *error)
{
	const struct nlattr *attrs[SWD_CT_POLICY_ATTR_MAX + 1];
	const struct field id = {SWD_CT_POLICY_ATTR_ID, sizeof(policy->id), "ID", &policy->id,
				 NULL};
	memset(policy, 0, sizeof(*policy));
	int rc = dp_msg_parse(nlh, attrs, SWD_CT_POLICY_ATTR_MAX, error);
	if (rc < 0)
		return rc;
	if (attrs[SWD_CT_POLICY_ATTR_ID] == NULL)
		return dp_error_set(error, NULL, -EINVAL, "ID is missing");
	rc = fields_get(attrs, &id, 1, error);
	if (rc == 0 && attrs[SWD_CT_POLICY_ATTR_SECONDS] != NULL)
		rc = seconds_get(attrs[SWD_CT_POLICY_ATTR_SECONDS], policy, error);
	return rc;
}

bool dp_ct_policy_put(struct nlmsghdr *nlh, size_t room, const struct dp_ct_policy *policy)
{
	struct nlattr *nest;
	if (!mnl_attr_put_u32_check(nlh, room, SWD_CT_POLICY_ATTR_ID, policy->id))
		return false;
	nest = mnl_attr_nest_start_check(nlh, room, SWD_CT_POLICY_ATTR_SECONDS);
	if (nest == NULL)
		return false;
	for (uint16_t i = 1; i <= SWD_CT_TIMEOUT_MAX; i++) {
		if ((policy->present >> i & 1) &&
		    !mnl_attr_put_u32_check(nlh, room, i, policy->seconds[i]))
			return false;
	}
	mnl_attr_nest_end(nlh, nest);
	return true;
}

int dp_ct_stats_parse(const struct nlmsghdr *nlh, struct dp_ct_stats *stats, bool *has_limit,
		      bool *has_seq_chk, struct dp_error *error)
{
	const struct nlattr *attrs[SWD_CT_STATS_ATTR_MAX + 1];
	uint8_t seq_chk = 0;
	const struct field fields[] = {
	    {SWD_CT_STATS_ATTR_COUNT, 4, "COUNT", &stats->count, NULL},
	    {SWD_CT_STATS_ATTR_LIMIT, 4, "LIMIT", &stats->limit, has_limit},
	    {SWD_CT_STATS_ATTR_TCP_SEQ_CHK, 1, "TCP_SEQ_CHK", &seq_chk, has_seq_chk},
	    {SWD_CT_STATS_ATTR_MAX_CONNS, 4, "MAX_CONNS", &stats->max_conns, NULL},
	    {SWD_CT_STATS_ATTR_BYTES, 8, "BYTES", &stats->bytes, NULL},
	    {SWD_CT_STATS_ATTR_TRACKED, 8, "TRACKED", &stats->tracked, NULL},
	    {SWD_CT_STATS_ATTR_INVALID, 8, "INVALID", &stats->invalid, NULL},
	    {SWD_CT_STATS_ATTR_OPENED, 8, "OPENED", &stats->opened, NULL},
	};
	memset(stats, 0, sizeof(*stats));
	int rc = dp_msg_parse(nlh, attrs, SWD_CT_STATS_ATTR_MAX, error);
	if (rc == 0)
		rc = fields_get(attrs, fields, N_FIELDS(fields), error);
	stats->tcp_seq_chk = seq_chk != 0;
	return rc;
}

bool dp_ct_stats_put(struct nlmsghdr *nlh, size_t room, const struct dp_ct_stats *stats)
{
	return mnl_attr_put_u32_check(nlh, room, SWD_CT_STATS_ATTR_COUNT, stats->count) &&
	       mnl_attr_put_u32_check(nlh, room, SWD_CT_STATS_ATTR_LIMIT, stats->limit) &&
	       mnl_attr_put_u8_check(nlh, room, SWD_CT_STATS_ATTR_TCP_SEQ_CHK,
				     stats->tcp_seq_chk) &&
	       mnl_attr_put_u32_check(nlh, room, SWD_CT_STATS_ATTR_MAX_CONNS, stats->max_conns) &&
	       mnl_attr_put_u64_check(nlh, room, SWD_CT_STATS_ATTR_BYTES, stats->bytes) &&
	       mnl_attr_put_u64_check(nlh, room, SWD_CT_STATS_ATTR_TRACKED, stats->tracked) &&
	       mnl_attr_put_u64_check(nlh, room, SWD_CT_STATS_ATTR_INVALID, stats->invalid) &&
	       mnl_attr_put_u64_check(nlh, room, SWD_CT_STATS_ATTR_OPENED, stats->opened);
}
