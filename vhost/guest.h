// What swd sees of the guest on a vhost-user port, for who looks for the reason of a trouble.
#ifndef VHOST_GUEST_H
#define VHOST_GUEST_H

#include "datapath/port.h"

// Of struct port_kind. Control thread.
void vhost_guest(struct port *port, struct port_guest *guest);

#endif
