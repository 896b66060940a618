#include "ctl/swctld/flow_index.h"

#include "ctl/swctld/huge_memory.h"

#include <errno.h>
#include <string.h>

#define ROOM_MIN 1024

static size_t slots_bytes(const struct flow_index *index)
{
	return index->room * sizeof(index->slots[0]);
}

void flow_index_fini(struct flow_index *index)
{
	huge_memory_give(index->slots, slots_bytes(index));
	*index = (struct flow_index){.n = 0};
}

// Keyed: senders choose what stands in matches.
static uint32_t hash_of(const struct flow_match *match)
{
	return flow_key_hash(&match->key, flow_key_hash(&match->mask, 0));
}

static uint32_t next_place(const struct flow_index *index, uint32_t at)
{
	return (at + 1) & (index->room - 1);
}

static bool is_same(const struct flow_match *a, const struct flow_match *b)
{
	return a == b || (flow_key_equal(&a->mask, &b->mask) && flow_key_equal(&a->key, &b->key));
}

// Where the match stands, or the free place at which the search for it ends.
static uint32_t place_of(const struct flow_index *index, const struct flow_match *match,
			 uint32_t hash)
{
	uint32_t at = hash & (index->room - 1);
	while (index->slots[at].match &&
	       (index->slots[at].hash != hash || !is_same(index->slots[at].match, match)))
		at = next_place(index, at);
	return at;
}

static int grow(struct flow_index *index)
{
	struct flow_index grown = {.n = index->n, .room = index->room ? index->room * 2 : ROOM_MIN};
	grown.slots = huge_memory_take(slots_bytes(&grown));
	if (!grown.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < index->room; i++) {
		const struct flow_index_slot *slot = &index->slots[i];
		if (slot->match)
			grown.slots[place_of(&grown, slot->match, slot->hash)] = *slot;
	}
	huge_memory_give(index->slots, slots_bytes(index));
	*index = grown;
	return 0;
}

const struct flow_match *flow_index_find(const struct flow_index *index,
					 const struct flow_match *match)
{
	return index->room ? index->slots[place_of(index, match, hash_of(match))].match : NULL;
}

int flow_index_add(struct flow_index *index, const struct flow_match *match)
{
	if (index->n >= index->room / 2) {
		int err = grow(index);
		if (err)
			return err;
	}
	uint32_t hash = hash_of(match);
	index->slots[place_of(index, match, hash)] = (struct flow_index_slot){match, hash};
	index->n++;
	return 0;
}

// Moves back those that a free place would part from where their search starts.
static void close_gap(struct flow_index *index, uint32_t gap)
{
	for (uint32_t at = next_place(index, gap); index->slots[at].match;
	     at = next_place(index, at)) {
		uint32_t way = (at - index->slots[at].hash) & (index->room - 1);
		if (way < ((at - gap) & (index->room - 1)))
			continue;
		index->slots[gap] = index->slots[at];
		gap = at;
	}
	index->slots[gap].match = NULL;
}

void flow_index_del(struct flow_index *index, const struct flow_match *match)
{
	index->n--;
	close_gap(index, place_of(index, match, hash_of(match)));
}
