#include "ctl/swctl/pci_nic.h"

#include "ctl/default_route.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASS_NETWORK 0x02 // PCI's base class

// Reads the first line of a device's file; "" when there is none.
static void read_attr(const char *root, const char *address, const char *name, char *text, int len)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", root, address, name);
	FILE *f = fopen(path, "re");
	if (!f || !fgets(text, len, f))
		text[0] = '\0';
	if (f)
		fclose(f);
}

static unsigned read_hex(const char *root, const char *address, const char *name)
{
	char text[32];
	read_attr(root, address, name, text, sizeof(text));
	return (unsigned)strtoul(text, NULL, 16);
}

// The last part of where a device's link leads; "" when there is none.
static void read_link(const char *root, const char *address, const char *name, char *text,
		      size_t len)
{
	char path[PATH_MAX], target[PATH_MAX];
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", root, address, name);
	const char *slash = realpath(path, target) ? strrchr(target, '/') : NULL;
	snprintf(text, len, "%.*s", (int)len - 1, slash ? slash + 1 : "");
}

// The interfaces whose device is the card, or, as virtio's, a child of it.
static void find_ifaces(const char *root, struct pci_nic *nic)
{
	char path[PATH_MAX], card[PATH_MAX], device[PATH_MAX];
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s", root, nic->address);
	if (!realpath(path, card))
		return;
	size_t len = strlen(card);
	snprintf(path, sizeof(path), "%s/sys/class/net", root);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
		char iface[sizeof(nic->ifaces[0])];
		snprintf(path, sizeof(path), "%s/sys/class/net/%s/device", root, e->d_name);
		if (e->d_name[0] == '.' || !realpath(path, device) ||
		    strncmp(device, card, len) != 0 || (device[len] && device[len] != '/'))
			continue;
		snprintf(iface, sizeof(iface), "%.15s", e->d_name);
		nic->default_route |= default_route_uses(root, iface);
		if (nic->n_ifaces < PCI_NIC_IFACES_MAX)
			memcpy(nic->ifaces[nic->n_ifaces++], iface, sizeof(iface));
	}
	if (dir)
		closedir(dir);
}

// false when there is no such device, or no network card.
static bool describe(const char *root, const char *address, struct pci_nic *nic)
{
	*nic = (struct pci_nic){.n_ifaces = 0};
	if (read_hex(root, address, "class") >> 16 != CLASS_NETWORK)
		return false;
	snprintf(nic->address, sizeof(nic->address), "%.19s", address);
	nic->vendor = read_hex(root, address, "vendor");
	nic->device = read_hex(root, address, "device");
	read_link(root, address, "driver", nic->driver, sizeof(nic->driver));
	read_link(root, address, "iommu_group", nic->iommu_group, sizeof(nic->iommu_group));
	find_ifaces(root, nic);
	return true;
}

static int by_address(const void *a, const void *b)
{
	const struct pci_nic *x = a, *y = b;
	return strcmp(x->address, y->address);
}

int pci_nic_list(const char *root, struct pci_nic **nics, unsigned *n, char *err, size_t err_len)
{
	char path[PATH_MAX];
	int rc = 0;
	*nics = NULL;
	*n = 0;
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices", root);
	DIR *dir = opendir(path);
	if (!dir) {
		rc = -errno;
		snprintf(err, err_len, "cannot read %s: %s", path, strerror(-rc));
		return rc;
	}
	for (struct dirent *e; rc == 0 && (e = readdir(dir)) != NULL;) {
		struct pci_nic nic, *more;
		if (e->d_name[0] == '.' || !describe(root, e->d_name, &nic))
			continue;
		more = realloc(*nics, (*n + 1) * sizeof(nic));
		if (more) {
			*nics = more;
			more[(*n)++] = nic;
		} else {
			rc = -ENOMEM;
			snprintf(err, err_len, "out of memory");
		}
	}
	closedir(dir);
	if (rc == 0 && *n > 0)
		qsort(*nics, *n, sizeof(**nics), by_address);
	return rc;
}

int pci_nic_find(const char *root, const char *address, struct pci_nic *nic, char *err,
		 size_t err_len)
{
	char full[PCI_ADDRESS_LEN];
	if (pci_address_parse(address, full) < 0) {
		snprintf(err, err_len, "\"%.40s\" is no PCI address, as 0000:3b:00.0 is", address);
		return -EINVAL;
	}
	if (describe(root, full, nic))
		return 0;
	snprintf(err, err_len, "no network card has the address %s: `swctl nic list` has them",
		 full);
	return -ENODEV;
}
