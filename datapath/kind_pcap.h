// What the kinds by libpcap share.
#ifndef DATAPATH_KIND_PCAP_H
#define DATAPATH_KIND_PCAP_H

#include "datapath/port.h"

// Of the interface that iface= names; as ethdev_kind.h says.
int pcap_live_prepare(const struct port *port, char *err, size_t err_len);
void pcap_live_devargs(const struct port *port, char *devargs, size_t len);

#endif
