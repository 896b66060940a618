// Edits: what actions change in a packet. Headers are made contiguous and private first, so a
// packet that others refer to is replaced by a copy (*m changes then). packet_meta(*m)->layout must
// be right and is kept right, and so is what senders left to do.
//
// Each returns 0, -EINVAL when the action does not fit the packet (whose bytes are then as before),
// -ENOMEM. Checksums are updated incrementally (RFC 1624), so a packet that came in damaged leaves
// damaged.
#ifndef DATAPATH_EDIT_H
#define DATAPATH_EDIT_H

#include "datapath/packet.h"

// edit.c
int edit_set_eth(struct rte_mbuf **m, const struct action *action);
int edit_push_vlan(struct rte_mbuf **m, const struct action *action); // -EINVAL for a third tag
int edit_pop_vlan(struct rte_mbuf **m, const struct action *action);  // nothing without a tag
// The EtherType behind up to two tags, host order; *ofs is where its payload starts. 0 when cut
// off.
uint16_t edit_eth_type(const struct rte_mbuf *m, uint32_t *ofs);

// edit_ip.c
int edit_set_ipv4(struct rte_mbuf **m, const struct action *action);
int edit_set_ipv6(struct rte_mbuf **m, const struct action *action);
int edit_set_ports(struct rte_mbuf **m, const struct action *action);

// edit_dscp.c: a meter's DSCP remark (OpenFlow 1.3.5, section 5.7.1). Raises the drop precedence of
// an assured-forwarding DSCP (RFC 2597) by prec_level, to 3 at most; leaves other packets alone.
int edit_raise_precedence(struct rte_mbuf **m, unsigned prec_level);

#endif
