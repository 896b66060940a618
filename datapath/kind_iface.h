// What kinds that sit on a network interface of the host check before they open it. Control thread;
// 0 or -errno with one line in err.
#ifndef DATAPATH_KIND_IFACE_H
#define DATAPATH_KIND_IFACE_H

#include "datapath/port.h"

// The value of iface=, or NULL.
const char *kind_iface(const struct port *port);
// Whether no port has the interface.
int kind_iface_check_free(const struct port *port, const char *iface, char *err, size_t err_len);
// Whether it is there, is Ethernet, has no port yet, and swd may open raw sockets.
int kind_iface_check(const struct port *port, const char *iface, char *err, size_t err_len);
// Whether it is up.
int kind_iface_check_up(const char *iface, char *err, size_t err_len);

#endif
