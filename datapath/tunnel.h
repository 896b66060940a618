// Tunnels in user space: TUNNEL_PUSH puts outer headers before a packet, TUNNEL_POP takes them off.
//
// A header to push is built by the control side. What differs from packet to packet is filled in
// here: lengths, IPv4's identification and checksum, UDP's source port and checksum, GRE's checksum
// and sequence number. Outer headers to pop come from strangers: each is checked, and what they say
// goes into the packet's meta (struct flow_tunnel). Sources: RFC 7348 and the draft of its group
// policy extension and of GPE (VXLAN), 8926 (Geneve), 2784 and 2890 (GRE), 6864 (identification),
// 6935.
#ifndef DATAPATH_TUNNEL_H
#define DATAPATH_TUNNEL_H

#include "datapath/pmd_private.h"

enum tunnel_type { TUNNEL_NONE, TUNNEL_VXLAN, TUNNEL_GENEVE, TUNNEL_GRE, N_TUNNEL_TYPES };

// Options of VXLAN's: headers may carry a group policy; or a protocol (VXLAN-GPE).
#define TUNNEL_VXLAN_GBP 0x1
#define TUNNEL_VXLAN_GPE 0x2

// Port port_no (below PORTS_MAX) is the end of such tunnels from now on: TUNNEL_POP reads their
// headers there, and its GRE sequence numbers start at 0. TUNNEL_NONE: no more. Control thread.
void tunnel_port_set(uint32_t port_no, enum tunnel_type type, unsigned options);

// Whether len bytes are a header that can be pushed: Ethernet, IPv4 or IPv6 without extension
// headers, then UDP or GRE and what belongs to it. 0 or -EINVAL. Any thread.
int tunnel_header_check(const uint8_t *header, uint32_t len);

// Puts a header, which has been checked, before each packet, whose bytes nobody else refers to.
// A packet without an Ethernet header gets it as one, so the header must be one for such.
// What senders left to do must be a checksum at most, and is done. Returns how many are left; they
// stand first in pkts and are as if they came in at push->out_port. That PMD.
unsigned tunnel_push(struct pmd *pmd, const struct action_tunnel_push *push, struct rte_mbuf **pkts,
		     unsigned n);

// Takes the packets over and the outer headers off; they are looked up again as if they came in at
// port_no. That PMD.
void tunnel_pop(struct pmd *pmd, uint32_t port_no, struct rte_mbuf **pkts, unsigned n);

#endif
