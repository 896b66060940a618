// Port kind "tap": an interface that swd makes, for the host's own sockets.
#include "datapath/ethdev_kind.h"
#include "datapath/host_iface.h"
#include "datapath/kind_iface.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define TAP_MTU_MAX 9600 // as mtu= of its row in ctl/port_kinds.c

static const char *tap_iface(const struct port *port)
{
	const char *iface = kind_iface(port);
	return iface ? iface : port->config.name;
}

static int tap_prepare(const struct port *port, char *err, size_t err_len)
{
	const char *iface = tap_iface(port);
	if (strlen(iface) >= IFNAMSIZ) {
		snprintf(err, err_len,
			 "its name is too long for an interface: give iface=, at most %d "
			 "bytes",
			 IFNAMSIZ - 1);
		return -EINVAL;
	}
	int rc = kind_iface_check_free(port, iface, err, err_len);
	if (rc == 0 && host_iface_index(iface) != 0) {
		snprintf(
		    err, err_len,
		    "interface %s is there already: give another iface=, or use type=af-packet "
		    "to attach it",
		    iface);
		rc = -EEXIST;
	}
	return rc;
}

static void tap_devargs(const struct port *port, char *devargs, size_t len)
{
	const char *mac = port_option(&port->config, "mac");
	snprintf(devargs, len, "net_tap_swd%u,iface=%s%s%s", port->no, tap_iface(port),
		 mac ? ",mac=" : "", mac ? mac : "");
}

static int tap_started(struct port *port, uint16_t ethdev, char *err, size_t err_len)
{
	const char *address = port_option(&port->config, "address");
	(void)ethdev;
	int rc = address ? host_iface_address_add(tap_iface(port), address) : 0;
	if (rc < 0)
		snprintf(err, err_len, "interface %s does not take address=%s: %s", tap_iface(port),
			 address, strerror(-rc));
	return rc;
}

static const struct ethdev_kind tap = {.mtu_max = TAP_MTU_MAX,
				       .prepare = tap_prepare,
				       .devargs = tap_devargs,
				       .started = tap_started,
				       .iface = tap_iface};
const struct port_kind port_kind_tap = ETHDEV_PORT_KIND("tap", &tap);
