// Port kind "af-xdp": an interface whose frames an XDP program hands to the switch before the
// host's stack sees them.
#include "ctl/default_route.h"
#include "datapath/ethdev_kind.h"
#include "datapath/host_iface.h"
#include "datapath/kind_iface.h"

#include <errno.h>
#include <stdio.h>

static int check_route(const struct port *port, const char *iface, char *err, size_t err_len)
{
	if (port_option_is(&port->config, "force", "on") || !default_route_uses("", iface))
		return 0;
	snprintf(err, err_len,
		 "interface %s carries the host's default route, which an af-xdp port would cut: "
		 "use another, or give force=on",
		 iface);
	return -EBUSY;
}

static int check_queues(const struct port *port, const char *iface, char *err, size_t err_len)
{
	unsigned n = port_option_number(&port->config, "queues");
	unsigned start = port_option_number(&port->config, "start-queue");
	unsigned has = host_iface_queues(iface);
	if (start + n <= has)
		return 0;
	snprintf(err, err_len,
		 "interface %s has %u queue%s: start-queue=%u with queues=%u is too many (see "
		 "`ethtool -l %s`)",
		 iface, has, has == 1 ? "" : "s", start, n, iface);
	return -EINVAL;
}

static int af_xdp_prepare(const struct port *port, char *err, size_t err_len)
{
	const char *iface = kind_iface(port);
	int rc = kind_iface_check(port, iface, err, err_len);
	if (rc == 0)
		rc = kind_iface_check_up(iface, err, err_len);
	if (rc == 0)
		rc = check_route(port, iface, err, err_len);
	return rc < 0 ? rc : check_queues(port, iface, err, err_len);
}

static void af_xdp_devargs(const struct port *port, char *devargs, size_t len)
{
	snprintf(
	    devargs, len,
	    "net_af_xdp_swd%u,iface=%s,start_queue=%u,queue_count=%u,busy_budget=%u,force_copy=%d",
	    port->no, kind_iface(port), port_option_number(&port->config, "start-queue"),
	    port_option_number(&port->config, "queues"),
	    port_option_number(&port->config, "busy-budget"),
	    port_option_is(&port->config, "copy", "always"));
}

static const struct ethdev_kind af_xdp = {.prepare = af_xdp_prepare,
					  .devargs = af_xdp_devargs,
					  .iface = kind_iface};
const struct port_kind port_kind_af_xdp = ETHDEV_PORT_KIND("af-xdp", &af_xdp);
