// An IP packet in an mbuf: where its headers are, and the checksum that covers what edits change.
#ifndef DATAPATH_IP_VIEW_H
#define DATAPATH_IP_VIEW_H

#include "datapath/packet.h"

// An IP packet and its transport header inside the first segment.
struct ip_view {
	uint8_t *l3;
	uint8_t *l4;	 // NULL for a later fragment, or when it lies behind the segment's end
	uint32_t l4_len; // bytes there, of the packet's own length, without padding
	uint8_t proto;
	bool is_v6;
	bool is_fragment;
	bool is_later;	// a fragment that is not the first
	bool is_routed; // the address in the header is not yet the final destination
};

// The checksum of a transport protocol.
struct l4_csum {
	uint8_t proto;
	uint8_t csum_ofs;
	bool v6_only;
	bool zero_is_none; // 0 on the wire says: no checksum
	bool has_ports;
};

// Makes the headers writable and finds them; *ip is zeroed before. 1: an IP packet; 0: another;
// -EINVAL: IP, but cut off or malformed; -ENOMEM. *m may be replaced.
int ip_view(struct rte_mbuf **m, struct ip_view *ip);

// The same for the start of an IP packet, `len` bytes of it, as an ICMP error quotes it: *ip is
// zeroed before. 0 or -EINVAL.
int ip_view_quoted(uint8_t *l3, uint32_t len, bool is_v6, struct ip_view *ip);

// The checksum that covers the packet's addresses, NULL for none.
const struct l4_csum *l4_csum_of(const struct ip_view *ip);

// Whether it is where it can be updated, or there is none to update.
bool l4_csum_reachable(const struct ip_view *ip, const struct l4_csum *row);

// Takes a change of the pseudo header in (csum_delta()). `row` may be NULL; nor is one touched that
// is cut off.
void l4_csum_update(struct rte_mbuf *m, const struct ip_view *ip, const struct l4_csum *row,
		    uint32_t delta);

// The same for a change of the transport header or what follows, whose checksum is there: who
// completes a partial one sums these bytes up himself.
void l4_csum_update_inside(struct rte_mbuf *m, const struct ip_view *ip, const struct l4_csum *row,
			   uint32_t delta);

#endif
