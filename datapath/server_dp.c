// The datapath family: statistics of the whole, and who gets upcalls.
#include "datapath/server_internal.h"

#include "datapath/pmd.h"

#include <errno.h>

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

static uint64_t misses_lost(void)
{
	struct port_counters c;
	uint32_t cursor = 0;
	pmd_pool_gone_counters(&c);
	uint64_t n = misses_lost_of(&c);
	for (const struct port *port; (port = port_next(&cursor)) != NULL;) {
		pmd_pool_port_counters(port->no, &c);
		n += misses_lost_of(&c);
	}
	return n;
}

static bool fill_dp(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	struct totals totals = {0};
	(void)arg;
	pmds_sum(&totals);
	totals.stats.n_lost = misses_lost();
	totals.stats.n_flows = flow_table_n_flows(server->flows);
	totals.megaflow.n_masks = flow_table_n_masks(server->flows);
	return mnl_attr_put_strz_check(nlh, room, OVS_DP_ATTR_NAME, DP_NAME) &&
	       mnl_attr_put_check(nlh, room, OVS_DP_ATTR_STATS, sizeof(totals.stats),
				  &totals.stats) &&
	       mnl_attr_put_check(nlh, room, OVS_DP_ATTR_MEGAFLOW_STATS, sizeof(totals.megaflow),
				  &totals.megaflow) &&
	       mnl_attr_put_u32_check(nlh, room, OVS_DP_ATTR_USER_FEATURES, OVS_DP_F_UNALIGNED);
}

int server_dp_get(struct request *rq)
{
	return request_answer(rq, OVS_DP_CMD_NEW, fill_dp, NULL);
}

int server_dp_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	if (*cursor > 0)
		return 0;
	if (!fill_dp(c->server, nlh, room, NULL))
		return -EMSGSIZE;
	*cursor = 1;
	return 1;
}

int server_dp_set(struct request *rq)
{
	const struct nlattr *attrs[OVS_DP_ATTR_MAX + 1];
	int rc = dp_msg_parse(rq->nlh, attrs, OVS_DP_ATTR_MAX, &rq->error);
	if (rc < 0)
		return rc;
	const struct nlattr *pid = attrs[OVS_DP_ATTR_UPCALL_PID];
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
