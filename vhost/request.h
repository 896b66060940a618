// What the messages of a front end mean for its rings: before librte_vhost handles one, and after.
// On librte_vhost's event thread.
#ifndef VHOST_REQUEST_H
#define VHOST_REQUEST_H

#include "vhost/message.h"
#include "vhost/session.h"

// NOT_HANDLED: librte_vhost is to handle it.
enum rte_vhost_msg_result request_before(struct vhost_conn *conn, struct message *m);
// librte_vhost has handled it, and did not refuse it.
void request_after(struct vhost_conn *conn, const struct message *m);

#endif
