// A packet as connection tracking sees it, while it passes through.
#ifndef DATAPATH_CT_PACKET_H
#define DATAPATH_CT_PACKET_H

#include "datapath/ct_conn.h"
#include "datapath/packet.h"

struct ct_packet {
	struct rte_mbuf *m; // whoever makes it longer or writable may replace it
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

static inline uint8_t *ct_packet_l4(const struct ct_packet *p)
{
	return rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l4_ofs);
}

// Reads the tuple of p->m and what else is looked at, and checks the checksums, once, unless who
// received the packet vouches for them. Sets all but state, conn and dir. False: it can't be
// tracked (not IP, cut off, a fragment, a damaged packet, an ICMP message about nothing).
// packet_meta(m)->layout must be right. That PMD.
bool ct_packet_read(struct ct_packet *p, uint8_t dp, uint16_t zone);

// Reads the tuple of the IP packet that an ICMP error quotes, len bytes of it, into key: zone and
// dp are left. *l4_ofs is where its transport header starts. False: it is not there, or is that of
// an ICMP error itself. Nothing else is checked.
bool ct_packet_quoted(bool is_v6, const uint8_t *ip, uint32_t len, struct ct_key *key,
		      uint32_t *l4_ofs);

#endif
