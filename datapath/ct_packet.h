// A packet as connection tracking sees it, while it passes through.
#ifndef DATAPATH_CT_PACKET_H
#define DATAPATH_CT_PACKET_H

#include "datapath/ct_conn.h"
#include "datapath/packet.h"

struct ct_packet {
	struct rte_mbuf *m; // NAT and application protocols may replace it
	struct ct_key key;  // of an ICMP error: of the connection it is about, in its own direction
	uint32_t hash;
	uint32_t state;	      // OVS_CS_F_*: what comes out
	bool is_related;      // an ICMP error
	uint8_t tcp_hdr_len;  // bytes
	uint16_t l4_ofs;      // from the frame's start
	uint32_t l4_len;      // bytes by the IP header: of a lent packet, not all in the head
	struct ct_conn *conn; // or NULL
	enum ct_dir dir;
};

// Reads the tuple and what else is looked at, and checks the checksums, once, unless who received
// the packet vouches for them. False: it can't be tracked (not IP, cut off, a fragment, a damaged
// packet, an ICMP message about nothing). packet_meta(m)->layout must be right. That PMD.
bool ct_packet_read(struct rte_mbuf *m, uint8_t dp, uint16_t zone, struct ct_packet *p);

// Reads the tuple out of an IP packet's first len bytes, as quoted in an ICMP error: nothing is
// checked but that it is there. ofs_l4 is where the transport header starts. False: it isn't.
bool ct_packet_quoted(bool is_v6, const uint8_t *ip, uint32_t len, struct ct_key *key,
		      uint32_t *l4_ofs);

#endif
