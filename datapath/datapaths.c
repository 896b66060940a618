#include "datapath/datapaths.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

uint8_t datapath_slots[PORTS_MAX];

static struct {
	struct datapath list[DATAPATHS_MAX]; // ifindex 0: a free slot
	uint32_t last_ifindex;
} datapaths = {
    .list = {{.ifindex = DP_IFINDEX, .name = DP_NAME}},
    .last_ifindex = DP_IFINDEX,
};

int datapath_create(const char *name, struct datapath **out)
{
	unsigned slot = 0;
	uint32_t none_no;
	if (datapath_by_name(name) != NULL)
		return -EEXIST;
	while (slot < DATAPATHS_MAX && datapaths.list[slot].ifindex != 0)
		slot++;
	if (slot == DATAPATHS_MAX || port_number_reserve(&none_no) < 0)
		return -ENOSPC;
	struct datapath *dp = &datapaths.list[slot];
	*dp = (struct datapath){.ifindex = ++datapaths.last_ifindex,
				.slot = slot,
				.none_no = none_no};
	snprintf(dp->name, sizeof(dp->name), "%s", name);
	datapath_port_take(dp, none_no);
	*out = dp;
	return 0;
}

void datapath_destroy(struct datapath *dp)
{
	port_number_release(dp->none_no);
	dp->ifindex = 0;
	for (unsigned no = 0; no < PORTS_MAX; no++) {
		if (datapath_slots[no] == dp->slot)
			datapath_slots[no] = 0;
	}
}

struct datapath *datapath_by_ifindex(uint32_t ifindex)
{
	unsigned cursor = 0;
	for (struct datapath *dp; (dp = datapath_next(&cursor)) != NULL;) {
		if (dp->ifindex == ifindex)
			return dp;
	}
	return NULL;
}

struct datapath *datapath_by_name(const char *name)
{
	unsigned cursor = 0;
	for (struct datapath *dp; (dp = datapath_next(&cursor)) != NULL;) {
		if (strcmp(dp->name, name) == 0)
			return dp;
	}
	return NULL;
}

struct datapath *datapath_at(unsigned slot)
{
	return datapaths.list[slot].ifindex != 0 ? &datapaths.list[slot] : NULL;
}

struct datapath *datapath_of_port(uint32_t port_no)
{
	return &datapaths.list[port_no < PORTS_MAX ? datapath_slots[port_no] : 0];
}

struct datapath *datapath_next(unsigned *cursor)
{
	while (*cursor < DATAPATHS_MAX) {
		struct datapath *dp = &datapaths.list[(*cursor)++];
		if (dp->ifindex != 0)
			return dp;
	}
	return NULL;
}

bool datapath_number_is_anothers(const struct datapath *dp, uint32_t port_no)
{
	unsigned cursor = 0;
	if (port_get(port_no) != NULL)
		return !datapath_has_port(dp, port_no);
	for (const struct datapath *other; (other = datapath_next(&cursor)) != NULL;) {
		if (other != dp && other->none_no != 0 && other->none_no == port_no)
			return true;
	}
	return false;
}

void datapath_port_take(const struct datapath *dp, uint32_t port_no)
{
	datapath_slots[port_no] = (uint8_t)dp->slot;
}
