// An interface of the kernel by its name, whoever has made it. 0 or a positive errno.
#ifndef CTL_OVS_KERNEL_IFACE_H
#define CTL_OVS_KERNEL_IFACE_H

#include <stdbool.h>
#include <stdint.h>

bool kernel_iface_exists(const char *name);
int kernel_iface_mac(const char *name, uint8_t mac[6]);
int kernel_iface_set_mac(const char *name, const uint8_t mac[6]);
int kernel_iface_mtu(const char *name, int *mtu);
int kernel_iface_set_mtu(const char *name, int mtu);
int kernel_iface_flags(const char *name, int *flags); // IFF_*
int kernel_iface_delete(const char *name);	      // of swd's taps; needs no swd
int kernel_iface_set_flags(const char *name, int flags);

#endif
