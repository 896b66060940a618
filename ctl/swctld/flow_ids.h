// Numbers for megaflows: small enough to find one by index, and not given out again soon, since
// messages that name one may still be under way. A number holds a place and how often that place
// was used before.
#ifndef CTL_SWCTLD_FLOW_IDS_H
#define CTL_SWCTLD_FLOW_IDS_H

#include <stdbool.h>
#include <stdint.h>

#define FLOW_IDS_PLACE_BITS 22
#define FLOW_IDS_MAX	    ((1u << FLOW_IDS_PLACE_BITS) - FLOW_IDS_FIRST)
#define FLOW_IDS_FIRST	    16 // below stand sequence numbers that name no megaflow

struct flow_id_place;

struct flow_ids {
	struct flow_id_place *places;
	uint32_t n, room;   // places ever used, and allocated
	uint32_t free_head; // a list of places; 0: none
	uint32_t n_reserved;
};

void flow_ids_init(struct flow_ids *ids);
void flow_ids_fini(struct flow_ids *ids);
// A number for the object; 0 when out of memory or numbers.
uint32_t flow_ids_take(struct flow_ids *ids, void *object);
// A number of an earlier process: nobody gets it, or another of its place, before
// flow_ids_release(). In the order of places, before any is taken. false when out of memory.
bool flow_ids_reserve(struct flow_ids *ids, uint32_t id);
// A reserved number becomes the object's. false: it is not reserved.
bool flow_ids_claim(struct flow_ids *ids, uint32_t id, void *object);
// Gives back what nobody has claimed, with gone(id, arg) for each.
void flow_ids_release(struct flow_ids *ids, void (*gone)(uint32_t id, void *arg), void *arg);
void *flow_ids_find(const struct flow_ids *ids, uint32_t id); // or NULL
void flow_ids_give(struct flow_ids *ids, uint32_t id);
// All objects in turn: start with *cursor 0; NULL at the end. Giving numbers in between is allowed.
void *flow_ids_next(const struct flow_ids *ids, uint32_t *cursor);

#endif
