// The control socket: it is listened at, and who connects joins the crowd (rpc_crowd.h).
#ifndef CTL_SWCTLD_RPC_SERVER_H
#define CTL_SWCTLD_RPC_SERVER_H

#include "ctl/swctld/daemon.h"
#include "ctl/swctld/rpc_crowd.h"

#include <stddef.h>

struct rpc_server;

// Serves d->run_dir/control.sock, of mode 0660 and that user and group (ACCOUNT_NONE: the
// process's). Refuses a socket in use, replaces a stale one. NULL with one line in err.
struct rpc_server *rpc_server_start(struct swctld *d, uid_t uid, gid_t gid, char *err,
				    size_t err_len);
void rpc_server_stop(struct rpc_server *s); // removes the socket file

// A server without a socket of its own, and a connection handed to it (which it then owns): for
// tests. 0 or -errno.
struct rpc_server *rpc_server_create(struct swctld *d);
int rpc_server_adopt(struct rpc_server *s, int fd);
unsigned rpc_server_n_clients(const struct rpc_server *s);

#endif
