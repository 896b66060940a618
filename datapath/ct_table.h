// The table of connections: found without locks, by either direction's tuple.
//
// Buckets are cache lines of eight places, each with 16 bits of the hash and the slot of a
// connection, with further buckets chained behind full ones. The hash is the same for both
// directions, so a plain connection stands in one place; one whose reply tuple is not its original
// one reversed (NAT) stands in two. Who inserts or removes takes the lock in the bucket that it
// changes, so PMDs seldom meet. A connection is taken out of the table by whoever finds that it is
// over; the control thread alone gives its slot back, a grace period later.
#ifndef DATAPATH_CT_TABLE_H
#define DATAPATH_CT_TABLE_H

#include "datapath/ct_conn.h"
#include "flowtable/rcu.h"

struct ct_found {
	struct ct_conn *conn; // NULL: there is none
	enum ct_dir dir;
};

// Control thread.

// Room for max_conns connections; takes no memory yet. 0 or -ENOMEM.
int ct_table_init(struct rcu *rcu, uint32_t max_conns, int numa_node);
void ct_table_fini(void); // no PMD runs
// Takes the memory of buckets and of the first connections, unless it has; before any packet is
// tracked. 0, or -ENOMEM.
int ct_table_prepare(void);
// Takes memory ahead of need, and memory for what was removed back. Regularly.
void ct_table_grow(void);

// PMDs, inside their read section. `now` is ct_time(); `hash` is the key's ct_key_hash().

bool ct_table_is_ready(void); // prepared
void ct_table_prefetch(uint32_t hash);
// What ct_table_find() will look at; the bucket is in the cache then.
void ct_table_prefetch_conn(uint32_t hash);
// The connection that packets with this tuple belong to, and in which direction. Expired ones are
// not found.
struct ct_found ct_table_find(const struct ct_key *key, uint32_t hash, uint32_t now);

// A connection to be filled in, then inserted or given back: all zero but its id, with an ext (all
// zero but its id) where that is asked for. NULL: there are max_conns, or no memory is ready.
struct ct_conn *ct_conn_get(unsigned pmd_index, bool with_ext);
void ct_conn_put(unsigned pmd_index, struct ct_conn *conn); // was never inserted
// The memory of the next one is brought near.
void ct_conn_prefetch(unsigned pmd_index);
// Publishes it; key, hash, expires and ext must be right. 0; -EEXIST when one with its key is
// there; -EADDRINUSE when its reply tuple is taken: NAT may then choose another and try again;
// -ENOSPC.
int ct_table_insert(unsigned pmd_index, struct ct_conn *conn, uint32_t now);
// Nobody finds it any more. Also the control thread. True for one caller, if several remove the
// same.
bool ct_table_remove(struct ct_conn *conn, uint32_t now);

// Control thread.

uint32_t ct_table_max(void);
uint32_t ct_table_count(uint8_t dp); // connections of a datapath
uint64_t ct_table_bytes(void);	     // memory taken
uint32_t ct_table_slots(void);	     // slots are 0 to this - 1
// The connection in a slot, or NULL. It may be over.
struct ct_conn *ct_table_slot(uint32_t id);
// It no longer counts, whoever may still look at it: ct_expire.c's.
void ct_table_retired(const struct ct_conn *conn);
// Takes the memory of n connections back that nobody refers to any more: ct_expire.c's.
void ct_table_give_back(const uint32_t *ids, uint32_t n);

#endif
