// Key extraction: a frame's bytes to a flow key.
#ifndef FLOWTABLE_EXTRACT_H
#define FLOWTABLE_EXTRACT_H

#include "flowtable/key.h"

#define LAYOUT_NONE	     UINT16_MAX
#define IPV6_EXT_HEADERS_MAX 8 // in a row; more are taken for garbage

// Where the headers start, in bytes from the start of the frame; LAYOUT_NONE where there is none
// (or it is cut off).
struct packet_layout {
	uint16_t
	    l3_ofs; // IPv4, IPv6 or ARP header, when all of its fixed part is there and makes sense
	uint16_t l4_ofs; // TCP, UDP, SCTP, ICMP or ICMPv6 header, when all of its fixed part is
			 // there; also in a first fragment, never in a later one
};

// Fills every byte of *key but in_port and recirc_id, which the caller has set (or zeroed), from
// the `len` bytes at `data` (the contiguous start of the frame). Never reads past data + len.
// `layout` may be NULL. Any thread. Sources: IEEE 802.1Q, 802.3, RFC 791, 826, 4443, 4861, 8200,
// 9293, 768, 9260.
void flow_extract(const uint8_t *data, uint32_t len, struct flow_key *key,
		  struct packet_layout *layout);

#endif
