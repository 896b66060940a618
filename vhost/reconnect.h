// Ports of mode=client find their guest's socket soon after somebody listens on it. librte_vhost
// tries all that wait once a second; while one waits, its thread is woken more often.
#ifndef VHOST_RECONNECT_H
#define VHOST_RECONNECT_H

struct event_base;

// Before the first port of the kind opens. 0 or -ENOMEM. Control thread, whose loop `base` is.
int reconnect_start(struct event_base *base);
void reconnect_stop(void);

#endif
