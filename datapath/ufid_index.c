#include "datapath/ufid_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_MIN 1024

static uint64_t secrets[3]; // written before main

__attribute__((constructor)) static void secrets_draw(void)
{
	if (getrandom(secrets, sizeof(secrets), 0) != sizeof(secrets))
		abort();
}

// Multilinear, of numbers that nobody else knows: whatever a client calls its flows, their homes
// are spread.
static uint32_t slot_of(const struct ufid_index *index, uint32_t owner, const uint8_t *ufid)
{
	uint64_t words[2];
	memcpy(words, ufid, sizeof(words));
	uint64_t mixed =
	    words[0] * (secrets[0] | 1) + words[1] * (secrets[1] | 1) + owner * (secrets[2] | 1);
	return (uint32_t)(mixed >> 32) & (index->n_slots - 1);
}

static uint32_t home_of(const struct ufid_index *index, const struct megaflow *mf)
{
	return slot_of(index, mf->owner, mf->ufid);
}

static uint32_t next_of(const struct ufid_index *index, uint32_t slot)
{
	return (slot + 1) & (index->n_slots - 1);
}

struct megaflow *ufid_index_find(const struct ufid_index *index, uint32_t owner,
				 const uint8_t *ufid)
{
	if (index->n == 0)
		return NULL;
	uint32_t slot = slot_of(index, owner, ufid);
	for (struct megaflow *mf; (mf = index->slots[slot]) != NULL; slot = next_of(index, slot)) {
		if (mf->owner == owner && memcmp(mf->ufid, ufid, sizeof(mf->ufid)) == 0)
			return mf;
	}
	return NULL;
}

static void put(struct ufid_index *index, struct megaflow *mf)
{
	uint32_t slot = home_of(index, mf);
	while (index->slots[slot] != NULL)
		slot = next_of(index, slot);
	index->slots[slot] = mf;
}

static int grow(struct ufid_index *index)
{
	struct ufid_index larger = {.n_slots = index->n_slots ? 2 * index->n_slots : SLOTS_MIN,
				    .n = index->n};
	larger.slots = calloc(larger.n_slots, sizeof(larger.slots[0]));
	if (larger.slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < index->n_slots; i++) {
		if (index->slots[i] != NULL)
			put(&larger, index->slots[i]);
	}
	free(index->slots);
	*index = larger;
	return 0;
}

int ufid_index_add(struct ufid_index *index, struct megaflow *mf)
{
	if (ufid_index_find(index, mf->owner, mf->ufid) != NULL)
		return -EEXIST;
	if (2 * (index->n + 1) > index->n_slots && grow(index) < 0)
		return -ENOMEM;
	put(index, mf);
	index->n++;
	return 0;
}

// Whether a megaflow whose home is `home` may stand at `to` instead of further on at `from`.
static bool may_move(const struct ufid_index *index, uint32_t home, uint32_t to, uint32_t from)
{
	uint32_t mask = index->n_slots - 1;
	return ((from - home) & mask) >= ((from - to) & mask);
}

void ufid_index_del(struct ufid_index *index, const struct megaflow *mf)
{
	if (index->n == 0)
		return;
	uint32_t hole = home_of(index, mf);
	while (index->slots[hole] != mf) {
		if (index->slots[hole] == NULL)
			return;
		hole = next_of(index, hole);
	}
	// No gap may stand between a megaflow and its home.
	for (uint32_t at = next_of(index, hole); index->slots[at] != NULL;
	     at = next_of(index, at)) {
		if (may_move(index, home_of(index, index->slots[at]), hole, at)) {
			index->slots[hole] = index->slots[at];
			hole = at;
		}
	}
	index->slots[hole] = NULL;
	index->n--;
}

void ufid_index_fini(struct ufid_index *index)
{
	free(index->slots);
	*index = (struct ufid_index){0};
}
