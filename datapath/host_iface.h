// Network interfaces of the host, in swd's own network namespace. Control thread.
#ifndef DATAPATH_HOST_IFACE_H
#define DATAPATH_HOST_IFACE_H

#include <stdbool.h>
#include <stddef.h>

// The interface's index; 0: there is none of this name.
unsigned host_iface_index(const char *name);
// Whether its frames are Ethernet's; the loopback's look so too.
bool host_iface_ethernet(const char *name);
bool host_iface_up(const char *name); // as its operator set it
bool host_iface_promisc(const char *name);
// Whether frames can pass; otherwise one line in reason that says why not.
bool host_iface_link(const char *name, char *reason, size_t len);
// 0 when there is no such interface.
unsigned host_iface_mtu(const char *name);
int host_iface_mtu_set(const char *name, unsigned mtu); // 0 or -errno
// How many queues receive (ethtool -l); 1 when the driver has no say in it.
unsigned host_iface_queues(const char *name);
// Adds ADDRESS/LENGTH (IPv4 or IPv6), as `ip address add` does. 0 or -errno.
int host_iface_address_add(const char *name, const char *prefix);

#endif
