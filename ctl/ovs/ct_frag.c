#include <config.h>

#include "ctl/ovs/nl_names.h"

#include "ctl/ovs/ct_frag.h"

#include "ctl/ovs/ct_policy.h"
#include "ctl/ovs/proto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpif-provider.h"
#include "netlink.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "packets.h"
#include "util.h"

// What its users only pass on.
struct ipf_dump_ctx {
	struct nl_dump dump;
	struct ofpbuf buffer;
};

static uint16_t ip_attr(bool v6)
{
	return v6 ? SWD_CT_FRAG_ATTR_IPV6 : SWD_CT_FRAG_ATTR_IPV4;
}

// As set, to be set again. Main thread.
static struct dpif_ipf_status noted;
static bool is_noted;

static int set_enabled(struct dpif *dpif, bool v6, bool enabled)
{
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_FRAG_SET);
	size_t nest = nl_msg_start_nested(&request, ip_attr(v6));
	nl_msg_put_u8(&request, SWD_CT_FRAG_IP_ATTR_ENABLED, enabled);
	nl_msg_end_nested(&request, nest);
	int err = ct_request_run(&request, NULL, NULL, 0, NULL);
	if (err == 0)
		(v6 ? &noted.v6 : &noted.v4)->enabled = enabled;
	return err;
}

static int set_min_frag(struct dpif *dpif, bool v6, uint32_t bytes)
{
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_FRAG_SET);
	size_t nest = nl_msg_start_nested(&request, ip_attr(v6));
	nl_msg_put_u32(&request, SWD_CT_FRAG_IP_ATTR_MIN_SIZE, bytes);
	nl_msg_end_nested(&request, nest);
	int err = ct_request_run(&request, NULL, NULL, 0, NULL);
	if (err == 0)
		(v6 ? &noted.v6 : &noted.v4)->min_frag_size = bytes;
	return err;
}

static int set_max_nfrags(struct dpif *dpif, uint32_t n)
{
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_FRAG_SET);
	nl_msg_put_u32(&request, SWD_CT_FRAG_ATTR_HELD_MAX, n);
	int err = ct_request_run(&request, NULL, NULL, 0, NULL);
	if (err == 0)
		noted.nfrag_max = n;
	return err;
}

static bool proto_read(const struct nlattr *nest, struct dpif_ipf_proto_status *out)
{
	static const struct nl_policy policy[] = {
	    [SWD_CT_FRAG_IP_ATTR_ENABLED] = {.type = NL_A_U8},
	    [SWD_CT_FRAG_IP_ATTR_MIN_SIZE] = {.type = NL_A_U32},
	    [SWD_CT_FRAG_IP_ATTR_COUNTERS] = {.type = NL_A_UNSPEC,
					      .min_len = sizeof(struct swd_ct_frag_counters)},
	};
	struct nlattr *a[ARRAY_SIZE(policy)];
	struct swd_ct_frag_counters counters;
	if (!nl_parse_nested(nest, policy, a, ARRAY_SIZE(policy)))
		return false;
	memcpy(&counters, nl_attr_get(a[SWD_CT_FRAG_IP_ATTR_COUNTERS]), sizeof(counters));
	out->enabled = nl_attr_get_u8(a[SWD_CT_FRAG_IP_ATTR_ENABLED]) != 0;
	out->min_frag_size = nl_attr_get_u32(a[SWD_CT_FRAG_IP_ATTR_MIN_SIZE]);
	out->nfrag_accepted = counters.accepted;
	out->nfrag_completed_sent = counters.completed;
	out->nfrag_expired_sent = counters.expired;
	out->nfrag_too_small = counters.too_small;
	out->nfrag_overlap = counters.overlapped;
	out->nfrag_purged = counters.purged;
	return true;
}

static int get_status(struct dpif *dpif, struct dpif_ipf_status *out)
{
	static const struct nl_policy policy[] = {
	    [SWD_CT_FRAG_ATTR_IPV4] = {.type = NL_A_NESTED},
	    [SWD_CT_FRAG_ATTR_IPV6] = {.type = NL_A_NESTED},
	    [SWD_CT_FRAG_ATTR_HELD] = {.type = NL_A_U32},
	    [SWD_CT_FRAG_ATTR_HELD_MAX] = {.type = NL_A_U32},
	};
	struct nlattr *a[ARRAY_SIZE(policy)];
	struct ofpbuf request, *reply;
	memset(out, 0, sizeof(*out));
	ct_request_init(dpif, &request, SWD_CMD_CT_FRAG_GET);
	int err = ct_request_run(&request, policy, a, ARRAY_SIZE(policy), &reply);
	if (err != 0)
		return err;
	out->nfrag = nl_attr_get_u32(a[SWD_CT_FRAG_ATTR_HELD]);
	out->nfrag_max = nl_attr_get_u32(a[SWD_CT_FRAG_ATTR_HELD_MAX]);
	bool ok = proto_read(a[SWD_CT_FRAG_ATTR_IPV4], &out->v4) &&
		  proto_read(a[SWD_CT_FRAG_ATTR_IPV6], &out->v6);
	ofpbuf_delete(reply);
	return ok ? 0 : EPROTO;
}

void ct_frags_adopt(struct dpif *dpif)
{
	is_noted = get_status(dpif, &noted) == 0;
}

static int ip_restore(struct dpif *dpif, bool v6)
{
	const struct dpif_ipf_proto_status ip = v6 ? noted.v6 : noted.v4;
	int err = set_enabled(dpif, v6, ip.enabled);
	return err != 0 ? err : set_min_frag(dpif, v6, ip.min_frag_size);
}

int ct_frags_restore(struct dpif *dpif)
{
	int err = is_noted ? set_max_nfrags(dpif, noted.nfrag_max) : 0;
	for (unsigned v6 = 0; v6 < 2 && err == 0 && is_noted; v6++)
		err = ip_restore(dpif, v6);
	return err;
}

static int dump_start(struct dpif *dpif, struct ipf_dump_ctx **ctxp)
{
	struct ipf_dump_ctx *ctx = xzalloc(sizeof(*ctx));
	struct ofpbuf request;
	ct_request_init(dpif, &request, SWD_CMD_CT_FRAG_GET);
	swd_dump_start(&ctx->dump, 0, &request);
	ofpbuf_uninit(&request);
	ofpbuf_init(&ctx->buffer, NL_DUMP_BUFSIZE);
	*ctxp = ctx;
	return 0;
}

static void put_addr(struct ds *ds, const uint8_t *bytes, bool v6)
{
	struct in6_addr addr;
	ovs_be32 v4;
	memcpy(&addr, bytes, sizeof(addr));
	memcpy(&v4, bytes, sizeof(v4));
	if (v6)
		ipv6_format_addr(&addr, ds);
	else
		ds_put_format(ds, IP_FMT, IP_ARGS(v4));
}

// As its own userspace datapath writes it.
static char *datagram_text(const struct swd_ct_frag_datagram *d, const char *state)
{
	struct ds ds = DS_EMPTY_INITIALIZER;
	ds_put_cstr(&ds, "(src=");
	put_addr(&ds, d->src, d->is_v6);
	ds_put_cstr(&ds, ",dst=");
	put_addr(&ds, d->dst, d->is_v6);
	ds_put_format(&ds, ",recirc_id=%u,ip_id=%u,dl_type=0x%x,zone=%u,nw_proto=%u", d->recirc_id,
		      ntohl((OVS_FORCE ovs_be32)d->id_be), d->is_v6 ? ETH_TYPE_IPV6 : ETH_TYPE_IP,
		      d->zone, d->proto);
	ds_put_format(&ds, ",num_fragments=%u,state=%s)", d->n_fragments, state);
	return ds_steal_cstr(&ds);
}

static int dump_next(struct dpif *dpif OVS_UNUSED, void *ctx_, char **text)
{
	static const struct nl_policy policy[] = {
	    [SWD_CT_FRAG_ATTR_DATAGRAM] = {.type = NL_A_UNSPEC,
					   .min_len = sizeof(struct swd_ct_frag_datagram)},
	    [SWD_CT_FRAG_ATTR_STATE] = {.type = NL_A_STRING},
	};
	struct ipf_dump_ctx *ctx = ctx_;
	struct nlattr *a[ARRAY_SIZE(policy)];
	struct swd_ct_frag_datagram datagram;
	struct ofpbuf reply;
	if (!swd_dump_next(&ctx->dump, &reply, &ctx->buffer))
		return EOF;
	if (!ct_answer_parse(&reply, policy, a, ARRAY_SIZE(policy)))
		return EPROTO;
	memcpy(&datagram, nl_attr_get(a[SWD_CT_FRAG_ATTR_DATAGRAM]), sizeof(datagram));
	*text = datagram_text(&datagram, nl_attr_get_string(a[SWD_CT_FRAG_ATTR_STATE]));
	return 0;
}

static int dump_done(struct dpif *dpif OVS_UNUSED, void *ctx_)
{
	struct ipf_dump_ctx *ctx = ctx_;
	int err = swd_dump_done(&ctx->dump);
	ofpbuf_uninit(&ctx->buffer);
	free(ctx);
	return err;
}

void ct_frag_fill_class(struct dpif_class *class)
{
	class->ipf_set_enabled = set_enabled;
	class->ipf_set_min_frag = set_min_frag;
	class->ipf_set_max_nfrags = set_max_nfrags;
	class->ipf_get_status = get_status;
	class->ipf_dump_start = dump_start;
	class->ipf_dump_next = dump_next;
	class->ipf_dump_done = dump_done;
}
