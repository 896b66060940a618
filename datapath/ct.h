// Connection tracking: what swd's main and its event loop do for it, and what control daemons set.
// Control thread, but for what says otherwise.
#ifndef DATAPATH_CT_H
#define DATAPATH_CT_H

#include "datapath/ct_conn.h"
#include "datapath/pmd.h"
#include "flowtable/rcu.h"

// Room for max_conns connections. Takes no memory before ct_prepare(). 0 or -ENOMEM.
int ct_init(struct rcu *rcu, uint32_t max_conns);
void ct_fini(void); // no PMD runs
// Before ACTION_CT is run on packets of a datapath: there is memory to track connections. 0 or
// -ENOMEM.
int ct_prepare(uint8_t dp);
// Regularly, some 20 times a second: ends what has expired, and takes memory ahead of need.
void ct_turn(uint64_t now_ms);

// Whether a datapath checks TCP's sequence numbers; it does unless this says otherwise.
void ct_set_tcp_liberal(uint8_t dp, bool liberal);
bool ct_tcp_is_liberal(uint8_t dp); // any thread
// The datapath is gone: so is all that was tracked and set.
void ct_forget_dp(uint8_t dp, uint64_t now_ms);

// Sums over all PMDs.
struct ct_counters {
	uint64_t tracked; // packets
	uint64_t invalid; // of them, those that are no part of a connection and can't open one
	uint64_t opened;  // connections
};

void ct_counters_sum(struct ct_counters *sum);

#endif
