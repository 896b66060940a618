#include "ctl/swctld/rpc_crowd.h"

#include "ctl/log.h"
#include "ctl/swctld/daemon.h"

#include <errno.h>
#include <utlist.h>

#define EVICT_IDLE_MS 1000  // a client so long silent may give its place to a new one
#define TELL_MS	      10000 // between two lines about a crowd

int rpc_crowd_init(struct rpc_crowd *crowd, struct swctld *d)
{
	*crowd = (struct rpc_crowd){.d = d};
	crowd->turns = rpc_turns_create(d->base, rpc_client_serve);
	return crowd->turns ? 0 : -ENOMEM;
}

void rpc_crowd_fini(struct rpc_crowd *crowd)
{
	struct rpc_client *c, *tmp;
	DL_FOREACH_SAFE (crowd->clients, c, tmp) {
		// cppcheck-suppress uninitvar // it does not see that DL_FOREACH_SAFE sets c
		rpc_client_destroy(c);
	}
	rpc_turns_destroy(crowd->turns);
}

void rpc_crowd_join(struct rpc_crowd *crowd, struct rpc_client *c)
{
	c->active_ms = clock_now_ms();
	DL_APPEND(crowd->clients, c);
	crowd->n++;
}

void rpc_crowd_leave(struct rpc_crowd *crowd, struct rpc_client *c)
{
	DL_DELETE(crowd->clients, c);
	crowd->n--;
}

void rpc_crowd_touch(struct rpc_crowd *crowd, struct rpc_client *c)
{
	c->active_ms = clock_now_ms();
	DL_DELETE(crowd->clients, c);
	DL_APPEND(crowd->clients, c);
}

bool rpc_crowd_is_news(struct rpc_crowd *crowd)
{
	uint64_t now_ms = clock_now_ms();
	if (crowd->told_ms && now_ms - crowd->told_ms < TELL_MS)
		return false;
	crowd->told_ms = now_ms;
	return true;
}

void rpc_crowd_drop_deaf(struct rpc_crowd *crowd, const struct rpc_client *asking)
{
	struct rpc_client *c, *tmp;
	size_t sum = 0;
	DL_FOREACH (crowd->clients, c)
		sum += rpc_client_unread(c);
	if (sum > RPC_UNREAD_MAX && rpc_crowd_is_news(crowd))
		log_warn("clients have not read %zu MiB of replies: dropping those that asked "
			 "first",
			 sum >> 20);
	DL_FOREACH_SAFE (crowd->clients, c, tmp) {
		if (sum <= RPC_UNREAD_MAX || c == asking || rpc_client_unread(c) <= RPC_OUTPUT_MAX)
			continue;
		sum -= rpc_client_unread(c);
		rpc_client_destroy(c);
	}
}

static bool is_idle(const struct rpc_client *c)
{
	return !c->turn.waits && clock_now_ms() - c->active_ms >= EVICT_IDLE_MS;
}

// The longest silent one that only reads; with `idle`, that has been silent for a while.
static struct rpc_client *find_reader(const struct rpc_crowd *crowd, bool idle)
{
	struct rpc_client *c = crowd->clients;
	while (c && (c->who.may_change || (idle && !is_idle(c))))
		c = c->next;
	return c;
}

// Who has to give its place: one that only reads, where there is one.
static struct rpc_client *find_idle(const struct rpc_crowd *crowd)
{
	struct rpc_client *c = find_reader(crowd, true);
	if (c)
		return c;
	c = crowd->clients;
	while (c && !is_idle(c))
		c = c->next;
	return c;
}

// One who may change does not wait until one that only reads has been silent for a while, and who
// only reads does not push out one who may change.
static struct rpc_client *to_evict(const struct rpc_crowd *crowd, const struct peer *newcomer)
{
	struct rpc_client *reader = find_reader(crowd, !newcomer->may_change);
	return reader || !newcomer->may_change ? reader : find_idle(crowd);
}

static bool evict(struct rpc_crowd *crowd, struct rpc_client *c)
{
	if (!c)
		return false;
	if (rpc_crowd_is_news(crowd))
		log_info("%u control clients: the longest silent one gives its place", crowd->n);
	rpc_client_destroy(c);
	return true;
}

bool rpc_crowd_free_one(struct rpc_crowd *crowd)
{
	return evict(crowd, find_idle(crowd));
}

// Silent clients must not keep others out.
static bool make_place(struct rpc_crowd *crowd, const struct peer *newcomer)
{
	return crowd->n < RPC_CLIENTS_MAX || evict(crowd, to_evict(crowd, newcomer));
}

bool rpc_crowd_admit(struct rpc_crowd *crowd, const struct peer *who, struct rpc_budget **budget)
{
	*budget = NULL;
	if (who->may_change)
		return make_place(crowd, who);
	*budget = rpc_budget_get(&crowd->budgets, who->uid, clock_now_ms());
	if (*budget && make_place(crowd, who))
		return true;
	if (*budget)
		rpc_budget_put(*budget);
	return false;
}
