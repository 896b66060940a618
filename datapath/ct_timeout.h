// Timeout policies: how long connections live, by protocol and state. Each datapath has a default
// one, id 0, and such as its control daemon sets; a connection names the one that it was committed
// with.
#ifndef DATAPATH_CT_TIMEOUT_H
#define DATAPATH_CT_TIMEOUT_H

#include "datapath/ct_conn.h"
#include "flowtable/rcu.h"

#define CT_POLICIES_MAX 1024 // of all datapaths, their default ones included

// What a connection waits for. id, default in seconds.
#define CT_TIMEOUTS(X)                                                                        \
	X(TCP_SYN_SENT, 30) /* its first packet was a SYN */                                  \
	X(TCP_SYN_RECV, 30) /* until both ends are established */                             \
	X(TCP_ESTABLISHED, 24 * 3600)                                                         \
	X(TCP_FIN_WAIT, 15 * 60) /* one end is closing */                                     \
	X(TCP_TIME_WAIT, 45)	 /* both are */                                               \
	X(TCP_CLOSE, 30)	 /* both have closed, or one has reset it */                  \
	X(UDP_FIRST, 60)	 /* one packet; protocols without a state of their own too */ \
	X(UDP_SINGLE, 60)	 /* several from one end */                                   \
	X(UDP_MULTIPLE, 30)	 /* from both */                                              \
	X(ICMP_FIRST, 60)                                                                     \
	X(ICMP_REPLY, 30)

enum ct_timeout {
#define X(id, seconds) CT_TIMEOUT_##id,
	CT_TIMEOUTS(X)
#undef X
	    N_CT_TIMEOUTS
};

struct ct_policy {
	uint32_t id;
	uint32_t present;		 // a bit for each that was set; the others are defaults
	uint32_t seconds[N_CT_TIMEOUTS]; // by enum ct_timeout
};

// By a policy's index: ct_time() units. Relaxed; writer: control thread.
extern uint32_t ct_timeouts[CT_POLICIES_MAX][N_CT_TIMEOUTS + 1];

// PMDs: the index of a datapath's policy; that of its default one when there is none of this id.
uint16_t ct_timeout_index(uint8_t dp, uint32_t id);

// When a connection ends that lives a timeout longer.
static inline uint32_t ct_timeout_end(const struct ct_conn *conn, enum ct_timeout timeout,
				      uint32_t now)
{
	uint16_t policy = __atomic_load_n(&conn->policy, __ATOMIC_RELAXED);

	return now + __atomic_load_n(&ct_timeouts[policy][timeout], __ATOMIC_RELAXED);
}

void ct_timeout_changed(struct ct_conn *conn, enum ct_timeout timeout, uint32_t end);

// The connection lives a timeout longer from now on. Written only when it moves: true then. PMDs.
static inline bool ct_timeout_touch(struct ct_conn *conn, enum ct_timeout timeout, uint32_t now)
{
	uint32_t end = ct_timeout_end(conn, timeout, now);

	if (__atomic_load_n(&conn->timeout, __ATOMIC_RELAXED) != timeout)
		ct_timeout_changed(conn, timeout, end);
	else if (__atomic_load_n(&conn->expires, __ATOMIC_RELAXED) != end)
		__atomic_store_n(&conn->expires, end, __ATOMIC_RELAXED);
	else
		return false;
	return true;
}

// Control thread.
void ct_timeout_init(struct rcu *rcu); // all are default
// Makes a policy, or replaces it: what is not present is default. It holds for the next packet of
// each of its connections. 0, -ENOSPC, -EINVAL for a timeout above CT_TIMEOUT_SECONDS_MAX.
int ct_timeout_set(uint8_t dp, const struct ct_policy *policy);
#define CT_TIMEOUT_SECONDS_MAX (100u * 24 * 3600)
// 0 or -ENOENT. Its connections have default timeouts from their next packet on.
int ct_timeout_del(uint8_t dp, uint32_t id);
bool ct_timeout_get(uint8_t dp, uint32_t id, struct ct_policy *policy);
// Goes through a datapath's policies: cursor is 0 at first. False at the end.
bool ct_timeout_next(uint8_t dp, uint32_t *cursor, struct ct_policy *policy);
void ct_timeout_forget(uint8_t dp); // the datapath is gone
// Regularly: gives connections of deleted policies their datapath's default one. Looks at all
// connections, once for any number of policies, and only when there are such.
void ct_timeout_settle(void);

#endif
