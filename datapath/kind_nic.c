// Port kind "nic": a network card by its PCI address, which a driver for user space has (`swctl nic
// bind`).
#include "ctl/pci.h"
#include "datapath/ethdev_kind.h"

#include <rte_vfio.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PCI_DEVICES "/sys/bus/pci/devices"

// The name of the driver that has the device, "" for none. -ENOENT: no such device.
static int driver_of(const char *address, char *driver, size_t len)
{
	char path[PATH_MAX], target[PATH_MAX];
	snprintf(path, sizeof(path), PCI_DEVICES "/%s", address);
	if (access(path, F_OK) < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver", address);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	const char *slash = strrchr(target, '/');
	snprintf(driver, len, "%.63s", slash ? slash + 1 : target);
	return 0;
}

static int check_driver(const char *address, const char *driver, char *err, size_t err_len)
{
	if (pci_driver_is_for_user_space(driver))
		return 0;
	if (*driver)
		snprintf(err, err_len,
			 "PCI device %s belongs to the kernel's driver %s: take it from there with "
			 "`swctl nic bind %s`",
			 address, driver, address);
	else
		snprintf(err, err_len,
			 "PCI device %s has no driver: give it one with `swctl nic bind %s`",
			 address, address);
	return -EBUSY;
}

// EAL looks for vfio once, when it starts; it may have been loaded since.
static int vfio_ready(char *err, size_t err_len)
{
	if (rte_vfio_is_enabled("vfio"))
		return 0;
	if (rte_vfio_enable("vfio") == 0 && rte_vfio_is_enabled("vfio"))
		return 0;
	snprintf(err, err_len,
		 "swd cannot use vfio: run it with access to /dev/vfio (as root), and `modprobe "
		 "vfio-pci`");
	return -EACCES;
}

static int nic_prepare(const struct port *port, char *err, size_t err_len)
{
	char name[PCI_ADDRESS_LEN], driver[64];

	if (pci_address_parse(port_option(&port->config, "pci"), name) < 0)
		return -EINVAL; // its row has been checked
	if (driver_of(name, driver, sizeof(driver)) < 0) {
		snprintf(err, err_len, "there is no PCI device %s: `swctl nic list` has them",
			 name);
		return -ENODEV;
	}
	int rc = check_driver(name, driver, err, err_len);
	if (rc == 0 && strcmp(driver, "vfio-pci") == 0)
		rc = vfio_ready(err, err_len);
	return rc;
}

static void nic_devargs(const struct port *port, char *devargs, size_t len)
{
	char name[PCI_ADDRESS_LEN] = "";

	pci_address_parse(port_option(&port->config, "pci"), name);
	snprintf(devargs, len, "%s", name);
}

static void nic_down_reason(const struct port *port, uint16_t ethdev, char *reason, size_t len)
{
	(void)ethdev;
	snprintf(reason, len, "nic %s has no carrier: its cable or the other end",
		 port_option(&port->config, "pci"));
}

static const struct ethdev_kind nic = {.prepare = nic_prepare,
				       .devargs = nic_devargs,
				       .down_reason = nic_down_reason};
const struct port_kind port_kind_nic = ETHDEV_PORT_KIND("nic", &nic);
