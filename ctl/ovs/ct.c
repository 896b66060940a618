#include <config.h>

#include "ctl/ovs/nl_names.h"

#include "ctl/ovs/ct.h"

#include "ctl/ovs/ct_frag.h"
#include "ctl/ovs/ct_limit.h"
#include "ctl/ovs/ct_policy.h"
#include "ctl/ovs/proto.h"
#include "ctl/ovs/provider.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ct-dpif.h"
#include "dpif-provider.h"
#include "netlink.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

// Of a datapath of Open vSwitch's own. How many swd has room for is another matter.
#define DEFAULT_MAXCONNS 3000000

struct ct_dump {
	struct ct_dpif_dump_state up;
	struct nl_dump dump;
	struct ofpbuf buffer;
};

void ct_request_init(const struct dpif *dpif, struct ofpbuf *request, uint8_t cmd)
{
	ofpbuf_init(request, 256);
	nl_msg_put_genlmsghdr(request, 0, DP_FAMILY_SWD, NLM_F_REQUEST, cmd, DP_PROTO_VERSION);
	struct ovs_header *header = ofpbuf_put_uninit(request, sizeof(*header));
	header->dp_ifindex = provider_dp_ifindex(dpif);
}

int ct_request_run(struct ofpbuf *request, const struct nl_policy *policy, struct nlattr **attrs,
		   size_t n, struct ofpbuf **replyp)
{
	int err = swd_transact(0, request, replyp);
	ofpbuf_uninit(request);
	if (err != 0 || replyp == NULL)
		return err;
	if (ct_answer_parse(*replyp, policy, attrs, n))
		return 0;
	ofpbuf_delete(*replyp);
	*replyp = NULL;
	return EPROTO;
}

bool ct_answer_parse(const struct ofpbuf *reply, const struct nl_policy *policy,
		     struct nlattr **attrs, size_t n)
{
	static const size_t headers =
	    sizeof(struct nlmsghdr) + sizeof(struct genlmsghdr) + sizeof(struct ovs_header);
	return reply->size >= headers && nl_policy_parse(reply, headers, policy, attrs, n);
}

// Tuples.

static void tuple_read(const struct nlattr *attr, struct ct_dpif_tuple *out)
{
	struct swd_ct_tuple in;
	memcpy(&in, nl_attr_get(attr), sizeof(in));
	out->l3_type = in.is_v6 ? AF_INET6 : AF_INET;
	out->ip_proto = in.proto;
	memcpy(&out->src, in.src, in.is_v6 ? 16 : 4);
	memcpy(&out->dst, in.dst, in.is_v6 ? 16 : 4);
	memcpy(&out->src_port, &in.src_port_be, sizeof(out->src_port));
	memcpy(&out->dst_port, &in.dst_port_be, sizeof(out->dst_port)); // or type and code
}

static void tuple_put(struct ofpbuf *request, const struct ct_dpif_tuple *in)
{
	struct swd_ct_tuple out = {.is_v6 = in->l3_type == AF_INET6, .proto = in->ip_proto};
	memcpy(out.src, &in->src, out.is_v6 ? 16 : 4);
	memcpy(out.dst, &in->dst, out.is_v6 ? 16 : 4);
	memcpy(&out.src_port_be, &in->src_port, sizeof(out.src_port_be));
	memcpy(&out.dst_port_be, &in->dst_port, sizeof(out.dst_port_be));
	nl_msg_put_unspec(request, SWD_CT_ATTR_TUPLE_ORIG, &out, sizeof(out));
}

// Dumps.

static const struct nl_policy conn_policy[] = {
    [SWD_CT_ATTR_ZONE] = {.type = NL_A_U16},
    [SWD_CT_ATTR_TUPLE_ORIG] = {.type = NL_A_UNSPEC, .min_len = sizeof(struct swd_ct_tuple)},
    [SWD_CT_ATTR_TUPLE_REPLY] = {.type = NL_A_UNSPEC, .min_len = sizeof(struct swd_ct_tuple)},
    [SWD_CT_ATTR_TUPLE_MASTER] = {.type = NL_A_UNSPEC,
				  .min_len = sizeof(struct swd_ct_tuple),
				  .optional = true},
    [SWD_CT_ATTR_ID] = {.type = NL_A_U32},
    [SWD_CT_ATTR_MARK] = {.type = NL_A_U32, .optional = true},
    [SWD_CT_ATTR_LABELS] = {.type = NL_A_U128, .optional = true},
    [SWD_CT_ATTR_TIMEOUT] = {.type = NL_A_U32},
    [SWD_CT_ATTR_TCP] = {.type = NL_A_UNSPEC,
			 .min_len = sizeof(struct swd_ct_tcp),
			 .optional = true},
    [SWD_CT_ATTR_HELPER] = {.type = NL_A_STRING, .optional = true},
};

static void tcp_read(const struct nlattr *attr, struct ct_dpif_protoinfo *out)
{
	struct swd_ct_tcp in;
	memcpy(&in, nl_attr_get(attr), sizeof(in));
	out->proto = IPPROTO_TCP;
	out->tcp.state_orig = in.state[0];
	out->tcp.state_reply = in.state[1];
	out->tcp.wscale_orig = in.wscale[0];
	out->tcp.wscale_reply = in.wscale[1];
	out->tcp.flags_orig = in.flags[0];
	out->tcp.flags_reply = in.flags[1];
}

static void conn_read(struct nlattr *const *a, struct ct_dpif_entry *entry)
{
	memset(entry, 0, sizeof(*entry));
	tuple_read(a[SWD_CT_ATTR_TUPLE_ORIG], &entry->tuple_orig);
	tuple_read(a[SWD_CT_ATTR_TUPLE_REPLY], &entry->tuple_reply);
	if (a[SWD_CT_ATTR_TUPLE_MASTER] != NULL)
		tuple_read(a[SWD_CT_ATTR_TUPLE_MASTER], &entry->tuple_parent);
	entry->zone = nl_attr_get_u16(a[SWD_CT_ATTR_ZONE]);
	entry->id = nl_attr_get_u32(a[SWD_CT_ATTR_ID]);
	entry->timeout = nl_attr_get_u32(a[SWD_CT_ATTR_TIMEOUT]);
	if (a[SWD_CT_ATTR_MARK] != NULL)
		entry->mark = nl_attr_get_u32(a[SWD_CT_ATTR_MARK]);
	if (a[SWD_CT_ATTR_LABELS] != NULL) {
		entry->labels = nl_attr_get_u128(a[SWD_CT_ATTR_LABELS]);
		entry->have_labels = true;
	}
	if (a[SWD_CT_ATTR_TCP] != NULL)
		tcp_read(a[SWD_CT_ATTR_TCP], &entry->protoinfo);
	if (a[SWD_CT_ATTR_HELPER] != NULL)
		entry->helper.name = xstrdup(nl_attr_get_string(a[SWD_CT_ATTR_HELPER]));
}

static int ct_dump_start(struct dpif *dpif, struct ct_dpif_dump_state **statep,
			 const uint16_t *zone, int *n_buckets)
{
	struct ct_dump *state = xzalloc(sizeof(*state));
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_GET);
	if (zone != NULL)
		nl_msg_put_u16(&request, SWD_CT_ATTR_ZONE, *zone);
	swd_dump_start(&state->dump, 0, &request);
	ofpbuf_uninit(&request);
	ofpbuf_init(&state->buffer, NL_DUMP_BUFSIZE);
	*n_buckets = -1; // not told
	*statep = &state->up;
	return 0;
}

static int ct_dump_next(struct dpif *dpif OVS_UNUSED, struct ct_dpif_dump_state *state_,
			struct ct_dpif_entry *entry)
{
	struct ct_dump *state = CONTAINER_OF(state_, struct ct_dump, up);
	struct nlattr *a[ARRAY_SIZE(conn_policy)];
	struct ofpbuf reply;
	if (!swd_dump_next(&state->dump, &reply, &state->buffer))
		return EOF;
	if (!ct_answer_parse(&reply, conn_policy, a, ARRAY_SIZE(a)))
		return EPROTO;
	conn_read(a, entry);
	return 0;
}

static int ct_dump_done(struct dpif *dpif OVS_UNUSED, struct ct_dpif_dump_state *state_)
{
	struct ct_dump *state = CONTAINER_OF(state_, struct ct_dump, up);
	int err = swd_dump_done(&state->dump);
	ofpbuf_uninit(&state->buffer);
	free(state);
	return err;
}

static int ct_flush(struct dpif *dpif, const uint16_t *zone, const struct ct_dpif_tuple *tuple)
{
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_DEL);
	if (zone != NULL || tuple != NULL)
		nl_msg_put_u16(&request, SWD_CT_ATTR_ZONE, zone != NULL ? *zone : 0);
	if (tuple != NULL)
		tuple_put(&request, tuple);
	return ct_request_run(&request, NULL, NULL, 0, NULL);
}

// The table.

struct ct_stats {
	uint32_t count, limit, max;
	bool seq_chk;
};

static int stats_get(struct dpif *dpif, struct ct_stats *stats)
{
	static const struct nl_policy policy[] = {
	    [SWD_CT_STATS_ATTR_COUNT] = {.type = NL_A_U32},
	    [SWD_CT_STATS_ATTR_LIMIT] = {.type = NL_A_U32},
	    [SWD_CT_STATS_ATTR_TCP_SEQ_CHK] = {.type = NL_A_U8},
	    [SWD_CT_STATS_ATTR_MAX_CONNS] = {.type = NL_A_U32},
	};
	struct nlattr *a[ARRAY_SIZE(policy)];
	struct ofpbuf request, *reply;
	ct_request_init(dpif, &request, SWD_CMD_CT_STATS_GET);
	int err = ct_request_run(&request, policy, a, ARRAY_SIZE(a), &reply);
	if (err != 0)
		return err;
	stats->count = nl_attr_get_u32(a[SWD_CT_STATS_ATTR_COUNT]);
	stats->limit = nl_attr_get_u32(a[SWD_CT_STATS_ATTR_LIMIT]);
	stats->max = nl_attr_get_u32(a[SWD_CT_STATS_ATTR_MAX_CONNS]);
	stats->seq_chk = nl_attr_get_u8(a[SWD_CT_STATS_ATTR_TCP_SEQ_CHK]) != 0;
	ofpbuf_delete(reply);
	return 0;
}

// As set, to be set again in an swd that starts anew. Main thread.
static struct {
	uint32_t limit;
	bool seq_chk;
} settings = {.limit = DEFAULT_MAXCONNS, .seq_chk = true};

static int settings_put(struct dpif *dpif)
{
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_SET);
	nl_msg_put_u32(&request, SWD_CT_STATS_ATTR_LIMIT, settings.limit);
	nl_msg_put_u8(&request, SWD_CT_STATS_ATTR_TCP_SEQ_CHK, settings.seq_chk);
	return ct_request_run(&request, NULL, NULL, 0, NULL);
}

void ct_fresh_datapath(struct dpif *dpif)
{
	settings.limit = DEFAULT_MAXCONNS;
	settings.seq_chk = true;
	settings_put(dpif);
	ct_policies_clear();
	ct_limits_clear();
	ct_frags_adopt(dpif);
}

// Timeouts are in OVSDB, from where they are set again.
void ct_adopt_datapath(struct dpif *dpif)
{
	struct ct_stats stats;
	if (stats_get(dpif, &stats) == 0) {
		settings.limit = stats.limit;
		settings.seq_chk = stats.seq_chk;
	}
	ct_limits_adopt(dpif);
	ct_frags_adopt(dpif);
}

int ct_restore(struct dpif *dpif)
{
	static int (*const restore[])(struct dpif *) = {settings_put, ct_policies_restore,
							ct_limits_restore, ct_frags_restore};
	int err = 0;
	for (size_t i = 0; i < ARRAY_SIZE(restore); i++) {
		int rc = restore[i](dpif);
		err = err != 0 ? err : rc;
	}
	return err;
}

static int ct_set_maxconns(struct dpif *dpif, uint32_t n)
{
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_SET);
	nl_msg_put_u32(&request, SWD_CT_STATS_ATTR_LIMIT, n);
	int err = ct_request_run(&request, NULL, NULL, 0, NULL);
	if (err == 0)
		settings.limit = n;
	return err;
}

static int ct_get_maxconns(struct dpif *dpif, uint32_t *n)
{
	struct ct_stats stats;
	int err = stats_get(dpif, &stats);
	if (err == 0)
		*n = stats.limit != 0 ? stats.limit : stats.max;
	return err;
}

static int ct_get_nconns(struct dpif *dpif, uint32_t *n)
{
	struct ct_stats stats;
	int err = stats_get(dpif, &stats);
	if (err == 0)
		*n = stats.count;
	return err;
}

static int ct_set_tcp_seq_chk(struct dpif *dpif, bool on)
{
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_SET);
	nl_msg_put_u8(&request, SWD_CT_STATS_ATTR_TCP_SEQ_CHK, on);
	int err = ct_request_run(&request, NULL, NULL, 0, NULL);
	if (err == 0)
		settings.seq_chk = on;
	return err;
}

static int ct_get_tcp_seq_chk(struct dpif *dpif, bool *on)
{
	struct ct_stats stats;
	int err = stats_get(dpif, &stats);
	if (err == 0)
		*on = stats.seq_chk;
	return err;
}

static int ct_get_features(struct dpif *dpif OVS_UNUSED, enum ct_features *features)
{
	*features = CONNTRACK_F_ZERO_SNAT;
	return 0;
}

void ct_fill_class(struct dpif_class *class)
{
	class->ct_dump_start = ct_dump_start;
	class->ct_dump_next = ct_dump_next;
	class->ct_dump_done = ct_dump_done;
	class->ct_flush = ct_flush;
	class->ct_set_maxconns = ct_set_maxconns;
	class->ct_get_maxconns = ct_get_maxconns;
	class->ct_get_nconns = ct_get_nconns;
	class->ct_set_tcp_seq_chk = ct_set_tcp_seq_chk;
	class->ct_get_tcp_seq_chk = ct_get_tcp_seq_chk;
	class->ct_get_features = ct_get_features;
	class->ct_set_timeout_policy = ct_policy_set;
	class->ct_get_timeout_policy = ct_policy_get;
	class->ct_del_timeout_policy = ct_policy_del;
	class->ct_timeout_policy_dump_start = ct_policy_dump_start;
	class->ct_timeout_policy_dump_next = ct_policy_dump_next;
	class->ct_timeout_policy_dump_done = ct_policy_dump_done;
	class->ct_get_timeout_policy_name = ct_policy_name;
	ct_limit_fill_class(class);
	ct_frag_fill_class(class);
}
