// Tuples of frames, and frames that have others.
#ifndef TESTS_UNIT_DATAPATH_TUPLES_H
#define TESTS_UNIT_DATAPATH_TUPLES_H

#include "datapath/ct_key.h"
#include "frames.h"

static inline bool frame_is_icmp(const struct frame *f)
{
	return f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6;
}

static inline uint8_t *frame_addrs(struct frame *f)
{
	return f->b + f->l3 + (f->v6 ? 8 : 12);
}

static inline struct ct_key key_of_frame(const struct frame *frame)
{
	struct frame f = *frame;
	uint32_t len = f.v6 ? 16 : 4;
	struct ct_key key = {.proto = f.proto, .is_v6 = f.v6};

	memcpy(&key.src, frame_addrs(&f), len);
	memcpy(&key.dst, frame_addrs(&f) + len, len);
	if (frame_is_icmp(&f)) {
		memcpy(&key.src_port_be, f.b + f.l4 + 4, 2);
		key.dst_port_be = htons(CT_ICMP(f.b[f.l4], f.b[f.l4 + 1]));
	} else if (f.proto == IPPROTO_TCP || f.proto == IPPROTO_UDP) {
		memcpy(&key.src_port_be, f.b + f.l4, 2);
		memcpy(&key.dst_port_be, f.b + f.l4 + 2, 2);
	}
	return key;
}

// The frame with this tuple, and checksums from scratch.
static inline struct frame frame_with_key(const struct frame *frame, const struct ct_key *key)
{
	struct frame f = *frame;
	uint32_t len = f.v6 ? 16 : 4;

	memcpy(frame_addrs(&f), &key->src, len);
	memcpy(frame_addrs(&f) + len, &key->dst, len);
	if (frame_is_icmp(&f)) {
		memcpy(f.b + f.l4 + 4, &key->src_port_be, 2);
	} else if (f.proto == IPPROTO_TCP || f.proto == IPPROTO_UDP) {
		memcpy(f.b + f.l4, &key->src_port_be, 2);
		memcpy(f.b + f.l4 + 2, &key->dst_port_be, 2);
	}
	frame_fix(&f);
	return f;
}

// An ICMP error about the first `quoted` bytes of f's IP packet, from `router` (its last byte) to
// whom it has come from.
static inline struct frame icmp_error_about(const struct frame *f, uint32_t quoted, uint8_t router,
					    uint8_t type)
{
	struct frame_spec spec = {.v6 = f->v6, .proto = f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP};
	uint32_t len = f->v6 ? 16 : 4, ip_len = f->len - f->l3;
	struct frame out;

	frame_make(&out, &spec);
	memcpy(frame_addrs(&out) + len, f->b + f->l3 + (f->v6 ? 8 : 12), len);
	memcpy(frame_addrs(&out), f->b + f->l3 + (f->v6 ? 8 : 12) + len, len);
	if (router)
		frame_addrs(&out)[len - 1] = router;
	out.b[out.l4] = type;
	out.b[out.l4 + 1] = 1;
	memset(out.b + out.l4 + 4, 0, 4);
	frame_put(&out, f->b + f->l3, quoted < ip_len ? quoted : ip_len);
	put16(out.b + out.l3 + (out.v6 ? 4 : 2), out.len - out.l3 - (out.v6 ? 40 : 0));
	frame_fix(&out);
	return out;
}

#endif
