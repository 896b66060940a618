#include "datapath/lookup.h"

static const struct flow_lookup_ops *const rows[N_ISAS] = ISA_ROW(flow_lookup_ops);

void lookup(struct pmd *pmd, unsigned n)
{
	struct burst *b = &pmd->burst;

	rows[isa_current()]->lookup(pmd->reader, b->keys, n, b->flows, &pmd->stats.lookup);
}
