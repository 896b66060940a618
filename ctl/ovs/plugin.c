// What of ovs-vswitchd is wrapped at link time (-Wl,--wrap=...).
#include <config.h>

#include "ctl/ovs/netdev_swd.h"
#include "ctl/ovs/provider.h"

#include <string.h>

#include "dpif-provider.h"
#include "dpif.h"

struct dpif;

void __real_bridge_init(const char *remote);
void __wrap_bridge_init(const char *remote);
bool __real_dpif_supports_tnl_push_pop(const struct dpif *);
bool __wrap_dpif_supports_tnl_push_pop(const struct dpif *);

// The first that main() does with providers.
void __wrap_bridge_init(const char *remote)
{
	provider_register();
	netdev_swd_register();
	__real_bridge_init(remote);
}

// OVS asks whether the datapath is its own userspace one. Ours has TUNNEL_PUSH and TUNNEL_POP, too:
// tunnels are routed and their neighbours looked up by ovs-vswitchd.
bool __wrap_dpif_supports_tnl_push_pop(const struct dpif *dpif)
{
	return strcmp(dpif->dpif_class->type, "swd") == 0 ||
	       __real_dpif_supports_tnl_push_pop(dpif);
}
