// What a hostile guest does to a ring and its memory: one row a deed. For the front end that speaks
// to a real swd (hostile.c) and for the test that runs the rings in its own process
// (tests/unit/vhost/test_vring_hostile.c). Deeds that stop a queue name the words of the reason.
#ifndef TESTS_HOSTILE_DEEDS_H
#define TESTS_HOSTILE_DEEDS_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define HOSTILE_TABLE_DESCS 1024u // room at `table`
#define HOSTILE_FRAME_BYTES 2048u // room at `frame`
#define HOSTILE_HDR	    12u	  // of a virtio_net_hdr

struct hostile {
	bool packed, indirect;
	bool writable; // the guest's receive queue
	uint16_t size;
	void *desc, *driver, *device;
	uint8_t *table, *frame;
	uint64_t table_gpa, frame_gpa;
	uint64_t boundary; // where two regions meet
	uint64_t end;	   // of its memory
	// Where the switch looks next: split: avail index; packed: slot and wrap counter.
	uint16_t at;
	bool wrap;
	uint64_t seed;
};

// `id` is `next` in a split ring.
struct hostile_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t id;
};

static inline uint64_t hostile_random(struct hostile *h) // xorshift64*
{
	h->seed ^= h->seed >> 12;
	h->seed ^= h->seed << 25;
	h->seed ^= h->seed >> 27;
	return h->seed * 0x2545f4914f6cdd1dULL;
}

static inline unsigned hostile_below(struct hostile *h, unsigned n)
{
	return (unsigned)(hostile_random(h) >> 33) % n;
}

// Writing.

static inline void hostile_write(const struct hostile *h, void *table, unsigned i,
				 const struct hostile_desc *d)
{
	if (h->packed)
		((struct vring_packed_desc *)table)[i] =
		    (struct vring_packed_desc){d->addr, d->len, d->id, d->flags};
	else
		((struct vring_desc *)table)[i] =
		    (struct vring_desc){d->addr, d->len, d->flags, d->id};
}

static inline uint16_t hostile_avail_bits(bool wrap)
{
	return wrap ? 1u << VRING_PACKED_DESC_F_AVAIL : 1u << VRING_PACKED_DESC_F_USED;
}

static inline void hostile_idx(const struct hostile *h, uint16_t idx)
{
	__atomic_store_n(&((struct vring_avail *)h->driver)->idx, idx, __ATOMIC_RELEASE);
}

// Split: makes descriptor `head` available as it is.
static inline void hostile_head(struct hostile *h, uint16_t head)
{
	((struct vring_avail *)h->driver)->ring[h->at & (h->size - 1u)] = head;
	hostile_idx(h, ++h->at);
}

// Packed: the descriptors from where we are, the first one last.
static inline void hostile_slots(struct hostile *h, const struct hostile_desc *descs, unsigned n)
{
	for (unsigned i = n; i-- > 0;) {
		unsigned slot = h->at + i;
		struct hostile_desc d = descs[i];

		d.flags |= hostile_avail_bits(slot < h->size ? h->wrap : !h->wrap);
		__atomic_thread_fence(__ATOMIC_RELEASE);
		hostile_write(h, h->desc, slot % h->size, &d);
	}
	h->wrap ^= h->at + n >= h->size;
	h->at = (uint16_t)((h->at + n) % h->size);
}

// A chain, linked, in the queue's direction.
static inline void hostile_offer(struct hostile *h, const struct hostile_desc *descs, unsigned n)
{
	struct hostile_desc linked[8];
	uint16_t first = (uint16_t)hostile_below(h, h->size);

	for (unsigned i = 0; i < n; i++) {
		linked[i] = descs[i];
		linked[i].flags |=
		    (h->writable ? VRING_DESC_F_WRITE : 0) | (i + 1 < n ? VRING_DESC_F_NEXT : 0);
		linked[i].id = (uint16_t)((first + i + 1) % h->size);
		if (!h->packed)
			hostile_write(h, h->desc, (first + i) % h->size, &linked[i]);
	}
	if (h->packed)
		hostile_slots(h, linked, n);
	else
		hostile_head(h, first);
}

static inline void hostile_offer_one(struct hostile *h, uint64_t addr, uint32_t len, uint16_t flags)
{
	const struct hostile_desc d = {addr, len, flags, 0};

	hostile_offer(h, &d, 1);
}

// A table of n descriptors, each of the same bytes but the last one.
static inline void hostile_table(struct hostile *h, unsigned n, const struct hostile_desc *last)
{
	for (unsigned i = 0; i < n; i++) {
		struct hostile_desc d = {h->frame_gpa, 64, h->writable ? VRING_DESC_F_WRITE : 0,
					 (uint16_t)(i + 1)};

		if (!h->packed && i + 1 < n)
			d.flags |= VRING_DESC_F_NEXT;
		hostile_write(h, h->table, i, i + 1 == n && last ? last : &d);
	}
}

static inline void hostile_offer_table(struct hostile *h, uint32_t len)
{
	struct hostile_desc d = {h->table_gpa, len, VRING_DESC_F_INDIRECT, 0};

	if (h->packed) {
		d.id = (uint16_t)hostile_below(h, h->size);
		hostile_slots(h, &d, 1);
	} else {
		uint16_t head = (uint16_t)hostile_below(h, h->size);
		hostile_write(h, h->desc, head, &d);
		hostile_head(h, head);
	}
}

// A frame that is well but for its header.
static inline void hostile_frame(struct hostile *h, uint8_t flags, uint8_t gso_type,
				 const uint16_t *fields)
{
	static const uint8_t tcp[] = {
	    2,	  0, 0, 0,   0, 1, 2, 0, 0,  0, 0, 2, 8,    0,			  // Ethernet
	    0x45, 0, 1, 200, 0, 1, 0, 0, 64, 6, 0, 0, 10,   0, 0, 1, 10, 0, 0, 2, // IPv4
	    4,	  0, 0, 80,  0, 0, 0, 1, 0,  0, 0, 0, 0x50, 2, 1, 0, 0,	 0, 0, 0, // TCP
	};

	memset(h->frame, 0, HOSTILE_FRAME_BYTES);
	h->frame[0] = flags;
	h->frame[1] = gso_type;
	if (fields)
		memcpy(h->frame + 2, fields, 4 * sizeof(*fields));
	memcpy(h->frame + HOSTILE_HDR, tcp, sizeof(tcp));
}

// Deeds.

static inline void deed_index_beyond(struct hostile *h)
{
	hostile_idx(h, (uint16_t)(h->at + h->size + 1 + hostile_below(h, 1000)));
}

static inline void deed_index_backwards(struct hostile *h)
{
	hostile_idx(h, (uint16_t)(h->at - 1 - hostile_below(h, 1000)));
}

static inline void deed_head_beyond(struct hostile *h)
{
	hostile_head(h, (uint16_t)(h->size + hostile_below(h, 60000)));
}

static inline void deed_next_beyond(struct hostile *h)
{
	struct hostile_desc d = {h->frame_gpa, 64,
				 VRING_DESC_F_NEXT | (h->writable ? VRING_DESC_F_WRITE : 0),
				 (uint16_t)(h->size + hostile_below(h, 60000))};

	hostile_write(h, h->desc, 0, &d);
	hostile_head(h, 0);
}

static inline void deed_loop(struct hostile *h)
{
	struct hostile_desc d = {h->frame_gpa, 1,
				 VRING_DESC_F_NEXT | (h->writable ? VRING_DESC_F_WRITE : 0), 0};
	unsigned n = h->packed ? h->size : 1 + hostile_below(h, h->size - 1);

	if (h->packed)
		d.flags |= hostile_avail_bits(h->wrap);
	for (unsigned i = n; i-- > 0;) {
		d.id = (uint16_t)((i + 1) % n);
		hostile_write(h, h->desc, i, &d);
	}
	if (!h->packed)
		hostile_head(h, 0);
}

static inline void deed_table_loop(struct hostile *h)
{
	const struct hostile_desc back = {
	    h->frame_gpa, 1, VRING_DESC_F_NEXT | (h->writable ? VRING_DESC_F_WRITE : 0), 0};

	hostile_table(h, 16, &back);
	hostile_offer_table(h, 16 * 16);
}

static inline void deed_long_chain(struct hostile *h)
{
	hostile_table(h, HOSTILE_TABLE_DESCS, NULL);
	hostile_offer_table(h, HOSTILE_TABLE_DESCS * 16);
}

static inline void deed_len_zero(struct hostile *h)
{
	hostile_offer_one(h, h->frame_gpa, 0, 0);
}

static inline void deed_half_header(struct hostile *h)
{
	hostile_offer_one(h, h->frame_gpa, 1 + hostile_below(h, HOSTILE_HDR - 3), 0);
}

static inline void deed_len_4g(struct hostile *h)
{
	hostile_offer_one(h, h->frame_gpa, UINT32_MAX - hostile_below(h, 16), 0);
}

static inline void deed_address_outside(struct hostile *h)
{
	const uint64_t places[] = {0, 0xdead00000000ull, UINT64_MAX - 15, h->end,
				   hostile_random(h) | 1ull << 63};

	hostile_offer_one(h, places[hostile_below(h, 5)], 1000, 0);
}

static inline void deed_over_the_end(struct hostile *h)
{
	hostile_offer_one(h, h->end - 1 - hostile_below(h, 500), 1000, 0);
}

static inline void deed_over_a_boundary(struct hostile *h)
{
	hostile_offer_one(h, h->boundary - 1 - hostile_below(h, 500), 1000, 0);
}

static inline void deed_wrong_direction(struct hostile *h)
{
	struct hostile_desc d = {h->frame_gpa, 64, h->writable ? 0 : VRING_DESC_F_WRITE, 0};

	if (h->packed) {
		hostile_slots(h, &d, 1);
		return;
	}
	hostile_write(h, h->desc, 0, &d);
	hostile_head(h, 0);
}

static inline void deed_table_in_table(struct hostile *h)
{
	const struct hostile_desc nested = {h->table_gpa, 16, VRING_DESC_F_INDIRECT, 0};

	hostile_table(h, 1 + hostile_below(h, 4), &nested);
	hostile_table(h, 1, &nested);
	hostile_offer_table(h, 16);
}

static inline void deed_table_odd(struct hostile *h)
{
	hostile_offer_table(h, 16 * hostile_below(h, 40) + 1 + hostile_below(h, 15));
}

static inline void deed_table_empty(struct hostile *h)
{
	hostile_offer_table(h, 0);
}

static inline void deed_table_huge(struct hostile *h)
{
	hostile_offer_table(h, UINT32_MAX & ~15u);
}

static inline void deed_table_outside(struct hostile *h)
{
	struct hostile_desc d = {h->end - 8, 64, VRING_DESC_F_INDIRECT, 0};

	if (h->packed) {
		hostile_slots(h, &d, 1);
		return;
	}
	hostile_write(h, h->desc, 0, &d);
	hostile_head(h, 0);
}

static inline void deed_offload_fields(struct hostile *h)
{
	uint16_t fields[4];

	for (unsigned i = 0; i < 4; i++)
		fields[i] =
		    (uint16_t)(hostile_below(h, 3) ? hostile_random(h) : hostile_below(h, 100));
	hostile_frame(h, (uint8_t)(hostile_below(h, 2) ? 1 : hostile_random(h)),
		      (uint8_t)(hostile_below(h, 2) ? 1 + 3 * hostile_below(h, 2)
						    : hostile_random(h)),
		      fields);
	hostile_offer_one(h, h->frame_gpa, 100 + hostile_below(h, 1900), 0);
}

static inline void deed_frame_length(struct hostile *h)
{
	hostile_frame(h, 0, 0, NULL);
	hostile_offer_one(h, h->frame_gpa, HOSTILE_HDR + hostile_below(h, 13), 0);
}

// What the switch writes, written by the guest.
static inline void deed_used_ring(struct hostile *h)
{
	uint8_t *device = h->device;
	unsigned n = h->packed ? 4 : 4 + 8 * h->size;

	for (unsigned i = 0; i < 8; i++)
		device[hostile_below(h, n)] = (uint8_t)hostile_random(h);
}

// What the guest tells of the calls that it wants.
static inline void deed_event(struct hostile *h)
{
	uint16_t *driver = h->driver;

	if (h->packed) {
		driver[0] = (uint16_t)hostile_random(h);
		driver[1] = (uint16_t)hostile_random(h);
	} else {
		driver[0] = (uint16_t)hostile_random(h);
		driver[2 + h->size] = (uint16_t)hostile_random(h);
	}
}

// All slots, with either wrap counter, with any id.
static inline void deed_wrap(struct hostile *h)
{
	uint16_t both = 1u << VRING_PACKED_DESC_F_AVAIL | 1u << VRING_PACKED_DESC_F_USED;
	struct vring_packed_desc *desc = h->desc;

	for (unsigned i = 0; i < h->size; i++) {
		uint16_t bits = hostile_below(h, 4) ? hostile_avail_bits(hostile_below(h, 2))
						    : (hostile_below(h, 2) ? both : 0);

		desc[i] =
		    (struct vring_packed_desc){h->frame_gpa, 64, (uint16_t)hostile_random(h),
					       (uint16_t)(bits |
							  (h->writable ? VRING_DESC_F_WRITE : 0))};
	}
}

// Bits here and there.
static inline void deed_noise(struct hostile *h)
{
	uint64_t *words = h->desc;

	for (unsigned i = 1 + hostile_below(h, 4); i > 0; i--)
		words[hostile_below(h, 2 * h->size)] ^= hostile_random(h) & hostile_random(h);
	if (!h->packed)
		hostile_idx(h, ++h->at);
}

enum hostile_format {
	HOSTILE_SPLIT = 1 << 0,
	HOSTILE_PACKED = 1 << 1,
	HOSTILE_ANY = HOSTILE_SPLIT | HOSTILE_PACKED,
	HOSTILE_INDIRECT = 1 << 2, // only where that was agreed on
	HOSTILE_TX = 1 << 3,	   // only in the guest's transmit queue
};

struct deed {
	const char *name;
	unsigned formats;
	const char *reason; // NULL: the queue may go on
	void (*commit)(struct hostile *h);
};

#define HOSTILE_TABLES (HOSTILE_ANY | HOSTILE_INDIRECT)

static const struct deed deeds[] = {
    {"index-beyond", HOSTILE_SPLIT, "further ahead", deed_index_beyond},
    {"index-backwards", HOSTILE_SPLIT, "further ahead", deed_index_backwards},
    {"head-beyond", HOSTILE_SPLIT, "beyond the ring", deed_head_beyond},
    {"next-beyond", HOSTILE_SPLIT, "beyond the ring", deed_next_beyond},
    {"loop", HOSTILE_ANY, "does not end", deed_loop},
    {"table-loop", HOSTILE_SPLIT | HOSTILE_INDIRECT, "does not end", deed_table_loop},
    {"long-chain", HOSTILE_TABLES, NULL, deed_long_chain},
    {"len-zero", HOSTILE_ANY | HOSTILE_TX, "too short", deed_len_zero},
    {"half-header", HOSTILE_ANY | HOSTILE_TX, "too short", deed_half_header},
    {"len-4g", HOSTILE_ANY, "outside the guest's memory", deed_len_4g},
    {"address-outside", HOSTILE_ANY, "outside the guest's memory", deed_address_outside},
    {"over-the-end", HOSTILE_ANY, "outside the guest's memory", deed_over_the_end},
    {"over-a-boundary", HOSTILE_ANY, NULL, deed_over_a_boundary},
    {"wrong-direction", HOSTILE_ANY, "the other way round", deed_wrong_direction},
    {"table-in-table", HOSTILE_TABLES, "an indirect table", deed_table_in_table},
    {"table-odd", HOSTILE_ANY, "an indirect table", deed_table_odd},
    {"table-empty", HOSTILE_ANY, "an indirect table", deed_table_empty},
    {"table-huge", HOSTILE_ANY, "an indirect table", deed_table_huge},
    {"table-outside", HOSTILE_TABLES, "outside the guest's memory", deed_table_outside},
    {"offload-fields", HOSTILE_ANY | HOSTILE_TX, NULL, deed_offload_fields},
    {"frame-length", HOSTILE_ANY | HOSTILE_TX, NULL, deed_frame_length},
    {"used-ring", HOSTILE_ANY, NULL, deed_used_ring},
    {"event", HOSTILE_ANY, NULL, deed_event},
    {"wrap", HOSTILE_PACKED, NULL, deed_wrap},
    {"noise", HOSTILE_ANY, NULL, deed_noise},
};
#define N_DEEDS (sizeof(deeds) / sizeof(deeds[0]))

static inline bool deed_fits(const struct deed *deed, const struct hostile *h)
{
	return deed->formats & (h->packed ? HOSTILE_PACKED : HOSTILE_SPLIT) &&
	       (h->indirect || !(deed->formats & HOSTILE_INDIRECT)) &&
	       (!h->writable || !(deed->formats & HOSTILE_TX));
}

static inline const struct deed *deed_random(struct hostile *h)
{
	const struct deed *deed;

	do {
		deed = &deeds[hostile_below(h, N_DEEDS)];
	} while (!deed_fits(deed, h));
	return deed;
}

// A second thread's: one word of one descriptor, which the switch may be reading.
static inline void hostile_flip(struct hostile *h)
{
	static const uint64_t values[] = {0,
					  UINT32_MAX,
					  64,
					  64 | (uint64_t)VRING_DESC_F_NEXT << 32,
					  16 | (uint64_t)VRING_DESC_F_INDIRECT << 32,
					  64 | (uint64_t)VRING_DESC_F_WRITE << 32};
	uint64_t *words = hostile_below(h, 4) ? h->desc : (void *)h->table;
	unsigned i = hostile_below(h, 2 * (words == h->desc ? h->size : 64u));
	uint64_t value =
	    i & 1 ? values[hostile_below(h, 6)] : (hostile_below(h, 2) ? h->frame_gpa : h->end - 8);

	if (h->packed && i & 1)
		value = (value & UINT32_MAX) | (value >> 32) << 48 |
			(uint64_t)hostile_avail_bits(hostile_below(h, 2)) << 48;
	__atomic_store_n(&words[i], value, __ATOMIC_RELAXED);
}

#endif
