#include "flowtable/rcu.h"

#include <errno.h>
#include <pthread.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

struct retired {
	struct retired *next;
	void (*free_fn)(void *obj);
	void *obj;
	uint64_t token; // readers that report quiescence after it hold no pointer to obj
};

struct rcu {
	struct rte_rcu_qsbr *qsbr;
	pthread_mutex_t check;
	// The rest: control thread only.
	struct retired *oldest; // in the order of tokens
	struct retired **end;
	unsigned n_waiting;
	bool reader_used[RCU_READERS_MAX];
};

struct rcu *rcu_create(void)
{
	struct rcu *rcu = calloc(1, sizeof(*rcu));

	if (!rcu)
		return NULL;
	rcu->end = &rcu->oldest;
	pthread_mutex_init(&rcu->check, NULL);
	rcu->qsbr =
	    rte_zmalloc("rcu", rte_rcu_qsbr_get_memsize(RCU_READERS_MAX), RTE_CACHE_LINE_SIZE);
	if (!rcu->qsbr)
		goto fail;
	if (rte_rcu_qsbr_init(rcu->qsbr, RCU_READERS_MAX) != 0)
		goto fail_qsbr;
	return rcu;

fail_qsbr:
	rte_free(rcu->qsbr);
fail:
	free(rcu);
	return NULL;
}

static void free_oldest(struct rcu *rcu)
{
	struct retired *r = rcu->oldest;

	// Unlinked first: free_fn may retire more.
	rcu->oldest = r->next;
	if (!rcu->oldest)
		rcu->end = &rcu->oldest;
	rcu->n_waiting--;
	r->free_fn(r->obj);
	free(r);
}

void rcu_destroy(struct rcu *rcu)
{
	if (!rcu)
		return;
	while (rcu->oldest)
		free_oldest(rcu);
	rte_free(rcu->qsbr);
	pthread_mutex_destroy(&rcu->check);
	free(rcu);
}

int rcu_reader_add(struct rcu *rcu)
{
	for (int id = 0; id < RCU_READERS_MAX; id++) {
		if (rcu->reader_used[id])
			continue;
		if (rte_rcu_qsbr_thread_register(rcu->qsbr, (unsigned)id) != 0)
			return -EINVAL;
		rcu->reader_used[id] = true;
		return id;
	}
	return -ENOSPC;
}

void rcu_reader_del(struct rcu *rcu, int id)
{
	rte_rcu_qsbr_thread_unregister(rcu->qsbr, (unsigned)id);
	rcu->reader_used[id] = false;
}

void rcu_online(struct rcu *rcu, int id)
{
	rte_rcu_qsbr_thread_online(rcu->qsbr, (unsigned)id);
}

void rcu_offline(struct rcu *rcu, int id)
{
	rte_rcu_qsbr_thread_offline(rcu->qsbr, (unsigned)id);
}

void rcu_quiescent(struct rcu *rcu, int id)
{
	rte_rcu_qsbr_quiescent(rcu->qsbr, (unsigned)id);
}

void rcu_retire(struct rcu *rcu, void (*free_fn)(void *obj), void *obj)
{
	struct retired *r = malloc(sizeof(*r));

	if (!r) { // no room to remember it: the one case that waits
		rcu_synchronize(rcu);
		free_fn(obj);
		return;
	}
	r->next = NULL;
	r->free_fn = free_fn;
	r->obj = obj;
	// Releases: a reader that acknowledges the token sees the unpublishing before it.
	r->token = rte_rcu_qsbr_start(rcu->qsbr);
	*rcu->end = r;
	rcu->end = &r->next;
	rcu->n_waiting++;
}

// Whether all readers were quiescent after the token. qsbr remembers the last token for which they
// were, but orders nothing for who learns it from there: the lock does.
static bool is_over(struct rcu *rcu, uint64_t token)
{
	bool over;

	pthread_mutex_lock(&rcu->check);
	over = rte_rcu_qsbr_check(rcu->qsbr, token, false) == 1;
	pthread_mutex_unlock(&rcu->check);
	return over;
}

unsigned rcu_reclaim(struct rcu *rcu)
{
	while (rcu->oldest && is_over(rcu, rcu->oldest->token))
		free_oldest(rcu);
	return rcu->n_waiting;
}

void rcu_synchronize(struct rcu *rcu)
{
	uint64_t token = rte_rcu_qsbr_start(rcu->qsbr);

	// Yields rather than spins: a reader may share this core.
	while (!is_over(rcu, token))
		sched_yield();
}
