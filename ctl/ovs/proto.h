// ctl/dp_proto.h with Open vSwitch's own form of <linux/openvswitch.h>, which all its files use.
#ifndef CTL_OVS_PROTO_H
#define CTL_OVS_PROTO_H

#include "odp-netlink.h"

#define _LINUX_OPENVSWITCH_H 1 // it is there

#include "ctl/dp_proto.h"

#endif
