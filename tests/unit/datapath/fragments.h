// Frames cut into fragments.
#ifndef TESTS_UNIT_DATAPATH_FRAGMENTS_H
#define TESTS_UNIT_DATAPATH_FRAGMENTS_H

#include "edit_check.h"

#define FRAG_ID 0x1234u

// The byte that says what follows the last header that is in every fragment.
static inline uint32_t next_header_ofs(const struct frame *f)
{
	return f->b[f->l3 + 6] == 0 ? f->l3 + 40 + 8 : f->l3 + 6; // frame_put_l3()'s extensions
}

// An IPv6 frame with a fragment header: of all of it with offset_and_flags 0.
static inline struct frame with_fragment_header(const struct frame *f, uint32_t id,
						uint32_t offset_and_flags)
{
	struct frame out = *f;
	uint8_t hdr[8] = {f->b[next_header_ofs(f)], 0, 0, 0, 0, 0};

	put16(hdr + 2, offset_and_flags);
	put16(hdr + 6, id);
	out.b[next_header_ofs(f)] = IPPROTO_FRAGMENT;
	memmove(out.b + f->l4 + 8, out.b + f->l4, f->len - f->l4);
	memcpy(out.b + f->l4, hdr, sizeof hdr);
	out.l4 += 8;
	out.len += 8;
	put16(out.b + out.l3 + 4, out.len - out.l3 - 40);
	return out;
}

// Bytes start to start + len of what is behind f's IP headers.
static inline struct frame fragment_of(const struct frame *f, uint32_t id, uint32_t start,
				       uint32_t len, bool more)
{
	struct frame out = *f;

	memmove(out.b + f->l4, f->b + f->l4 + start, len);
	out.len = f->l4 + len;
	if (f->v6)
		return with_fragment_header(&out, id, start | more);
	put16(out.b + f->l3 + 2, out.len - f->l3);
	put16(out.b + f->l3 + 4, id);
	put16(out.b + f->l3 + 6, start / 8 | (more ? 0x2000 : 0));
	frame_fix_ipv4(&out);
	return out;
}

// What comes out of the fragments.
static inline struct frame whole_of(const struct frame *f, uint32_t id)
{
	struct frame out = *f;

	if (f->v6)
		return with_fragment_header(f, id, 0);
	put16(out.b + f->l3 + 4, id);
	put16(out.b + f->l3 + 6, 0);
	frame_fix_ipv4(&out);
	return out;
}

// All fragments of f, of `size` bytes but the last. Returns how many.
static inline unsigned fragments_of(const struct frame *f, uint32_t id, uint32_t size,
				    struct frame *out)
{
	uint32_t total = f->len - f->l4, at = 0;
	unsigned n = 0;

	do {
		out[n++] = fragment_of(f, id, at, RTE_MIN(size, total - at), at + size < total);
		at += size;
	} while (at < total);
	return n;
}

#endif
