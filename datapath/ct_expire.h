// The end of connections. Each slot has a time before which nobody needs to look at its connection
// again, apart from the connection itself: packets, which move their connection's end further
// away, never touch it, and the control thread looks through millions of them in a moment.
#ifndef DATAPATH_CT_EXPIRE_H
#define DATAPATH_CT_EXPIRE_H

#include "datapath/ct_conn.h"
#include "flowtable/rcu.h"

// Control thread. 0 or -ENOMEM.
int ct_expire_init(struct rcu *rcu, uint32_t max_conns, int numa_node);
void ct_expire_fini(void);
uint64_t ct_expire_bytes(void);

// A connection that is in the table: its slot is to be looked at when it expires. PMDs.
void ct_expire_start(const struct ct_conn *conn);
// It ends earlier than it did: conn->expires is set already. PMDs.
void ct_expire_sooner(const struct ct_conn *conn);
// It has left the table. Who has taken it out, in a read section or on the control thread.
void ct_expire_removed(const struct ct_conn *conn, uint32_t now);

// Control thread.
bool ct_expire_in_use(uint32_t id); // the slot has a connection that was in the table
// Looks through up to n_slots slots from where the last call ended, and at up to n_conns
// connections whose time has come; removes what has expired, and gives back what is removed.
// Returns how many connections are gone.
unsigned ct_expire_sweep(uint32_t now, uint32_t n_slots, unsigned n_conns);
// Gives the slot of a removed connection back, after a grace period. False: it waits for that
// already, or there is no memory to remember it: the next sweep finds it.
bool ct_expire_retire(struct ct_conn *conn);
void ct_expire_flush(void); // begins the grace period of those that were retired last

#endif
