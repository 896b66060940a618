// What OpenFlow tables match on: the packet's key, and the fields that only the pipeline has. A
// mask has the same layout.
//
// All fields stand in network byte order, so that a part of one can be moved to another as bits;
// pkt.in_port alone is a number of this machine's order.
#ifndef FLOWTABLE_OF_KEY_H
#define FLOWTABLE_OF_KEY_H

#include "flowtable/key.h"

#define OF_N_REGS 16

struct of_key {
	struct flow_key pkt;
	uint64_t metadata_be;
	uint32_t reg_be[OF_N_REGS]; // reg0 to reg15; xreg0 is reg0 (upper half) and reg1, and so on
} __attribute__((aligned(64)));

#define OF_KEY_WORDS 57 // of 8 bytes, that hold fields

static_assert(offsetof(struct of_key, reg_be) + sizeof(uint32_t) * OF_N_REGS ==
		  OF_KEY_WORDS * sizeof(uint64_t),
	      "fields stand in the first words");

// A key and the bits of it that matter.
struct of_match {
	struct of_key key; // bits outside the mask are zero
	struct of_key mask;
};

// dst = key & mask. dst may be key.
void of_key_mask(struct of_key *dst, const struct of_key *key, const struct of_key *mask);
bool of_key_equal(const struct of_key *a, const struct of_key *b);
// Whether a and b agree in all bits of mask.
bool of_key_equal_masked(const struct of_key *a, const struct of_key *b, const struct of_key *mask);
// acc |= mask.
void of_mask_merge(struct of_key *acc, const struct of_key *mask);
// Whether every bit of `inner` is in `outer`.
bool of_mask_covers(const struct of_key *outer, const struct of_key *inner);

#endif
