// The numbers of netlink's families and groups, which are fixed here.
#include <config.h>

#include "ctl/ovs/nl_names.h"

#include "ctl/ovs/proto.h"

#include <errno.h>
#include <string.h>

#include "util.h"

int swd_family_lookup(const char *name, int *number)
{
	static const struct {
		const char *name;
		int number;
	} families[] = {
	    {OVS_DATAPATH_FAMILY, DP_FAMILY_DATAPATH}, {OVS_VPORT_FAMILY, DP_FAMILY_VPORT},
	    {OVS_FLOW_FAMILY, DP_FAMILY_FLOW},	       {OVS_PACKET_FAMILY, DP_FAMILY_PACKET},
	    {OVS_METER_FAMILY, DP_FAMILY_METER},       {OVS_CT_LIMIT_FAMILY, DP_FAMILY_CT_LIMIT},
	};
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (strcmp(families[i].name, name) == 0) {
			*number = families[i].number;
			return 0;
		}
	}
	return ENOENT;
}

int swd_mcgroup_lookup(const char *family OVS_UNUSED, const char *group OVS_UNUSED,
		       unsigned int *number)
{
	*number = 1;
	return 0;
}
