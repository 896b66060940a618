// Port kind "dpdk": any virtual device, by its devargs as the operator wrote them.
#include "datapath/ethdev_kind.h"

#include <rte_common.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

// Hardware has a kind of its own, which looks first whose it is. Virtual devices have plain names;
// an address on a bus, however it is written, needs a sign besides.
static int dpdk_prepare(const struct port *port, char *err, size_t err_len)
{
	const char *devargs = port_option(&port->config, "devargs");
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	// Other buses, and devices that open others by their address.
	static const char *const refused_names[] = {"vmbus",	    "fslmc",
						    "dpaa",	    "net_failsafe",
						    "eth_failsafe", "net_vdev_netvsc"};
	bool refused = strspn(devargs, plain) != strcspn(devargs, ",");
	for (size_t i = 0; i < RTE_DIM(refused_names); i++)
		refused |= strncmp(devargs, refused_names[i], strlen(refused_names[i])) == 0;
	if (!refused)
		return 0;
	snprintf(err, err_len, "devargs=%.80s names hardware: use `type=nic pci=ADDRESS`", devargs);
	return -EOPNOTSUPP;
}

static void dpdk_devargs(const struct port *port, char *devargs, size_t len)
{
	snprintf(devargs, len, "%s", port_option(&port->config, "devargs"));
}

static const struct ethdev_kind dpdk = {.prepare = dpdk_prepare, .devargs = dpdk_devargs};
const struct port_kind port_kind_dpdk = ETHDEV_PORT_KIND("dpdk", &dpdk);
