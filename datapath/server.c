// Requests on their way to their handlers, and answers back.
#include "datapath/server_internal.h"

#include "ctl/dp_attr.h"
#include "ctl/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OF_DP  false
#define ANY_DP true

static const struct handler handlers[] = {
    // clang-format off
    // family,           cmd,                    cmd of answers,         for,    handler,               dump
    {DP_FAMILY_DATAPATH, OVS_DP_CMD_NEW,         OVS_DP_CMD_NEW,         ANY_DP, server_dp_new,         NULL},
    {DP_FAMILY_DATAPATH, OVS_DP_CMD_DEL,         OVS_DP_CMD_DEL,         ANY_DP, server_dp_del,         NULL},
    {DP_FAMILY_DATAPATH, OVS_DP_CMD_GET,         OVS_DP_CMD_NEW,         ANY_DP, server_dp_get,         server_dp_dump},
    {DP_FAMILY_DATAPATH, OVS_DP_CMD_SET,         OVS_DP_CMD_NEW,         ANY_DP, server_dp_set,         NULL},
    {DP_FAMILY_VPORT,    OVS_VPORT_CMD_NEW,      OVS_VPORT_CMD_NEW,      OF_DP,  server_vport_new,      NULL},
    {DP_FAMILY_VPORT,    OVS_VPORT_CMD_SET,      OVS_VPORT_CMD_NEW,      OF_DP,  server_vport_set,      NULL},
    {DP_FAMILY_VPORT,    OVS_VPORT_CMD_DEL,      OVS_VPORT_CMD_DEL,      OF_DP,  server_vport_del,      NULL},
    {DP_FAMILY_VPORT,    OVS_VPORT_CMD_GET,      OVS_VPORT_CMD_NEW,      OF_DP,  server_vport_get,      server_vport_dump},
    {DP_FAMILY_FLOW,     OVS_FLOW_CMD_NEW,       OVS_FLOW_CMD_NEW,       OF_DP,  server_flow_new,       NULL},
    {DP_FAMILY_FLOW,     OVS_FLOW_CMD_SET,       OVS_FLOW_CMD_NEW,       OF_DP,  server_flow_set,       NULL},
    {DP_FAMILY_FLOW,     OVS_FLOW_CMD_DEL,       OVS_FLOW_CMD_DEL,       OF_DP,  server_flow_del,       NULL},
    {DP_FAMILY_FLOW,     OVS_FLOW_CMD_GET,       OVS_FLOW_CMD_NEW,       OF_DP,  server_flow_get,       server_flow_dump},
    {DP_FAMILY_PACKET,   OVS_PACKET_CMD_EXECUTE, 0,                      OF_DP,  server_packet_execute, NULL},
    {DP_FAMILY_METER,    OVS_METER_CMD_FEATURES, OVS_METER_CMD_FEATURES, OF_DP,  server_meter_features, NULL},
    {DP_FAMILY_METER,    OVS_METER_CMD_SET,      OVS_METER_CMD_SET,      OF_DP,  server_meter_set,      NULL},
    {DP_FAMILY_METER,    OVS_METER_CMD_DEL,      OVS_METER_CMD_DEL,      OF_DP,  server_meter_del,      NULL},
    {DP_FAMILY_METER,    OVS_METER_CMD_GET,      OVS_METER_CMD_GET,      OF_DP,  server_meter_get,      server_meter_dump},
    {DP_FAMILY_CT_LIMIT, OVS_CT_LIMIT_CMD_SET,   0,                      OF_DP,  server_ct_limit_set,   NULL},
    {DP_FAMILY_CT_LIMIT, OVS_CT_LIMIT_CMD_DEL,   0,                      OF_DP,  server_ct_limit_del,   NULL},
    {DP_FAMILY_CT_LIMIT, OVS_CT_LIMIT_CMD_GET,   OVS_CT_LIMIT_CMD_GET,   OF_DP,  server_ct_limit_get,   NULL},
    {DP_FAMILY_SWD,      SWD_CMD_INFO_GET,       SWD_CMD_INFO_GET,       ANY_DP, server_swd_info,       NULL},
    {DP_FAMILY_SWD,      SWD_CMD_SUBSCRIBE,      0,                      ANY_DP, server_subscribe,      NULL},
    {DP_FAMILY_SWD,      SWD_CMD_TRACE_SET,      SWD_CMD_TRACE,          ANY_DP, server_trace_set,      NULL},
    {DP_FAMILY_SWD,      SWD_CMD_PMD_SET,        0,                      ANY_DP, server_pmd_set,        NULL},
    {DP_FAMILY_SWD,      SWD_CMD_PMD_REBALANCE,  SWD_CMD_PMD_REBALANCE,  ANY_DP, server_pmd_rebalance,  NULL},
    {DP_FAMILY_SWD,      SWD_CMD_PMD_GET,        SWD_CMD_PMD_GET,        ANY_DP, NULL,                  server_swd_pmd_dump},
    {DP_FAMILY_SWD,      SWD_CMD_GUEST_GET,      SWD_CMD_GUEST_GET,      ANY_DP, NULL,                  server_guest_dump},
    {DP_FAMILY_SWD,      SWD_CMD_CT_GET,         SWD_CMD_CT_GET,         OF_DP,  NULL,                  server_ct_dump},
    {DP_FAMILY_SWD,      SWD_CMD_CT_DEL,         0,                      OF_DP,  server_ct_del,         NULL},
    {DP_FAMILY_SWD,      SWD_CMD_CT_STATS_GET,   SWD_CMD_CT_STATS_GET,   OF_DP,  server_ct_stats_get,   NULL},
    {DP_FAMILY_SWD,      SWD_CMD_CT_SET,         0,                      OF_DP,  server_ct_set,         NULL},
    {DP_FAMILY_SWD,      SWD_CMD_CT_POLICY_SET,  0,                      OF_DP,  server_ct_policy_set,  NULL},
    {DP_FAMILY_SWD,      SWD_CMD_CT_POLICY_GET,  SWD_CMD_CT_POLICY_GET,  OF_DP,  server_ct_policy_get,  server_ct_policy_dump},
    {DP_FAMILY_SWD,      SWD_CMD_CT_POLICY_DEL,  0,                      OF_DP,  server_ct_policy_del,  NULL},
    {DP_FAMILY_SWD,      SWD_CMD_CT_FRAG_GET,    SWD_CMD_CT_FRAG_GET,    OF_DP,  server_ct_frag_get,    server_ct_frag_dump},
    {DP_FAMILY_SWD,      SWD_CMD_CT_FRAG_SET,    0,                      OF_DP,  server_ct_frag_set,    NULL},
    // clang-format on
};

static const char *const family_names[] = {
    [DP_FAMILY_DATAPATH] = "datapath", [DP_FAMILY_VPORT] = "vport",
    [DP_FAMILY_FLOW] = "flow",	       [DP_FAMILY_PACKET] = "packet",
    [DP_FAMILY_METER] = "meter",       [DP_FAMILY_CT_LIMIT] = "ct-limit",
    [DP_FAMILY_SWD] = "swd",
};
#define N_FAMILY_NAMES (sizeof(family_names) / sizeof(family_names[0]))

uint64_t server_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int request_fail(struct request *rq, const struct nlattr *attr, int err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(rq->error.text, sizeof(rq->error.text), fmt, args);
	va_end(args);
	rq->error.attr = attr;
	return err;
}

int request_answer(struct request *rq, uint8_t cmd, answer_fn fill, void *arg)
{
	const struct message_head head = {.family = rq->nlh->nlmsg_type,
					  .cmd = cmd,
					  .seq = rq->nlh->nlmsg_seq,
					  .dp_ifindex =
					      rq->dp != NULL ? rq->dp->ifindex : DP_IFINDEX};
	return client_put(rq->client, &head, fill, arg);
}

static const struct handler *handler_find(uint16_t family, uint8_t cmd)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].family == family && handlers[i].cmd == cmd)
			return &handlers[i];
	}
	return NULL;
}

static int refuse_unknown(struct request *rq)
{
	uint16_t family = rq->nlh->nlmsg_type;
	const char *name = family < N_FAMILY_NAMES ? family_names[family] : NULL;
	if (name == NULL)
		return request_fail(rq, NULL, -EOPNOTSUPP, "family 0x%x is not built", family);
	return request_fail(rq, NULL, -EOPNOTSUPP, "command %u of family %s is not built",
			    dp_msg_cmd(rq->nlh), name);
}

// A control daemon of another version tries again and again: once is enough for the log.
static int refuse_version(struct request *rq)
{
	uint8_t version = dp_msg_version(rq->nlh);
	if (rq->server->version_logged != version)
		log_warn("datapath client %u speaks version %u of the datapath protocol, swd "
			 "%s speaks %d: run swd and swctld of the same release",
			 rq->client->id, version, SWD_VERSION, DP_PROTO_VERSION);
	rq->server->version_logged = version;
	return request_fail(rq, NULL, -EPROTONOSUPPORT,
			    "swd %s speaks version %d of the datapath protocol, not %u",
			    SWD_VERSION, DP_PROTO_VERSION, version);
}

// The datapath that the message is for. Requests that say none are for the first.
static int datapath_require(struct request *rq, const struct handler *handler)
{
	uint32_t ifindex = dp_msg_ifindex(rq->nlh);
	rq->any_dp = ifindex == 0;
	rq->dp = datapath_by_ifindex(rq->any_dp ? DP_IFINDEX : ifindex);
	if (rq->dp != NULL || handler->no_dp)
		return 0;
	return request_fail(rq, NULL, -ENODEV, "there is no datapath %u", ifindex);
}

// 0: acknowledge; 1: no answer yet, or none at all; -errno.
static int dispatch(struct request *rq)
{
	const struct nlattr *unused[1];
	int rc = dp_msg_parse(rq->nlh, unused, 0, &rq->error);
	if (rc < 0)
		return rc;
	if (dp_msg_version(rq->nlh) != DP_PROTO_VERSION)
		return refuse_version(rq);
	const struct handler *handler = handler_find(rq->nlh->nlmsg_type, dp_msg_cmd(rq->nlh));
	if (handler == NULL)
		return refuse_unknown(rq);
	rc = datapath_require(rq, handler);
	if (rc < 0)
		return rc;
	// The flags of a dump mean other things to NEW.
	bool is_dump = handler->dump != NULL && (rq->nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (!is_dump && handler->handle == NULL)
		return request_fail(rq, NULL, -EINVAL, "this command must be a dump (NLM_F_DUMP)");
	if (!is_dump)
		return handler->handle(rq);
	if (rq->client->dump != NULL)
		return request_fail(rq, NULL, -EBUSY,
				    "a dump is going on already on this connection");
	client_dump_start(rq->client, handler, rq);
	return 1;
}

static void acknowledge(struct request *rq, int err)
{
	struct dp_datagram *d = &rq->server->out;
	if (dp_msg_error(d, rq->nlh, err, &rq->error))
		return;
	client_flush(rq->client);
	dp_msg_error(d, rq->nlh, err, &rq->error);
}

void server_message(struct client *c, const struct nlmsghdr *nlh)
{
	struct request rq;
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
		return; // netlink's own: NOOP, or an answer to nothing
	rq.server = c->server;
	rq.client = c;
	rq.nlh = nlh;
	rq.error.attr = NULL;
	rq.error.text[0] = '\0'; // not all of it: there are many requests
	int rc = dispatch(&rq);
	if (rc < 0)
		log_debug("datapath client %u: refused: %s (%s)", c->id, rq.error.text,
			  strerror(-rc));
	if (rc < 0 || (rc == 0 && nlh->nlmsg_flags & NLM_F_ACK))
		acknowledge(&rq, rc);
}

struct server *server_start(const struct server_config *config, char *err, size_t err_len)
{
	struct server *server = calloc(1, sizeof(*server));
	if (server == NULL)
		goto no_memory;
	server->fd = -1;
	server->base = config->base;
	server->flows = config->flows;
	datapath_at(0)->n_flows = flow_table_n_flows(config->flows);
	server->group = config->group;
	server->other_ports_from = config->other_ports_from;
	server->started_ms = server_now_ms();
	TAILQ_INIT(&server->clients);
	TAILQ_INIT(&server->tracings);
	server->path = strdup(config->path);
	server->in = malloc(DP_DATAGRAM_MAX);
	server->out.buf = malloc(DP_DATAGRAM_MAX);
	if (server->path == NULL || server->in == NULL || server->out.buf == NULL)
		goto no_memory;
	if (listen_open(server, err, err_len) < 0)
		goto fail;
	if (listen_start(server) < 0 || traces_open(server) < 0 || upcalls_start(server) < 0)
		goto no_memory;
	return server;
no_memory:
	snprintf(err, err_len, "%s: no memory to serve", config->path);
fail:
	server_stop(server);
	return NULL;
}

void server_stop(struct server *server)
{
	if (server == NULL)
		return;
	struct client *c;
	while ((c = TAILQ_FIRST(&server->clients)) != NULL)
		client_destroy(c);
	links_stop(server);
	upcalls_stop(server);
	traces_close(server);
	datapaths_del_all(server);
	listen_close(server);
	ufid_index_fini(&server->ufids);
	free(server->out.buf);
	free(server->in);
	free(server->path);
	free(server);
}
