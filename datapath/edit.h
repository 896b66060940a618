// Edits: what actions change in a packet. Headers are made contiguous and private first, so a
// packet that others refer to is replaced by a copy (*m changes then). packet_meta(*m)->layout must
// be right and is kept right, and so is what senders left to do.
//
// Each returns 0, -EINVAL when the action does not fit the packet (whose bytes are then as before),
// -ENOMEM; -ETIME when it counts down a TTL of 0 or 1. Checksums are updated incrementally (RFC
// 1624), so a packet that came in damaged leaves damaged.
#ifndef DATAPATH_EDIT_H
#define DATAPATH_EDIT_H

#include "datapath/packet.h"

// edit.c
int edit_set_eth(struct rte_mbuf **m, const struct action *action);
int edit_push_vlan(struct rte_mbuf **m, const struct action *action); // -EINVAL for a third tag
int edit_pop_vlan(struct rte_mbuf **m, const struct action *action);  // nothing without a tag

// edit_ip.c
int edit_set_ipv4(struct rte_mbuf **m, const struct action *action);
int edit_set_ipv6(struct rte_mbuf **m, const struct action *action);
int edit_set_ports(struct rte_mbuf **m, const struct action *action);
int edit_dec_ttl(struct rte_mbuf **m, const struct action *action); // nothing where there is no IP

// edit_icmp.c: nothing where the packet is not of that kind.
int edit_set_icmp(struct rte_mbuf **m, const struct action *action);
int edit_set_nd(struct rte_mbuf **m, const struct action *action);
int edit_set_nd_ext(struct rte_mbuf **m, const struct action *action);

// edit_arp.c
int edit_set_arp(struct rte_mbuf **m, const struct action *action);

// edit_mpls.c: -EINVAL for 802.3 frames, and but for push, where there is no label.
int edit_push_mpls(struct rte_mbuf **m, const struct action *action);
int edit_pop_mpls(struct rte_mbuf **m, const struct action *action);
int edit_set_mpls(struct rte_mbuf **m, const struct action *action);
int edit_dec_mpls_ttl(struct rte_mbuf **m, const struct action *action);

// edit_eth.c: packets without an Ethernet header. -EINVAL where there is one, or none, already.
int edit_push_eth(struct rte_mbuf **m, const struct action *action);
int edit_pop_eth(struct rte_mbuf **m, const struct action *action); // nor with a tag, nor 802.3
int edit_add_mpls(struct rte_mbuf **m, const struct action *action);
// Off a packet without an Ethernet header that has a frame behind its label; headers are writable.
int edit_pop_mpls_to_eth(struct rte_mbuf **m);

// What edits share.

// The EtherType behind up to two tags, host order; *ofs is where its payload starts. 0 when cut
// off.
uint16_t edit_eth_type(const struct rte_mbuf *m, uint32_t *ofs);
// The same, and behind SNAP where extraction has found a layer 3 header there.
uint16_t edit_l3_type(const struct rte_mbuf *m, uint32_t *ofs);
// Makes room for len bytes behind the first ofs, which are in the first segment and writable.
// Returns the frame's start, NULL when out of memory; *m may be replaced. The bytes there are
// whatever they are.
uint8_t *edit_insert(struct rte_mbuf **m, uint32_t ofs, uint32_t len);
// Takes len bytes behind the first ofs out, all of them in the first segment and writable. 0, or
// -EINVAL when what is left to be summed starts before the end of them, or in the Ethernet header.
int edit_remove(struct rte_mbuf *m, uint32_t ofs, uint32_t len);

// edit_dscp.c: a meter's DSCP remark (OpenFlow 1.3.5, section 5.7.1). Raises the drop precedence of
// an assured-forwarding DSCP (RFC 2597) by prec_level, to 3 at most; leaves other packets alone.
int edit_raise_precedence(struct rte_mbuf **m, unsigned prec_level);

#endif
