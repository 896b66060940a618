// A packet inside swd: an mbuf, whose private area carries what the pipeline knows of it.
//
// Most are from the switch's own pool. A packet that a guest sends is *lent* instead: its head, the
// first bytes, is a copy in private memory, where it is classified and changed; what follows stays
// in the guest's memory, in further segments that are read only on the way out: copied to where the
// packet goes, and summed. It lives from the port's rx() to its rx_done(), in the arena of its PMD:
// whoever keeps a packet longer asks for one of the switch's own with packet_own().
#ifndef DATAPATH_PACKET_H
#define DATAPATH_PACKET_H

#include "flowtable/action.h"
#include "flowtable/extract.h"
#include "flowtable/meta.h"

#include <rte_mbuf.h>

#define BURST_MAX 32
#define FRAME_MIN 14u	// bytes: an Ethernet header
#define FRAME_MAX 9728u // bytes of the longest frame that is taken in
#define GSO_FRAME_MAX \
	(65535u + 14u + 8u) // bytes of the longest frame that is still to be segmented
#define HEADERS_MAX 256u    // bytes of a frame that are made contiguous to be looked at or changed

#define HEAD_ROOM 128u // bytes before a lent packet's head, for tags
#define HEAD_COPY \
	128u // bytes of a guest's frame that are its head at first; up to HEADERS_MAX on demand

#define ARENA_HEADS (3 * BURST_MAX) // a burst, and copies that actions make
#define ARENA_SEGS  2048u

// Work that a sender left to who takes the packet: virtio_net_hdr's (virtio 1.2, section 5.1.6).
// Checked by the port that received it: the fields agree with the frame, the header bytes they name
// are in the head.
struct packet_offload {
	uint16_t csum_start;  // from the start of the frame; moved with the headers by actions
	uint16_t csum_offset; // from csum_start; the field holds the pseudo header's sum
	uint16_t gso_size;    // payload bytes of a segment; 0: only the checksum is left to do
	uint16_t gso_headers; // bytes of a segment before its payload
	uint8_t gso_type;     // VIRTIO_NET_HDR_GSO_*
};

// In ol_flags: packet_meta()->offload is valid. Without it nothing is left to do.
#define PACKET_OFFLOAD (1ULL << 40) // registered with DPDK as a dynamic flag

struct packet_meta {
	uint32_t in_port;
	uint32_t recirc_id;
	struct packet_layout layout; // after extraction, kept right by the actions
	uint32_t trunc_len;	     // bytes to output at most; 0: all
	uint8_t n_recirc;
	bool is_action; // see userspace: OVS_PACKET_CMD_ACTION, otherwise a miss
	struct packet_offload offload;
	// What conntrack, tunnels and actions say of the packet: ct_state, tunnel key, pkt_mark.
	// The actions may change it; the next lookup has it in the key. Not written for packets
	// that are only sent on.
	struct flow_meta flow;
	// For packets on their way to the control side only.
	uint16_t pmd_index; // who sends it there
	struct action_userspace userspace;
};

static_assert(offsetof(struct packet_meta, flow.ct) <= RTE_CACHE_LINE_SIZE,
	      "what most packets have is one line");

#define PACKET_PRIV_SIZE RTE_ALIGN_CEIL(sizeof(struct packet_meta), RTE_CACHE_LINE_SIZE)

static inline struct packet_meta *packet_meta(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

// Cold lines are copied only where they are.
void packet_meta_copy(struct packet_meta *dst, const struct packet_meta *src);

// Laid out as a pool's element is.
struct lent_packet {
	struct rte_mbuf mbuf;
	uint8_t meta[PACKET_PRIV_SIZE];
	uint8_t room[HEAD_ROOM + HEADERS_MAX];
} __rte_cache_aligned;

static_assert(offsetof(struct lent_packet, meta) == sizeof(struct rte_mbuf), "rte_mbuf_to_priv()");
static_assert(sizeof(struct lent_packet) % 4096 != 0, "heads of a burst in different cache sets");

// A PMD's lent packets, of one burst. Only that PMD.
struct packet_arena {
	unsigned n_heads;
	unsigned n_segs;
	struct lent_packet heads[ARENA_HEADS];
	struct rte_mbuf segs[ARENA_SEGS];
};

// Fills in what stays the same. Hugepage memory. Control thread.
void packet_arena_init(struct packet_arena *arena);

// All that was lent is given back.
static inline void packet_arena_reset(struct packet_arena *arena)
{
	arena->n_heads = 0;
	arena->n_segs = 0;
}

// A packet of one segment, whose head's bytes the caller writes at rte_pktmbuf_mtod(): head_len of
// at most HEADERS_MAX, of frame_len in all; the rest is added with packet_lend_segment(). NULL when
// the arena is used up.
static inline struct rte_mbuf *packet_lend(struct packet_arena *arena, uint32_t head_len,
					   uint32_t frame_len)
{
	struct rte_mbuf *m;

	if (unlikely(arena->n_heads == ARENA_HEADS))
		return NULL;
	m = &arena->heads[arena->n_heads++].mbuf;
	m->data_off = HEAD_ROOM;
	m->nb_segs = 1;
	m->ol_flags = 0;
	m->pkt_len = frame_len;
	m->data_len = (uint16_t)head_len;
	m->next = NULL;
	return m;
}

// Puts len bytes (at most 65535) of a guest's memory behind `last`, the last segment so far of m.
// Returns the new last one, or NULL when the arena is used up.
static inline struct rte_mbuf *packet_lend_segment(struct packet_arena *arena, struct rte_mbuf *m,
						   struct rte_mbuf *last, void *data, uint32_t len)
{
	struct rte_mbuf *seg;

	if (unlikely(arena->n_segs == ARENA_SEGS))
		return NULL;
	seg = &arena->segs[arena->n_segs++];
	seg->buf_addr = data;
	seg->data_len = (uint16_t)len;
	seg->next = NULL;
	last->next = seg;
	m->nb_segs++;
	return seg;
}

static inline bool packet_is_lent(const struct rte_mbuf *m)
{
	return m->pool == NULL;
}

// The end of a packet inside the switch.
static inline void packet_free(struct rte_mbuf *m)
{
	if (!packet_is_lent(m))
		rte_pktmbuf_free(m);
}

void packet_free_bulk(struct rte_mbuf **pkts, unsigned n);

// The packet as one of the switch's own, with its meta: itself, or a copy (all in it private then)
// in place of a lent one. NULL when the pool is empty; m is as before then.
struct rte_mbuf *packet_own(struct rte_mbuf *m);

// A second packet of m's first len bytes (UINT32_MAX: all), whose headers may be changed without
// m's changing; of a part, what senders left to do is no more to be done. A lent one's is lent,
// from `arena`, as long as there is room. NULL when out of memory.
struct rte_mbuf *packet_copy(struct packet_arena *arena, struct rte_mbuf *m, uint32_t len);

// A copy in place of *m, all in it private, with fresh headroom. 0 or -ENOMEM.
int packet_replace(struct rte_mbuf **m);

// Makes the first min(len, HEADERS_MAX) bytes contiguous and private: for a lent packet, more of it
// is copied into its head. 0 or -ENOMEM; *m may be replaced.
int packet_pull_headers(struct rte_mbuf **m);

// The pool that all ports receive into: hugepage memory, priv size PACKET_PRIV_SIZE. Created in
// swd's main.
struct rte_mempool *packet_pool_create(unsigned n_mbufs);
// Valid after packet_pool_create().
struct rte_mempool *packet_pool(void);

#endif
