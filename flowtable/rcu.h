// Read-copy-update over rte_rcu_qsbr: PMDs read without locks; the control thread unpublishes,
// waits a grace period without blocking, and frees.
#ifndef FLOWTABLE_RCU_H
#define FLOWTABLE_RCU_H

#include <stdint.h>

#define RCU_READERS_MAX 128

struct rcu;

// Control thread. NULL when out of memory.
struct rcu *rcu_create(void);
void rcu_destroy(struct rcu *rcu); // no reader may be registered; runs all that is retired

// A reader thread's id, 0 to RCU_READERS_MAX - 1, or -ENOSPC. Control thread, before the thread
// starts; the reader calls rcu_online() first, rcu_quiescent() between bursts (when it holds no
// pointer), and rcu_offline() before it ends or sleeps.
int rcu_reader_add(struct rcu *rcu);
void rcu_reader_del(struct rcu *rcu, int id);
void rcu_online(struct rcu *rcu, int id);
void rcu_offline(struct rcu *rcu, int id);
void rcu_quiescent(struct rcu *rcu, int id);

// Calls free_fn(obj) from rcu_reclaim() once every reader has been quiescent. Control thread; never
// blocks.
void rcu_retire(struct rcu *rcu, void (*free_fn)(void *obj), void *obj);

// Frees what is due. Control thread, called regularly from its event loop. Returns the number still
// waiting.
unsigned rcu_reclaim(struct rcu *rcu);

// Blocks until every reader has been quiescent. Any thread that is not a reader.
void rcu_synchronize(struct rcu *rcu);

#endif
