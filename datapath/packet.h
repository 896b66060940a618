// A packet inside swd: an mbuf from the switch's own pool, whose private area carries what the
// pipeline knows of it.
#ifndef DATAPATH_PACKET_H
#define DATAPATH_PACKET_H

#include "flowtable/action.h"
#include "flowtable/extract.h"

#include <rte_mbuf.h>

#define BURST_MAX   32
#define FRAME_MIN   14u	  // bytes: an Ethernet header
#define FRAME_MAX   9728u // bytes of the longest frame that is taken in
#define HEADERS_MAX 256u  // bytes of a frame that are made contiguous to be looked at or changed

struct packet_meta {
	uint32_t in_port;
	uint32_t recirc_id;
	struct packet_layout layout; // after extraction, kept right by the actions
	uint32_t trunc_len;	     // bytes to output at most; 0: all
	uint8_t n_recirc;
	// For packets on their way to the control side only.
	bool is_action; // OVS_PACKET_CMD_ACTION, otherwise a miss
	struct action_userspace userspace;
};

#define PACKET_PRIV_SIZE RTE_ALIGN_CEIL(sizeof(struct packet_meta), RTE_MBUF_PRIV_ALIGN)

static inline struct packet_meta *packet_meta(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

// The pool that all ports receive into: hugepage memory, priv size PACKET_PRIV_SIZE. Created in
// swd's main.
struct rte_mempool *packet_pool_create(unsigned n_mbufs);
// Valid after packet_pool_create().
struct rte_mempool *packet_pool(void);

#endif
