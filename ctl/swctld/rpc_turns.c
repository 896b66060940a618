#include "ctl/swctld/rpc_turns.h"

#include "ctl/swctld/daemon.h"

#include <event2/event.h>
#include <limits.h>
#include <stdlib.h>
#include <utlist.h>

struct rpc_turns {
	struct rpc_turn *waiting;
	uint64_t taken_us; // by who had the last turn, before it
	void (*serve)(struct rpc_turn *turn);
	struct event *next;
};

static unsigned wait_ms(const struct rpc_turn *t)
{
	return t->budget ? rpc_budget_wait_ms(t->budget, clock_now_ms()) : 0;
}

static void schedule(struct rpc_turns *turns)
{
	unsigned ms = UINT_MAX;
	for (struct rpc_turn *t = turns->waiting; t && ms > 0; t = t->next) {
		unsigned its = wait_ms(t);
		ms = its < ms ? its : ms;
	}
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	if (turns->waiting)
		evtimer_add(turns->next, &tv);
}

static struct rpc_turn *choose(const struct rpc_turns *turns)
{
	struct rpc_turn *best = NULL;
	for (struct rpc_turn *t = turns->waiting; t; t = t->next) {
		if (wait_ms(t) == 0 && (!best || t->taken_us < best->taken_us))
			best = t;
	}
	return best;
}

static void on_next(evutil_socket_t fd, short what, void *arg)
{
	struct rpc_turns *turns = arg;
	struct rpc_turn *t = choose(turns);
	(void)fd;
	(void)what;
	if (t) {
		rpc_turns_leave(turns, t);
		turns->taken_us = t->taken_us;
		turns->serve(t);
	}
	schedule(turns);
}

struct rpc_turns *rpc_turns_create(struct event_base *base, void (*serve)(struct rpc_turn *turn))
{
	struct rpc_turns *turns = calloc(1, sizeof(*turns));
	if (!turns)
		return NULL;
	turns->serve = serve;
	turns->next = evtimer_new(base, on_next, turns);
	if (turns->next)
		return turns;
	free(turns);
	return NULL;
}

void rpc_turns_destroy(struct rpc_turns *turns)
{
	event_free(turns->next);
	free(turns);
}

void rpc_turns_wait(struct rpc_turns *turns, struct rpc_turn *t)
{
	if (!t->waits)
		DL_APPEND(turns->waiting, t);
	t->waits = true;
	// What others took while it asked for nothing is not made up for.
	if (t->taken_us < turns->taken_us)
		t->taken_us = turns->taken_us;
	schedule(turns);
}

void rpc_turns_leave(struct rpc_turns *turns, struct rpc_turn *t)
{
	if (t->waits)
		DL_DELETE(turns->waiting, t);
	t->waits = false;
}

uint64_t rpc_turn_begin(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void rpc_turn_end(struct rpc_turn *t, uint64_t began_us)
{
	uint64_t us = rpc_turn_begin() - began_us;
	t->taken_us += us;
	if (t->budget)
		rpc_budget_take(t->budget, us);
}
