// Fragments in front of connection tracking: the parts of an IP datagram are held until all are
// there. Then the datagram is tracked as a whole, and its fragments go on as they came, with the
// state and the addresses that tracking gave it.
//
// All PMDs of a datapath share one table, since the fragments of a datagram may come in at several
// queues and ports: a PMD takes its lock for each fragment that is to be tracked, for no other
// packet. The fragments go on at the PMD and in the action list of the last one to come.
//
// Strangers fill it, so all is bounded: the fragments held, and a port may hold as many as it
// leaves for all others; the parts of a datagram; the size of a part that is not the last; the
// time. Parts that overlap or contradict each other take their datagram with them (RFC 5722; RFC
// 8200, section 4.5).
#ifndef DATAPATH_CT_FRAG_H
#define DATAPATH_CT_FRAG_H

#include "datapath/drop.h"
#include "datapath/packet.h"

#define CT_FRAG_PARTS_MAX  200u // fragments of a datagram
#define CT_FRAG_HELD_MAX   5000u
#define CT_FRAG_HELD_DEF   1000u // fragments held
#define CT_FRAG_MIN_BOUND  400u	 // bytes: the least value of the least size
#define CT_FRAG_MIN_V4_DEF 1200u // bytes of an IP packet that is a fragment and not the last
#define CT_FRAG_MIN_V6_DEF 1280u
#define CT_FRAG_TIMEOUT_MS 15000u

struct ct_frags;

// Control thread. NULL when out of memory.
struct ct_frags *ct_frags_create(void);
void ct_frags_destroy(struct ct_frags *frags); // no PMD uses it; what is held is freed

enum ct_frag_verdict {
	CT_FRAG_WHOLE,	  // no fragment: track it
	CT_FRAG_INVALID,  // a fragment that no datagram is made of: it goes on, as invalid
	CT_FRAG_HELD,	  // taken, *m is NULL
	CT_FRAG_DROP,	  // result->frags are to be dropped, for result->reason; *m is among them
	CT_FRAG_COMPLETE, // result->whole is to be tracked; *m is in result->frags
};

// Fragments that come out: by their place in the datagram, or to be dropped.
struct ct_frag_result {
	struct rte_mbuf *whole; // headers of its own, without what the fragments say of parts
	enum drop_reason reason;
	unsigned n;
	struct rte_mbuf *frags[CT_FRAG_PARTS_MAX + 1];
};

// *m may be replaced. packet_meta: in_port and recirc_id are right. A lent packet is copied when it
// is held. Any PMD.
enum ct_frag_verdict ct_frag_add(struct ct_frags *frags, struct rte_mbuf **m, uint16_t zone,
				 uint64_t now_ms, struct ct_frag_result *result);

// After result->whole was tracked and translated: its fragments get what that has changed, and
// `whole` is freed. 0: they go on then. -EMSGSIZE: it has another length now, and they are to be
// dropped.
int ct_frag_release(struct ct_frag_result *result);

// Takes fragments out that have waited too long, `max` of them at most: the caller frees them and
// counts them at their ports (DROP_FRAGMENT_TIMEOUT). Returns how many. Any thread; to be called
// every second or so, and costs nothing while there are none.
unsigned ct_frags_expire(struct ct_frags *frags, uint64_t now_ms, struct rte_mbuf **pkts,
			 unsigned max);

// The same of all; when none is left (it returns 0), settings and counters are as at first.
unsigned ct_frags_purge(struct ct_frags *frags, struct rte_mbuf **pkts, unsigned max);

// What operators see and set. Any thread.

struct ct_frag_counters {
	uint64_t accepted, completed, expired, too_small, overlapped, purged;
};

struct ct_frag_status {
	bool enabled[2];      // [0]: IPv4, [1]: IPv6, as in all of these
	uint32_t min_size[2]; // bytes
	struct ct_frag_counters counters[2];
	uint32_t held, held_max; // fragments
};

void ct_frags_status(struct ct_frags *frags, struct ct_frag_status *status);
void ct_frags_set_enabled(struct ct_frags *frags, bool v6, bool enabled);   // off: all are invalid
int ct_frags_set_min_size(struct ct_frags *frags, bool v6, uint32_t bytes); // 0 or -ERANGE
int ct_frags_set_held_max(struct ct_frags *frags, uint32_t n);		    // 0 or -ERANGE

// A datagram that is not whole.
struct ct_frag_entry {
	struct in6 src, dst; // IPv4: the first four bytes
	uint32_t recirc_id;
	uint32_t id_be;
	uint16_t zone;
	uint8_t proto; // 0 with IPv6
	bool is_v6;
	unsigned n;	   // fragments
	const char *state; // as Open vSwitch names it
};

// The next one, from *cursor (0 at first) on. False at the end. What comes and goes meanwhile may
// be missed.
bool ct_frags_next(struct ct_frags *frags, uint32_t *cursor, struct ct_frag_entry *entry);

#endif
