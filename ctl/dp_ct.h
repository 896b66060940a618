// Connections and their timeout policies as the datapath protocol carries them, both ways.
#ifndef CTL_DP_CT_H
#define CTL_DP_CT_H

#include "ctl/dp_key.h"
#include "ctl/dp_proto.h"

enum dp_ct_alg { DP_CT_ALG_NONE, DP_CT_ALG_FTP, DP_CT_ALG_TFTP, N_DP_CT_ALGS };

struct dp_ct_conn {
	struct swd_ct_tuple orig, reply, master;
	bool has_master, has_tcp;
	uint16_t zone;
	uint8_t alg; // enum dp_ct_alg
	uint32_t id, mark, timeout_s;
	uint8_t labels[16];
	struct swd_ct_tcp tcp;
};

// What a request is about: all connections, those of a zone, or one.
struct dp_ct_filter {
	bool has_zone, has_tuple;
	uint16_t zone; // 0 when a tuple comes without one
	struct swd_ct_tuple tuple;
};

struct dp_ct_policy {
	uint32_t id;
	uint32_t present;			  // a bit for each enum swd_ct_timeout
	uint32_t seconds[SWD_CT_TIMEOUT_MAX + 1]; // by enum swd_ct_timeout
};

struct dp_ct_stats {
	uint32_t count, limit, max_conns;
	bool tcp_seq_chk;
	uint64_t bytes, tracked, invalid, opened;
};

// Each *_parse: 0, or -EINVAL with *error. Each *_put: false when there is no room.
int dp_ct_conn_parse(const struct nlmsghdr *nlh, struct dp_ct_conn *conn, struct dp_error *error);
bool dp_ct_conn_put(struct nlmsghdr *nlh, size_t room, const struct dp_ct_conn *conn);

int dp_ct_filter_parse(const struct nlmsghdr *nlh, struct dp_ct_filter *filter,
		       struct dp_error *error);
bool dp_ct_filter_put(struct nlmsghdr *nlh, size_t room, const struct dp_ct_filter *filter);

// The ID must be there.
int dp_ct_policy_parse(const struct nlmsghdr *nlh, struct dp_ct_policy *policy,
		       struct dp_error *error);
bool dp_ct_policy_put(struct nlmsghdr *nlh, size_t room, const struct dp_ct_policy *policy);

// A request to change something has what it changes: *has_limit, *has_seq_chk say what was there.
int dp_ct_stats_parse(const struct nlmsghdr *nlh, struct dp_ct_stats *stats, bool *has_limit,
		      bool *has_seq_chk, struct dp_error *error);
bool dp_ct_stats_put(struct nlmsghdr *nlh, size_t room, const struct dp_ct_stats *stats);

const char *dp_ct_alg_name(enum dp_ct_alg alg); // "" for none

#endif
