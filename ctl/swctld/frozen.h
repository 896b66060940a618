// Translations that wait for the packet to come round again: behind a label that was popped stand
// headers that its key did not have. The datapath recirculates it under a number that stands for
// all that translation knew; the packet's next miss goes on from there.
//
// Equal states share a number, so that a megaflow that is translated again recirculates to the same
// one. A state lives as long as a megaflow refers to it; one that nobody took goes when room is
// needed, but not while the translation that found or made it is under way.
#ifndef CTL_SWCTLD_FROZEN_H
#define CTL_SWCTLD_FROZEN_H

#include "ctl/of_actions.h"

#define FROZEN_MAX 4096

// What stands in a state's bytes, in this order: the head, values of the stack, parts, each with
// its records, and the action set's records. Everything is a multiple of 8 bytes.
struct frozen_head {
	uint64_t metadata_be;
	uint32_t reg_be[OF_N_REGS];
	uint32_t in_port;
	uint32_t n_stack;      // of_values
	uint32_t n_part_bytes; // all parts
	uint32_t n_set_bytes;
	uint32_t runs_set; // whether the action set is still to be run
	uint32_t pad;
};

// Records still to be run, and the table that they stand in.
struct frozen_part {
	uint32_t table;
	uint32_t n_bytes; // of the records that follow
};

struct frozen_states;

struct frozen_states *frozen_create(void);
void frozen_destroy(struct frozen_states *f);
// A translation begins: what it finds and makes stays until the next one begins.
void frozen_begin(struct frozen_states *f);
// The number of a state, of n_bytes; 0 when there is no room or memory.
uint32_t frozen_number(struct frozen_states *f, const void *state, size_t n_bytes);
// Its bytes, or NULL.
const struct frozen_head *frozen_find(const struct frozen_states *f, uint32_t number);
// A megaflow refers to it now; or no longer. Nothing for a number that is not there.
void frozen_take(struct frozen_states *f, uint32_t number);
void frozen_give(struct frozen_states *f, uint32_t number);
unsigned frozen_count(const struct frozen_states *f);

#endif
