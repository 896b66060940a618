// Network cards on the PCI bus and their drivers, by sysfs. Paths start with `root`, "" on a host.
#ifndef CTL_SWCTL_PCI_NIC_H
#define CTL_SWCTL_PCI_NIC_H

#include "ctl/pci.h"

#include <stdbool.h>
#include <stddef.h>

#define PCI_NIC_IFACES_MAX 8
#define PCI_NIC_DRIVER	   "vfio-pci" // when none is named

struct pci_nic {
	char address[PCI_ADDRESS_LEN]; // 0000:3b:00.0
	unsigned vendor, device;
	char driver[64];      // "" for none
	char iommu_group[16]; // "" for none
	unsigned n_ifaces;
	char ifaces[PCI_NIC_IFACES_MAX][16]; // of the kernel; a card may have more
	bool default_route;		     // goes through one of all
};

// All network cards in order of address, to be freed. 0, or -errno with one line in err.
int pci_nic_list(const char *root, struct pci_nic **nics, unsigned *n, char *err, size_t err_len);
// "3b:00.0" is "0000:3b:00.0". -EINVAL for another text, -ENODEV when there is no such network
// card, with one line in err.
int pci_nic_find(const char *root, const char *address, struct pci_nic *nic, char *err,
		 size_t err_len);

// Gives the card to a driver that is loaded, and takes it from the one that has it. The second
// leaves it without one. A card that the default route goes through is refused unless `force`, and
// one that a program has open always. When the new driver does not take it, the old one has it
// again. 0, also when nothing is to be done; or -errno with one line in err.
int pci_nic_bind(const char *root, const struct pci_nic *nic, const char *driver, bool force,
		 char *err, size_t err_len);
int pci_nic_unbind(const char *root, const struct pci_nic *nic, bool force, char *err,
		   size_t err_len);

#endif
