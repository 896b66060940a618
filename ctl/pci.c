#include "ctl/pci.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A number of at most `max` hex digits at *text with `end` behind it, which it moves past.
static bool take_hex(const char **text, size_t max, char end, unsigned *number)
{
	size_t n = strspn(*text, "0123456789abcdefABCDEF");
	if (n == 0 || n > max || (*text)[n] != end)
		return false;
	*number = (unsigned)strtoul(*text, NULL, 16);
	*text += n + (end != '\0');
	return true;
}

int pci_address_parse(const char *text, char full[PCI_ADDRESS_LEN])
{
	const char *p = text, *first = strchr(text, ':');
	bool has_domain = first && strchr(first + 1, ':');
	unsigned domain = 0, bus, device, function;
	if ((has_domain && !take_hex(&p, 8, ':', &domain)) || !take_hex(&p, 2, ':', &bus) ||
	    !take_hex(&p, 2, '.', &device) || !take_hex(&p, 1, '\0', &function) || device > 31 ||
	    function > 7)
		return -EINVAL;
	snprintf(full, PCI_ADDRESS_LEN, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return 0;
}

bool pci_driver_is_for_user_space(const char *driver)
{
	static const char *const drivers[] = {"vfio-pci", "uio_pci_generic", "igb_uio"};
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	}
	return false;
}
