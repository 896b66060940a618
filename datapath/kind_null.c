// Port kind "null": swallows what it is sent, and is a source of frames when asked to.
#include "datapath/ethdev_kind.h"

#include <stdio.h>

static void null_devargs(const struct port *port, char *devargs, size_t len)
{
	// As a source it copies: its frames are zeros, not what the buffers held before.
	int rx = port_option_is(&port->config, "rx", "on");
	snprintf(devargs, len, "net_null_swd%u,size=%u,copy=%d,no-rx=%d", port->no,
		 port_option_number(&port->config, "size"), rx, !rx);
}

static const struct ethdev_kind null = {.devargs = null_devargs};
const struct port_kind port_kind_null = ETHDEV_PORT_KIND("null", &null);
