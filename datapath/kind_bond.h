// The members of a bond. Control thread.
#ifndef DATAPATH_KIND_BOND_H
#define DATAPATH_KIND_BOND_H

#include "datapath/port.h"

#include <net/if.h>

#define BOND_MEMBERS_MAX 8

// Reads members=IFACE,IFACE,... How many they are, more than BOND_MEMBERS_MAX (whose first are
// read) for too many; 0 when one is no name of an interface.
unsigned bond_members(const struct port *port, char (*ifaces)[IFNAMSIZ]);

#endif
