// A fragment of an IP datagram, as it came in: what it is a part of, and which.
#ifndef DATAPATH_CT_FRAG_VIEW_H
#define DATAPATH_CT_FRAG_VIEW_H

#include "datapath/packet.h"

struct ct_frag_view {
	struct in6 src, dst; // IPv4: the first four bytes
	uint32_t id_be;
	uint8_t proto; // IPv4 only: in IPv6 only the first fragment tells
	bool is_v6;
	bool more;
	uint16_t l3_ofs;   // from the frame's start
	uint16_t frag_ofs; // where IPv6's fragment header starts, from the frame's start
	uint16_t part_ofs; // where its part of the datagram starts, from the frame's start
	uint32_t ip_len;   // bytes of the packet, header and part
	uint32_t start;	   // of its part in the datagram
	uint32_t len;	   // of its part
};

// 1: a fragment; 0: a whole datagram or no IP; -EINVAL: a malformed one (RFC 791, section 3.1; RFC
// 8200, section 4.5), or with a checksum left to complete; -ENOMEM. Its headers are made contiguous
// and private: *m may be replaced.
int ct_frag_view(struct rte_mbuf **m, struct ct_frag_view *view);

#endif
