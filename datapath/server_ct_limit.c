// The ct-limit family: how many connections zones may have.
#include "datapath/server_internal.h"

#include "ctl/dp_attr.h"
#include "datapath/ct_limit.h"
#include "datapath/datapaths.h"

#include <errno.h>
#include <string.h>

#define ANSWER_ZONES_MAX 4096

typedef int (*zone_fn)(struct request *rq, const struct ovs_zone_limit *zone, void *arg);

static const struct nlattr *limits_of(struct request *rq, int *rc)
{
	const struct nlattr *attrs[OVS_CT_LIMIT_ATTR_MAX + 1];
	*rc = dp_msg_parse(rq->nlh, attrs, OVS_CT_LIMIT_ATTR_MAX, &rq->error);
	return *rc < 0 ? NULL : attrs[OVS_CT_LIMIT_ATTR_ZONE_LIMIT];
}

// The kernel's messages have an array of structs in the attribute, each padded to 4 bytes.
static int each_zone(struct request *rq, const struct nlattr *limits, zone_fn fn, void *arg)
{
	const char *at = dp_attr_payload(limits);
	size_t n = dp_attr_len(limits) / sizeof(struct ovs_zone_limit);
	for (size_t i = 0; i < n; i++) {
		struct ovs_zone_limit zone;
		memcpy(&zone, at + i * sizeof(zone), sizeof(zone));
		if (zone.zone_id < OVS_ZONE_LIMIT_DEFAULT_ZONE || zone.zone_id >= CT_ZONES)
			return request_fail(rq, limits, -EINVAL,
					    "there is no zone %d: use 0 to %d, or -1 for all "
					    "that have no limit of their own",
					    zone.zone_id, CT_ZONES - 1);
		int rc = fn(rq, &zone, arg);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int each_zone_named(struct request *rq, zone_fn fn)
{
	int rc;
	const struct nlattr *limits = limits_of(rq, &rc);
	if (rc < 0)
		return rc;
	if (limits == NULL)
		return request_fail(rq, NULL, -EINVAL, "ZONE_LIMIT is missing");
	return each_zone(rq, limits, fn, NULL);
}

static int zone_set(struct request *rq, const struct ovs_zone_limit *zone, void *arg)
{
	(void)arg;
	if (ct_limit_set((uint8_t)rq->dp->slot, zone->zone_id, zone->limit) == 0)
		return 0;
	return request_fail(rq, NULL, -ENOMEM, "no memory for limits of zones");
}

static int zone_del(struct request *rq, const struct ovs_zone_limit *zone, void *arg)
{
	(void)arg;
	ct_limit_del((uint8_t)rq->dp->slot, zone->zone_id);
	return 0;
}

int server_ct_limit_set(struct request *rq)
{
	int rc = each_zone_named(rq, zone_set);
	ct_limit_count((uint8_t)rq->dp->slot);
	return rc;
}

int server_ct_limit_del(struct request *rq)
{
	return each_zone_named(rq, zone_del);
}

// What goes into an answer.
struct answer {
	unsigned n;
	struct ovs_zone_limit zones[ANSWER_ZONES_MAX];
};

static int zone_add(struct request *rq, const struct ovs_zone_limit *zone, void *arg)
{
	struct answer *answer = arg;
	struct ovs_zone_limit *out = &answer->zones[answer->n];
	if (answer->n == ANSWER_ZONES_MAX)
		return request_fail(rq, NULL, -EMSGSIZE,
				    "more than %d zones have limits: ask for them by number",
				    ANSWER_ZONES_MAX);
	out->zone_id = zone->zone_id;
	ct_limit_get((uint8_t)rq->dp->slot, zone->zone_id, &out->limit, &out->count);
	answer->n++;
	return 0;
}

static int zones_add(struct request *rq, struct answer *answer)
{
	struct ovs_zone_limit zone = {.zone_id = OVS_ZONE_LIMIT_DEFAULT_ZONE};
	uint32_t limit, count;
	int rc = zone_add(rq, &zone, answer);
	for (zone.zone_id = 0; rc == 0 && zone.zone_id < CT_ZONES; zone.zone_id++) {
		if (ct_limit_get((uint8_t)rq->dp->slot, zone.zone_id, &limit, &count))
			rc = zone_add(rq, &zone, answer);
	}
	return rc;
}

static bool fill_limits(struct server *server, struct nlmsghdr *nlh, size_t room, void *arg)
{
	const struct answer *answer = arg;
	(void)server;
	return mnl_attr_put_check(nlh, room, OVS_CT_LIMIT_ATTR_ZONE_LIMIT,
				  answer->n * sizeof(answer->zones[0]), answer->zones);
}

// Of the zones in the request, or of all that have one.
int server_ct_limit_get(struct request *rq)
{
	static struct answer answer;
	int rc;
	const struct nlattr *limits = limits_of(rq, &rc);
	answer.n = 0;
	if (rc == 0)
		rc = limits != NULL ? each_zone(rq, limits, zone_add, &answer)
				    : zones_add(rq, &answer);
	return rc < 0 ? rc : request_answer(rq, OVS_CT_LIMIT_CMD_GET, fill_limits, &answer);
}
