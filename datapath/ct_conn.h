// A tracked connection. Two cache lines hold all that a packet of a plain one needs; what NAT and
// application protocols need stands in a further piece that only their connections have.
//
// Memory is type-stable (slabs), and a removed connection is used anew only after a grace period: a
// PMD may go on using what it found until its burst ends. Fields marked "relaxed" are read and
// written without the lock, by __atomic_*_n(RELAXED), others than constant ones under it.
#ifndef DATAPATH_CT_CONN_H
#define DATAPATH_CT_CONN_H

#include "datapath/ct_key.h"

#include <rte_common.h>
#include <rte_spinlock.h>

#define CT_GRANULE_SHIFT 7 // time is counted in pieces of 128 ms, so that few packets write it

// A CLOCK_MONOTONIC time as what connections count; comes round after 17 years.
static inline uint32_t ct_time(uint64_t now_ms)
{
	return (uint32_t)(now_ms >> CT_GRANULE_SHIFT);
}

static inline bool ct_time_reached(uint32_t time, uint32_t now)
{
	return (int32_t)(now - time) >= 0;
}

enum ct_dir { CT_ORIG, CT_REPLY };

// In the order of OVS's ct_dpif_tcp_state, whose numbers dumps give.
enum ct_tcp_state {
	CT_TCP_CLOSED,
	CT_TCP_LISTEN,
	CT_TCP_SYN_SENT,
	CT_TCP_SYN_RECV,
	CT_TCP_ESTABLISHED,
	CT_TCP_CLOSE_WAIT,
	CT_TCP_FIN_WAIT_1,
	CT_TCP_CLOSING,
	CT_TCP_LAST_ACK,
	CT_TCP_FIN_WAIT_2,
	CT_TCP_TIME_WAIT,
};

#define CT_WSCALE_KNOWN	  0x80 // the peer's SYN had the option
#define CT_WSCALE_UNKNOWN 0x40 // its SYN was not seen: any scale may be in use
#define CT_WSCALE_MASK	  0x0f

// What one end of a TCP connection has sent and may send. Relaxed: an end's packets hardly come
// through two PMDs at once, and then one of the two updates stays.
struct ct_tcp_peer {
	uint32_t seq_lo;  // the next sequence number that it will send
	uint32_t seq_hi;  // behind the last one that its peer's window admits
	uint16_t max_win; // largest window that it has announced, unscaled
	uint8_t wscale;
	uint8_t state; // enum ct_tcp_state
};

// Of protocols other than TCP.
enum ct_other_state { CT_OTHER_FIRST, CT_OTHER_MULTIPLE, CT_OTHER_BIDIR };

enum ct_alg { CT_ALG_NONE, CT_ALG_FTP, CT_ALG_TFTP, N_CT_ALGS };

enum ct_flag {
	CT_REMOVED = 1 << 0,	  // out of the table: nobody finds it any more
	CT_EXPECTED = 1 << 1,	  // constant: opened by its master's protocol; ext->master is set
	CT_SEEN_REPLY = 1 << 2,	  // relaxed
	CT_ZONE_COUNTED = 1 << 3, // its zone's limit counts it
	CT_RETIRED = 1 << 4,	  // waits for the grace period; control thread\'s own
};

// How packets are rewritten: of the original direction; the reply direction undoes it.
enum ct_nat { CT_NAT_NONE, CT_NAT_SRC = 1 << 0, CT_NAT_DST = 1 << 1 };

// Of connections with NAT, an application protocol, or a master. Constant once the connection is
// in the table, but for what is marked.
struct ct_ext {
	struct ct_key reply;  // of packets in the reply direction, as they come in
	struct ct_key master; // original tuple of the connection that this one belongs to
	uint8_t nat;	      // enum ct_nat
	uint8_t alg;	      // enum ct_alg: the connection is a control connection of it
	// TCP: what rewritten payload has added to sequence numbers of each direction. Under lock.
	struct {
		int32_t before, after;
		uint32_t seq; // of the segment whose rewriting changed `before` to `after`
	} seq_adj[2];	      // by enum ct_dir
	uint32_t id;	      // constant
} __rte_cache_aligned;

static_assert(sizeof(struct ct_ext) == 128, "two cache lines");

struct ct_conn {
	// Line 0.
	struct ct_key key; // of packets in the original direction; constant
	union {
		struct ct_tcp_peer tcp[2]; // by enum ct_dir, of the sender
		uint8_t other;		   // enum ct_other_state; relaxed
	};
	// Line 1.
	uint32_t expires __rte_cache_aligned; // ct_time(); relaxed
	uint32_t mark;			      // relaxed
	uint64_t label[2];   // as in memory of OVS_KEY_ATTR_CT_LABELS; relaxed, written under lock
	uint32_t flags;	     // enum ct_flag; atomic
	rte_spinlock_t lock; // TCP's changes of state, label, seq_adj
	uint32_t id;	     // constant: its slot
	uint32_t hash;	     // of key; constant
	struct ct_ext *ext;  // or NULL; constant
	uint16_t policy;     // index of its timeouts (ct_timeout.h)
	uint8_t timeout;     // enum ct_timeout: which of them runs; relaxed
};

static_assert(sizeof(struct ct_conn) == 128, "two cache lines");
static_assert(offsetof(struct ct_conn, expires) == RTE_CACHE_LINE_SIZE, "line 1");

static inline bool ct_conn_has(const struct ct_conn *conn, enum ct_flag flag)
{
	return __atomic_load_n(&conn->flags, __ATOMIC_RELAXED) & flag;
}

static inline bool ct_conn_is_removed(const struct ct_conn *conn)
{
	return ct_conn_has(conn, CT_REMOVED);
}

static inline uint8_t ct_conn_nat(const struct ct_conn *conn)
{
	return conn->ext ? conn->ext->nat : CT_NAT_NONE;
}

static inline enum ct_alg ct_conn_alg(const struct ct_conn *conn)
{
	return conn->ext ? (enum ct_alg)conn->ext->alg : CT_ALG_NONE;
}

// The tuple of packets in a direction, as they come in.
static inline void ct_conn_key(const struct ct_conn *conn, enum ct_dir dir, struct ct_key *key)
{
	if (dir == CT_ORIG)
		*key = conn->key;
	else if (conn->ext)
		*key = conn->ext->reply;
	else
		ct_key_reverse(key, &conn->key);
}

#endif
