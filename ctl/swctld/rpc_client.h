// One control client: its lines in, its replies out.
#ifndef CTL_SWCTLD_RPC_CLIENT_H
#define CTL_SWCTLD_RPC_CLIENT_H

#include "ctl/peer.h"
#include "ctl/swctld/rpc_lines.h"
#include "ctl/swctld/rpc_turns.h"

#define RPC_OUTPUT_MAX (1 << 20) // bytes not yet read; beyond, a client's requests wait
#define RPC_STALL_S    30 // a client that reads nothing for so long while it has replies is dropped
#define RPC_TURN_MS    2  // of one client's requests; then others get their turn
#define RPC_READER_LINE_MAX \
	(1 << 20) // bytes, of a client that may only read; RPC_LINE_MAX otherwise

struct bufferevent;
struct rpc_crowd;

struct rpc_client {
	struct rpc_crowd *crowd;
	struct bufferevent *bev;
	struct peer who;
	struct rpc_turn turn;
	struct rpc_lines lines;
	bool ended;			// sends no more: closed once its replies are out
	uint64_t active_ms;		// the crowd's
	struct rpc_client *prev, *next; // the crowd's
};

// Takes fd and the budget (NULL: none) over, also when it returns NULL, out of memory. From then on
// it is the event loop's: a client goes from its crowd by itself.
struct rpc_client *rpc_client_create(struct rpc_crowd *crowd, int fd, const struct peer *who,
				     struct rpc_budget *budget);
void rpc_client_destroy(struct rpc_client *c);

// Its turn has come.
void rpc_client_serve(struct rpc_turn *turn);
size_t rpc_client_unread(const struct rpc_client *c); // bytes of replies

#endif
