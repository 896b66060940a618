// A reader's insides, for the files that make it up.
#ifndef FLOWTABLE_FLOW_READER_H
#define FLOWTABLE_FLOW_READER_H

#include "flowtable/emc.h"
#include "flowtable/lookup.h"
#include "flowtable/port_tables.h"
#include "flowtable/signature.h"
#include "flowtable/slab.h"

struct flow_reader {
	// Writer: control thread, before the reader runs.
	struct emc *emc;
	struct signature_cache *signatures;
	struct megaflow *const *slabs; // the table's megaflows by id
	// Writer: control thread.
	struct ranked_list *lists[N_PORT_LISTS]; // published; NULL: no subtable
	// Control thread only.
	struct port_tables *ports __attribute__((aligned(64)));
	int numa_node;
	struct flow_reader *next;  // of the table's
	struct ranked_list *fresh; // while lists are replaced
};

#endif
