#include "datapath/kind_iface.h"

#include "datapath/ethdev_kind.h"
#include "datapath/ethdev_probe.h"
#include "datapath/host_iface.h"
#include "datapath/kind_bond.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *kind_iface(const struct port *port)
{
	return port_option(&port->config, "iface");
}

// Also while the interface itself is gone.
static bool owns(const struct port *port, const char *iface)
{
	const struct ethdev_kind *kind = port->kind->ethdev;
	const char *its = kind && kind->iface ? kind->iface(port) : NULL;
	char members[BOND_MEMBERS_MAX][IFNAMSIZ];
	bool owned = its && strcmp(its, iface) == 0;
	unsigned n = port->kind == &port_kind_bond ? bond_members(port, members) : 0;
	for (unsigned i = 0; i < n && i < BOND_MEMBERS_MAX; i++)
		owned |= strcmp(members[i], iface) == 0;
	return owned;
}

static const struct port *owner_by_name(const struct port *port, const char *iface)
{
	uint32_t cursor = 0;
	for (struct port *other; (other = port_next(&cursor)) != NULL;) {
		if (other != port && owns(other, iface))
			return other;
	}
	return NULL;
}

int kind_iface_check_free(const struct port *port, const char *iface, char *err, size_t err_len)
{
	const struct port *owner = owner_by_name(port, iface);
	if (owner) {
		snprintf(err, err_len,
			 "interface %s belongs to port \"%s\" already: delete that one first",
			 iface, owner->config.name);
		return -EEXIST;
	}
	if (ethdev_has_iface(host_iface_index(iface))) {
		snprintf(
		    err, err_len,
		    "interface %s belongs to a port of kind dpdk already: delete that one first",
		    iface);
		return -EEXIST;
	}
	return 0;
}

// As the driver will, but it would not say why not.
static int check_permission(const char *iface, char *err, size_t err_len)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	int rc = -errno;
	snprintf(err, err_len, "interface %s: no raw socket: %s", iface, strerror(-rc));
	return rc;
}

int kind_iface_check(const struct port *port, const char *iface, char *err, size_t err_len)
{
	if (host_iface_index(iface) == 0) {
		snprintf(err, err_len,
			 "no interface is named %s: see `ip link` in swd's network namespace",
			 iface);
		return -ENODEV;
	}
	if (!host_iface_ethernet(iface)) {
		snprintf(err, err_len, "interface %s has no Ethernet frames: use one that has",
			 iface);
		return -EMEDIUMTYPE;
	}
	int rc = kind_iface_check_free(port, iface, err, err_len);
	return rc < 0 ? rc : check_permission(iface, err, err_len);
}

int kind_iface_check_up(const char *iface, char *err, size_t err_len)
{
	char reason[160];
	if (host_iface_up(iface))
		return 0;
	host_iface_link(iface, reason, sizeof(reason));
	snprintf(err, err_len, "%s", reason);
	return -ENETDOWN;
}
