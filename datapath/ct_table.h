// The table of connections: found without locks, by either direction's tuple.
//
// Buckets are cache lines of eight places, each with 16 bits of the hash and the slot of a
// connection, with further buckets chained behind full ones. The hash is the same for both
// directions, so a plain connection stands in one place; one whose reply tuple is not its original
// one reversed (NAT) stands in two. Insertion and removal take the locks of the buckets that they
// change, of which there are many, so PMDs seldom meet. A connection is removed from the table by
// whoever finds that it is over; the control thread alone gives its slot back, a grace period
// later.
#ifndef DATAPATH_CT_TABLE_H
#define DATAPATH_CT_TABLE_H

#include "datapath/ct_conn.h"
#include "flowtable/rcu.h"

struct ct_found {
	struct ct_conn *conn; // NULL: there is none
	enum ct_dir dir;
};

// Control thread. Room for max_conns connections, whose memory is taken as they come. 0 or -ENOMEM.
int ct_table_init(struct rcu *rcu, uint32_t max_conns, int numa_node);
void ct_table_fini(void); // no PMD runs

// PMDs, inside their read section. `now` is ct_time().

void ct_table_prefetch(uint32_t hash);
// The connection that packets with this tuple belong to, and in which direction. Expired ones are
// not found. ct_key_hash() of the key.
struct ct_found ct_table_find(const struct ct_key *key, uint32_t hash, uint32_t now);

// A connection to be filled in, inserted or given back: key, hash, and all else zero, and ext (with
// all zero but the id) where that is asked for. NULL: there are max_conns, or no memory is ready.
struct ct_conn *ct_conn_get(unsigned pmd_index, bool with_ext);
void ct_conn_put(unsigned pmd_index, struct ct_conn *conn); // was never inserted
// Publishes it; key, hash, expires and ext must be right. 0; -EEXIST when one with its key is
// there; -EADDRINUSE when the reply tuple is taken: NAT may then choose another and try again.
int ct_table_insert(unsigned pmd_index, struct ct_conn *conn, uint32_t now);
// Nobody finds it any more. Any thread; true for one of them, if several remove the same.
bool ct_table_remove(struct ct_conn *conn);

// Control thread.

uint32_t ct_table_max(void);
uint32_t ct_table_count(uint8_t dp); // connections of a datapath
uint64_t ct_table_bytes(void);	     // memory taken
// The connection in a slot, or NULL; slots are 0 to ct_table_slots() - 1.
struct ct_conn *ct_table_slot(uint32_t id);
uint32_t ct_table_slots(void); // in use so far

#endif
