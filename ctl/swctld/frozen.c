#include "ctl/swctld/frozen.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct frozen {
	UT_hash_handle hh;	  // by bytes
	UT_hash_handle hh_number; // by number
	uint32_t number;
	uint32_t n_users;
	uint64_t turn; // in which it was last found or made
	size_t n_bytes;
	uint64_t bytes[];
};

struct frozen_states {
	struct frozen *by_bytes;
	struct frozen *by_number;
	uint64_t turn; // of translations
};

struct frozen_states *frozen_create(void)
{
	return calloc(1, sizeof(struct frozen_states));
}

static void drop(struct frozen_states *f, struct frozen *state)
{
	HASH_DELETE(hh, f->by_bytes, state);
	HASH_DELETE(hh_number, f->by_number, state);
	free(state);
}

void frozen_destroy(struct frozen_states *f)
{
	struct frozen *state, *next;
	if (!f)
		return;
	HASH_CLEAR(hh_number, f->by_number);
	state = f->by_bytes;
	HASH_CLEAR(hh, f->by_bytes);
	for (; state; state = next) {
		next = state->hh.next;
		free(state);
	}
	free(f);
}

static struct frozen *by_number(const struct frozen_states *f, uint32_t number)
{
	struct frozen *state;
	HASH_FIND(hh_number, f->by_number, &number, sizeof(number), state);
	return state;
}

void frozen_begin(struct frozen_states *f)
{
	f->turn++;
}

// Drops what no megaflow refers to, and no translation under way. Whether there is room then.
static bool make_room(struct frozen_states *f)
{
	struct frozen *state, *tmp;
	if (HASH_COUNT(f->by_bytes) < FROZEN_MAX)
		return true;
	HASH_ITER (hh, f->by_bytes, state, tmp) {
		// cppcheck-suppress uninitvar // it does not see that HASH_ITER sets state
		if (state->n_users == 0 && state->turn != f->turn)
			drop(f, state);
	}
	// NOLINTNEXTLINE(clang-analyzer-unix.Malloc): cannot follow the links
	return HASH_COUNT(f->by_bytes) < FROZEN_MAX;
}

// The same state has the same number in each swctld: its megaflows in swd outlive it. FNV-1a, with
// its upper half.
static uint32_t number_of(const void *bytes, size_t n_bytes)
{
	uint64_t hash = 0xcbf29ce484222325;
	for (size_t i = 0; i < n_bytes; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
	return (uint32_t)(hash >> 32);
}

uint32_t frozen_number(struct frozen_states *f, const void *bytes, size_t n_bytes)
{
	struct frozen *state;
	HASH_FIND(hh, f->by_bytes, bytes, n_bytes, state);
	if (state) {
		state->turn = f->turn;
		return state->number;
	}
	state = make_room(f) ? calloc(1, sizeof(*state) + n_bytes) : NULL;
	if (!state)
		return 0;
	state->number = number_of(bytes, n_bytes);
	while (state->number == 0 || by_number(f, state->number))
		state->number++;
	state->turn = f->turn;
	state->n_bytes = n_bytes;
	memcpy(state->bytes, bytes, n_bytes);
	HASH_ADD_KEYPTR(hh, f->by_bytes, state->bytes, n_bytes, state);
	HASH_ADD(hh_number, f->by_number, number, sizeof(state->number), state);
	return state->number;
}

const struct frozen_head *frozen_find(const struct frozen_states *f, uint32_t number)
{
	struct frozen *state = by_number(f, number);
	if (state)
		state->turn = f->turn;
	return state ? (const struct frozen_head *)state->bytes : NULL;
}

void frozen_take(struct frozen_states *f, uint32_t number)
{
	struct frozen *state = by_number(f, number);
	if (state)
		state->n_users++;
}

void frozen_give(struct frozen_states *f, uint32_t number)
{
	struct frozen *state = by_number(f, number);
	if (state && --state->n_users == 0)
		drop(f, state);
}

unsigned frozen_count(const struct frozen_states *f)
{
	return HASH_COUNT(f->by_bytes);
}
