// What transport protocols make of a packet: whether it fits its connection, and how that goes on.
#ifndef DATAPATH_CT_PROTO_H
#define DATAPATH_CT_PROTO_H

#include "datapath/ct_packet.h"
#include "datapath/ct_timeout.h"

enum ct_verdict {
	CT_INVALID, // does not belong to the connection
	CT_VALID,   // of an established one
	CT_STILL_NEW,
	CT_REOPENS, // opens a new connection in the place of this one, which is over
};

struct ct_proto {
	// Whether this packet may open a connection.
	bool (*opens)(const struct ct_packet *p);
	// Fills a fresh connection, whose policy is set, but for its key.
	void (*start)(struct ct_conn *conn, const struct ct_packet *p, uint32_t now);
	// A packet of p->conn in direction p->dir. `liberal`: TCP's sequence numbers don't matter.
	enum ct_verdict (*update)(const struct ct_packet *p, uint32_t now, bool liberal);
};

extern const struct ct_proto ct_proto_tcp;   // ct_tcp.c
extern const struct ct_proto ct_proto_icmp;  // ct_other.c, as the next
extern const struct ct_proto ct_proto_other; // UDP, and what has no state that we know of

static inline const struct ct_proto *ct_proto_of(const struct ct_key *key)
{
	if (key->proto == IPPROTO_TCP)
		return &ct_proto_tcp;
	return key->proto == (key->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) ? &ct_proto_icmp
									  : &ct_proto_other;
}

#endif
