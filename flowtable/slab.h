// The slots of megaflows: type-stable memory, addressed by id. Control thread only.
#ifndef FLOWTABLE_SLAB_H
#define FLOWTABLE_SLAB_H

#include "flowtable/megaflow.h"

#define SLAB_SLOTS 4096 // readers find a slot by its id, with few slabs to look in

static_assert(offsetof(struct megaflow, key) == 64, "what a PMD reads at each hit is one line");

struct slab_set {
	struct megaflow **slabs; // each of SLAB_SLOTS; constant, readers have it too
	uint32_t *free_ids;	 // a stack
	uint32_t n_free;
	uint32_t n_slots; // ids ever handed out
	uint32_t max_slots;
	int numa_node;
	uint64_t bytes; // of slabs
};

int slab_set_init(struct slab_set *s, uint32_t max_slots, int numa_node); // 0 or -ENOMEM
void slab_set_fini(struct slab_set *s);
// A slot with `id` set and `seq` even. 0, -ENOSPC or -ENOMEM.
int slab_slot_get(struct slab_set *s, struct megaflow **out);
// No reader holds the slot any more.
void slab_slot_put(struct slab_set *s, struct megaflow *mf);

static inline struct megaflow *slab_slot(struct megaflow *const *slabs, uint32_t id)
{
	return &slabs[id / SLAB_SLOTS][id % SLAB_SLOTS];
}

#endif
