#include "ctl/swctld/rpc_budget.h"

#include <stddef.h>

static void fill(struct rpc_budget *b, uint64_t now_ms)
{
	b->left_us += (int64_t)((now_ms - b->filled_ms) * 1000 / RPC_BUDGET_SHARE);
	b->filled_ms = now_ms;
	if (b->left_us > RPC_BUDGET_SAVED_US)
		b->left_us = RPC_BUDGET_SAVED_US;
}

// Its own, or the one without connections that owes the least: who comes back too early finds its
// debt.
static struct rpc_budget *find(struct rpc_budgets *budgets, uid_t uid, uint64_t now_ms)
{
	struct rpc_budget *best = NULL;
	for (unsigned i = 0; i < RPC_BUDGETS; i++) {
		struct rpc_budget *b = &budgets->of[i];
		if (b->filled_ms && b->uid == uid)
			return b;
		if (b->filled_ms)
			fill(b, now_ms);
		if (b->n_clients == 0 &&
		    (!best || !b->filled_ms || (best->filled_ms && b->left_us > best->left_us)))
			best = b;
	}
	if (best)
		*best = (struct rpc_budget){.uid = uid,
					    .left_us = RPC_BUDGET_SAVED_US,
					    .filled_ms = now_ms};
	return best;
}

struct rpc_budget *rpc_budget_get(struct rpc_budgets *budgets, uid_t uid, uint64_t now_ms)
{
	struct rpc_budget *b = find(budgets, uid, now_ms);
	if (!b || b->n_clients >= RPC_BUDGET_CONNECTIONS)
		return NULL;
	b->n_clients++;
	return b;
}

void rpc_budget_put(struct rpc_budget *b)
{
	b->n_clients--;
}

void rpc_budget_take(struct rpc_budget *b, uint64_t us)
{
	b->left_us -= (int64_t)us;
}

unsigned rpc_budget_wait_ms(struct rpc_budget *b, uint64_t now_ms)
{
	fill(b, now_ms);
	return b->left_us > 0 ? 0 : (unsigned)(-b->left_us * RPC_BUDGET_SHARE / 1000) + 1;
}
