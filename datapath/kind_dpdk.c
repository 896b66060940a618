// Port kind "dpdk": any virtual device, by its devargs as the operator wrote them.
#include "datapath/ethdev_kind.h"

#include <stdio.h>

static int dpdk_devargs(const struct port *port, char *devargs, size_t len, char *err,
			size_t err_len)
{
	(void)err;
	(void)err_len;
	snprintf(devargs, len, "%s", port_option(&port->config, "devargs"));
	return 0;
}

static const struct ethdev_kind dpdk = {.devargs = dpdk_devargs};
const struct port_kind port_kind_dpdk = ETHDEV_PORT_KIND("dpdk", &dpdk);
