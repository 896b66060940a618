#include <config.h>

#include "ctl/ovs/ct_limit.h"

#include <stdlib.h>

#include "ct-dpif.h"
#include "dpif-provider.h"
#include "openvswitch/list.h"
#include "util.h"

#define ZONES_AT_ONCE 1024 // in a request, whose attributes have at most 65535 bytes

static struct dpif_class unwrapped;

// As set, to be set again. Main thread.
static struct ovs_list noted = OVS_LIST_INITIALIZER(&noted); // struct ct_dpif_zone_limit
static uint32_t default_limit;				     // 0: none

static void note(const struct ct_dpif_zone_limit *limit)
{
	struct ct_dpif_zone_limit *known;
	LIST_FOR_EACH(known, node, &noted)
	{
		if (known->zone == limit->zone) {
			known->limit = limit->limit;
			return;
		}
	}
	ct_dpif_push_zone_limit(&noted, limit->zone, limit->limit, 0);
}

static void forget(uint16_t zone)
{
	struct ct_dpif_zone_limit *known;
	LIST_FOR_EACH_SAFE(known, node, &noted)
	{
		if (known->zone == zone) {
			ovs_list_remove(&known->node);
			free(known);
		}
	}
}

static int set(struct dpif *dpif, const uint32_t *of_others, const struct ovs_list *limits)
{
	const struct ct_dpif_zone_limit *limit;
	int err = unwrapped.ct_set_limits(dpif, of_others, limits);
	if (err != 0)
		return err;
	if (of_others != NULL)
		default_limit = *of_others;
	LIST_FOR_EACH(limit, node, limits)
	note(limit);
	return 0;
}

static int del(struct dpif *dpif, const struct ovs_list *limits)
{
	const struct ct_dpif_zone_limit *limit;
	int err = unwrapped.ct_del_limits(dpif, limits);
	if (err != 0)
		return err;
	LIST_FOR_EACH(limit, node, limits)
	forget(limit->zone);
	return 0;
}

void ct_limits_clear(void)
{
	ct_dpif_free_zone_limits(&noted);
	default_limit = 0;
}

int ct_limits_adopt(struct dpif *dpif)
{
	struct ovs_list all = OVS_LIST_INITIALIZER(&all);
	ct_limits_clear();
	return unwrapped.ct_get_limits(dpif, &default_limit, &all, &noted);
}

int ct_limits_restore(struct dpif *dpif)
{
	const struct ct_dpif_zone_limit *limit;
	struct ovs_list part = OVS_LIST_INITIALIZER(&part);
	unsigned n = 0;
	int err = unwrapped.ct_set_limits(dpif, &default_limit, &part);
	LIST_FOR_EACH(limit, node, &noted)
	{
		ct_dpif_push_zone_limit(&part, limit->zone, limit->limit, 0);
		if (++n % ZONES_AT_ONCE != 0 && limit->node.next != &noted)
			continue;
		if (err == 0)
			err = unwrapped.ct_set_limits(dpif, NULL, &part);
		ct_dpif_free_zone_limits(&part);
	}
	return err;
}

void ct_limit_fill_class(struct dpif_class *class)
{
	unwrapped = *class;
	class->ct_set_limits = set;
	class->ct_del_limits = del;
}
