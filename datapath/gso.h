// Segmentation in software: a TCP frame that its sender left to be cut (GSO) to frames that fit.
#ifndef DATAPATH_GSO_H
#define DATAPATH_GSO_H

#include "datapath/packet.h"

#define GSO_HEADERS_MAX (HEADERS_MAX + 8) // two tags more than it came with
#define GSO_SEGS_MAX	1024		  // of a frame; a sender that asks for more is not served

struct gso {
	struct rte_mbuf *m;    // stays the caller's
	struct rte_mbuf *from; // where the payload goes on: a segment of m, and bytes into it
	uint32_t from_ofs;
	uint32_t done, len; // of the payload, bytes
	uint32_t n_left;    // segments still to come
	uint16_t l3_ofs, l4_ofs;
	bool v6;
	uint8_t headers[GSO_HEADERS_MAX];
};

// m has PACKET_OFFLOAD and gso_size. 0, or -EINVAL when its fields do not fit it or it is not TCP
// over IP.
int gso_start(struct gso *gso, struct rte_mbuf *m);
// The next segment, complete, with m's meta: one of the switch's own packets. NULL when there are
// no more, or no memory (n_left is not 0 then).
struct rte_mbuf *gso_next(struct gso *gso);

#endif
