// The control thread's half; lookup_hot.c is the PMD's.
#include "flowtable/flow_reader.h"
#include "flowtable/flow_table.h"

#include <rte_malloc.h>

struct flow_reader *flow_reader_create(struct flow_table *t, uint32_t emc_entries,
				       uint32_t signature_entries, int numa_node)
{
	struct flow_reader *r =
	    rte_zmalloc_socket("flow reader", sizeof(*r), RTE_CACHE_LINE_SIZE, numa_node);

	if (!r)
		return NULL;
	r->numa_node = numa_node;
	r->slabs = t->slots.slabs;
	r->ports = &t->ports;
	r->emc = emc_create(emc_entries, numa_node);
	r->signatures =
	    signature_cache_create(signature_entries, flow_table_max_flows(t), numa_node);
	if (r->emc && r->signatures && port_tables_join(r->ports, r) == 0)
		return r;
	emc_destroy(r->emc);
	signature_cache_destroy(r->signatures);
	rte_free(r);
	return NULL;
}

void flow_reader_destroy(struct flow_reader *r)
{
	if (!r)
		return;
	port_tables_leave(r->ports, r);
	signature_cache_destroy(r->signatures);
	emc_destroy(r->emc);
	rte_free(r);
}

uint64_t flow_reader_memory_bytes(const struct flow_reader *r)
{
	return sizeof(*r) + r->emc->bytes + r->signatures->bytes;
}
