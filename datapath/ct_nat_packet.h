// A packet's addresses, ports and ICMP identifier, rewritten by tuples.
#ifndef DATAPATH_CT_NAT_PACKET_H
#define DATAPATH_CT_NAT_PACKET_H

#include "datapath/ct_key.h"
#include "datapath/packet.h"

// A packet with tuple `from` gets what differs in `to`; both are of one protocol. Of an ICMP error,
// `from` is the tuple of the connection that it is about, in the error's own direction: addresses
// of its header, and the packet that it quotes, which went the other way. Checksums are updated
// incrementally; what senders left to complete stays right. 0, or as edits (edit.h), and nothing
// is changed then.
int ct_nat_packet(struct rte_mbuf **m, const struct ct_key *from, const struct ct_key *to,
		  bool is_error);

#endif
