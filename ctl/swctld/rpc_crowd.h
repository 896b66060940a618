// All control clients: who is let in, who has to give its place, and what all together may keep.
#ifndef CTL_SWCTLD_RPC_CROWD_H
#define CTL_SWCTLD_RPC_CROWD_H

#include "ctl/swctld/rpc_client.h"

#define RPC_CLIENTS_MAX 64
#define RPC_UNREAD_MAX \
	(256u << 20) // bytes not yet read, all together; beyond, the deaf are dropped

struct swctld;

struct rpc_crowd {
	struct swctld *d;
	struct rpc_client *clients; // the longest silent first
	unsigned n;
	size_t buffered; // bytes of unfinished lines
	struct rpc_turns *turns;
	struct rpc_budgets budgets;
	uint64_t told_ms; // of it, in the log
};

// In place. 0 or -ENOMEM.
int rpc_crowd_init(struct rpc_crowd *crowd, struct swctld *d);
void rpc_crowd_fini(struct rpc_crowd *crowd); // with all clients

// Finds a newcomer a place, and in *budget what it needs of one, or NULL. false: there is none.
bool rpc_crowd_admit(struct rpc_crowd *crowd, const struct peer *who, struct rpc_budget **budget);
// Closes the connection of a client that is idle, to have its descriptor. false: none is.
bool rpc_crowd_free_one(struct rpc_crowd *crowd);
// Keeps what all clients together have not read within bounds, and one reply: those that wait with
// more than their share go, the longest silent first, and not `asking`.
void rpc_crowd_drop_deaf(struct rpc_crowd *crowd, const struct rpc_client *asking);
// Whether the log is to be told of it: not all the time.
bool rpc_crowd_is_news(struct rpc_crowd *crowd);

// Of a client.
void rpc_crowd_join(struct rpc_crowd *crowd, struct rpc_client *c);
void rpc_crowd_leave(struct rpc_crowd *crowd, struct rpc_client *c);
void rpc_crowd_touch(struct rpc_crowd *crowd, struct rpc_client *c); // it has sent something

#endif
