// A connection's queues: set up from what librte_vhost knows, shown to PMDs, and taken away again.
// On librte_vhost's threads.
#ifndef VHOST_CONN_H
#define VHOST_CONN_H

#include "vhost/session.h"

void conn_init(struct vhost_conn *conn, struct vhost_session *s);

// The device has all it needs: it is the session's active one now, until conn_stop().
void conn_start(struct vhost_conn *conn);
void conn_stop(struct vhost_conn *conn);

// PMDs let go of the device, and librte_vhost knows the positions of its queues.
void conn_pause(struct vhost_conn *conn);
// Undoes that, from what librte_vhost says now. Nothing when it was not paused.
void conn_resume(struct vhost_conn *conn);

// librte_vhost says that a vring can be used, or not any more.
void conn_vring_ready(struct vhost_conn *conn, uint16_t vring, bool ready);
// The guest waits for calls on another file; nothing else of the vring has changed.
void conn_vring_call(struct vhost_conn *conn, uint16_t vring);

#endif
