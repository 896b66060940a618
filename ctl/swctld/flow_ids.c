#include "ctl/swctld/flow_ids.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define PLACE_MASK ((1u << FLOW_IDS_PLACE_BITS) - 1)
#define ROOM_MIN   1024
#define RESERVED   UINT32_MAX

struct flow_id_place {
	void *object;
	uint32_t id;	    // of the object, or of the one before
	uint32_t next_free; // while there is no object: the next free place, or RESERVED
};

void flow_ids_init(struct flow_ids *ids)
{
	*ids = (struct flow_ids){.n = FLOW_IDS_FIRST};
}

void flow_ids_fini(struct flow_ids *ids)
{
	free(ids->places);
	flow_ids_init(ids);
}

static uint32_t new_place(struct flow_ids *ids)
{
	if (ids->n >= ids->room) {
		uint32_t room = ids->room ? ids->room * 2 : ROOM_MIN;
		void *places = room <= PLACE_MASK + 1
				   ? realloc(ids->places, room * sizeof(ids->places[0]))
				   : NULL;
		if (!places)
			return 0;
		ids->places = places;
		memset(&ids->places[ids->room], 0, (room - ids->room) * sizeof(ids->places[0]));
		ids->room = room;
	}
	ids->places[ids->n].id = ids->n;
	return ids->n++;
}

uint32_t flow_ids_take(struct flow_ids *ids, void *object)
{
	uint32_t at = ids->free_head;
	if (at)
		ids->free_head = ids->places[at].next_free;
	else
		at = new_place(ids);
	if (!at)
		return 0;
	ids->places[at].object = object;
	return ids->places[at].id;
}

bool flow_ids_reserve(struct flow_ids *ids, uint32_t id)
{
	uint32_t at;
	while ((at = new_place(ids)) != 0 && at < (id & PLACE_MASK)) {
		ids->places[at].next_free = ids->free_head;
		ids->free_head = at;
	}
	if (!at)
		return false;
	ids->places[at].id = id;
	ids->places[at].next_free = RESERVED;
	ids->n_reserved++;
	return true;
}

bool flow_ids_claim(struct flow_ids *ids, uint32_t id, void *object)
{
	uint32_t at = id & PLACE_MASK;
	if (ids->n_reserved == 0 || at >= ids->n || ids->places[at].id != id ||
	    ids->places[at].object || ids->places[at].next_free != RESERVED)
		return false;
	ids->places[at].object = object;
	ids->places[at].next_free = 0;
	ids->n_reserved--;
	return true;
}

void flow_ids_release(struct flow_ids *ids, void (*gone)(uint32_t id, void *arg), void *arg)
{
	for (uint32_t at = FLOW_IDS_FIRST; ids->n_reserved > 0 && at < ids->n; at++) {
		if (ids->places[at].object || ids->places[at].next_free != RESERVED)
			continue;
		gone(ids->places[at].id, arg);
		flow_ids_give(ids, ids->places[at].id);
		ids->n_reserved--;
	}
}

void *flow_ids_find(const struct flow_ids *ids, uint32_t id)
{
	uint32_t at = id & PLACE_MASK;
	return at < ids->n && ids->places && ids->places[at].id == id ? ids->places[at].object
								      : NULL;
}

void flow_ids_give(struct flow_ids *ids, uint32_t id)
{
	struct flow_id_place *place = &ids->places[id & PLACE_MASK];
	place->object = NULL;
	place->id += PLACE_MASK + 1;
	place->next_free = ids->free_head;
	ids->free_head = id & PLACE_MASK;
}

void *flow_ids_next(const struct flow_ids *ids, uint32_t *cursor)
{
	while (ids->places && *cursor < ids->n) {
		void *object = ids->places[(*cursor)++].object;
		if (object)
			return object;
	}
	return NULL;
}
