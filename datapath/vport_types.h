// The kernel's vport types, and the port kinds that stand for them.
#ifndef DATAPATH_VPORT_TYPES_H
#define DATAPATH_VPORT_TYPES_H

#include "datapath/tunnel.h"

#include <stdint.h>

// The kind of a port of this OVS_VPORT_TYPE_* that has no options; NULL: the type is not built.
const char *vport_type_kind(uint32_t type);
// What it is the end of; TUNNEL_NONE: of no tunnel.
enum tunnel_type vport_type_tunnel(uint32_t type);

#endif
