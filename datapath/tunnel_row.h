// What the files of tunnels share: a row for each kind of tunnel, and for each protocol that
// carries them.
#ifndef DATAPATH_TUNNEL_ROW_H
#define DATAPATH_TUNNEL_ROW_H

#include "datapath/tunnel.h"

#define TUNNEL_OUTER_MAX 512u // bytes of outer headers that are looked at, or pushed

// A packet whose outer headers are being read.
struct tunnel_popped {
	struct rte_mbuf *m;
	enum drop_reason reason; // if a step fails
	uint8_t proto;		 // behind the outer IP header
	bool v6;
	bool csum_asked;     // the outer checksum is still to be compared
	uint32_t csum;	     // sum of what it covers besides bytes of the packet
	uint32_t l3_ofs;     // from the start of the frame
	uint32_t l4_ofs;     // the same
	uint32_t header_len; // bytes before the inner frame
	uint16_t l3_type;    // of an inner packet without an Ethernet header; 0: it has one
	struct flow_tunnel tun;
};

// Whether a packet of this EtherType may be in a tunnel without an Ethernet header.
bool tunnel_is_l3(uint16_t eth_type);

// The len bytes at ofs, private and contiguous with all before them; nothing read before is valid
// any more. NULL when the packet has them not, or without memory.
const uint8_t *tunnel_read(struct tunnel_popped *p, uint32_t ofs, uint32_t len);

struct tunnel_row {
	uint8_t proto;
	// Reads the headers between outer IP and inner frame. False: the packet is to be dropped.
	bool (*pop)(struct tunnel_popped *p, unsigned options);
};

extern const struct tunnel_row tunnel_rows[N_TUNNEL_TYPES];

bool tunnel_vxlan_pop(struct tunnel_popped *p, unsigned options);
bool tunnel_geneve_pop(struct tunnel_popped *p, unsigned options);
bool tunnel_gre_pop(struct tunnel_popped *p, unsigned options);
// What VXLAN and Geneve begin with.
bool tunnel_udp_pop(struct tunnel_popped *p);

// A header and what is the same for all packets of a batch.
struct tunnel_pushed {
	const struct action_tunnel_push *push;
	const uint8_t *header;
	const struct tunnel_carrier *carrier;
	bool v6;
	uint32_t l4_ofs; // in the header
	uint32_t seq;	 // GRE: of the next packet
};

// A protocol behind the outer IP header.
struct tunnel_carrier {
	uint8_t proto;
	bool has_ports;
	bool (*fits)(const uint8_t *l4, uint32_t len);	    // whether a header's rest is one of it
	void (*begin)(struct tunnel_pushed *p, unsigned n); // before n packets; may be NULL
	// The header stands before the packet, whose meta still says where the inner headers are
	// from the inner frame's start; outer IP is right.
	void (*finish)(struct tunnel_pushed *p, struct rte_mbuf *m);
};

extern const struct tunnel_carrier tunnel_udp, tunnel_gre;

// Takes n sequence numbers of a port's. Returns the first. That PMD.
uint32_t tunnel_port_take_seq(uint32_t port_no, unsigned n);

#endif
