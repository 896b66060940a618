#include "flowtable/counters.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

#define CHUNK_FLOWS FLOW_COUNTERS_CHUNK
#define CHUNK_BYTES (CHUNK_FLOWS * sizeof(struct flow_counter))

static size_t object_bytes(const struct counter_set *set)
{
	return sizeof(struct flow_counters) + set->max_chunks * sizeof(struct flow_counter *);
}

void counter_set_init(struct counter_set *set, uint32_t max_flows)
{
	*set = (struct counter_set){.max_chunks = max_flows / CHUNK_FLOWS + 1};
}

static void counters_free(struct counter_set *set, struct flow_counters *c)
{
	for (uint32_t i = 0; i < set->max_chunks; i++) {
		if (c->chunks[i])
			set->bytes -= CHUNK_BYTES;
		rte_free(c->chunks[i]);
	}
	set->bytes -= object_bytes(set);
	rte_free(c);
}

void counter_set_fini(struct counter_set *set)
{
	while (set->list) {
		struct flow_counters *c = set->list;

		set->list = c->next;
		counters_free(set, c);
	}
	set->past = set->cleared = NULL;
}

static int chunk_reserve(struct counter_set *set, struct flow_counters *c, uint32_t chunk)
{
	if (c->chunks[chunk])
		return 0;
	c->chunks[chunk] =
	    rte_zmalloc_socket("flow counters", CHUNK_BYTES, RTE_CACHE_LINE_SIZE, c->numa_node);
	if (!c->chunks[chunk])
		return -ENOMEM;
	set->bytes += CHUNK_BYTES;
	return 0;
}

struct flow_counters *counter_set_add(struct counter_set *set, int numa_node)
{
	struct flow_counters *c =
	    rte_zmalloc_socket("flow counters", object_bytes(set), RTE_CACHE_LINE_SIZE, numa_node);

	if (!c)
		return NULL;
	set->bytes += object_bytes(set);
	c->numa_node = numa_node;
	for (uint32_t i = 0; i < set->n_chunks; i++) {
		if (chunk_reserve(set, c, i) != 0) {
			counters_free(set, c);
			return NULL;
		}
	}
	c->next = set->list;
	set->list = c;
	return c;
}

int counter_set_reserve(struct counter_set *set, uint32_t id)
{
	for (; set->n_chunks <= id / CHUNK_FLOWS; set->n_chunks++)
		for (struct flow_counters *c = set->list; c; c = c->next)
			if (chunk_reserve(set, c, set->n_chunks) != 0)
				return -ENOMEM;
	return 0;
}

void counter_set_zero(struct counter_set *set, uint32_t id)
{
	for (struct flow_counters *c = set->list; c; c = c->next)
		memset(flow_counter_of(c, id), 0, sizeof(struct flow_counter));
}

static void add_up(struct flow_stats *sum, const struct flow_counter *f)
{
	uint64_t used_ms = __atomic_load_n(&f->used_ms, __ATOMIC_RELAXED);

	sum->packets += __atomic_load_n(&f->packets, __ATOMIC_RELAXED);
	sum->bytes += __atomic_load_n(&f->bytes, __ATOMIC_RELAXED);
	sum->tcp_flags |= __atomic_load_n(&f->tcp_flags, __ATOMIC_RELAXED);
	if (used_ms > sum->used_ms)
		sum->used_ms = used_ms;
}

void counter_set_sum(const struct counter_set *set, uint32_t id, struct flow_stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (const struct flow_counters *c = set->list; c; c = c->next)
		add_up(sum, flow_counter_of(c, id));
}

// Counters are their PMDs' own: what they hold now is counted against it in one of the set's.
int counter_set_clear(struct counter_set *set, uint32_t id)
{
	struct flow_stats sum;
	struct flow_counter *f;

	if (!set->cleared)
		set->cleared = counter_set_add(set, SOCKET_ID_ANY);
	if (!set->cleared)
		return -ENOMEM;
	counter_set_sum(set, id, &sum);
	f = flow_counter_of(set->cleared, id);
	f->packets -= sum.packets;
	f->bytes -= sum.bytes;
	return 0;
}

static void fold(const struct counter_set *set, struct flow_counters *into,
		 const struct flow_counters *from)
{
	for (uint32_t id = 0; id < set->n_chunks * CHUNK_FLOWS; id++) {
		struct flow_stats sum = {0};
		struct flow_counter *f = flow_counter_of(into, id);

		add_up(&sum, f);
		add_up(&sum, flow_counter_of(from, id));
		*f = (struct flow_counter){sum.packets, sum.bytes, sum.used_ms, sum.tcp_flags};
	}
}

// The first PMD that ends leaves its counters as they are; those of later ones are added to them.
void counter_set_remove(struct counter_set *set, struct flow_counters *c)
{
	if (!set->past) {
		set->past = c;
		return;
	}
	fold(set, set->past, c);
	for (struct flow_counters **link = &set->list; *link; link = &(*link)->next) {
		if (*link == c) {
			*link = c->next;
			break;
		}
	}
	counters_free(set, c);
}
