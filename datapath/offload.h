// Offloads in software: what senders left to do (packet.h), for those who do not take it over.
#ifndef DATAPATH_OFFLOAD_H
#define DATAPATH_OFFLOAD_H

#include "datapath/packet.h"

static inline bool packet_is_gso(struct rte_mbuf *m)
{
	return (m->ol_flags & PACKET_OFFLOAD) && packet_meta(m)->offload.gso_size > 0;
}

// What a port must offer (PORT_TX_*) to be given m, which has PACKET_OFFLOAD, as it is; all bits
// when no port does.
uint32_t offload_needs(struct rte_mbuf *m);

// Whether m, which has PACKET_OFFLOAD, is TCP or UDP right behind an IP header that the EtherType
// tells, without IPv6 extensions: all that devices understand.
bool offload_is_plain(const struct rte_mbuf *m);

// Completes the checksum of *m, which is no lent packet that others may hold. Nothing is left to do
// then. *m may be replaced. 0, -EINVAL when the fields do not fit the packet, -ENOMEM.
int offload_checksum(struct rte_mbuf **m);

// The Internet checksum from `start` to the end of m, over its segments: written at `start +
// offset` of the first, where the pseudo header's sum stands.
void offload_checksum_write(struct rte_mbuf *m, uint32_t start, uint32_t offset);

// The sum of 16-bit words from ofs, which is even, to the end of m, over its segments.
uint16_t offload_sum(const struct rte_mbuf *m, uint32_t ofs);

#endif
