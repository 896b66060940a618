// Expectations: connections that an application protocol has announced on its control connection,
// until they come or too much time has gone. They become RELATED to it (the kernel's word: master).
//
// One table for all PMDs, of a fixed size, under one lock. It is asked for each new connection, so
// asking costs a look at one word as long as nothing with the same hash is expected.
#ifndef DATAPATH_CT_EXPECT_H
#define DATAPATH_CT_EXPECT_H

#include "datapath/ct_conn.h"

#define CT_EXPECT_MAX		4096u
#define CT_EXPECT_OF_MASTER_MAX 8u	// that wait; a further one takes the oldest's place
#define CT_EXPECT_TIMEOUT_MS	300000u // as the kernel's for ftp

struct ct_expectation {
	struct ct_key key;    // of its first packet; the source port is 0: any
	struct ct_key reply;  // of its answers; the destination port is 0: key's source port
	struct ct_key master; // original tuple
	uint32_t master_id;   // ct_conn's
	uint32_t mark;	      // it has its master's mark and label
	uint64_t label[2];
	uint8_t nat; // enum ct_nat
};

// Any PMD. 0, -EEXIST: its master expects it already, and nothing has changed; -EADDRINUSE: another
// master does.
int ct_expect_add(const struct ct_expectation *e, uint32_t now);

// The one for a packet with this tuple. With `take`, nobody finds it again. Any PMD.
bool ct_expect_find(const struct ct_key *key, bool take, uint32_t now, struct ct_expectation *e);

// The master is gone. Any thread.
void ct_expect_forget(uint32_t master_id);

unsigned ct_expect_count(void);

#endif
