#include "datapath/ct_expire.h"

#include "datapath/ct_steps.h"
#include "datapath/ct_table.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>

#define BATCH		512u // connections that wait for one grace period
#define SOONER_GRANULES 128u // what is this much later than it could be is let be
#define DUE_NOTHING	0u   // the slot has no connection

struct batch {
	uint32_t n;
	uint32_t ids[BATCH];
};

static struct {
	// By slot: when it is to be looked at, or DUE_NOTHING. Relaxed: whoever changes a
	// connection's end; released when the connection is in the table.
	uint32_t *due;
	uint64_t bytes;
	struct rcu *rcu;
	uint32_t next; // slot that the sweep looks at next
	struct batch *batch;
} expire;

int ct_expire_init(struct rcu *rcu, uint32_t max_conns, int numa_node)
{
	expire.bytes = (uint64_t)max_conns * sizeof expire.due[0];
	expire.due = rte_zmalloc_socket("ct expiry", expire.bytes, RTE_CACHE_LINE_SIZE, numa_node);
	expire.rcu = rcu;
	expire.next = 0;
	return expire.due ? 0 : -ENOMEM;
}

void ct_expire_fini(void)
{
	rte_free(expire.due);
	free(expire.batch);
	expire.due = NULL; // tells batch_free() that may come later
	expire.batch = NULL;
	expire.bytes = 0;
}

uint64_t ct_expire_bytes(void)
{
	return expire.due ? expire.bytes : 0;
}

static void due_set(uint32_t id, uint32_t time)
{
	// Releases: a connection that is seen here is whole, and in the table.
	__atomic_store_n(&expire.due[id], time == DUE_NOTHING ? 1 : time, __ATOMIC_RELEASE);
}

static uint32_t due_get(uint32_t id)
{
	return __atomic_load_n(&expire.due[id], __ATOMIC_ACQUIRE);
}

static uint32_t expires_of(const struct ct_conn *conn)
{
	return __atomic_load_n(&conn->expires, __ATOMIC_RELAXED);
}

void ct_expire_start(const struct ct_conn *conn)
{
	due_set(conn->id, expires_of(conn));
}

void ct_expire_sooner(const struct ct_conn *conn)
{
	uint32_t end = expires_of(conn);

	// Orders the end before the look at when the sweep comes by: pairs with that in later().
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (ct_time_reached(end + SOONER_GRANULES, due_get(conn->id)))
		due_set(conn->id, end);
}

void ct_expire_removed(const struct ct_conn *conn, uint32_t now)
{
	due_set(conn->id, now);
}

// Control side.

bool ct_expire_in_use(uint32_t id)
{
	return due_get(id) != DUE_NOTHING;
}

static void batch_free(void *arg)
{
	struct batch *batch = arg;

	if (expire.due) {
		// Only now: until the grace period was over, who removed it may have set it.
		for (uint32_t i = 0; i < batch->n; i++)
			__atomic_store_n(&expire.due[batch->ids[i]], DUE_NOTHING, __ATOMIC_RELAXED);
		ct_table_give_back(batch->ids, batch->n);
	}
	free(batch);
}

void ct_expire_flush(void)
{
	if (!expire.batch)
		return;
	rcu_retire(expire.rcu, batch_free, expire.batch);
	expire.batch = NULL;
}

bool ct_expire_retire(struct ct_conn *conn)
{
	if (ct_conn_has(conn, CT_RETIRED))
		return false;
	if (!expire.batch)
		expire.batch = calloc(1, sizeof *expire.batch);
	if (!expire.batch)
		return false; // the next sweep comes by again
	__atomic_fetch_or(&conn->flags, CT_RETIRED, __ATOMIC_RELAXED);
	ct_table_retired(conn);
	if (unlikely(ct_conn_alg(conn) != CT_ALG_NONE))
		ct_alg_forget(conn);
	expire.batch->ids[expire.batch->n++] = conn->id;
	if (expire.batch->n == BATCH)
		ct_expire_flush();
	return true;
}

// The slot is to be looked at when its connection ends, though that may move meanwhile. False: it
// has ended.
static bool later(const struct ct_conn *conn, uint32_t now)
{
	uint32_t end = expires_of(conn), set;

	do {
		if (ct_time_reached(end, now))
			return false;
		set = end;
		due_set(conn->id, set);
		// Whose end has come nearer sees this, or is seen: pairs with ct_expire_sooner().
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		end = expires_of(conn);
	} while (unlikely(!ct_time_reached(set, end)));
	return true;
}

// Whether it is gone.
static bool look_at(struct ct_conn *conn, uint32_t now)
{
	if (!ct_conn_is_removed(conn)) {
		if (later(conn, now))
			return false;
		ct_table_remove(conn, now);
	}
	return ct_expire_retire(conn);
}

unsigned ct_expire_sweep(uint32_t now, uint32_t n_slots, unsigned n_conns)
{
	uint32_t slots = ct_table_slots();
	unsigned gone = 0;

	if (!expire.due)
		return 0;
	for (uint32_t i = 0; i < RTE_MIN(n_slots, slots) && n_conns > 0; i++) {
		uint32_t id = expire.next < slots ? expire.next : 0, due = due_get(id);

		expire.next = id + 1;
		if (likely(due == DUE_NOTHING || !ct_time_reached(due, now)))
			continue;
		gone += look_at(ct_table_slot(id), now);
		n_conns--;
	}
	ct_expire_flush();
	return gone;
}
