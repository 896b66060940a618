// Megaflows by the identifier that whoever installed them gave: an open hash table of pointers, for
// one writer and reader, the control thread.
#ifndef DATAPATH_UFID_INDEX_H
#define DATAPATH_UFID_INDEX_H

#include "flowtable/megaflow.h"

struct ufid_index {
	struct megaflow **slots; // a power of two of them, or none
	uint32_t n_slots, n;
};

// A megaflow with its owner and identifier set, which stay so until it is deleted here. 0, -EEXIST
// when its owner has another of this name, or -ENOMEM.
int ufid_index_add(struct ufid_index *index, struct megaflow *mf);
void ufid_index_del(struct ufid_index *index, const struct megaflow *mf); // nothing when not there
struct megaflow *ufid_index_find(const struct ufid_index *index, uint32_t owner,
				 const uint8_t *ufid);
void ufid_index_fini(struct ufid_index *index);

#endif
