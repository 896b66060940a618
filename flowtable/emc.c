#include "flowtable/emc.h"

#include <rte_malloc.h>

static void *lines_alloc(struct emc *emc, size_t bytes, int numa_node)
{
	emc->bytes += bytes;
	return rte_zmalloc_socket("emc", bytes, RTE_CACHE_LINE_SIZE, numa_node);
}

struct emc *emc_create(uint32_t n_entries, int numa_node)
{
	if (n_entries < EMC_WAYS || (n_entries & (n_entries - 1)) != 0)
		return NULL;

	struct emc *emc = rte_zmalloc_socket("emc", sizeof(*emc), RTE_CACHE_LINE_SIZE, numa_node);

	if (!emc)
		return NULL;
	emc->mask = n_entries / EMC_WAYS - 1;
	emc->bytes = sizeof(*emc);
	emc->sets = lines_alloc(emc, n_entries / EMC_WAYS * sizeof(struct emc_set), numa_node);
	emc->line1 = lines_alloc(emc, n_entries * sizeof(struct emc_line), numa_node);
	emc->line2 = lines_alloc(emc, n_entries * sizeof(struct emc_line), numa_node);
	if (emc->sets && emc->line1 && emc->line2)
		return emc;
	emc_destroy(emc);
	return NULL;
}

void emc_destroy(struct emc *emc)
{
	if (!emc)
		return;
	rte_free(emc->line2);
	rte_free(emc->line1);
	rte_free(emc->sets);
	rte_free(emc);
}
