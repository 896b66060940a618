#include "datapath/vport_types.h"

#include <linux/openvswitch.h>
#include <stddef.h>

static const char *const kinds[] = {
    [OVS_VPORT_TYPE_NETDEV] = "af-packet", [OVS_VPORT_TYPE_INTERNAL] = "tap",
    [OVS_VPORT_TYPE_GRE] = "tunnel",	   [OVS_VPORT_TYPE_VXLAN] = "tunnel",
    [OVS_VPORT_TYPE_GENEVE] = "tunnel",
};

const char *vport_type_kind(uint32_t type)
{
	return type < sizeof(kinds) / sizeof(kinds[0]) ? kinds[type] : NULL;
}
