#include "flowtable/hash_counts.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_MIN 4

// Where a hash stands, or the free place where it would. There is always one.
static uint32_t place_of(const struct hash_counts *h, uint32_t hash)
{
	uint32_t at = hash & (h->room - 1);
	while (h->list[at].count > 0 && h->list[at].hash != hash)
		at = (at + 1) & (h->room - 1);
	return at;
}

static int make_room(struct hash_counts *h)
{
	if (h->n < h->room / 2)
		return 0;
	struct hash_counts grown = {.n = h->n, .room = h->room ? h->room * 2 : ROOM_MIN};
	grown.list = calloc(grown.room, sizeof(*grown.list));
	if (!grown.list)
		return -ENOMEM;
	for (uint32_t i = 0; i < h->room; i++) {
		if (h->list[i].count > 0)
			grown.list[place_of(&grown, h->list[i].hash)] = h->list[i];
	}
	free(h->list);
	*h = grown;
	return 0;
}

int hash_counts_add(struct hash_counts *h, uint32_t hash)
{
	int err = make_room(h);
	if (err)
		return err;
	struct hash_count *c = &h->list[place_of(h, hash)];
	h->n += c->count == 0;
	c->hash = hash;
	c->count++;
	return 0;
}

// Moves back those that a free place would part from where their search starts.
static void close_gap(struct hash_counts *h, uint32_t gap)
{
	uint32_t last = h->room - 1;
	for (uint32_t at = (gap + 1) & last; h->list[at].count > 0; at = (at + 1) & last) {
		uint32_t way = (at - h->list[at].hash) & last;
		if (way < ((at - gap) & last))
			continue;
		h->list[gap] = h->list[at];
		h->list[at].count = 0;
		gap = at;
	}
}

void hash_counts_del(struct hash_counts *h, uint32_t hash)
{
	uint32_t at = place_of(h, hash);
	if (--h->list[at].count > 0)
		return;
	h->n--;
	close_gap(h, at);
}

bool hash_counts_has(const struct hash_counts *h, uint32_t hash)
{
	return h->room > 0 && h->list[place_of(h, hash)].count > 0;
}

void hash_counts_fini(struct hash_counts *h)
{
	free(h->list);
	*h = (struct hash_counts){0};
}
