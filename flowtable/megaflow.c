#include "flowtable/flow_table.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

static_assert(offsetof(struct flow_key, in_port) == 0 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	      "the low half of a key's first word is in_port");

#define NEXT_AHEAD 4 // slots that a walk fetches before it comes to them

// Where some list cannot be replaced for want of memory, an empty subtable stays: harmless, and
// used again for its mask.
static void mask_del_if_empty(struct flow_table *t, struct subtable *st)
{
	if (st->n_flows > 0 || port_tables_forget(&t->ports, st) != 0)
		return;
	t->by_id[st->id] = NULL;
	t->n_masks--;
	while (t->ids_end > 0 && !t->by_id[t->ids_end - 1])
		t->ids_end--;
	rcu_retire(t->rcu, subtable_free, st);
}

static int mask_add(struct flow_table *t, const struct flow_key *mask, struct subtable **out)
{
	uint32_t id = 0;

	while (id < MASKS_MAX && t->by_id[id])
		id++;
	if (id == MASKS_MAX)
		return -ENOSPC;

	struct subtable *st = subtable_create(mask, id, t->numa_node, t->rcu, &t->bucket_bytes);

	if (!st)
		return -ENOMEM;
	t->by_id[id] = st;
	t->mask_hashes[id] = flow_key_hash(mask, 0);
	t->n_masks++;
	if (t->ids_end == id)
		t->ids_end++;
	*out = st;
	return 0;
}

static struct subtable *mask_find(const struct flow_table *t, const struct flow_key *mask)
{
	uint32_t hash = flow_key_hash(mask, 0);

	for (uint32_t id = 0; id < t->ids_end; id++)
		if (t->mask_hashes[id] == hash && t->by_id[id] &&
		    flow_key_equal(&t->by_id[id]->mask, mask))
			return t->by_id[id];
	return NULL;
}

struct flow_table *flow_table_create(struct rcu *rcu, uint32_t max_flows, int numa_node)
{
	struct flow_table *t =
	    rte_zmalloc_socket("flow table", sizeof(*t), RTE_CACHE_LINE_SIZE, numa_node);

	if (!t)
		return NULL;
	t->rcu = rcu;
	t->numa_node = numa_node;
	counter_set_init(&t->counters, max_flows);
	port_tables_init(&t->ports, rcu, &t->bucket_bytes);
	if (slab_set_init(&t->slots, max_flows, numa_node) != 0) {
		rte_free(t);
		return NULL;
	}
	return t;
}

void flow_table_destroy(struct flow_table *t)
{
	if (!t)
		return;

	struct megaflow *mf;
	uint32_t cursor = 0;

	while ((mf = flow_table_next(t, &cursor)))
		flow_table_del(t, mf, NULL);
	// What is retired refers to the table.
	rcu_synchronize(t->rcu);
	rcu_reclaim(t->rcu);
	for (uint32_t i = 0; i < MASKS_MAX; i++)
		if (t->by_id[i])
			subtable_free(t->by_id[i]);
	action_lists_fini(&t->actions);
	port_tables_fini(&t->ports);
	counter_set_fini(&t->counters);
	slab_set_fini(&t->slots);
	rte_free(t);
}

static int slot_get(struct flow_table *t, struct megaflow **out)
{
	int err = slab_slot_get(&t->slots, out);

	if (err == -ENOSPC && t->n_flows < t->slots.max_slots) {
		rcu_reclaim(t->rcu); // deleted ones wait for their grace period
		err = slab_slot_get(&t->slots, out);
	}
	return err;
}

// No reader holds the megaflow any more.
static void slot_release(void *obj)
{
	struct megaflow *mf = obj;
	struct flow_table *t = mf->table;

	flow_actions_free((void *)mf->actions);
	rte_free(mf->cold);
	slab_slot_put(&t->slots, mf);
}

// The masked key's lines. 0 or -ENOMEM.
static int key_fill(struct megaflow *mf, const struct subtable *st, const struct flow_key *key)
{
	memcpy(mf->key, key, sizeof(mf->key));
	mf->cold = NULL;
	if (!(st->uses & FLOW_COLD_ALL))
		return 0;
	mf->cold =
	    rte_malloc_socket("cold key", sizeof(*mf->cold), RTE_CACHE_LINE_SIZE, st->numa_node);
	if (!mf->cold)
		return -ENOMEM;
	memcpy(mf->cold, &key->ct, sizeof(*mf->cold));
	return 0;
}

static void slot_fill(struct flow_table *t, struct megaflow *mf, uint32_t hash, struct subtable *st,
		      struct flow_actions *actions)
{
	mf->table = t;
	mf->hash = hash;
	mf->subtable = st;
	mf->owner = 0;
	memset(mf->ufid, 0, sizeof(mf->ufid));
	mf->actions = action_lists_share(&t->actions, actions);
	counter_set_zero(&t->counters, mf->id);
}

// All that a megaflow needs but itself: counters, the subtable of its mask, a place in its port's
// lists.
static int place_get(struct flow_table *t, const struct flow_match *match, uint32_t id,
		     struct subtable **st)
{
	int err = counter_set_reserve(&t->counters, id);

	if (!err && !*st)
		err = mask_add(t, &match->mask, st);
	if (err)
		return err;
	err = port_tables_add(&t->ports, *st, match->key.in_port);
	if (err)
		mask_del_if_empty(t, *st);
	return err;
}

static void place_put(struct flow_table *t, uint32_t in_port, struct subtable *st)
{
	port_tables_del(&t->ports, st, in_port);
	mask_del_if_empty(t, st);
}

static int flow_insert(struct flow_table *t, struct megaflow *mf, const struct flow_match *match,
		       uint32_t hash, struct subtable *st, struct flow_actions *actions)
{
	int err = key_fill(mf, st, &match->key);

	if (err) {
		flow_actions_free(actions);
		return err;
	}
	slot_fill(t, mf, hash, st, actions);
	err = subtable_add(st, mf);
	if (err) {
		flow_actions_free((void *)mf->actions);
		rte_free(mf->cold);
		return err;
	}
	// Even to odd, when nothing can fail any more: whoever comes from a cache that knows the
	// slot's earlier lives finds the megaflow whole.
	__atomic_store_n(&mf->seq, mf->seq + 1, __ATOMIC_RELEASE);
	t->n_flows++;
	return 0;
}

void flow_table_set_actions(struct flow_table *t, struct megaflow *mf, struct flow_actions *actions)
{
	const struct flow_actions *old = mf->actions;

	// Releases the list's contents.
	__atomic_store_n(&mf->actions, action_lists_share(&t->actions, actions), __ATOMIC_RELEASE);
	rcu_retire(t->rcu, flow_actions_free, (void *)old);
}

struct flow_actions *flow_table_actions(struct flow_table *t, const struct action *list, unsigned n)
{
	return action_lists_get(&t->actions, list, n);
}

// `replace`: what to do with one that is there.
static int put(struct flow_table *t, const struct flow_match *match, struct flow_actions *actions,
	       bool replace, struct megaflow **out)
{
	struct flow_match masked = {.mask = match->mask};
	struct megaflow *mf;

	flow_key_mask(&masked.key, &match->key, &match->mask);

	uint32_t hash = flow_key_hash(&masked.key, 0);
	struct subtable *st = mask_find(t, &match->mask);
	int err;

	mf = st ? subtable_find(st, &masked.key, hash) : NULL;
	if (mf && replace) {
		flow_table_set_actions(t, mf, actions);
		*out = mf;
		return 0;
	}
	err = mf ? -EEXIST : slot_get(t, &mf);
	if (err)
		goto fail;
	err = place_get(t, &masked, mf->id, &st);
	if (err)
		goto fail_slot;
	err = flow_insert(t, mf, &masked, hash, st, actions);
	if (err) {
		actions = NULL; // taken
		place_put(t, masked.key.in_port, st);
		goto fail_slot;
	}
	*out = mf;
	return 0;

fail_slot:
	slab_slot_put(&t->slots, mf);
fail:
	flow_actions_free(actions);
	return err;
}

int flow_table_add(struct flow_table *t, const struct flow_match *match,
		   struct flow_actions *actions, struct megaflow **out)
{
	struct megaflow *added;
	int err = put(t, match, actions, false, &added);

	if (!err && out)
		*out = added;
	return err;
}

int flow_table_replace(struct flow_table *t, const struct flow_match *match,
		       struct flow_actions *actions, struct megaflow **out)
{
	return put(t, match, actions, true, out);
}

void flow_table_del(struct flow_table *t, struct megaflow *mf, struct flow_stats *out)
{
	struct subtable *st = mf->subtable;
	uint32_t in_port = (uint32_t)mf->key[0];

	subtable_del(st, mf);
	// Odd to even: caches that hold the megaflow miss from now on.
	__atomic_store_n(&mf->seq, mf->seq + 1, __ATOMIC_RELEASE);
	t->n_flows--;
	if (out)
		flow_table_stats(t, mf, out);
	rcu_retire(t->rcu, slot_release, mf);
	place_put(t, in_port, st);
}

struct megaflow *flow_table_find(struct flow_table *t, const struct flow_match *match)
{
	const struct subtable *st = mask_find(t, &match->mask);
	struct flow_key key;

	if (!st)
		return NULL;
	flow_key_mask(&key, &match->key, &match->mask);
	return subtable_find(st, &key, flow_key_hash(&key, 0));
}

struct megaflow *flow_table_match(struct flow_table *t, const struct flow_key *key, uint32_t owner)
{
	struct flow_key masked;

	for (uint32_t id = 0; id < t->ids_end; id++) {
		const struct subtable *st = t->by_id[id];
		struct megaflow *mf;

		if (!st)
			continue;
		flow_key_mask(&masked, key, &st->mask);
		mf = subtable_find(st, &masked, flow_key_hash(&masked, 0));
		if (mf && mf->owner == owner)
			return mf;
	}
	return NULL;
}

void megaflow_match(const struct megaflow *mf, struct flow_match *match)
{
	match->mask = mf->subtable->mask;
	memcpy(&match->key, mf->key, sizeof(mf->key));
	if (mf->cold)
		memcpy(&match->key.ct, mf->cold, sizeof(*mf->cold));
	else
		memset(&match->key.ct, 0, sizeof(*mf->cold));
}

struct megaflow *flow_table_next(struct flow_table *t, uint32_t *cursor)
{
	while (*cursor < t->slots.n_slots) {
		struct megaflow *mf = slab_slot(t->slots.slabs, (*cursor)++);

		if (*cursor + NEXT_AHEAD < t->slots.n_slots)
			__builtin_prefetch(slab_slot(t->slots.slabs, *cursor + NEXT_AHEAD));
		if (mf->seq % 2)
			return mf;
	}
	return NULL;
}

uint32_t flow_table_n_flows(const struct flow_table *t)
{
	return t->n_flows;
}

uint32_t flow_table_n_masks(const struct flow_table *t)
{
	return t->n_masks;
}

uint32_t flow_table_max_flows(const struct flow_table *t)
{
	return t->slots.max_slots;
}

void flow_table_memory(const struct flow_table *t, struct flow_table_memory *mem)
{
	mem->slab_bytes = t->slots.bytes;
	mem->bucket_bytes = t->bucket_bytes;
	mem->counter_bytes = t->counters.bytes;
}

struct flow_counters *flow_counters_create(struct flow_table *t, int numa_node)
{
	return counter_set_add(&t->counters, numa_node);
}

void flow_counters_destroy(struct flow_table *t, struct flow_counters *c)
{
	if (c)
		counter_set_remove(&t->counters, c);
}

int flow_table_stats_clear(struct flow_table *t, const struct megaflow *mf)
{
	return counter_set_clear(&t->counters, mf->id);
}

void flow_table_stats(const struct flow_table *t, const struct megaflow *mf, struct flow_stats *out)
{
	counter_set_sum(&t->counters, mf->id, out);
}
