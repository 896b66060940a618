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
	rc = meter_set(&meter);
	if (rc == -EINVAL)
		return request_fail(rq, NULL, rc, "meter id %u does not do: use 0 to %u", meter.id,
				    DP_METERS_MAX);
	if (rc == -ENOSPC)
		return request_fail(rq, NULL, rc, "there are %u meters: no more fit",
				    DP_METERS_MAX);
	return rc < 0 ? request_fail(rq, NULL, rc, "no memory for another meter") : 0;
}

// The meter that the request names, as it is now.
static int meter_find(struct request *rq, struct dp_meter *meter)
{
	int rc = dp_meter_parse(rq->nlh, meter, &rq->error);
	if (rc < 0)
		return rc;
	uint32_t id = meter->id;
	return meter_read(id, meter) ? 0 : no_meter(rq, id);
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
	meter_del(meter.id);
	return request_answer(rq, OVS_METER_CMD_DEL, fill_meter, &meter);
}

int server_meter_dump(const struct client *c, struct nlmsghdr *nlh, size_t room, uint32_t *cursor)
{
	struct dp_meter meter;
	(void)c;
	while (*cursor <= DP_METERS_MAX && !meter_read(*cursor, &meter))
		(*cursor)++;
	if (*cursor > DP_METERS_MAX)
		return 0;
	if (!dp_meter_put(nlh, room, &meter, true))
		return -EMSGSIZE;
	(*cursor)++;
	return 1;
}
