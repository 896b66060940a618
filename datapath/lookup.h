// Lookup: a burst's keys to megaflows, through the PMD's caches (flowtable/lookup.h).
#ifndef DATAPATH_LOOKUP_H
#define DATAPATH_LOOKUP_H

#include "datapath/pmd_private.h"

// Sets burst.flows[0..n): NULL is a miss. That PMD, inside its read section.
void lookup(struct pmd *pmd, unsigned n);

#endif
