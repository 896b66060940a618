// The control socket: lines in, lines out, with bounds on what a client may make swctld keep.
#ifndef CTL_SWCTLD_RPC_SERVER_H
#define CTL_SWCTLD_RPC_SERVER_H

#include "ctl/swctld/daemon.h"

#include <stddef.h>

#define RPC_CLIENTS_MAX	 64
#define RPC_OUTPUT_MAX	 (1 << 20)    // bytes not yet read; beyond, a client's requests wait
#define RPC_BUFFERED_MAX (256u << 20) // bytes of unfinished lines, all clients together
#define RPC_UNREAD_MAX \
	(256u << 20)   // bytes not yet read, all together; beyond, the deaf are dropped
#define RPC_STALL_S 30 // a client that reads nothing for so long while it has replies is dropped
#define RPC_TURN_MS 2  // of one client's requests; then others get their turn
#define RPC_READER_LINE_MAX \
	(1 << 20) // bytes, of a client that may only read; RPC_LINE_MAX otherwise

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
