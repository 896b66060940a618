// librte_vhost's threads.
#ifndef VHOST_WAKE_H
#define VHOST_WAKE_H

#include <stdbool.h>

// Makes librte_vhost's event thread look at sockets that were added while it slept: it does so by
// itself too, but a second late (22.11 wakes it for new connections, not for new listeners).
void vhost_events_wake(void);
// Whether this thread is it.
bool vhost_events_is_this(void);
// Makes its reconnection thread try all ports that wait for a listener now, not within a second.
// Control thread.
void vhost_reconnection_wake(void);

#endif
