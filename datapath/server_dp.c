// The datapath family: datapaths, statistics of each, and who gets its upcalls.
#include "datapath/server_internal.h"

#include "ctl/dp_attr.h"
#include "ctl/log.h"
#include "datapath/ct.h"
#include "datapath/meter.h"
#include "datapath/pmd.h"
#include "datapath/vport_types.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FEATURES_BUILT (OVS_DP_F_UNALIGNED | OVS_DP_F_VPORT_PIDS | OVS_DP_F_DISPATCH_UPCALL_PER_CPU)

struct totals {
	struct ovs_dp_stats stats;
	struct ovs_dp_megaflow_stats megaflow;
};

static void pmds_sum(struct totals *totals)
{
	struct pmd_info info;
	for (unsigned i = 0; pmd_pool_info(i, &info); i++) {
		const struct lookup_stats *l = &info.stats.lookup;
		uint64_t cached = l->repeats + l->emc_hits + l->signature_hits;
		totals->stats.n_hit += cached + l->megaflow_hits;
		totals->stats.n_missed += l->misses;
		totals->megaflow.n_mask_hit += l->masks_tried;
		totals->megaflow.n_cache_hit += cached;
	}
}

static uint64_t misses_lost_of(const struct port_counters *c)
{
	return c->drops[DROP_UPCALL_RING_FULL] + c->drops[DROP_NO_CONTROLLER] +
	       c->drops[DROP_UPCALL_TOO_BIG] + c->drops[DROP_UPCALL_LOST];
}

// Of the first datapath, and of ports that are gone.
static uint64_t misses_lost(void)
{
	struct port_counters c;
	uint32_t cursor = 0;
	pmd_pool_gone_counters(&c);
	uint64_t n = misses_lost_of(&c);
	for (const struct port *port; (port = port_next(&cursor)) != NULL;) {
		if (datapath_slots[port->no] != 0)
			continue;
		pmd_pool_port_counters(port->no, &c);
		n += misses_lost_of(&c);
	}
	return n;
}

// What PMDs count of lookups is of all datapaths together: what another one hit is what its ports
// received and did not miss.
static void others_sum(const struct datapath *dp, struct totals *totals)
{
	struct port_counters c;
	uint32_t cursor = 0;
	uint64_t received = 0;
	pmds_sum(totals);
	totals->stats = (struct ovs_dp_stats){.n_missed = dp->n_missed};
	for (const struct port *port; (port = port_next(&cursor)) != NULL;) {
		if (datapath_slots[port->no] != dp->slot)
			continue;
		pmd_pool_port_counters(port->no, &c);
		received += c.rx_packets;
		totals->stats.n_lost += misses_lost_of(&c);
	}
	totals->stats.n_missed += totals->stats.n_lost;
	if (received > totals->stats.n_missed)
		totals->stats.n_hit = received - totals->stats.n_missed;
}

static bool fill_dp(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	const struct datapath *dp = arg;
	struct totals totals = {0};
	if (datapath_is_first(dp)) {
		pmds_sum(&totals);
		totals.stats.n_lost = misses_lost();
	} else {
		others_sum(dp, &totals);
	}
	totals.stats.n_flows = dp->n_flows;
	totals.megaflow.n_masks = flow_table_n_masks(server->flows);
	return mnl_attr_put_strz_check(nlh, room, OVS_DP_ATTR_NAME, dp->name) &&
	       mnl_attr_put_check(nlh, room, OVS_DP_ATTR_STATS, sizeof(totals.stats),
				  &totals.stats) &&
	       mnl_attr_put_check(nlh, room, OVS_DP_ATTR_MEGAFLOW_STATS, sizeof(totals.megaflow),
				  &totals.megaflow) &&
	       mnl_attr_put_u32_check(nlh, room, OVS_DP_ATTR_USER_FEATURES,
				      datapath_is_first(dp) ? OVS_DP_F_UNALIGNED : dp->features);
}

// The datapath that NAME, or else the header, says. NULL with *err on failure.
static struct datapath *dp_of(struct request *rq, const struct nlattr **attrs, int *err)
{
	char name[IFNAMSIZ];
	*err = dp_msg_parse(rq->nlh, attrs, OVS_DP_ATTR_MAX, &rq->error);
	const struct nlattr *attr = *err == 0 ? attrs[OVS_DP_ATTR_NAME] : NULL;
	if (attr != NULL)
		*err = request_text(rq, attr, "NAME", name, sizeof(name));
	if (*err != 0)
		return NULL;
	if (attr != NULL)
		rq->dp = datapath_by_name(name);
	if (rq->dp != NULL)
		return rq->dp;
	if (attr != NULL)
		*err = request_fail(rq, attr, -ENODEV, "no datapath is named \"%s\"", name);
	else
		*err = request_fail(rq, NULL, -ENODEV, "there is no datapath %u",
				    dp_msg_ifindex(rq->nlh));
	return NULL;
}

int server_dp_get(struct request *rq)
{
	const struct nlattr *attrs[OVS_DP_ATTR_MAX + 1];
	int err;
	struct datapath *dp = dp_of(rq, attrs, &err);
	return dp != NULL ? request_answer(rq, OVS_DP_CMD_NEW, fill_dp, dp) : err;
}

int server_dp_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	unsigned next = *cursor;
	struct datapath *dp;
	do {
		dp = datapath_next(&next);
		if (dp == NULL)
			return 0;
	} while (datapath_is_first(dp) != (c->dump_dp == DP_IFINDEX));
	dp_msg_set_ifindex(nlh, dp->ifindex);
	if (!fill_dp(c->server, nlh, room, dp))
		return -EMSGSIZE;
	*cursor = next;
	return 1;
}

static int upcall_pid_set(struct request *rq, const struct nlattr *pid)
{
	if (pid == NULL)
		return 0;
	if (mnl_attr_get_payload_len(pid) != sizeof(uint32_t))
		return request_fail(rq, pid, -EINVAL, "UPCALL_PID has %u bytes where 4 are right",
				    mnl_attr_get_payload_len(pid));
	if (mnl_attr_get_u32(pid) == 0) {
		upcalls_detach(rq->server, rq->client);
		return 0;
	}
	if (upcalls_attach(rq->server, rq->client) < 0)
		return request_fail(rq, pid, -EBUSY,
				    "another control daemon is attached: one at a time");
	return 0;
}

// What NEW and SET may ask for. 0 or -errno; nothing is changed.
static int features_check(struct request *rq, const struct nlattr **attrs, uint32_t *features)
{
	const struct nlattr *pids = attrs[OVS_DP_ATTR_PER_CPU_PIDS];
	int rc = request_u32(rq, attrs[OVS_DP_ATTR_USER_FEATURES], "USER_FEATURES", features);
	if (rc == 0 && *features & ~(uint32_t)FEATURES_BUILT)
		rc = request_fail(rq, attrs[OVS_DP_ATTR_USER_FEATURES], -EOPNOTSUPP,
				  "USER_FEATURES 0x%x are not built",
				  *features & ~(uint32_t)FEATURES_BUILT);
	if (rc == 0 && pids != NULL &&
	    (dp_attr_len(pids) == 0 || dp_attr_len(pids) % sizeof(uint32_t) != 0))
		rc =
		    request_fail(rq, pids, -EINVAL, "PER_CPU_PIDS has %u bytes", dp_attr_len(pids));
	return rc;
}

// As many as there can be PMDs.
static void pids_set(struct datapath *dp, const struct nlattr *pids)
{
	if (pids == NULL)
		return;
	dp->n_pids = RTE_MIN(dp_attr_len(pids) / sizeof(dp->pids[0]), (size_t)PMDS_MAX);
	memcpy(dp->pids, dp_attr_payload(pids), dp->n_pids * sizeof(dp->pids[0]));
}

int server_dp_set(struct request *rq)
{
	const struct nlattr *attrs[OVS_DP_ATTR_MAX + 1];
	int rc;
	struct datapath *dp = dp_of(rq, attrs, &rc);
	if (dp == NULL)
		return rc;
	uint32_t features = dp->features;
	if (datapath_is_first(dp)) {
		rc = upcall_pid_set(rq, attrs[OVS_DP_ATTR_UPCALL_PID]);
	} else {
		rc = features_check(rq, attrs, &features);
		if (rc < 0)
			return rc;
		dp->features = features;
		pids_set(dp, attrs[OVS_DP_ATTR_PER_CPU_PIDS]);
		upcalls_refresh(rq->server);
	}
	if (rc < 0 || !(rq->nlh->nlmsg_flags & NLM_F_ECHO))
		return rc;
	return request_answer(rq, OVS_DP_CMD_NEW, fill_dp, dp);
}

static bool wants_local(const struct request *rq)
{
	const struct nlattr *attrs[SWD_DP_ATTR_MAX + 1];
	return dp_msg_parse(rq->nlh, attrs, SWD_DP_ATTR_MAX, NULL) == 0 &&
	       attrs[SWD_DP_ATTR_NO_LOCAL] == NULL;
}

// Numbered from above, so that the ports that clients ask for begin at 1.
static int local_add(struct request *rq)
{
	struct port_config config = {.n_options = 0};
	uint32_t no;
	int rc;
	if (!wants_local(rq))
		return 0;
	if (port_number_reserve(&no) < 0)
		return request_fail(rq, NULL, -ENOSPC, "no port number is free");
	port_number_release(no);
	memcpy(config.name, rq->dp->name, sizeof(rq->dp->name));
	snprintf(config.kind, sizeof(config.kind), "%s", vport_type_kind(OVS_VPORT_TYPE_INTERNAL));
	vport_add(rq, OVS_VPORT_TYPE_INTERNAL, no, &config, &rc);
	// That word says of a datapath that it is there.
	return rc == -EEXIST ? -EADDRINUSE : rc;
}

static void dp_del(struct server *server, struct datapath *dp)
{
	uint32_t cursor = 0;
	for (struct port *port; (port = port_next(&cursor)) != NULL;) {
		if (datapath_slots[port->no] == dp->slot)
			vport_del(server, port);
	}
	server_flows_flush(server, dp);
	ct_forget_dp((uint8_t)dp->slot, server_now_ms());
	meters_flush(dp->slot);
	log_info("datapath %s removed", dp->name);
	datapath_destroy(dp);
	upcalls_refresh(server);
}

void datapaths_del_all(struct server *server)
{
	unsigned cursor = 0;
	for (struct datapath *dp; (dp = datapath_next(&cursor)) != NULL;) {
		if (!datapath_is_first(dp))
			dp_del(server, dp);
	}
}

int server_dp_new(struct request *rq)
{
	const struct nlattr *attrs[OVS_DP_ATTR_MAX + 1];
	char name[IFNAMSIZ];
	uint32_t features = 0;
	int rc = dp_msg_parse(rq->nlh, attrs, OVS_DP_ATTR_MAX, &rq->error);
	if (rc == 0 && attrs[OVS_DP_ATTR_NAME] == NULL)
		rc = request_fail(rq, NULL, -EINVAL, "NAME is missing");
	if (rc == 0)
		rc = request_text(rq, attrs[OVS_DP_ATTR_NAME], "NAME", name, sizeof(name));
	if (rc == 0 && !port_name_ok(name))
		rc = request_fail(rq, attrs[OVS_DP_ATTR_NAME], -EINVAL,
				  "NAME has other characters than letters, digits, _ - .");
	if (rc == 0)
		rc = features_check(rq, attrs, &features);
	if (rc < 0)
		return rc;
	rc = datapath_create(name, &rq->dp);
	if (rc < 0)
		return request_fail(rq, attrs[OVS_DP_ATTR_NAME], rc,
				    rc == -EEXIST ? "datapath \"%s\" is there already"
						  : "no place for another datapath than \"%s\"'s",
				    name);
	server_flows_forget_port(rq->server, rq->dp, rq->dp->none_no);
	rq->dp->features = features;
	pids_set(rq->dp, attrs[OVS_DP_ATTR_PER_CPU_PIDS]);
	rc = local_add(rq);
	if (rc < 0) {
		datapath_destroy(rq->dp);
		rq->dp = NULL;
		return rc;
	}
	log_info("datapath %s made, number %u", name, rq->dp->ifindex);
	upcalls_refresh(rq->server);
	return request_answer(rq, OVS_DP_CMD_NEW, fill_dp, rq->dp);
}

int server_dp_del(struct request *rq)
{
	const struct nlattr *attrs[OVS_DP_ATTR_MAX + 1];
	int rc;
	struct datapath *dp = dp_of(rq, attrs, &rc);
	if (dp == NULL)
		return rc;
	if (datapath_is_first(dp))
		return request_fail(rq, NULL, -EPERM, "datapath %s is swctld's and stays",
				    dp->name);
	if (rq->nlh->nlmsg_flags & NLM_F_ECHO)
		rc = request_answer(rq, OVS_DP_CMD_DEL, fill_dp, dp);
	rq->dp = NULL;
	dp_del(rq->server, dp);
	return rc;
}
