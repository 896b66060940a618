// Ports on interfaces of the host that vanish (deleted, or moved to another network namespace and
// no tap), on peers that go, on cards that are unplugged: the port stays, with its number and name,
// says why it is down, and takes the interface, peer or card again when that is back. Control
// thread.
#ifndef DATAPATH_PORT_WATCH_H
#define DATAPATH_PORT_WATCH_H

struct event_base;

// Looks every half second. 0 or -ENOMEM.
int port_watch_start(struct event_base *base);
void port_watch_stop(void);
// One such look.
void port_watch_look(void);

#endif
