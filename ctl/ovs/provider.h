// The datapath provider of type "swd": OVS's dpif-netlink over a connection to swd.
#ifndef CTL_OVS_PROVIDER_H
#define CTL_OVS_PROVIDER_H

struct dpif;

void provider_register(void);
int provider_dp_ifindex(const struct dpif *);

#endif
