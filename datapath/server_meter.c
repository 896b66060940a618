// The meter family: meters by id.
#include "datapath/server_internal.h"

#include "datapath/meter.h"

#include <errno.h>

static bool put_band_type(struct nlmsghdr *nlh, size_t room, uint32_t type)
{
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_BAND_ATTR_UNSPEC);
	if (nest == NULL || !mnl_attr_put_u32_check(nlh, room, OVS_BAND_ATTR_TYPE, type))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

static bool fill_features(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	(void)server;
	(void)arg;
	if (!mnl_attr_put_u32_check(nlh, room, OVS_METER_ATTR_MAX_METERS, DP_METERS_MAX) ||
	    !mnl_attr_put_u32_check(nlh, room, OVS_METER_ATTR_MAX_BANDS, DP_METER_BANDS_MAX))
		return false;
	struct nlattr *nest = mnl_attr_nest_start_check(nlh, room, OVS_METER_ATTR_BANDS);
	if (nest == NULL || !put_band_type(nlh, room, OVS_METER_BAND_TYPE_DROP) ||
	    !put_band_type(nlh, room, SWD_METER_BAND_TYPE_DSCP_REMARK))
		return false;
	mnl_attr_nest_end(nlh, nest);
	return true;
}

int server_meter_features(struct request *rq)
{
	return request_answer(rq, OVS_METER_CMD_FEATURES, fill_features, NULL);
}

static bool fill_meter(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	(void)server;
	return dp_meter_put(nlh, room, arg, true);
}

static int no_meter(struct request *rq, uint32_t id)
{
	return request_fail(rq, NULL, -ENOENT, "there is no meter %u", id);
}

int server_meter_set(struct request *rq)
{
	struct dp_meter meter;
	int rc = dp_meter_parse(rq->nlh, &meter, &rq->error);
	if (rc < 0)
		return rc;
	rc = meter_set(rq->dp->slot, &meter);
	if (rc == -EINVAL)
		return request_fail(rq, NULL, rc, "meter id %u does not do: use 0 to %u", meter.id,
				    DP_METERS_MAX);
	if (rc == -ENOSPC)
		return request_fail(rq, NULL, rc, "there are %u meters: no more fit",
				    DP_METERS_MAX);
	if (rc < 0)
		return request_fail(rq, NULL, rc, "no memory for another meter");
	if (!(rq->nlh->nlmsg_flags & NLM_F_ECHO) || !meter_read(rq->dp->slot, meter.id, &meter))
		return 0;
	return request_answer(rq, OVS_METER_CMD_SET, fill_meter, &meter);
}

// The meter that the request names, as it is now.
static int meter_find(struct request *rq, struct dp_meter *meter)
{
	int rc = dp_meter_parse(rq->nlh, meter, &rq->error);
	if (rc < 0)
		return rc;
	uint32_t id = meter->id;
	return meter_read(rq->dp->slot, id, meter) ? 0 : no_meter(rq, id);
}

int server_meter_get(struct request *rq)
{
	struct dp_meter meter;
	int rc = meter_find(rq, &meter);
	return rc < 0 ? rc : request_answer(rq, OVS_METER_CMD_GET, fill_meter, &meter);
}

int server_meter_del(struct request *rq)
{
	struct dp_meter meter;
	int rc = meter_find(rq, &meter);
	if (rc < 0)
		return rc;
	// What packets in flight still count is lost.
	meter_del(rq->dp->slot, meter.id);
	return request_answer(rq, OVS_METER_CMD_DEL, fill_meter, &meter);
}

int server_meter_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	const struct datapath *dp = datapath_by_ifindex(c->dump_dp);
	struct dp_meter meter;
	while (dp != NULL && *cursor <= DP_METERS_MAX && !meter_read(dp->slot, *cursor, &meter))
		(*cursor)++;
	if (dp == NULL || *cursor > DP_METERS_MAX)
		return 0;
	if (!dp_meter_put(nlh, room, &meter, true))
		return -EMSGSIZE;
	(*cursor)++;
	return 1;
}
