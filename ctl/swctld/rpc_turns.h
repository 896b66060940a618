// Who of the control clients that wait has the next turn: of those whose budget allows it, the one
// that has taken the least of swctld's processor time. Each turn is a round of the event loop's:
// missed packets have theirs in between.
#ifndef CTL_SWCTLD_RPC_TURNS_H
#define CTL_SWCTLD_RPC_TURNS_H

#include "ctl/swctld/rpc_budget.h"

#include <stdbool.h>

struct event_base;
struct rpc_turns;

// A client's part.
struct rpc_turn {
	bool waits;
	uint64_t taken_us;
	struct rpc_budget *budget; // NULL: who may change has none
	struct rpc_turn *prev, *next;
};

// `serve` is called from the loop, and may let go of any client. NULL when out of memory.
struct rpc_turns *rpc_turns_create(struct event_base *base, void (*serve)(struct rpc_turn *turn));
void rpc_turns_destroy(struct rpc_turns *turns);

void rpc_turns_wait(struct rpc_turns *turns, struct rpc_turn *turn); // if it does not yet
void rpc_turns_leave(struct rpc_turns *turns, struct rpc_turn *turn);

// Around what is to be counted as taken.
uint64_t rpc_turn_begin(void);
void rpc_turn_end(struct rpc_turn *turn, uint64_t began_us);

#endif
