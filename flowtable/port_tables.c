#include "flowtable/port_tables.h"

#include "flowtable/flow_reader.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>

// In subtable.port_flows: 0 is "not in this port's lists", 1 "there, but idle".
#define IDLE 1

#define ROOM_MIN 6 // a list of so many is two cache lines

static_assert(sizeof(struct ranked_list) + ROOM_MIN * sizeof(struct ranked) == 128, "two lines");

static uint32_t list_of(const struct subtable *st, uint32_t in_port)
{
	return st->mask.in_port == UINT32_MAX ? port_list_of(in_port) : LIST_ANY;
}

static size_t list_bytes(uint32_t room)
{
	return sizeof(struct ranked_list) + room * sizeof(struct ranked);
}

static struct ranked_list *list_create(const struct port_tables *pt, const struct flow_reader *r,
				       uint32_t room)
{
	struct ranked_list *list =
	    rte_zmalloc_socket("flow list", list_bytes(room), RTE_CACHE_LINE_SIZE, r->numa_node);

	if (!list)
		return NULL;
	list->room = room;
	list->memory_bytes = pt->memory_bytes;
	*list->memory_bytes += list_bytes(room);
	return list;
}

static void list_free(void *obj)
{
	struct ranked_list *list = obj;

	if (!list)
		return;
	*list->memory_bytes -= list_bytes(list->room);
	rte_free(list);
}

static void list_publish(struct port_tables *pt, struct flow_reader *r, uint32_t at,
			 struct ranked_list *list)
{
	struct ranked_list *old = r->lists[at];

	// Releases the list and a new subtable's contents.
	__atomic_store_n(&r->lists[at], list, __ATOMIC_RELEASE);
	if (old)
		rcu_retire(pt->rcu, list_free, old);
}

static void list_append(struct ranked_list *list, struct subtable *st, uint32_t hits)
{
	list->entries[list->n] = (struct ranked){.table = st, .hits = hits};
	// Releases the entry and a new subtable's contents.
	__atomic_store_n(&list->n, list->n + 1, __ATOMIC_RELEASE);
}

// The set's subtables, but for idle ones, in the order in which the reader has them in `old`. The
// reader may move them meanwhile, so that one is seen twice or not at all.
static void list_fill(struct port_tables *pt, uint32_t at, struct ranked_list *list,
		      struct ranked_list *old)
{
	const struct port_set *set = &pt->sets[at];

	for (uint32_t i = 0; i < set->n; i++)
		pt->pending[set->tables[i]->id] = set->tables[i]->port_flows[at] > IDLE;
	for (uint32_t i = 0; old && i < old->n; i++) {
		struct subtable *st = __atomic_load_n(&old->entries[i].table, __ATOMIC_RELAXED);

		if (!pt->pending[st->id])
			continue;
		pt->pending[st->id] = false;
		list_append(list, st, __atomic_load_n(&old->entries[i].hits, __ATOMIC_RELAXED));
	}
	for (uint32_t i = 0; i < set->n; i++) {
		if (!pt->pending[set->tables[i]->id])
			continue;
		pt->pending[set->tables[i]->id] = false;
		list_append(list, set->tables[i], 0);
	}
}

// Takes idle subtables out of a set.
static void set_compact(struct port_set *set, uint32_t at)
{
	uint16_t n = 0;

	for (uint32_t i = 0; i < set->n; i++) {
		struct subtable *st = set->tables[i];

		if (st->port_flows[at] > IDLE)
			set->tables[n++] = st;
		else
			st->port_flows[at] = 0;
	}
	set->n = n;
	set->n_idle = 0;
}

// New lists for all readers, without idle subtables and with room for one more.
static int lists_renew(struct port_tables *pt, uint32_t at)
{
	struct port_set *set = &pt->sets[at];
	uint32_t n_live = (uint32_t)set->n - set->n_idle, room = ROOM_MIN;

	while (room <= n_live)
		room = 2 * room + 2;
	for (struct flow_reader *r = pt->readers; r; r = r->next) {
		r->fresh = list_create(pt, r, room);
		if (!r->fresh)
			goto fail;
	}
	for (struct flow_reader *r = pt->readers; r; r = r->next) {
		list_fill(pt, at, r->fresh, r->lists[at]);
		list_publish(pt, r, at, r->fresh);
	}
	set_compact(set, at);
	return 0;

fail:
	for (struct flow_reader *r = pt->readers; r->fresh; r = r->next) {
		list_free(r->fresh);
		r->fresh = NULL;
	}
	return -ENOMEM;
}

static void lists_drop(struct port_tables *pt, uint32_t at)
{
	for (struct flow_reader *r = pt->readers; r; r = r->next)
		list_publish(pt, r, at, NULL);
	set_compact(&pt->sets[at], at);
}

// Takes the idle subtables away.
static int lists_sweep(struct port_tables *pt, uint32_t at)
{
	struct port_set *set = &pt->sets[at];

	if (set->n_idle < set->n)
		return lists_renew(pt, at);
	lists_drop(pt, at);
	return 0;
}

static int set_reserve(struct port_set *set)
{
	if (set->n < set->room)
		return 0;

	uint16_t room = set->room ? (uint16_t)(2 * set->room) : 4;
	struct subtable **tables = realloc(set->tables, room * sizeof(struct subtable *));

	if (!tables)
		return -ENOMEM;
	set->tables = tables;
	set->room = room;
	return 0;
}

static bool lists_have_room(const struct port_tables *pt, uint32_t at)
{
	for (const struct flow_reader *r = pt->readers; r; r = r->next)
		if (!r->lists[at] || r->lists[at]->n == r->lists[at]->room)
			return false;
	return true;
}

static int set_add(struct port_tables *pt, uint32_t at, struct subtable *st)
{
	struct port_set *set = &pt->sets[at];
	int err = set_reserve(set);

	if (!err && !lists_have_room(pt, at))
		err = lists_renew(pt, at);
	if (err)
		return err;
	for (struct flow_reader *r = pt->readers; r; r = r->next)
		list_append(r->lists[at], st, 0);
	set->tables[set->n++] = st;
	set->n_idle++;
	st->port_flows[at] = IDLE;
	return 0;
}

int port_tables_add(struct port_tables *pt, struct subtable *st, uint32_t in_port)
{
	uint32_t at = list_of(st, in_port);

	if (!st->port_flows[at]) {
		int err = set_add(pt, at, st);

		if (err)
			return err;
	}
	if (st->port_flows[at]++ == IDLE)
		pt->sets[at].n_idle--;
	return 0;
}

void port_tables_del(struct port_tables *pt, struct subtable *st, uint32_t in_port)
{
	uint32_t at = list_of(st, in_port);
	struct port_set *set = &pt->sets[at];

	if (--st->port_flows[at] > IDLE)
		return;
	set->n_idle++;
	if (2 * set->n_idle >= set->n)
		lists_sweep(pt, at); // without memory for shorter lists, the longer ones do
}

int port_tables_forget(struct port_tables *pt, struct subtable *st)
{
	for (uint32_t at = 0; at < N_PORT_LISTS; at++) {
		int err = st->port_flows[at] ? lists_sweep(pt, at) : 0;

		if (err)
			return err;
	}
	return 0;
}

int port_tables_join(struct port_tables *pt, struct flow_reader *r)
{
	for (uint32_t at = 0; at < N_PORT_LISTS; at++) {
		const struct port_set *set = &pt->sets[at];

		if (set->n == 0)
			continue;
		r->lists[at] = list_create(pt, r, set->n + 1u);
		if (!r->lists[at])
			goto fail;
		for (uint32_t i = 0; i < set->n; i++)
			list_append(r->lists[at], set->tables[i], 0);
	}
	r->next = pt->readers;
	pt->readers = r;
	return 0;

fail:
	for (uint32_t at = 0; at < N_PORT_LISTS; at++)
		list_free(r->lists[at]);
	return -ENOMEM;
}

void port_tables_leave(struct port_tables *pt, struct flow_reader *r)
{
	struct flow_reader **link = &pt->readers;

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	for (uint32_t at = 0; at < N_PORT_LISTS; at++)
		list_free(r->lists[at]);
}

void port_tables_init(struct port_tables *pt, struct rcu *rcu, uint64_t *memory_bytes)
{
	*pt = (struct port_tables){.rcu = rcu, .memory_bytes = memory_bytes};
}

void port_tables_fini(struct port_tables *pt)
{
	for (uint32_t at = 0; at < N_PORT_LISTS; at++)
		free(pt->sets[at].tables);
}
