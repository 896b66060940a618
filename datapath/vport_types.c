#include "datapath/vport_types.h"

#include <linux/openvswitch.h>
#include <stddef.h>

static const struct {
	const char *kind;
	enum tunnel_type tunnel;
} types[] = {
    [OVS_VPORT_TYPE_NETDEV] = {.kind = "af-packet"},
    [OVS_VPORT_TYPE_INTERNAL] = {.kind = "tap"},
    [OVS_VPORT_TYPE_GRE] = {.kind = "tunnel", .tunnel = TUNNEL_GRE},
    [OVS_VPORT_TYPE_VXLAN] = {.kind = "tunnel", .tunnel = TUNNEL_VXLAN},
    [OVS_VPORT_TYPE_GENEVE] = {.kind = "tunnel", .tunnel = TUNNEL_GENEVE},
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

const char *vport_type_kind(uint32_t type)
{
	return type < N_TYPES ? types[type].kind : NULL;
}

enum tunnel_type vport_type_tunnel(uint32_t type)
{
	return type < N_TYPES ? types[type].tunnel : TUNNEL_NONE;
}
