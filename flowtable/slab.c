#include "flowtable/slab.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>

// The last one may be shorter.
static size_t slab_bytes(const struct slab_set *s, uint32_t slab)
{
	uint32_t left = s->max_slots - slab * SLAB_SLOTS;

	return (left < SLAB_SLOTS ? left : SLAB_SLOTS) * sizeof(struct megaflow);
}

int slab_set_init(struct slab_set *s, uint32_t max_slots, int numa_node)
{
	uint32_t n_slabs = max_slots / SLAB_SLOTS + 1;

	*s = (struct slab_set){.max_slots = max_slots, .numa_node = numa_node};
	s->slabs = calloc(n_slabs, sizeof(s->slabs[0]));
	s->free_ids = calloc(max_slots ? max_slots : 1, sizeof(s->free_ids[0]));
	if (s->slabs && s->free_ids)
		return 0;
	slab_set_fini(s);
	return -ENOMEM;
}

void slab_set_fini(struct slab_set *s)
{
	if (s->slabs)
		for (uint32_t i = 0; i <= s->max_slots / SLAB_SLOTS; i++)
			rte_free(s->slabs[i]);
	free(s->slabs);
	free(s->free_ids);
}

int slab_slot_get(struct slab_set *s, struct megaflow **out)
{
	if (s->n_free > 0) {
		*out = slab_slot(s->slabs, s->free_ids[--s->n_free]);
		return 0;
	}
	if (s->n_slots == s->max_slots)
		return -ENOSPC;

	struct megaflow **slab = &s->slabs[s->n_slots / SLAB_SLOTS];
	size_t bytes = slab_bytes(s, s->n_slots / SLAB_SLOTS);

	if (!*slab) {
		*slab = rte_zmalloc_socket("megaflows", bytes, RTE_CACHE_LINE_SIZE, s->numa_node);
		if (!*slab)
			return -ENOMEM;
		s->bytes += bytes;
	}
	*out = slab_slot(s->slabs, s->n_slots);
	(*out)->id = s->n_slots++;
	return 0;
}

void slab_slot_put(struct slab_set *s, struct megaflow *mf)
{
	s->free_ids[s->n_free++] = mf->id;
}
