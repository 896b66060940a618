// What connection tracking says of a packet to the lookups that follow.
#ifndef DATAPATH_CT_META_H
#define DATAPATH_CT_META_H

#include "datapath/ct_packet.h"

// The state that a packet comes with, as far as it counts in this zone: 0 in another one.
uint32_t ct_meta_state(struct rte_mbuf *m, uint16_t zone);
// p->state, the zone, and mark, label and original tuple of p->conn, or of `expected`, which is not
// committed; with neither, of the packet's own tuple, unless it is invalid.
void ct_meta_write(const struct ct_packet *p, uint16_t zone, const struct ct_conn *expected);

#endif
