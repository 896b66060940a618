// Devices on the PCI bus: their addresses, and the drivers that hand them to user space.
#ifndef CTL_PCI_H
#define CTL_PCI_H

#include <stdbool.h>

#define PCI_ADDRESS_LEN 20 // bytes of the longest, with its end

// "3b:00.0" and "0000:3b:00.0" to the second, as sysfs names devices; a domain may have more
// digits. 0 or -EINVAL.
int pci_address_parse(const char *text, char full[PCI_ADDRESS_LEN]);

// Whether a device that the driver has is for a program. Any other driver is the kernel's own.
bool pci_driver_is_for_user_space(const char *driver);

#endif
