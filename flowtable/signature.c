#include "flowtable/signature.h"

#include <rte_malloc.h>

static uint32_t id_mask_for(uint32_t max_flows)
{
	uint32_t mask = 1;

	while (mask < max_flows - 1 && mask < UINT32_MAX >> SIGNATURE_BITS_MIN)
		mask = mask << 1 | 1;
	return mask;
}

struct signature_cache *signature_cache_create(uint32_t n_entries, uint32_t max_flows,
					       int numa_node)
{
	if (n_entries < SIGNATURE_WAYS || (n_entries & (n_entries - 1)) != 0)
		return NULL;

	uint32_t n_buckets = n_entries / SIGNATURE_WAYS;
	size_t bytes = sizeof(struct signature_cache) + n_buckets * sizeof(struct signature_bucket);
	struct signature_cache *c =
	    rte_zmalloc_socket("signatures", bytes, RTE_CACHE_LINE_SIZE, numa_node);

	if (!c)
		return NULL;
	c->mask = n_buckets - 1;
	c->id_mask = id_mask_for(max_flows);
	c->bytes = bytes;
	return c;
}

void signature_cache_destroy(struct signature_cache *c)
{
	rte_free(c);
}
