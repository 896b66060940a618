// What the pipeline says of a packet besides its bytes: conntrack's state, the tunnel it came
// through or is to be sent through, marks. Beside the packet from one lookup to the next, and in
// the key at the lookup.
#ifndef FLOWTABLE_META_H
#define FLOWTABLE_META_H

#include "flowtable/key.h"

// Laid out as the key has it: the end of its line 1, then its cold lines.
struct flow_meta {
	uint16_t ct_zone;
	uint8_t cold; // FLOW_COLD_*: what is valid of all below dp_hash
	uint8_t ct_nw_proto;
	uint32_t ct_mark;
	uint32_t ct_state;
	uint32_t dp_hash;
	struct flow_ct ct;
	uint32_t pkt_mark;
	struct flow_tunnel tun;
	uint32_t skb_priority;
	uint8_t tun_opts[FLOW_TUN_OPTS_MAX];
};

#define FLOW_META_HOT_BYTES offsetof(struct flow_meta, ct)

static_assert(FLOW_META_HOT_BYTES == FLOW_KEY_LINE - offsetof(struct flow_key, ct_zone),
	      "line 1 ends as struct flow_meta starts");
static_assert(sizeof(struct flow_meta) - FLOW_META_HOT_BYTES ==
		  sizeof(struct flow_key) - FLOW_KEY_HOT_BYTES,
	      "cold lines are the same");
static_assert(offsetof(struct flow_meta, tun) - FLOW_META_HOT_BYTES ==
		  offsetof(struct flow_key, tun) - FLOW_KEY_HOT_BYTES,
	      "cold lines are the same");

// Nothing is known of the packet. Cold lines are not written.
static inline void flow_meta_clear(struct flow_meta *meta)
{
	memset(meta, 0, FLOW_META_HOT_BYTES);
}

// Makes cold lines (FLOW_COLD_*) valid, before they are written to: zeros, if they were not.
void flow_meta_use(struct flow_meta *meta, uint8_t cold);
// Says that these lines have nothing: a tunnel is left, a connection forgotten.
static inline void flow_meta_drop(struct flow_meta *meta, uint8_t cold)
{
	meta->cold &= (uint8_t)~cold;
}

void flow_meta_copy(struct flow_meta *dst, const struct flow_meta *src);
// Into a packet's key: cold lines that meta does not have are left as they are.
void flow_meta_to_key(const struct flow_meta *meta, struct flow_key *key);
// The whole key of a packet of which this is known, besides `len` bytes at `data` of its start.
void flow_meta_extract(const struct flow_meta *meta, uint32_t in_port, uint32_t recirc_id,
		       const uint8_t *data, uint32_t len, struct flow_key *key);
// Out of a whole key; cold lines of zeros are left out.
void flow_meta_from_key(struct flow_meta *meta, const struct flow_key *key);

#endif
