// Port kind "tap": an interface that swd makes, for the host's own sockets.
#include "datapath/ethdev_kind.h"
#include "datapath/host_iface.h"
#include "datapath/host_tap.h"
#include "datapath/kind_iface.h"

#include <rte_ethdev.h>

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

// What the interface had that the port takes up again: its driver gives it another.
static struct {
	bool is_left;
	struct host_tap had;
} found;

static bool persists(const struct port *port)
{
	return port_option_is(&port->config, "persist", "on");
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
	found.is_left = rc == 0 && persists(port) && host_tap_is_left(iface, &found.had);
	if (rc == 0 && !found.is_left && host_iface_index(iface) != 0) {
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
	char kept[RTE_ETHER_ADDR_FMT_SIZE];
	const uint8_t *had = found.had.mac;
	if (!mac && found.is_left) {
		snprintf(kept, sizeof(kept), "%02x:%02x:%02x:%02x:%02x:%02x", had[0], had[1],
			 had[2], had[3], had[4], had[5]);
		mac = kept;
	}
	snprintf(devargs, len, "net_tap_swd%u,iface=%s%s%s%s", port->no, tap_iface(port),
		 persists(port) ? ",persist" : "", mac ? ",mac=" : "", mac ? mac : "");
}

static int tap_started(struct port *port, uint16_t ethdev, char *err, size_t err_len)
{
	(void)ethdev;
	const char *address = port_option(&port->config, "address");
	int rc = address ? host_iface_address_add(tap_iface(port), address) : 0;
	if (rc < 0)
		snprintf(err, err_len, "interface %s does not take address=%s: %s", tap_iface(port),
			 address, strerror(-rc));
	if (rc == 0 && found.is_left && !port_option(&port->config, "mtu"))
		host_iface_mtu_set(tap_iface(port), found.had.mtu);
	return rc;
}

// One that is deleted goes; an swd that ends leaves it to the next.
static void tap_closing(const struct port *port, uint16_t ethdev)
{
	if (persists(port) && !ports_are_ending())
		host_tap_let_go(rte_eth_dev_rx_intr_ctl_q_get_fd(ethdev, 0));
}

// The driver makes it persist before all else, and its device may have failed after that.
static void tap_closed(const struct port *port)
{
	struct host_tap left;
	if (persists(port) && !ports_are_ending() && !found.is_left &&
	    host_tap_is_left(tap_iface(port), &left))
		host_tap_delete(tap_iface(port));
}

static const struct ethdev_kind tap = {.mtu_max = TAP_MTU_MAX,
				       .prepare = tap_prepare,
				       .devargs = tap_devargs,
				       .started = tap_started,
				       .closing = tap_closing,
				       .closed = tap_closed,
				       .iface = tap_iface};
const struct port_kind port_kind_tap = ETHDEV_PORT_KIND("tap", &tap);
