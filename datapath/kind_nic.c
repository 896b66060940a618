// Port kind "nic": a network card by its PCI address, which a driver for user space has (`swctl nic
// bind`).
#include "ctl/pci.h"
#include "datapath/ethdev_kind.h"

#include <rte_dev.h>
#include <rte_vfio.h>

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PCI_DEVICES "/sys/bus/pci/devices"

// By port number: the kernel wants the device back, and waits for it. Writer: EAL's interrupt
// thread, and the control thread while no event can come.
static bool unplugged[PORTS_MAX];

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

// -ENODEV: nothing of ours can have been done to the device.
static int check_device(const struct port *port, const char *name, char *err, size_t err_len)
{
	bool was_here = port->priv != NULL; // it opens again
	char driver[64];
	if (driver_of(name, driver, sizeof(driver)) < 0) {
		snprintf(err, err_len,
			 was_here ? "device %s was unplugged"
				  : "there is no PCI device %s: `swctl nic list` has them",
			 name);
		return -ENODEV;
	}
	int rc = check_driver(name, driver, err, err_len);
	if (rc < 0)
		return was_here ? -ENODEV : rc;
	return strcmp(driver, "vfio-pci") == 0 ? vfio_ready(err, err_len) : 0;
}

// As EAL calls it. Its option has been checked.
static void device_name(const struct port *port, char name[PCI_ADDRESS_LEN])
{
	name[0] = '\0';
	pci_address_parse(port_option(&port->config, "pci"), name);
}

static int nic_prepare(const struct port *port, char *err, size_t err_len)
{
	char name[PCI_ADDRESS_LEN];
	device_name(port, name);
	return check_device(port, name, err, err_len);
}

static void nic_devargs(const struct port *port, char *devargs, size_t len)
{
	char name[PCI_ADDRESS_LEN];
	device_name(port, name);
	snprintf(devargs, len, "%s", name);
}

// On EAL's interrupt thread, which must not wait for PMDs: the control thread looks at the flag.
static void device_event(const char *name, enum rte_dev_event_type type, void *arg)
{
	const struct port *port = arg;
	(void)name;
	if (type == RTE_DEV_EVENT_REMOVE)
		__atomic_store_n(&unplugged[port->no], true, __ATOMIC_RELAXED);
}

// vfio asks until the device is closed, and the kernel's removal of it waits for that.
static int nic_started(struct port *port, uint16_t ethdev, char *err, size_t err_len)
{
	char name[PCI_ADDRESS_LEN];
	(void)ethdev;
	unplugged[port->no] = false;
	device_name(port, name);
	int rc = rte_dev_event_callback_register(name, device_event, port);
	if (rc < 0)
		snprintf(err, err_len, "cannot watch device %s: %s", name, strerror(-rc));
	return rc;
}

static void nic_closed(const struct port *port)
{
	char name[PCI_ADDRESS_LEN];
	device_name(port, name);
	while (rte_dev_event_callback_unregister(name, device_event, (void *)(uintptr_t)port) ==
	       -EAGAIN)
		sched_yield();
}

static bool nic_unplugged(const struct port *port)
{
	return __atomic_load_n(&unplugged[port->no], __ATOMIC_RELAXED);
}

static void nic_down_reason(const struct port *port, uint16_t ethdev, char *reason, size_t len)
{
	char name[PCI_ADDRESS_LEN];
	(void)ethdev;
	device_name(port, name);
	snprintf(reason, len,
		 nic_unplugged(port) ? "device %s was unplugged"
				     : "nic %s has no carrier: its cable or the other end",
		 name);
}

static const struct ethdev_kind nic = {.prepare = nic_prepare,
				       .devargs = nic_devargs,
				       .started = nic_started,
				       .unplugged = nic_unplugged,
				       .closed = nic_closed,
				       .down_reason = nic_down_reason};
const struct port_kind port_kind_nic = ETHDEV_PORT_KIND("nic", &nic);
