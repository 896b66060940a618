// Port kind "nic": a network card by its PCI address, which a driver for user space has (`swctl nic
// bind`).
#include "datapath/ethdev_kind.h"

#include <rte_pci.h>
#include <rte_vfio.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PCI_DEVICES "/sys/bus/pci/devices"

// The drivers that hand a device to user space. A card of any other stays the kernel's.
static const char *const user_drivers[] = {"vfio-pci", "uio_pci_generic", "igb_uio"};

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
	for (size_t i = 0; i < RTE_DIM(user_drivers); i++) {
		if (strcmp(driver, user_drivers[i]) == 0)
			return 0;
	}
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

// The address as DPDK and sysfs write it. 0 or -EINVAL.
static int pci_name(const struct port *port, char *name, size_t len)
{
	struct rte_pci_addr address;

	if (rte_pci_addr_parse(port_option(&port->config, "pci"), &address) < 0)
		return -EINVAL;
	rte_pci_device_name(&address, name, len);
	return 0;
}

static int nic_prepare(const struct port *port, char *err, size_t err_len)
{
	char name[PCI_PRI_STR_SIZE + 1], driver[64];

	if (pci_name(port, name, sizeof(name)) < 0) {
		snprintf(err, err_len, "pci=%.40s is no PCI address: `swctl nic list` has them",
			 port_option(&port->config, "pci"));
		return -EINVAL;
	}
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
	pci_name(port, devargs, len);
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
