// Connections that are lent to whoever has requests: as many as there are threads that ask at once.
#ifndef CTL_OVS_CONN_POOL_H
#define CTL_OVS_CONN_POOL_H

#include "ctl/ovs/conn.h"

// A connection. 0, or a positive errno: there is none, as while the link is lost, unless the
// calling thread restores it. Any thread.
int conn_pool_get(struct conn **connp);
// Gives it back; `err` is not 0 when it is of no use any more, which says that the link is lost.
void conn_pool_put(struct conn *, int err);

#endif
