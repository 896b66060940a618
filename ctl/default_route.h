// Which interfaces the host's default routes go through.
#ifndef CTL_DEFAULT_ROUTE_H
#define CTL_DEFAULT_ROUTE_H

#include <stdbool.h>

// Whether a default route, IPv4 or IPv6, goes out by the interface, or by one that stands upon it:
// a bridge, bond or VLAN. As the kernel tells it below `root`, "" on a host; false when it does
// not, and of what stands upon others, when /sys is not that of the caller's network namespace.
bool default_route_uses(const char *root, const char *iface);

#endif
