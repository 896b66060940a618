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

// Fills lines 1 and 2 of *key but in_port and recirc_id, which the caller has set (or zeroed), with
// `cold` 0: the packet is one that nothing but its bytes is known of (else see meta.h). From the
// `len` bytes at `data` (the contiguous start of the frame). Never reads past data + len.
// `layout` may be NULL. Any thread. Sources: IEEE 802.1Q, 802.3, RFC 791, 826, 4443, 4861, 8200,
// 9293, 768, 9260, 3032.
void flow_extract(const uint8_t *data, uint32_t len, struct flow_key *key,
		  struct packet_layout *layout);

// Two VLAN tags, SNAP, the longest IPv4 header, a TCP header: within so many bytes all that is
// extracted ends, but for IPv6 with extension headers or ND options.
#define EXTRACT_ENOUGH (14 + 2 * 4 + 8 + 60 + 20)

bool flow_extract_ipv6_wants_more(const struct flow_key *key);

// Whether what flow_extract() or flow_extract_fast() found in the first `len` bytes of a longer
// frame may change with more of them. Never wrongly false.
static inline bool flow_extract_wants_more(const struct flow_key *key, uint32_t len,
					   uint32_t frame_len)
{
	if (__builtin_expect(frame_len <= len, true))
		return false;
	if (__builtin_expect(len < EXTRACT_ENOUGH, false))
		return true;
	return __builtin_expect(key->eth_type_be == __builtin_bswap16(0x86dd), false) &&
	       flow_extract_ipv6_wants_more(key);
}

#endif
