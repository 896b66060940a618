// The exact-match cache: whole keys to megaflows, one per PMD, in hugepage memory. Two-way
// set-associative by two parts of the hash. No writer but its PMD.
#ifndef FLOWTABLE_EMC_H
#define FLOWTABLE_EMC_H

#include "flowtable/megaflow.h"

struct emc;

// n_entries is a power of two. NULL when out of memory. Control thread.
struct emc *emc_create(uint32_t n_entries, int numa_node);
void emc_destroy(struct emc *emc);

// Looks a burst up: flows[i] is set for each bit of `todo` that hits; returns the bits that missed.
// n <= 64. Its PMD, inside its read section. Entries of dead megaflows miss.
uint64_t emc_lookup(struct emc *emc, const struct flow_key *keys, const uint32_t *hashes,
		    uint64_t todo, struct megaflow **flows);
void emc_insert(struct emc *emc, const struct flow_key *key, uint32_t hash, struct megaflow *mf);

uint64_t emc_memory_bytes(const struct emc *emc);

#endif
