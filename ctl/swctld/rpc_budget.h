// What the control clients that may only read may take: of swctld's processor time a share for each
// user, whatever number of connections it has or makes anew, and so many connections at a time.
// Who may change needs none of this: it may stop the switch anyway.
#ifndef CTL_SWCTLD_RPC_BUDGET_H
#define CTL_SWCTLD_RPC_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RPC_BUDGETS	       128    // users that are told apart; more than there are clients
#define RPC_BUDGET_SHARE       5      // each may take a fifth
#define RPC_BUDGET_SAVED_US    500000 // of processor time that it may take at once
#define RPC_BUDGET_CONNECTIONS 16

// A token bucket in microseconds of processor time, which a long request takes below zero.
struct rpc_budget {
	uid_t uid;
	unsigned n_clients;
	int64_t left_us;
	uint64_t filled_ms; // CLOCK_MONOTONIC; 0: not used yet
};

struct rpc_budgets {
	struct rpc_budget of[RPC_BUDGETS];
};

// The user's, with one connection more. NULL: it has as many as it may.
struct rpc_budget *rpc_budget_get(struct rpc_budgets *budgets, uid_t uid, uint64_t now_ms);
void rpc_budget_put(struct rpc_budget *budget);

void rpc_budget_take(struct rpc_budget *budget, uint64_t us);
// Milliseconds until it may take something; 0: now.
unsigned rpc_budget_wait_ms(struct rpc_budget *budget, uint64_t now_ms);

#endif
