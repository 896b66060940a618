// `swctl nic list|bind|unbind`: commands that ask no daemon.
#ifndef CTL_SWCTL_NIC_H
#define CTL_SWCTL_NIC_H

#include "ctl/swctl/options.h"
#include "ctl/swctl/pci_nic.h"

#include <jansson.h>
#include <stdio.h>

// `words` behind "nic". An exit status.
int swctl_nic(const struct swctl_options *options, char *const *words, int n);

// What `nic list` prints. 0, or -ENOMEM.
int nic_print_table(const struct pci_nic *nics, unsigned n, FILE *out);
json_t *nic_list_json(const struct pci_nic *nics, unsigned n); // to be freed; NULL: out of memory

#endif
