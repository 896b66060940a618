// librte_vhost's event thread.
#ifndef VHOST_WAKE_H
#define VHOST_WAKE_H

#include <stdbool.h>

// Makes librte_vhost's event thread look at sockets that were added while it slept: it does so by
// itself too, but a second late (22.11 wakes it for new connections, not for new listeners).
// Control thread.
void vhost_events_wake(void);
// Whether this thread is it.
bool vhost_events_is_this(void);

#endif
