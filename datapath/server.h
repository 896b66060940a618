// The datapath protocol's server: DIR/datapath.sock, SOCK_SEQPACKET, messages as in ctl/dp_proto.h.
#ifndef DATAPATH_SERVER_H
#define DATAPATH_SERVER_H

#include "flowtable/megaflow.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct event_base;
struct server;

struct server_config {
	struct event_base *base;
	const char *path; // of the socket
	gid_t group;	  // whose members may use it (ctl/account.h; ACCOUNT_NONE: none)
	struct flow_table *flows;
	uint32_t other_ports_from; // the first number for ports of other datapaths than swctld's
};

// Of clients, it takes root, this process's own user and the group's members, others get one
// refusal. Binds (mode 0660; replaces a stale socket file, refuses one in use) and starts to serve
// on `base`'s loop, draining upcalls too. NULL with one line in err.
struct server *server_start(const struct server_config *config, char *err, size_t err_len);
void server_stop(struct server *server); // closes all, removes the socket file

uint64_t server_now_ms(void); // CLOCK_MONOTONIC

#endif
