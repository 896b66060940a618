// A subtable: the megaflows of one mask, in a hash table that readers walk without locks.
//
// A bucket is a cache line of five entries. An entry whose bucket is full goes to one of the next,
// and every bucket that it passed over counts it in `overflow`; a reader goes on to the next bucket
// only while that is not zero. Entries never move inside an array, and a full one is replaced by a
// larger one that is filled before it is published: so a reader finds every entry that was there
// when it started, with two cache lines touched as a rule (bucket, megaflow). Compare Bronson and
// Shi, "Open-sourcing F14" (2019), for overflow counters.
#ifndef FLOWTABLE_SUBTABLE_H
#define FLOWTABLE_SUBTABLE_H

#include "flowtable/megaflow.h"

#define MASKS_MAX 1024

// Readers have a list of subtables for each input port (port_tables.h).
#define PORT_LISTS   1024 // in_ports beyond share the next list
#define LIST_BEYOND  PORT_LISTS
#define LIST_ANY     (PORT_LISTS + 1) // of megaflows whose mask does not cover in_port
#define N_PORT_LISTS (PORT_LISTS + 2)

#define BUCKET_ENTRIES 5
// Buckets that an entry may be away from its own. Random hashes come near only in a table that is
// nearly due to grow, and then it does; keys chosen to collide end here, and so does what they cost
// a reader.
#define PROBE_MAX 16

struct bucket {
	uint32_t hash[BUCKET_ENTRIES];
	uint32_t overflow; // entries that stand behind because this bucket was full
	struct megaflow *mf[BUCKET_ENTRIES]; // published; NULL: free
} __attribute__((aligned(64)));

static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");

struct bucket_array {
	uint32_t mask;		// number of buckets - 1
	uint64_t *memory_bytes; // where the table accounts for it
	struct bucket buckets[];
};

// Writer: control thread.
struct subtable {
	struct flow_key mask;
	struct bucket_array *array; // published
	uint8_t uses;		    // flow_mask_uses(mask)
	// The rest: control thread only, and so on lines of its own.
	uint32_t n_flows __attribute__((aligned(64)));
	uint32_t id;			   // below MASKS_MAX
	uint32_t port_flows[N_PORT_LISTS]; // port_tables.c's
	int numa_node;
	struct rcu *rcu;
	uint64_t *memory_bytes;
};

struct subtable *subtable_create(const struct flow_key *mask, uint32_t id, int numa_node,
				 struct rcu *rcu, uint64_t *memory_bytes);
void subtable_free(void *st); // no reader holds it
// 0, -ENOMEM, or -ENOSPC when too many hashes collide.
int subtable_add(struct subtable *st, struct megaflow *mf);
void subtable_del(struct subtable *st, const struct megaflow *mf);
// `key` is masked, `hash` its hash. Control thread.
struct megaflow *subtable_find(const struct subtable *st, const struct flow_key *key,
			       uint32_t hash);

#endif
