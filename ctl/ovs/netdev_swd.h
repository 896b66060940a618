// Network devices that are ports of swd: no queues here, swd polls them. What they show comes from
// vports.h, or from the kernel where it has an interface of that name.
#ifndef CTL_OVS_NETDEV_SWD_H
#define CTL_OVS_NETDEV_SWD_H

#include <stdbool.h>

struct netdev;
struct ofpbuf;

void netdev_swd_register(void);
bool netdev_is_swd(const struct netdev *);
// Puts what a request for such a port says in OVS_VPORT_ATTR_OPTIONS. 0 or a positive errno.
int netdev_swd_put_options(const struct netdev *, struct ofpbuf *options);
// Whether the netdev that is open under this name asks for a port with other options than that
// which swd has.
bool netdev_swd_is_outdated(const char *name);
// The netdev class of a port that swd has as KIND: of the netdev that is open under its name, where
// that may have become this kind. NULL: none.
const char *netdev_swd_type_of_port(const char *name, const char *kind, const char *mode);
// A datapath was wanted and there was no swd: when one comes, the bridges are configured again.
void netdev_swd_await(void);

#endif
